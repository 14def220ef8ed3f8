"""Measurements of tables and models: information, regions, sources, and leakage, as the commands of these names."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from . import _lobass
from ._caller import caller, settings
from ._progress import Progress
from ._rows import Rows, json_lines, read_rows
from ._score import Dtype, PathLike, Rounding, compute_settings
from ._table import ScoreTable
from ._train import shares

Table: TypeAlias = ScoreTable | str | os.PathLike[str]
Tables: TypeAlias = Table | Sequence[Table]
"""A score table or its file, or several."""

Questions: TypeAlias = str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Iterable[Mapping[str, Any]]
"""Questions of a benchmark: files, or dicts."""


def information(
    tables: Tables,
    *,
    transformed: Tables = (),
    by_source: bool = False,
    in_sample: bool = False,
    show: int = 10,
    list: PathLike | None = None,
    resamples: int = 2000,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress = True,
) -> dict[str, Any]:
    """Measure how many bits prompts tell a model about responses.

    Args:
        tables: A table with losses under a reference and a null model; several are trainings of other seeds.
        transformed: Tables of the same rows after a transform: what the transform costs is measured.
        by_source: Measure each source, too.
        in_sample: Measure rows that models were trained on. Their information is too large.
        show: The number of rows with negative information to name.
        list: A file for all of them: Parquet, or JSON lines if the name ends in ``.jsonl``.
        resamples: Resamples of the bootstrap intervals.
        seed: The seed of the bootstrap.
        threads: Threads that read the tables; by default one per core.
        progress: As for `score`.

    Returns:
        The report of `lobass information --format json`: ``all``, ``sources``, ``lost``, ``below_zero``.

    Raises:
        LobassError: A table lacks losses, tables are of other rows, or no row is out of sample.
        ValueError: An argument has an impossible value.
    """
    how = settings(
        by_source=by_source,
        in_sample=in_sample,
        show=show,
        list=list,
        resamples=resamples,
        seed=seed,
        threads=threads,
    )
    with caller(progress) as call:
        report: dict[str, Any] = json.loads(_lobass.information(call, _opened(tables), _opened(transformed), how))
        return report


def regions(
    tables: Tables,
    *,
    by: str | Sequence[str] = "source",
    bins: int = 10,
    embeddings: PathLike | None = None,
    clusters: int = 20,
    format_tokens: bool = False,
    base: PathLike | None = None,
    chat_template: PathLike | None = None,
    against: Tables = (),
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    margin: float = 0.0,
    min_rows: int = 10,
    examples: int = 1,
    rows: Rows | None = None,
    against_rows: Rows | None = None,
    threads: int | None = None,
    progress: Progress = True,
) -> dict[str, Any]:
    """Measure what fine-tuning taught, region by region.

    Args:
        tables: A table with losses under a base and a reference; or several of the same rows with other references.
        by: What regions go by, each alone: ``"source"``, ``"length"``, ``"n_tokens"``, ``"status"``, ``"fold"``,
            ``"clusters"``, a column of losses such as ``"base_nll"``, or a field of the rows.
        bins: Bins of regions by a number.
        embeddings: The vectors of the rows that `embed` made, for regions by clusters.
        clusters: Clusters at most.
        format_tokens: Measure tokens of format apart from tokens of content; tables need losses of tokens, and
            ``base`` names the model whose tokenizer cuts the text.
        base, chat_template: The base of the tables, and its chat template, for ``format_tokens``.
        against: Tables to put beside the first ones: after a repair of the data, or under another base.
        level: The share of resamples within an interval.
        resamples: How often rows and references are drawn.
        seed: The seed of the draws.
        margin: The smallest drop or rise that counts, in nats per token.
        min_rows: Regions with fewer rows get no interval and no verdict.
        examples: The number of rows that are named of each end of each region; with 0, rows are not read for them.
        rows: The rows that were scored, for a table from a file that outlives them.
        against_rows: The same for ``against``.
        threads: Worker threads; by default one per core. Results do not depend on it.
        progress: As for `score`.

    Returns:
        The report of `lobass regions --format json`: an entry of ``cuts`` for each way to cut the rows.

    Raises:
        LobassError: A table or its rows cannot be read, or it lacks what is asked for.
        ValueError: An argument has an impossible value.
    """
    how = settings(
        by=[by] if isinstance(by, str) else [*by],
        bins=bins,
        embeddings=embeddings,
        clusters=clusters,
        format_tokens=format_tokens,
        base=base,
        chat_template=None if chat_template is None else os.fspath(chat_template),
        level=level,
        resamples=resamples,
        seed=seed,
        margin=margin,
        min_rows=min_rows,
        examples=examples,
        threads=threads,
    )
    with caller(progress) as call:
        pools = [None if one is None else read_rows(one, call) for one in (rows, against_rows)]
        found = _lobass.regions(call, _opened(tables), _opened(against), how, *pools)
        report: dict[str, Any] = json.loads(found)
        return report


def sources(
    metrics: PathLike,
    table: Table | None = None,
    *,
    prior: Literal["rows", "tokens", "even"] | Mapping[str, float] = "rows",
    floor: float | None = None,
    bootstrap: int = 200,
    seed: int = 0,
) -> dict[str, Any]:
    """Say which sources of a training were still being learned.

    Args:
        metrics: The directory that `train` wrote, or the ``metrics.jsonl`` in it.
        table: A score table of the same rows, for the share of its loss that each source shed.
        prior: The shares that ADO would start from: by rows, by tokens, even, or a weight for each source.
        floor: The smallest loss that a law tends to, in nats per token. By default, a law may tend to 0.
        bootstrap: The number of curves drawn for intervals; 0 computes none.
        seed: The seed of these curves.

    Returns:
        The report of `lobass sources --format json`: an entry of ``sources`` for each.

    Raises:
        LobassError: The training has no losses of sources, or the prior names other sources.
        ValueError: An argument has an impossible value.
    """
    how = settings(prior=shares(prior), floor=floor, bootstrap=bootstrap, seed=seed)
    with caller() as call:
        opened = None if table is None else _opened(table)[0]
        report: dict[str, Any] = json.loads(_lobass.sources(call, metrics, opened, how))
        return report


def leakage(
    questions: Questions,
    base: PathLike,
    reference: PathLike | None = None,
    *,
    control: Questions = (),
    benchmark: str | None = None,
    orders: int | None = None,
    seed: int = 0,
    out: PathLike | None = None,
    dtype: Dtype | None = None,
    quantize_base: Rounding | None = None,
    device: str = "cpu",
    threads: int | None = None,
    memory: str | None = None,
    progress: Progress = True,
) -> dict[str, Any]:
    """Test whether a model has seen the questions of a multiple-choice benchmark.

    Args:
        questions: Dicts such as ``{"question": .., "choices": [..]}``, or paths of files.
        base: The model: a checkpoint directory, or a model of the hub.
        reference: The same model after fine-tuning: a checkpoint, or an adapter of the base. It is compared with the
            base, question by question.
        control: Questions that the models have certainly not seen, for comparison.
        benchmark: The columns of a question: ``"paper"``, ``"mmlu"``, ``"letters"``, ``"hellaswag"``,
            ``"question=COLUMN,options=A+B+C"``, or ``"mmlu-csv"`` for files. By default the columns of each row decide.
        orders: The most orders of a question. By default there are all orders of up to 5 options.
        seed: The seed of orders that are drawn.
        out: A file for the numbers of each question, as JSON lines. The same call then continues an interrupted one.
        dtype, quantize_base, device, threads, memory, progress: As for `score`.

    Returns:
        The report of `lobass leakage --format json`: an entry of ``models`` for each model, and ``by_fine_tuning``.

    Raises:
        LobassError: A model or a file cannot be opened, or no question can be tested.
        ValueError: An argument has an impossible value.
        KeyboardInterrupt: Between some questions and the next.
    """
    how = settings(
        benchmark=benchmark,
        orders=orders,
        seed=seed,
        compute=compute_settings(device, dtype, quantize_base, threads, memory),
        out=out,
    )
    with caller(progress) as call:
        found = _lobass.leakage(call, base, reference, _questions(questions), _questions(control), how)
        report: dict[str, Any] = json.loads(found)
        return report


def _opened(tables: Tables) -> list[_lobass.Table]:
    """Tables as the library takes them."""
    each = [tables] if isinstance(tables, (ScoreTable, str, os.PathLike)) else tables
    return [(table if isinstance(table, ScoreTable) else ScoreTable.load(table))._table for table in each]


def _questions(given: Questions) -> list[str | os.PathLike[str] | bytes]:
    """Paths, or dicts as JSON lines."""
    if isinstance(given, (str, os.PathLike)):
        return [given]
    if isinstance(given, Mapping) or not isinstance(given, Iterable):
        raise TypeError(f"questions: expected dicts or paths of files, found {type(given).__name__}")
    each: list[Any] = [*given]
    if all(isinstance(one, (str, os.PathLike)) for one in each):
        return each
    return [json_lines(each)]
