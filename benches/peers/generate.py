"""Tokens a second of `lobass-generate` beside transformers' `generate`, on the same weights and prompts, alternating.

python generate.py PROGRAM CHECKPOINT ROWS.jsonl [--dtype f32|bf16] [--batch 32] [--prompts 64] [--new-tokens 64] [--rounds 2]

PROGRAM is the example `speed` of lobass-generate. Both sides draw the same number of tokens at temperature 1 after the same
prompts, with two threads, and no token ends a sample. transformers gets batches of prompts of similar length, padded on
the left. Loading and a warm-up are not timed. Of all rounds, the fastest of each side counts.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time

THREADS = 2
os.environ.setdefault("OMP_NUM_THREADS", str(THREADS))

import torch  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402


def prompts_of(path, tokenizer, count):
    rows = [json.loads(line) for line in open(path)][:count]
    return [tokenizer.encode(f"Question: {row['question']}\nAnswer:") for row in rows]


def transformers_run(model, prompts, batch, new_tokens):
    order = sorted(prompts, key=len)
    started = time.perf_counter()
    for at in range(0, len(order), batch):
        rows = order[at : at + batch]
        width = max(map(len, rows))
        ids = torch.tensor([[0] * (width - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
        with torch.inference_mode():
            out = model.generate(
                ids, attention_mask=mask, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, pad_token_id=0,
                eos_token_id=None, min_new_tokens=new_tokens, max_new_tokens=new_tokens,
            )  # fmt: skip
        assert out.shape[1] == width + new_tokens
    return len(prompts) * new_tokens / (time.perf_counter() - started)


def lobass_run(program, checkpoint, file, new_tokens, dtype):
    said = subprocess.run([program, checkpoint, file, str(new_tokens), str(THREADS), dtype], check=True, capture_output=True, text=True)
    n_tokens, seconds = said.stdout.split()
    return int(n_tokens) / float(seconds)


def main():
    parser = argparse.ArgumentParser()
    for name in ["program", "checkpoint", "rows"]:
        parser.add_argument(name)
    parser.add_argument("--dtype", default="f32")
    for name, default in [("batch", 32), ("prompts", 64), ("new-tokens", 64), ("rounds", 2)]:
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    dtype = dict(f32=torch.float32, bf16=torch.bfloat16)[args.dtype]
    tokenizer = AutoTokenizer.from_pretrained(args.checkpoint)
    model = AutoModelForCausalLM.from_pretrained(args.checkpoint, dtype=dtype, attn_implementation="sdpa").eval()
    prompts = prompts_of(args.rows, tokenizer, args.prompts)
    transformers_run(model, prompts[:2], 2, 2)
    best = dict(lobass=0.0, transformers=0.0)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(" ".join(map(str, ids)) for ids in prompts))
        file.flush()
        for _ in range(args.rounds):
            best["lobass"] = max(best["lobass"], lobass_run(args.program, args.checkpoint, file.name, args.new_tokens, args.dtype))
            best["transformers"] = max(best["transformers"], transformers_run(model, prompts, args.batch, args.new_tokens))
            print({side: round(speed, 1) for side, speed in best.items()}, flush=True)
    print(f"{args.dtype}, batch {args.batch}: lobass {best['lobass']:.0f} tokens a second, {best['lobass'] / best['transformers']:.2f} times transformers")


if __name__ == "__main__":
    main()
