"""Writes the losses of the tokens of a score table as JSON lines, in the form of `losses.py`.

    python table.py scores.parquet losses.jsonl
"""

import argparse
import json
import pathlib

import pyarrow.parquet


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    args = parser.parse_args()
    columns = ["row", "base_token_nll"]
    table = pyarrow.parquet.read_table(args.table, columns=columns).to_pylist()
    with args.out.open("w") as out:
        for row in table:
            if row["base_token_nll"] is not None:
                out.write(json.dumps(dict(row=row["row"], nll=row["base_token_nll"])) + "\n")


if __name__ == "__main__":
    main()
