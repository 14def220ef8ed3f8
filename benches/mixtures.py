"""What a mixture of sources does to a training: held-out losses of each source, for each policy and order of rows.

    python benches/mixtures.py --lobass target/release/lobass --base DIR --alpaca alpaca.json --gsm8k gsm8k_train.jsonl \\
        --orders 3 --out runs/mixtures --train "--method lora --lora-rank 16 --batch-size 4 --learning-rate 5e-4" \\
        --flags "--dtype bf16"

The pool has short rows of three sources: `alpaca`, `gsm8k`, and `shuffled`, Alpaca's rows with the response of another
one. Each policy (no mixture, and `--mixing rows`, `even`, `ado`) trains one epoch for each order, which is a seed of
training. Trainings that are done are not repeated. Needs NumPy and pyarrow.
"""

import argparse
import collections
import json
import pathlib
import random
import shlex
import subprocess
import time

import numpy as np
import pyarrow.parquet as pq

POLICIES = ["none", "rows", "even", "ado"]
SHORT = 360  # characters of a row, at most
SEED = 11


def short(rows):
    """Rows as prompt and completion, short ones in a random order."""
    rows = [row for row in rows if 20 < len(row["prompt"]) + len(row["completion"]) <= SHORT and row["completion"]]
    random.Random(SEED).shuffle(rows)
    return rows


def of_alpaca(path):
    for row in json.loads(path.read_text()):
        yield dict(prompt=f"{row['instruction']}\n{row['input']}".strip(), completion=row["output"])


def of_gsm8k(path):
    for line in path.read_text().splitlines():
        row = json.loads(line)
        yield dict(prompt=row["question"], completion=row["answer"])


def shuffled(rows):
    """Each row with the response of the next one."""
    return [dict(row, completion=after["completion"]) for row, after in zip(rows, rows[1:] + rows[:1])]


def make(args):
    """Writes the pool and the held-out rows."""
    alpaca, gsm8k = short(of_alpaca(args.alpaca)), short(of_gsm8k(args.gsm8k))
    counts = dict(alpaca=320, gsm8k=220, shuffled=180)
    other = alpaca[counts["alpaca"] + args.held_out :]
    sources = dict(alpaca=alpaca, gsm8k=gsm8k, shuffled=shuffled(other[: counts["shuffled"] + args.held_out]))
    for name, rows in sources.items():
        end = counts[name]
        for file, part in [("pool", rows[:end]), ("held-out", rows[end : end + args.held_out])]:
            (args.out / file).mkdir(exist_ok=True)
            (args.out / file / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))


class Lobass:
    def __init__(self, args):
        self.args, self.flags = args, shlex.split(args.flags)

    def run(self, *line):
        subprocess.run([self.args.lobass, *map(str, line), "-q"], check=True, stdout=subprocess.DEVNULL)

    def files(self, kind):
        return sorted((self.args.out / kind).glob("*.jsonl"))

    def train(self, policy, order):
        out = self.args.out / f"{policy}-{order}"
        mixing = [] if policy == "none" else ["--mixing", policy]
        record = out / "lobass-training.json"
        done = record.exists() and json.loads(record.read_text())["outcome"] is not None
        begin = time.time()
        self.run("train", "--model", self.args.base, "--data", *self.files("pool"), "--train-seed", order, "--epochs", 1,
                 "--out", out, *mixing, *shlex.split(self.args.train), *self.flags)  # fmt: skip
        return out, None if done else time.time() - begin

    def losses(self, reference):
        """The mean loss per token of each source, before and after training."""
        table = self.args.out / "tables" / f"{reference.name}.parquet"
        self.run("score", "--data", *self.files("held-out"), "--base", self.args.base, "--reference", reference,
                 "--work", self.args.out / "work", "--out", table, *self.flags)  # fmt: skip
        found = pq.read_table(table).to_pydict()
        sums = collections.defaultdict(lambda: np.zeros(3))
        for source, base, tuned, n in zip(found["source"], found["base_nll"], found["reference_nll"], found["n_scored"]):
            sums[source] += [base, tuned, n]
        return {source: total[:2] / total[2] for source, total in sums.items()}


def n_drawn(reference):
    """How many rows of each source a training took."""
    counts = collections.Counter()
    for line in (reference / "metrics.jsonl").read_text().splitlines():
        for source, found in json.loads(line).get("by_source", {}).items():
            counts[source] += found["n_rows"]
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lobass", required=True)
    parser.add_argument("--base", required=True)
    parser.add_argument("--alpaca", type=pathlib.Path, metavar="FILE", required=True)
    parser.add_argument("--gsm8k", type=pathlib.Path, metavar="FILE", required=True)
    parser.add_argument("--held-out", type=int, default=60, help="held-out rows of each source")
    parser.add_argument("--orders", type=int, default=3)
    parser.add_argument("--train", default="", help="flags of `lobass train`")
    parser.add_argument("--flags", default="", help="flags of `lobass train` and `lobass score`")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    make(args)
    lobass = Lobass(args)
    for policy in POLICIES:
        for order in range(args.orders):
            trained, seconds = lobass.train(policy, order)
            losses, drawn = lobass.losses(trained), n_drawn(trained)
            told = ", ".join(
                f"{source} {before:.4f} to {after:.4f} ({drawn[source]} rows)"
                for source, (before, after) in sorted(losses.items())
            )
            print(f"{policy}, order {order}: {told}" + (f", {seconds:.0f} s" if seconds else ""), flush=True)


if __name__ == "__main__":
    main()
