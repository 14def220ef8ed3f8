"""Comparison of strategies by what their subsets teach, as `lobass compare` does it."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from . import _lobass
from ._caller import caller, settings
from ._progress import Progress
from ._rows import Rows, read_rows
from ._score import Dtype, PathLike, Rounding, compute_settings
from ._table import ScoreTable


def compare(
    table: ScoreTable | PathLike,
    base: PathLike,
    out: PathLike,
    *,
    strategies: Sequence[str] = ("lobass",),
    baselines: Sequence[Literal["random", "full", "zero-shot"]] = ("random", "full", "zero-shot"),
    budget: str | int = "6%",
    eval: Rows | None = None,
    rows: Rows | None = None,
    seeds: int = 3,
    match: Literal["tokens", "epochs", "both"] = "both",
    tokens: int | None = None,
    overlap: Literal["drop", "refuse"] = "drop",
    wrong_responses: str | None = None,
    resamples: int = 2000,
    select: Mapping[str, Any] | None = None,
    train: Mapping[str, Any] | None = None,
    chat_template: PathLike | None = None,
    dtype: Dtype | None = None,
    quantize_base: Rounding | None = None,
    device: str = "cpu",
    threads: int | None = None,
    progress: Progress = True,
) -> dict[str, Any]:
    """Train the base on what each strategy selects, and measure each on held-out examples.

    Every training is one unit: the same call goes on
    where an interrupted one was, and a call with more strategies or seeds adds those.

    Args:
        table: The score table, or its file.
        base: The model that every training starts from.
        out: The directory of the comparison, with ``results.md`` and ``results.json``.
        strategies: Names that `strategies` lists.
        baselines: What they are compared with: random rows, all rows, and the untrained base.
        budget: How much each strategy keeps.
        eval: The held-out examples, in any type that `score` takes; without any, the held-out rows of the table.
        rows: The rows that were scored, for a table from a file that outlives them.
        seeds: How many seeds: each selects and trains once.
        match: What trainings have in common: tokens, epochs, or once one and once the other.
        tokens: Tokens of every training at equal tokens.
        overlap: What to do with held-out examples that are in the rows too.
        wrong_responses: The column of ``eval`` with a list of wrong responses, to measure how often the right one is the
            most likely.
        resamples: Resamples for the confidence intervals.
        select: Further settings of the selections, as ``[select]`` of a config file has them.
        train: Settings of every training, as ``[train]`` of a config file has them: ``epochs``, ``batch_size``,
            ``learning_rate``, ``method``, ``lora``.
        chat_template, dtype, quantize_base, device, threads, progress: As for `score`.

    Returns:
        The report: an entry of ``arms`` for each strategy, and ``differences`` with their intervals.

    Raises:
        LobassError: The comparison failed, or the directory holds another one.
        ValueError: An argument has an impossible value.
    """
    how = settings(
        strategies=list(strategies),
        baselines=list(baselines),
        select={**(select or {}), "budget": str(budget)},
        train=train or {},
        compute=compute_settings(device, dtype, quantize_base, threads),
        chat_template=chat_template,
        overlap=overlap,
        wrong_responses=wrong_responses,
        seeds=seeds,
        matchings=["tokens", "epochs"] if match == "both" else [match],
        tokens=tokens,
        resamples=resamples,
        out=os.fspath(out),
    )
    table = table if isinstance(table, ScoreTable) else ScoreTable.load(table)
    with caller(progress) as call:
        pool = None if rows is None else read_rows(rows, call)
        held_out = None if eval is None else read_rows(eval, call)
        report: dict[str, Any] = json.loads(_lobass.compare(call, table._table, base, how, pool, held_out))
        return report
