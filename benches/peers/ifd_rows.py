"""Writes the rows that the IFD benchmark scores, and says how many of them two tokenizers cut differently.

    python ifd_rows.py --data alpaca.json --count 128 --out rows.jsonl
    python ifd_rows.py --checkpoint DIR --sequences sequences.json --rows rows.jsonl --out result.json

Rows are the first of an Alpaca file that have a response, in its fields. Without `--data` they are the invented rows of
`make_score_set.py`. The second form compares the sequences of `wana_ifd.py` with the tokenizer of a checkpoint.
"""

import argparse
import json
import pathlib

from make_score_set import generated_rows, read_rows

FIELDS = ("instruction", "input", "output")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, metavar="FILE", help="Alpaca rows, a JSON array")
    parser.add_argument("--count", type=int)
    parser.add_argument("--checkpoint", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--sequences", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--rows", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE", required=True)
    return parser.parse_args()


def write_rows(args):
    rows = read_rows(args.data) if args.data else generated_rows()
    rows = [{field: row[field] for field in FIELDS} for row in rows if row["output"].strip()]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows[: args.count]]
    args.out.write_text("".join(lines), encoding="utf-8")


def messages_of(row):
    """As wana joins the fields of a row."""
    return [dict(role="user", content=row["instruction"] + ("\n" + row["input"] if row["input"] else ""))]


def compare(args):
    """Counts the rows of which the prompt or the response has other tokens."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(args.checkpoint)
    rows = [json.loads(line) for line in args.rows.read_text(encoding="utf-8").splitlines()]
    # A row is two sequences: the response after its prompt, and alone.
    sequences = json.loads(args.sequences.read_text())[::2]
    prompts = responses = 0
    for row, sequence in zip(rows, sequences, strict=True):
        [[start, _]] = sequence["scored"]
        prompt = tokenizer.apply_chat_template(messages_of(row), add_generation_prompt=True, tokenize=False)
        found = tokenizer.encode(prompt, add_special_tokens=False)
        prompts += found != sequence["input_ids"][:start]
        found = tokenizer.encode(row["output"], add_special_tokens=False)
        responses += found != sequence["input_ids"][start:]
    args.out.write_text(json.dumps(dict(rows=len(rows), prompts=prompts, responses=responses)) + "\n")


def main():
    args = parse()
    if args.checkpoint:
        compare(args)
    else:
        write_rows(args)


if __name__ == "__main__":
    main()
