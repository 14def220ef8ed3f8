"""Scoring: what `lobass score` does, of rows in memory."""

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
        context: ``"unconditional"`` scores responses without their prompts too, which IFD and PVI need.
        chat_template: ``"auto"``, a name such as ``"alpaca"``, or a Jinja file.
        mask: Which tokens count: the responses with their end-of-turn tokens, their text alone, or all.
        max_length: The longest sequence, in tokens; what the model was made for, if it is not said.
        overlong: What becomes of longer rows.
        duplicates: What becomes of rows whose text an earlier row has already.
        columns: Which columns hold what, as ``{"prompt": "question", "response": "reply"}``.
        format: The format of the rows, such as ``"alpaca"``, instead of what their columns look like.
        dtype: The number format of weights; what suits the device, if it is not said.
        device: ``"cpu"``, or a graphics card that this build has.
        threads: Worker threads; one per core, if it is not said. Results do not depend on it.
        per_token: Keep the loss of every scored token too.
        work: A directory to keep what is done in. The same call takes up a run that was interrupted, and scoring with
            another reference does not score the base again. Without it, what an interrupted run did is lost.
        progress: Show a bar, or tell a function the stage, the rows done, and all rows.
        flags: Any other flag of ``lobass score``.

    Raises:
        LobassError: It could not be done. Rows that cannot be scored are no reason: they have a status in the table.
        ValueError: An argument has a value that it cannot have.
        KeyboardInterrupt: Between two units of work, of which each is some hundreds of rows.
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
