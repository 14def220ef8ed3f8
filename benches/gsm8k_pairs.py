"""Makes preference pairs of GSM8K's rows and of Alpaca's, for trying `lobass compare --pairs`.

    python benches/gsm8k_pairs.py --gsm8k gsm8k_train.jsonl --alpaca alpaca.json --out pairs
    lobass compare --pairs --base BASE --data numbers=pairs/numbers.jsonl others=pairs/others.jsonl \
        random=pairs/random.jsonl --objective dpo --by-source --out curves

The chosen response is the row's answer. The rejected one is:

- `numbers`: the same answer with every number of its last line, and of the line before, moved by a little;
- `others`: the answer of another row of about the same length;
- `random`: as in `others`, and half of the labels are swapped, so they say nothing;
- `alpaca`: the output of another row of Alpaca's, if its file is given.
"""

import argparse
import json
import pathlib
import random
import re

SEED = 7
DISTANCES = [-10, -5, -3, -2, -1, 1, 2, 3, 5, 10]


def moved(text):
    """The text with each whole number in it moved by a few."""
    return re.sub(r"\d+", lambda found: str(max(0, int(found[0]) + random.choice(DISTANCES))), text)


def wrong(answer):
    lines = answer.split("\n")
    return "\n".join(lines[:-2] + [moved(line) for line in lines[-2:]])


def with_others(rows):
    """Each row with the response of another one of about its length: neighbors by length are paired."""
    rows = sorted(rows, key=lambda row: len(row["chosen"]))
    for one, other in zip(rows[::2], rows[1::2]):
        if one["chosen"] != other["chosen"]:
            yield dict(one, rejected=other["chosen"])
            yield dict(other, rejected=one["chosen"])


def swapped_at_random(pairs):
    for pair in pairs:
        sides = [pair["chosen"], pair["rejected"]]
        random.shuffle(sides)
        yield dict(pair, chosen=sides[0], rejected=sides[1])


def without_notes(answer):
    """GSM8K writes each calculation twice, once as `<<2+3=5>>`."""
    return re.sub(r"<<.*?>>", "", answer)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gsm8k", type=pathlib.Path, metavar="FILE", required=True, help="GSM8K's rows, JSON lines")
    parser.add_argument("--alpaca", type=pathlib.Path, metavar="FILE", help="Alpaca's rows, a JSON array")
    parser.add_argument("--pairs", type=int, default=400, help="pairs of each file")
    parser.add_argument("--longest", type=int, default=600, help="characters of a prompt with its answer")
    parser.add_argument("--out", type=pathlib.Path, metavar="DIR", required=True)
    args = parser.parse_args()
    random.seed(SEED)
    rows = [json.loads(line) for line in args.gsm8k.read_text().splitlines()]
    rows = [dict(prompt=row["question"], chosen=without_notes(row["answer"])) for row in rows]
    rows = [row for row in rows if len(row["prompt"]) + len(row["chosen"]) <= args.longest]
    random.shuffle(rows)
    parts = [rows[at * args.pairs : (at + 1) * args.pairs] for at in range(3)]
    files = dict(
        numbers=[dict(row, rejected=wrong(row["chosen"])) for row in parts[0]],
        others=list(with_others(parts[1])),
        random=list(swapped_at_random(with_others(parts[2]))),
    )
    if args.alpaca:
        rows = json.loads(args.alpaca.read_text())
        rows = [dict(prompt="\n".join(filter(None, [row["instruction"], row["input"]])), chosen=row["output"]) for row in rows]
        rows = [row for row in rows if row["chosen"] and len(row["prompt"]) + len(row["chosen"]) <= args.longest]
        files["alpaca"] = list(with_others(random.sample(rows, args.pairs)))
    args.out.mkdir(parents=True, exist_ok=True)
    for name, pairs in files.items():
        random.shuffle(pairs)
        (args.out / f"{name}.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))


if __name__ == "__main__":
    main()
