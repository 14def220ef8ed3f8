"""What type checkers have to accept, and what they have to know. It is checked, and never run."""

from typing import Any

import datasets
import lobass
import pandas
import polars
import pyarrow
from typing_extensions import assert_type

rows: list[dict[str, Any]] = [{"question": "2 + 2?", "answer": "4"}]
table = lobass.score(rows, "base", reference="reference", mask="all", max_length=512, columns={"prompt": "question"})
assert_type(table, lobass.ScoreTable)
assert_type(table.statuses["ok"].reason, str | None)
assert_type(table.to_list(), list[dict[str, Any]])
lobass.score((row for row in rows), "base", progress=lambda stage, done, all: print(stage, done / all))
lobass.score(["a.jsonl", "b.jsonl"], "base", device="cpu", per_token=True)

lobass.score(rows, "base", adapter="adapter", quantize_base="nf4", dtype="bf16")
assert_type(lobass.embed(rows, "base", "vectors.safetensors", normalize=True), dict[str, Any])

assert_type(lobass.information(table, transformed=[table, "again.parquet"]), dict[str, Any])
assert_type(lobass.regions("scores.parquet", by=["source", "length"], against=table), dict[str, Any])
assert_type(lobass.sources("tuned", table, prior={"a": 1, "b": 2.5}), dict[str, Any])
assert_type(lobass.leakage(rows, "base", control=["new.jsonl"]), dict[str, Any])
lobass.train(["a.jsonl", "b.jsonl"], "base", "tuned", mixing="ado", prior="even")

chosen = lobass.select(table, strategy="lobass", budget="6%", shares={"a": 1, "b": 2.5}, quota_by="source")
assert_type(chosen, lobass.Selection)
assert_type(chosen.rows, list[int])
assert_type(chosen.apply(rows), list[dict[str, Any]])


def of_tables(
    dataset: datasets.Dataset, frame: pandas.DataFrame, other: polars.DataFrame, arrow: pyarrow.Table
) -> None:
    for each in (dataset, frame, other, arrow):
        lobass.score(each, "base")
    assert_type(chosen.apply(dataset), datasets.Dataset)
    assert_type(chosen.apply(other), polars.DataFrame)


lobass.score(rows, "base", overlong="keep")  # type: ignore[arg-type]
lobass.score(rows, "base", quantize_base="int4")  # type: ignore[arg-type]
lobass.score(5, "base")  # type: ignore[arg-type]
lobass.train(rows, "base", "tuned", mixing="odd")  # type: ignore[arg-type]
lobass.regions(rows)  # type: ignore[arg-type]
lobass.select(rows)  # type: ignore[arg-type]
