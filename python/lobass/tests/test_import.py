"""Losses that another program computed are a table like any other."""

import json
from pathlib import Path
from typing import Any

import lobass
import pytest

Row = dict[str, Any]


def losses_of(table: lobass.ScoreTable) -> list[Row]:
    """The losses of a table, as another program would give them."""
    names = ("row", "n_scored", "base_nll", "reference_nll")
    return [{name: row[name] for name in names} for row in table.to_list()][::-1]


@pytest.fixture(scope="module")
def ours(rows: list[Row], base: Path, reference: Path) -> lobass.ScoreTable:
    return lobass.score(rows, base, reference, progress=False)


def test_the_same_losses_give_the_same_selection(rows: list[Row], base: Path, ours: lobass.ScoreTable, tmp_path: Path) -> None:
    losses = losses_of(ours)
    path = tmp_path / "losses.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in losses), encoding="utf-8")
    for given in (losses, path, str(path)):
        theirs = lobass.import_losses(
            rows, base, given, given, program="elsewhere", version="3", dtype="bfloat16", reference_name="tuned", progress=False
        )
        assert theirs.to_list() == ours.to_list()
        chosen = [lobass.select(table, budget=5) for table in (ours, theirs)]
        assert (chosen[0].rows, chosen[0].scores) == (chosen[1].rows, chosen[1].scores)
        imported = [model["imported"] for model in theirs.manifest["models"]]
        assert [one["model"] for one in imported] == [str(base), "tuned"]
        assert {(one["program"], one["version"], one["dtype"]) for one in imported} == {("elsewhere", "3", "bfloat16")}
        assert "<lobass.ScoreTable of 48 rows under base and reference" in repr(theirs)


def test_what_does_not_fit_is_refused(rows: list[Row], base: Path, ours: lobass.ScoreTable) -> None:
    both = losses_of(ours)
    losses = [{name: value for name, value in row.items() if name != "reference_nll"} for row in both]
    with pytest.raises(ValueError, match="have `reference_nll` too"):
        lobass.import_losses(rows, base, both, program="p", progress=False)
    with pytest.raises(lobass.LobassError, match="row 47 is there twice"):
        lobass.import_losses(rows, base, [losses[0], losses[0]], program="p", progress=False)
    with pytest.raises(lobass.LobassError, match="expected a loss summed over"):
        lobass.import_losses(rows, base, [{**losses[0], "n_scored": 1}], program="p", progress=False)
    with pytest.raises(ValueError, match="expected both or neither"):
        lobass.import_losses(rows, base, both, both, program="p")
    with pytest.raises(ValueError, match="name of the program"):
        lobass.import_losses(rows, base, losses, program="", progress=False)
    missing = lobass.import_losses(rows, base, losses[:-1], program="p", progress=False)
    assert missing.statuses["no_loss"].first_row == 0
