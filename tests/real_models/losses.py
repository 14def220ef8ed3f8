"""Writes the loss of every scored token under transformers: what lobass is held to.

    python losses.py --model DIR --tokens tokens.jsonl --dtype float32 --out losses.jsonl

Tokens are those of `lobass encode`: `input_ids`, and `labels` with -100 for tokens that are not scored. Sequences run
one by one, without padding, and with the plain form of attention.
"""

import argparse
import json
import pathlib

import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM

IGNORED = -100


@torch.inference_mode()
def losses(model, row):
    """In nats, in the order of scored tokens. Logits are widened before the softmax, as transformers does for a loss."""
    labels = torch.tensor(row["labels"])[1:]
    logits = model(torch.tensor([row["input_ids"]]), use_cache=False).logits[0, :-1].float()
    scored = labels != IGNORED
    return cross_entropy(logits[scored], labels[scored], reduction="none").tolist()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokens", type=pathlib.Path, required=True)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    dtype = getattr(torch, args.dtype)
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=dtype, attn_implementation="eager").eval()
    with args.tokens.open() as lines, args.out.open("w") as out:
        for line in lines:
            row = json.loads(line)
            out.write(json.dumps(dict(row=row["row"], nll=losses(model, row))) + "\n")


if __name__ == "__main__":
    main()
