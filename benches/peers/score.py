"""Scores with transformers as fast as we know how, and writes how fast that was: what lobass is held to.

    python score.py --checkpoint DIR --sequences FILE --threads 2 --out result.json

A comparison with a careless loop says nothing, so this one leaves out work wherever that changes no number:

* sequences are sorted by length and cut into batches of at most `--batch-tokens` tokens with padding; padding is
  on the right, so that a causal model needs no mask, and sdpa takes its fast path;
* the head runs on the hidden states of scored positions only, some at a time, and no logits are kept.

`--batch-one` is the loop that papers on selection publish instead: one sequence at a time,
`model(input_ids, labels)`, logits for every position. `make_model.py` and `make_score_set.py` make what this reads.
"""

import argparse
import json
import pathlib
import sys
import time

import torch
import transformers
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM

from peak import peak_rss_bytes

DTYPES = dict(float32=torch.float32, bfloat16=torch.bfloat16)
IGNORE_INDEX = -100
# Of a batch, with padding. The comparison tries others, and takes the fastest.
BATCH_TOKENS = 2048
HEAD_ROWS = 512
WARM_UP = 4  # sequences


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=pathlib.Path, metavar="DIR", required=True)
    parser.add_argument(
        "--sequences", type=pathlib.Path, metavar="FILE", required=True,
        help="a list of {input_ids, scored}, where scored lists half-open ranges of tokens",
    )  # fmt: skip
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE", required=True)
    parser.add_argument("--dtype", choices=DTYPES, default="float32")
    parser.add_argument("--batch-tokens", type=int, default=BATCH_TOKENS, help="with padding")
    parser.add_argument("--head-rows", type=int, default=HEAD_ROWS)
    parser.add_argument("--batch-one", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def load(args):
    model = AutoModelForCausalLM.from_pretrained(
        args.checkpoint, dtype=DTYPES[args.dtype], attn_implementation="sdpa"
    )
    model.config.use_cache = False
    return model.eval()


def marks(sequence):
    """One flag a token: whether it is scored. The first token is predicted by none, so it never is."""
    scored = torch.zeros(len(sequence["input_ids"]), dtype=torch.bool)
    for start, end in sequence["scored"]:
        if not 1 <= start < end <= len(scored):
            sys.exit(f"expected ranges within 1..{len(scored)}, found {start}..{end}")
        scored[start:end] = True
    return scored


def cut(sequences, batch_tokens):
    """Batches of similar lengths, as indices; the longest come first, and the peak of memory with them."""
    lengths = [len(sequence["input_ids"]) for sequence in sequences]
    result = []
    for at in sorted(range(len(sequences)), key=lambda at: -lengths[at]):
        if not result or lengths[result[-1][0]] * (len(result[-1]) + 1) > batch_tokens:
            result.append([])
        result[-1].append(at)
    return result


def padded(tensors):
    return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True)


def batch_sums(model, sequences, head_rows):
    """The summed loss of each sequence. What is right of a token does not reach it: padding needs no mask."""
    ids = padded([torch.tensor(sequence["input_ids"]) for sequence in sequences])
    scored = padded([marks(sequence) for sequence in sequences])[:, 1:]
    hidden = model.model(input_ids=ids).last_hidden_state[:, :-1][scored]
    chunks = zip(hidden.split(head_rows), ids[:, 1:][scored].split(head_rows))
    losses = [cross_entropy(model.lm_head(rows).float(), labels, reduction="none") for rows, labels in chunks]
    sums = torch.zeros(len(sequences), dtype=torch.float64)
    return sums.index_add(0, scored.nonzero()[:, 0], torch.cat(losses).double())


@torch.inference_mode()
def score(model, sequences, args):
    sums = [0.0] * len(sequences)
    for batch in cut(sequences, args.batch_tokens):
        found = batch_sums(model, [sequences[at] for at in batch], args.head_rows)
        for at, one in zip(batch, found.tolist()):
            sums[at] = one
    return sums


@torch.inference_mode()
def score_one_by_one(model, sequences, _):
    sums = []
    for sequence in sequences:
        ids, scored = torch.tensor([sequence["input_ids"]]), marks(sequence)
        labels = ids.masked_fill(~scored, IGNORE_INDEX)
        mean = model(input_ids=ids, labels=labels).loss.item()
        sums.append(mean * scored.sum().item())
    return sums


def main():
    args = parse()
    torch.set_num_threads(args.threads)
    sequences = json.loads(args.sequences.read_text())
    model = load(args)
    scorer = score_one_by_one if args.batch_one else score
    scorer(model, sequences[:WARM_UP], args)
    begin = time.perf_counter()
    sums = scorer(model, sequences, args)
    seconds = time.perf_counter() - begin
    rate = sum(len(sequence["input_ids"]) for sequence in sequences) / seconds
    result = dict(
        torch=torch.__version__, transformers=transformers.__version__, tokens_per_second=rate, seconds=seconds,
        peak_rss_bytes=peak_rss_bytes(), sums=sums,
        n_scored=[marks(sequence).sum().item() for sequence in sequences],
    )  # fmt: skip
    args.out.write_text(json.dumps(result) + "\n")
    print(f"{rate:.0f} tokens/s")


if __name__ == "__main__":
    main()
