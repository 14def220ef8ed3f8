"""Draws samples with transformers' `generate`, and writes how fast: one side of `cargo xtask bench generate-peers`.

    python generate.py --checkpoint DIR --prompts prompts.json --new-tokens 64 --batch 32 --dtype float32 --threads 2 \\
        --out result.json

`prompts.json` is a list of prompts, as token ids. Batches have prompts of similar length, padded on the left. Samples are
drawn at temperature 1, and no token ends one, so that every run does the same work. Running the prompts is timed; loading
and a warm-up are not.
"""

import torch
import transformers
from samples import batches, measure, parse, read_prompts
from transformers import AutoModelForCausalLM

GREEDY = dict(do_sample=False)
SAMPLED = dict(do_sample=True, temperature=1.0, top_k=0, top_p=1.0)


@torch.inference_mode()
def draw_batch(model, rows, new_tokens, how):
    """New tokens of each row."""
    width = max(map(len, rows))
    ids = torch.tensor([[0] * (width - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    out = model.generate(
        ids, attention_mask=mask, **how, pad_token_id=0, eos_token_id=None, min_new_tokens=new_tokens,
        max_new_tokens=new_tokens,
    )  # fmt: skip
    return out[:, width:].tolist()


def main():
    args = parse(__doc__.splitlines()[0], "checkpoint", ["float32", "bfloat16"])
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    dtype = getattr(torch, args.dtype)
    model = AutoModelForCausalLM.from_pretrained(args.checkpoint, dtype=dtype, attn_implementation="sdpa").eval()

    def draw(prompts, new_tokens, is_greedy):
        how = GREEDY if is_greedy else SAMPLED
        return [row for rows in batches(prompts, args) for row in draw_batch(model, rows, new_tokens, how)]

    versions = dict(torch=torch.__version__, transformers=transformers.__version__)
    measure(args, read_prompts(args), draw, versions)


if __name__ == "__main__":
    main()
