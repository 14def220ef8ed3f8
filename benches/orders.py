"""How much a LoBaSS ranking owes to the order of training, and what merging references over orders changes.

    python benches/orders.py --lobass target/debug/lobass --base DIR --data pool.jsonl --held-out eval.jsonl \
        --orders 3 --out runs/orders --train "--epochs 3 --batch-size 32 --learning-rate 1e-3"

Twice as many references as `--orders` are trained, which differ in `--order-seed` alone. The first and the last half
are two groups. For each group there are four rankings: that of one reference, that of the mean of the losses of all,
and those of the references merged by mean and by selection of parameters. The two rankings of a kind would be equal if
the order did not matter. A row's score is the share of the base's loss that the reference sheds. Steps that are done are
not repeated. Needs NumPy, pyarrow, and SciPy.
"""

import argparse
import itertools
import json
import pathlib
import shlex
import subprocess

import numpy as np
import pyarrow.parquet as pq
from scipy.stats import spearmanr

MERGES = {
    "merged: mean": ["--method", "linear"],
    "merged: selection": ["--method", "parameter-selection"],
    "merged: selection, resampled": ["--method", "parameter-selection", "--resample"],
}


class Lobass:
    def __init__(self, args):
        self.program, self.base, self.data, self.held_out, self.out = (
            args.lobass, args.base, args.data, args.held_out, args.out
        )  # fmt: skip
        self.train_flags, self.flags = shlex.split(args.train), shlex.split(args.flags)

    def run(self, *line):
        subprocess.run([self.program, *map(str, line), "-q"], check=True, stdout=subprocess.DEVNULL)

    def train(self, order):
        out = self.out / f"order{order}"
        self.run("train", "--model", self.base, "--data", self.data, "--train-seed", 0, "--order-seed", order,
                 "--out", out, *self.train_flags, *self.flags)  # fmt: skip
        return out

    def merge(self, name, flags, models):
        out = self.out / name
        self.run("merge", "--base", self.base, "--models", *models, *flags, "--out", out)
        return out

    def losses(self, reference):
        """Sums of losses under base and reference, and scored tokens: of the pool, and of held-out rows."""
        found = []
        for kind, data in [("pool", self.data), ("held-out", self.held_out)]:
            table = self.out / "tables" / f"{reference.name}-{kind}.parquet"
            self.run("score", "--base", self.base, "--reference", reference, "--data", data, "--work",
                     self.out / f"work-{kind}", "--out", table, *self.flags)  # fmt: skip
            columns = pq.read_table(table, columns=["base_nll", "reference_nll", "n_scored"]).to_pandas()
            found.append(columns)
        return found


def score(base, reference):
    """The share of the base's loss that the reference sheds; rows without a loss are last."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(base > 0, (base - reference) / base, -np.inf)


def overlap(one, other, share):
    count = max(1, round(share * len(one)))
    best = lambda scores: set(np.argsort(-scores, kind="stable")[:count])  # noqa: E731
    return len(best(one) & best(other)) / count


def alike(pairs, share):
    """Mean Spearman correlation and overlap of pairs of rankings."""
    correlations = [spearmanr(one, other).statistic for one, other in pairs]
    overlaps = [overlap(one, other, share) for one, other in pairs]
    return float(np.mean(correlations)), float(np.mean(overlaps))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lobass", required=True)
    parser.add_argument("--base", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--held-out", required=True)
    parser.add_argument("--orders", type=int, default=3)
    parser.add_argument("--train", default="", help="flags of `lobass train`")
    parser.add_argument("--flags", default="", help="flags of `lobass train` and `lobass score`")
    parser.add_argument("--budget", type=float, default=0.06)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    lobass = Lobass(args)

    orders = [lobass.train(order) for order in range(2 * args.orders)]
    groups = [orders[: args.orders], orders[args.orders :]]
    of_orders = [lobass.losses(order) for order in orders]
    base = of_orders[0][0]["base_nll"].to_numpy()
    pool = lambda found: found[0]["reference_nll"].to_numpy()  # noqa: E731
    held_out = lambda found: float(found[1]["reference_nll"].sum() / found[1]["n_scored"].sum())  # noqa: E731

    mean_loss = lambda all_found: f"{np.mean([held_out(found) for found in all_found]):.4f}"  # noqa: E731

    singles = [score(base, pool(found)) for found in of_orders]
    halves = [range(args.orders), range(args.orders, 2 * args.orders)]
    averaged = [score(base, np.mean([pool(of_orders[at]) for at in half], axis=0)) for half in halves]
    across = [(singles[one], singles[other]) for one, other in itertools.product(*halves)]
    everything = score(base, np.mean([pool(found) for found in of_orders], axis=0))
    rows = [
        ("one reference", across, singles, mean_loss(of_orders), 1),
        ("averaged losses", [tuple(averaged)], averaged, "-", args.orders),  # no one model has these losses
    ]
    for name, flags in MERGES.items():
        folder = name.replace("merged: ", "").replace(", ", "-")
        merged = [lobass.merge(f"{folder}-{at}", flags, models) for at, models in enumerate(groups)]
        found = [lobass.losses(model) for model in merged]
        scores = [score(base, pool(one)) for one in found]
        rows.append((name, [tuple(scores)], scores, mean_loss(found), 1))

    share = f"{args.budget:.0%}"
    print(f"rows {len(base)}, orders 2 x {args.orders}, base held out {of_orders[0][1]['base_nll'].sum() / of_orders[0][1]['n_scored'].sum():.4f}")
    print(f"| ranking | passes | Spearman, group to group | top {share}, group to group | Spearman to all | top {share} to all | held-out loss |")
    print("|---|---|---|---|---|---|---|")
    for name, pairs, scores, loss, passes in rows:
        (between, top), (to_all, top_all) = alike(pairs, args.budget), alike([(one, everything) for one in scores], args.budget)
        print(f"| {name} | {passes} | {between:.4f} | {top:.3f} | {to_all:.4f} | {top_all:.3f} | {loss} |")
    for folder in sorted(args.out.glob("selection*-0")):
        record = json.loads((folder / "lobass-merge.json").read_text())["outcome"]["changes"].values()
        n_parameters = sum(tally["n_parameters"] for tally in record)
        unmoved = sum(tally["models"][0]["n_unmoved"] for tally in record) / n_parameters
        changed = sum(tally["n_changed"] for tally in record) / n_parameters
        print(f"{folder.name}: unmoved in the first model {unmoved:.4f}, changed in the result {changed:.4f}")


if __name__ == "__main__":
    main()
