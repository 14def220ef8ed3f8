"""Scoring of rows in memory, as `lobass score` does it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from ._command import Flag, refuse, run
from ._progress import Progress
from ._rows import Rows, files_of
from ._table import Home, ScoreTable

PathLike: TypeAlias = str | os.PathLike[str]


def score(
    rows: Rows,
    base: PathLike,
    reference: PathLike | None = None,
    adapter: PathLike | None = None,
    *,
    context: Literal["unconditional"] | None = None,
    chat_template: PathLike = "auto",
    mask: Literal["response", "text", "all"] = "response",
    max_length: int | None = None,
    overlong: Literal["drop", "truncate", "error"] = "drop",
    duplicates: Literal["keep", "drop"] = "keep",
    columns: Mapping[str, str] | str | None = None,
    format: str | None = None,
    dtype: Literal["f32", "bf16", "f16"] | None = None,
    device: str = "cpu",
    threads: int | None = None,
    per_token: bool = False,
    work: PathLike | None = None,
    progress: Progress = True,
    **flags: Flag,
) -> ScoreTable:
    """Compute the loss of every row under a base, and under a reference if there is one.

    Args:
        rows: Dicts, a ``datasets.Dataset``, a data frame, anything with ``__arrow_c_stream__``, or paths of files.
        base: The pretrained model: a checkpoint directory.
        reference: The same model, fine-tuned on the rows.
        adapter: A LoRA adapter of the base, instead of a reference.
        context: ``"unconditional"`` also scores responses without their prompts, for strategies such as IFD and PVI.
        chat_template: ``"auto"``, a name such as ``"alpaca"``, or a Jinja file.
        mask: Which tokens are scored: the responses with their end-of-turn tokens, their text only, or all.
        max_length: The longest sequence, in tokens. The default is the maximum of the model.
        overlong: What to do with longer rows.
        duplicates: What to do with rows that have the same text as an earlier row.
        columns: The columns to read, as ``{"prompt": "question", "response": "reply"}``.
        format: The format of the rows, such as ``"alpaca"``, instead of recognizing it by their columns.
        dtype: The number format of weights. The default depends on the device.
        device: ``"cpu"``, or a graphics card that this build has.
        threads: Worker threads; by default one per core. Results do not depend on it.
        per_token: Also keep the loss of every scored token.
        work: A directory for finished work. The same call then continues an interrupted run, and scoring with another
            reference reuses the base's losses. Without it, an interrupted run is lost.
        progress: Whether to show a bar; or a function that receives the stage, the rows done, and all rows.
        flags: Any other flag of ``lobass score``.

    Raises:
        LobassError: Scoring failed. Rows that cannot be scored do not raise it: they have a status in the table.
        ValueError: An argument has an impossible value.
        KeyboardInterrupt: Between two units of work of some hundreds of rows each.
    """
    refuse(flags, "data", "out")
    home = Home()
    out = home.path / "scores.parquet"
    places: dict[str, Flag] = {"data": files_of(rows, home.path if work is None else Path(work))}
    if work is not None:
        places["work"] = Path(work) / "units"
    run(
        "score",
        {
            "base": base,
            "reference": reference,
            "adapter": adapter,
            "context": context,
            "chat_template": chat_template,
            "mask": mask,
            "max_length": max_length,
            "overlong": overlong,
            "duplicates": duplicates,
            "columns": columns,
            "data_format": format,
            "dtype": dtype,
            "device": device,
            "threads": threads,
            "per_token": per_token,
            "out": out,
            **places,
            **flags,
        },
        progress,
    )
    return ScoreTable(out, home)
