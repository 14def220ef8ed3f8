"""Selects the rows with the largest relative loss reduction with DuckDB or Polars, and writes how long that took.

    python select_rows.py --engine duckdb --table scores.parquet --keep 1000000 --threads 2 --out result.json

Each engine gets its own best way to say it. Importing it is not timed; opening the file is. `--order key` breaks ties
by the key, so that the result does not depend on the order of the file; without it, ties are as they come.
"""

import argparse
import json
import os
import pathlib
import time

from peak import peak_rss_bytes

ELIGIBLE = ("ok", "border", "truncated")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=["duckdb", "polars"], required=True)
    parser.add_argument("--table", type=pathlib.Path, metavar="FILE", required=True)
    parser.add_argument("--keep", type=int, metavar="ROWS", required=True)
    parser.add_argument("--order", choices=["score", "key"], default="score")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE", required=True)
    return parser.parse_args()


def with_duckdb(args):
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads = {args.threads}")
    ties = ", key" if args.order == "key" else ""
    query = f"""
        SELECT row, (base_nll - reference_nll) / base_nll AS score
        FROM read_parquet(?)
        WHERE status IN {ELIGIBLE} AND base_nll > 0 AND reference_nll IS NOT NULL
        ORDER BY score DESC{ties} LIMIT {args.keep}
    """
    begin = time.perf_counter()
    found = connection.sql(query, params=[str(args.table)]).to_arrow_table()
    seconds, peak = time.perf_counter() - begin, peak_rss_bytes()
    return duckdb.__version__, seconds, peak, found["row"].to_pylist(), found["score"].to_pylist()


def with_polars(args):
    os.environ["POLARS_MAX_THREADS"] = str(args.threads)
    import polars
    from polars import col

    begin = time.perf_counter()
    score = (col("base_nll") - col("reference_nll")) / col("base_nll")
    rows = polars.scan_parquet(args.table).filter(
        col("status").is_in(ELIGIBLE), col("base_nll") > 0, col("reference_nll").is_not_null()
    )
    if args.order == "key":
        by, descending = ["score", "key"], [True, False]
        rows = rows.select("row", "key", score=score)
    else:
        by, descending = ["score"], [True]
        rows = rows.select("row", score=score)
    found = rows.sort(by, descending=descending).head(args.keep).select("row", "score").collect()
    seconds, peak = time.perf_counter() - begin, peak_rss_bytes()
    return polars.__version__, seconds, peak, found["row"].to_list(), found["score"].to_list()


def main():
    args = parse()
    engine = dict(duckdb=with_duckdb, polars=with_polars)[args.engine]
    version, seconds, peak, rows, scores = engine(args)
    last = scores[-1] if scores else None
    above = [row for row, score in zip(rows, scores) if score != last]
    result = dict(
        version=version, seconds=seconds, peak_rss_bytes=peak, rows=above, last=last, n_selected=len(rows)
    )
    args.out.write_text(json.dumps(result) + "\n")
    print(f"{args.engine} {version}: {seconds:.2f} s")


if __name__ == "__main__":
    main()
