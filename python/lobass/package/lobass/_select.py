"""Selection, as `lobass select` makes it, with the chosen rows in their original type."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from . import _lobass
from ._caller import caller, settings
from ._rows import Rows, chosen_of, read_rows
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
    index: str | os.PathLike[str] | None = None,
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
    ratings: str | os.PathLike[str] | None = None,
    direction: Literal["ascending", "descending"] | None = None,
    lengths_of: str | None = None,
    rules: str | None = None,
    near_duplicates: float | None = None,
    embeddings: str | os.PathLike[str] | None = None,
    query_embeddings: Sequence[str | os.PathLike[str]] = (),
    round_robin: bool = False,
    diversity: str | None = None,
    out_of: float | None = None,
) -> Selection:
    """Choose rows of a score table.

    Args:
        table: The table, or its file.
        strategy: A name that `strategies` lists.
        budget: How much to keep: ``"6%"`` of all rows, ``3000`` rows, or ``"2Mtok"`` of whole sequences.
        seed: The seed of ties and of the random strategy.
        rows: The rows that were scored, for a table from a file: strategies and quotas that look at rows need them
            where the files that were scored are gone.
        out: Also write the chosen rows: a file, or a directory if there were several input files.
        index: Also write a list of the chosen rows: JSON lines of row, key, source, score, and rank.
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
        ratings: A file with ratings, if they are not in the data.
        direction: Keep this end of the score, instead of the strategy's usual one.
        lengths_of: The strategy whose lengths ``"length-matched-random"`` has.
        rules: Leave out rows on which a text rule fires, as ``lobass quality --rules`` takes them.
        near_duplicates: Keep one row of each group that is at least this similar, such as 0.8.
        embeddings: The vectors of the rows, which `lobass embed` writes.
        query_embeddings: The vectors of the queries of the strategy ``"rds"``.
        round_robin: Take rows for each query file in turn.
        diversity: ``"k-center"``, ``"facility-location"``, or ``"cosine:BOUND"``.
        out_of: Choose a diverse set out of this many times the budget.

    Raises:
        LobassError: Selection failed, for example because the table lacks losses that the strategy needs.
        ValueError: An argument has an impossible value.
    """
    if isinstance(shares, Mapping):
        shares = ",".join(f"{name}={share}" for name, share in shares.items())
    how = settings(
        strategies=[strategy],
        budget=None if budget is None else str(budget),
        seed=seed,
        rating=rating,
        ratings=ratings,
        min_rating=min_rating,
        direction=direction,
        lengths_of=lengths_of,
        shape={
            "min_scored": min_scored,
            "min_base_loss": min_base_loss,
            "max_reference_quantile": max_reference_quantile,
            "shrinkage": shrinkage,
            "rules": rules,
            "near_duplicates": near_duplicates,
            "responses": responses,
            "quota_by": quota_by,
            "length_bins": length_bins,
            "temperature": temperature,
            "shares": shares,
        },
        sets={
            "embeddings": embeddings,
            "query_embeddings": list(query_embeddings),
            "round_robin": round_robin,
            "diversity": diversity,
            "out_of": out_of,
        },
    )
    table = table if isinstance(table, ScoreTable) else ScoreTable.load(table)
    with caller() as call:
        given = None if rows is None else read_rows(rows, call)
        summary, places, scores, keys = _lobass.select(call, table._table, how, given, out, index)
    return Selection(rows=places, scores=scores, keys=keys, summary=json.loads(summary))


def strategies() -> list[dict[str, Any]]:
    """Every strategy: its name, its needs, the direction of its score, and its source."""
    found: list[dict[str, Any]] = json.loads(_lobass.strategies())
    return found
