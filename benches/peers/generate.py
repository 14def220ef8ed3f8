"""Draws samples with transformers' `generate`, and writes how fast: one side of `cargo xtask bench generate-peers`.

    python generate.py --checkpoint DIR --prompts prompts.json --new-tokens 64 --batch 32 --threads 2 --out result.json

`prompts.json` is a list of prompts, as token ids. Batches have prompts of similar length, padded on the left. Samples are
drawn at temperature 1, and no token ends one, so that every run does the same work. Running the prompts is timed; loading
and a warm-up are not.
"""

import argparse
import json
import pathlib
import time

import torch
import transformers
from peak import peak_rss_bytes
from transformers import AutoModelForCausalLM

WARM_UP_TOKENS = 2
GREEDY = dict(do_sample=False)
SAMPLED = dict(do_sample=True, temperature=1.0, top_k=0, top_p=1.0)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ["checkpoint", "prompts", "out"]:
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    for name in ["new-tokens", "batch", "threads"]:
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    return parser.parse_args()


@torch.inference_mode()
def draw(model, prompts, batch, new_tokens, how):
    """The new tokens after all prompts, a row for each."""
    drawn = []
    for at in range(0, len(prompts), batch):
        rows = prompts[at : at + batch]
        width = max(map(len, rows))
        ids = torch.tensor([[0] * (width - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
        out = model.generate(
            ids, attention_mask=mask, **how, pad_token_id=0, eos_token_id=None, min_new_tokens=new_tokens,
            max_new_tokens=new_tokens,
        )  # fmt: skip
        drawn.extend(out[:, width:].tolist())
    return drawn


def main():
    args = parse()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    prompts = sorted(json.loads(args.prompts.read_text()), key=len)
    dtype = getattr(torch, args.dtype)
    model = AutoModelForCausalLM.from_pretrained(args.checkpoint, dtype=dtype, attn_implementation="sdpa").eval()
    # The most likely next tokens say whether it is the same model.
    likeliest = [row[0] for row in draw(model, prompts, args.batch, 1, GREEDY)]
    draw(model, prompts[:2], 2, WARM_UP_TOKENS, SAMPLED)
    begin = time.perf_counter()
    n_tokens = sum(map(len, draw(model, prompts, args.batch, args.new_tokens, SAMPLED)))
    seconds = time.perf_counter() - begin
    result = dict(
        torch=torch.__version__, transformers=transformers.__version__, tokens_per_second=n_tokens / seconds,
        seconds=seconds, new_tokens=n_tokens, peak_rss_bytes=peak_rss_bytes(),
        likeliest=likeliest,
    )  # fmt: skip
    args.out.write_text(json.dumps(result))
    print(f"{n_tokens / seconds:.0f} new tokens/s")


if __name__ == "__main__":
    main()
