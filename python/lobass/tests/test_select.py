"""Selections are those of the command, and rows come back as what they were."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import lobass
import pandas
import polars
import pyarrow
import pytest

Row = dict[str, Any]


@pytest.fixture(scope="module")
def table(rows: list[Row], base: Path, reference: Path) -> lobass.ScoreTable:
    return lobass.score(rows, base, reference, progress=False)


def test_rows_and_scores_are_those_of_the_command(
    table: lobass.ScoreTable, command: Callable[..., Any], tmp_path: Path
) -> None:
    saved = table.save(tmp_path / "scores.parquet")
    index = tmp_path / "index.jsonl"
    for strategy in ("lobass", "gap", "longest", "random"):
        summary = command(
            *("select", "--scores", saved, "--strategy", strategy, "--budget", "25%", "--seed", 3),
            *("--min-scored", 3, "--index", index),
        )
        lines = [json.loads(line) for line in index.read_text().splitlines()]
        found = lobass.select(table, strategy=strategy, budget="25%", seed=3, min_scored=3)
        assert found.rows == [line["row"] for line in lines]
        assert found.scores == [line["score"] for line in lines]
        assert found.keys == [line["key"] for line in lines]
        assert {**summary, "written": []} == found.summary
        assert len(found) == 12


def test_a_list_of_the_chosen_rows_is_written(table: lobass.ScoreTable, tmp_path: Path) -> None:
    chosen = lobass.select(table, budget=5, index=tmp_path / "index.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "index.jsonl").read_text().splitlines()]
    assert [(line["row"], line["rank"]) for line in lines] == [(row, rank) for rank, row in enumerate(chosen.rows, 1)]


def test_vectors_are_those_of_the_command(
    table: lobass.ScoreTable, rows: list[Row], base: Path, data: Path, command: Callable[..., Any], tmp_path: Path
) -> None:
    vectors = tmp_path / "rows.safetensors"
    report = lobass.embed(rows, base, vectors, progress=False)
    assert report["manifest"]["n_present"] == 48
    printed = command("embed", "--base", base, "--data", data, "--out", tmp_path / "printed.safetensors")
    assert report["manifest"]["digest"] == printed["manifest"]["digest"]
    assert lobass.embed(rows, base, vectors, progress=False) == report
    with pytest.raises(lobass.LobassError, match="was made from other data"):
        lobass.embed(rows, base, vectors, half=True, progress=False)
    near = tmp_path / "near.safetensors"
    lobass.embed(rows[:3], base, near, half=True, normalize=True, progress=False)
    chosen = lobass.select(table, strategy="rds", embeddings=vectors, query_embeddings=[near], budget=3)
    assert sorted(chosen.rows) == [0, 1, 2]
    diverse = lobass.select(table, budget=10, embeddings=vectors, diversity="k-center")
    assert len(set(diverse.rows)) == 10


def test_the_score_is_the_formula(table: lobass.ScoreTable) -> None:
    chosen = lobass.select(table, budget=5)
    losses = table.to_dict("base_nll", "reference_nll")
    scores = [1 - r / b for b, r in zip(losses["base_nll"], losses["reference_nll"], strict=True)]
    best = sorted(range(len(scores)), key=lambda row: -scores[row])
    assert chosen.rows == best[:5]
    assert chosen.scores == pytest.approx([scores[row] for row in best[:5]], rel=1e-12)
    assert repr(chosen) == "<lobass.Selection of 5 of 48 rows by lobass>"


def test_chosen_rows_come_back_as_they_were(table: lobass.ScoreTable, rows: list[Row]) -> None:
    chosen = lobass.select(table, budget="25%")
    assert chosen.rows != sorted(chosen.rows)
    expected = [rows[row] for row in sorted(chosen.rows)]
    assert chosen.apply(rows) == expected
    assert chosen.apply(tuple(rows)) == tuple(expected)
    of_dataset = chosen.apply(datasets.Dataset.from_list(rows))
    assert isinstance(of_dataset, datasets.Dataset) and of_dataset.to_list() == expected
    of_pandas = chosen.apply(pandas.DataFrame(rows, index=[f"row {row}" for row in range(48)]))
    assert of_pandas.to_dict("records") == expected and of_pandas.index[0] == f"row {min(chosen.rows)}"
    of_polars = chosen.apply(polars.DataFrame(rows))
    assert isinstance(of_polars, polars.DataFrame) and of_polars.to_dicts() == expected
    of_arrow = chosen.apply(pyarrow.Table.from_pylist(rows))
    assert isinstance(of_arrow, pyarrow.Table) and of_arrow.to_pylist() == expected


def test_other_rows_are_refused(table: lobass.ScoreTable, rows: list[Row]) -> None:
    chosen = lobass.select(table, budget=3)
    with pytest.raises(ValueError, match="expected the 48 that were scored, found 47"):
        chosen.apply(rows[1:])
    with pytest.raises(TypeError, match="found a path"):
        chosen.apply("pool.jsonl")
    with pytest.raises(TypeError, match="found generator"):
        chosen.apply(row for row in rows)


def test_files_are_written(table: lobass.ScoreTable, rows: list[Row], tmp_path: Path) -> None:
    chosen = lobass.select(table, budget=7, out=tmp_path / "chosen.jsonl")
    lines = (tmp_path / "chosen.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == chosen.apply(rows)
    assert chosen.summary["written"] == [{"path": str(tmp_path / "chosen.jsonl"), "n_rows": 7}]


def test_quotas_look_at_the_rows(table: lobass.ScoreTable, rows: list[Row], tmp_path: Path) -> None:
    kinds = {row["kind"] for row in rows}
    chosen = lobass.select(table, budget="25%", quota_by="kind", shares={"noise": 1, "learnable": 3})
    assert {row["kind"] for row in chosen.apply(rows)} == {"noise", "learnable"} < kinds
    assert {part["name"]: part["n_selected"] for part in chosen.summary["quota"]}["learnable"] == 9

    # Of a table that outlives its rows, they have to be given again, and have to be those.
    saved = lobass.score(rows, table.manifest["models"][0]["path"], progress=False).save(tmp_path / "scores.parquet")
    assert len(lobass.select(saved, strategy="longest", budget=4)) == 4
    with pytest.raises(lobass.LobassError, match="is not there"):
        lobass.select(saved, strategy="longest", budget=4, quota_by="kind")
    again = lobass.select(saved, strategy="longest", budget=4, quota_by="kind", rows=rows)
    assert len(again) == 4
    with pytest.raises(lobass.LobassError, match="is not the one that was scored"):
        lobass.select(saved, strategy="longest", budget=4, quota_by="kind", rows=rows[1:])


def test_ratings_of_a_column(rows: list[Row], base: Path) -> None:
    rated = [{**row, "stars": place % 5} for place, row in enumerate(rows)]
    table = lobass.score(pyarrow.Table.from_pylist(rated), base, progress=False)
    chosen = lobass.select(table, strategy="quality", rating="stars", min_rating=4, budget=None)
    assert [row["stars"] for row in chosen.apply(rated)] == [4] * 9


def test_errors_say_what_the_command_says(table: lobass.ScoreTable, rows: list[Row], base: Path) -> None:
    alone = lobass.score(rows, base, progress=False)
    with pytest.raises(lobass.LobassError, match="reference"):
        lobass.select(alone)
    with pytest.raises(ValueError, match="strategy `best`"):
        lobass.select(table, strategy="best")
    with pytest.raises(ValueError, match="budget"):
        lobass.select(table, budget="much")
    with pytest.raises(TypeError, match="unexpected keyword argument 'kept'"):
        lobass.select(table, kept="x")  # type: ignore[call-arg]
    with pytest.raises(FileNotFoundError):
        lobass.select("absent.parquet")


def test_the_other_end_and_the_lengths_of_another(table: lobass.ScoreTable) -> None:
    low = lobass.select(table, budget=5, direction="ascending")
    assert low.scores == sorted(low.scores)
    matched = lobass.select(table, strategy="length-matched-random", budget=5, lengths_of="gap")
    assert len(matched) == 5


def test_strategies_are_listed(command: Callable[..., Any]) -> None:
    found = lobass.strategies()
    assert found == command("strategies")
    assert found[0]["name"] == "lobass" and found[0]["needs"] == ["base", "reference"]
