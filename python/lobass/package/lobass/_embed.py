"""Vectors of rows, as `lobass embed` computes them."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from . import _lobass
from ._caller import caller, settings
from ._progress import Progress
from ._rows import Rows, read_rows
from ._score import Dtype, PathLike, compute_settings, data_settings, sequence_settings


def embed(
    rows: Rows,
    base: PathLike,
    out: PathLike,
    *,
    half: bool = False,
    normalize: bool = False,
    chat_template: PathLike = "auto",
    template_args: Mapping[str, Any] | None = None,
    mask: Literal["response", "text", "generation", "all"] = "response",
    max_length: int | None = None,
    overlong: Literal["drop", "truncate", "error"] = "drop",
    bos: Literal["auto", "yes", "no"] = "auto",
    duplicates: Literal["keep", "drop"] = "keep",
    columns: Mapping[str, str] | str | None = None,
    format: str | None = None,
    roles: Mapping[str, str] | None = None,
    dtype: Dtype | None = None,
    device: str = "cpu",
    threads: int | None = None,
    memory: str | None = None,
    work: PathLike | None = None,
    progress: Progress = True,
) -> dict[str, Any]:
    """Write a vector of every row to a file, for ``select(.., embeddings=..)``: the mean of the last hidden states.

    The same call goes on where an interrupted one was.

    Args:
        rows: Dicts, a ``datasets.Dataset``, a data frame, anything with ``__arrow_c_stream__``, or paths of files.
        base: The model: a checkpoint directory, or a model of the hub.
        out: The file of the vectors, a matrix in safetensors with a row for every row.
        half: Store values in half precision.
        normalize: Scale every vector to length one.
        work: A directory or an object store for finished work. Without it, work is kept beside the file.
        chat_template, template_args, mask, max_length, overlong, bos, duplicates, columns, format, roles, dtype,
            device, threads, memory, progress: As for `score`.

    Returns:
        The report of `lobass embed --format json`: the file and its manifest.

    Raises:
        LobassError: The vectors could not be computed, or the file holds other ones.
        ValueError: An argument has an impossible value.
        KeyboardInterrupt: Between two units of work. Finished units are kept.
    """
    with caller(progress) as call:
        data = read_rows(rows, call, **data_settings(columns, format, roles, duplicates))
        how = settings(
            sequences=sequence_settings(chat_template, template_args, mask, max_length, overlong, bos),
            compute=compute_settings(device, dtype, None, threads, memory),
            half=half,
            normalize=normalize,
            work=work,
        )
        report: dict[str, Any] = json.loads(_lobass.embed(call, data, base, out, how))
        return report
