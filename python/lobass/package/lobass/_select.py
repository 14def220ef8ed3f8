"""Selection, as `lobass select` makes it, with the chosen rows in their original type."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from ._command import Flag, refuse, run
from ._rows import Rows, chosen_of, files_of
from ._table import ScoreTable

T = TypeVar("T")


@dataclass(frozen=True)
class Selection:
    """The chosen rows, best first."""

    rows: list[int]
    """Their positions in the input, from 0."""
    scores: list[float]
    """Their scores."""
    keys: list[str]
    """Their keys: each row's id, or a hash of its content."""
    summary: dict[str, Any]
    """The output of `lobass select --format json`: statuses, sources, tokens, correlation with length."""

    def apply(self, rows: T) -> T:
        """The chosen rows of the scored ones, in the order of the input and in the same type."""
        return chosen_of(rows, self.rows, int(self.summary["n_rows"]))

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        strategy, n_rows = self.summary["strategy"], self.summary["n_rows"]
        return f"<lobass.Selection of {len(self)} of {n_rows} rows by {strategy}>"


def select(
    table: ScoreTable | str | os.PathLike[str],
    *,
    strategy: str = "lobass",
    budget: str | int | None = "6%",
    seed: int = 0,
    rows: Rows | None = None,
    out: str | os.PathLike[str] | None = None,
    rating: str | None = None,
    min_rating: float | None = None,
    min_scored: int | None = None,
    min_base_loss: float | None = None,
    max_reference_quantile: float | None = None,
    shrinkage: float | None = None,
    responses: Literal["all", "best", "most-probable"] | None = None,
    quota_by: str | None = None,
    length_bins: int | None = None,
    temperature: float | None = None,
    shares: Mapping[str, float] | str | None = None,
    **flags: Flag,
) -> Selection:
    """Choose rows of a score table.

    Args:
        table: The table, or its file.
        strategy: A name that `strategies` lists.
        budget: How much to keep: ``"6%"`` of all rows, ``3000`` rows, or ``"2Mtok"`` of whole sequences.
        seed: The seed of ties and of the random strategy.
        rows: The rows that were scored, where they are needed and gone: strategies and quotas that look at rows find
            those of `score` by themselves, while that table is there. Files in the order in which they were scored.
        out: Also write the chosen rows: a file, or a directory if there were several input files.
        rating: The column with ratings, for the strategy ``"quality"``.
        min_rating: Leave out rows with a lower rating.
        min_scored: Leave out rows with fewer scored tokens.
        min_base_loss: Leave out rows with a lower loss under the base, in nats per scored token.
        max_reference_quantile: Leave out rows above this quantile of the loss under the reference.
        shrinkage: Nats that are added to the denominator of the strategy ``"lobass"``.
        responses: Which responses to one prompt may be kept.
        quota_by: Split the budget by ``"source"``, by ``"length"``, or by a column of the rows.
        length_bins: Bins of a quota by length.
        temperature: Split the budget by rows to the power of 1/T.
        shares: Split the budget in these proportions, as ``{"gsm8k": 1, "alpaca": 3}``.
        flags: Any other flag of ``lobass select``.

    Raises:
        LobassError: Selection failed, for example because the table lacks losses that the strategy needs.
        ValueError: An argument has an impossible value.
    """
    refuse(flags, "data", "index", "scores")
    table = table if isinstance(table, ScoreTable) else ScoreTable.load(table)
    with tempfile.TemporaryDirectory(prefix="lobass-") as home:
        index = Path(home) / "index.jsonl"
        summary = run(
            "select",
            {
                "scores": table.path,
                "data": None if rows is None else files_of(rows, Path(home)),
                "strategy": strategy,
                "budget": budget,
                "seed": seed,
                "out": out,
                "index": index,
                "rating": rating,
                "min_rating": min_rating,
                "min_scored": min_scored,
                "min_base_loss": min_base_loss,
                "max_reference_quantile": max_reference_quantile,
                "shrinkage": shrinkage,
                "responses": responses,
                "quota_by": quota_by,
                "length_bins": length_bins,
                "temperature": temperature,
                "shares": shares,
                **flags,
            },
        )
        summary["written"] = [file for file in summary["written"] if file["path"] != str(index)]
        with open(index, encoding="utf-8") as file:
            chosen = [json.loads(line) for line in file]
    return Selection(
        rows=[row["row"] for row in chosen],
        scores=[row["score"] for row in chosen],
        keys=[row["key"] for row in chosen],
        summary=summary,
    )


def strategies() -> list[dict[str, Any]]:
    """Every strategy: its name, its needs, the direction of its score, and its source."""
    found: list[dict[str, Any]] = run("strategies", {})
    return found
