"""Scoring of rows, as `lobass score` does it."""

import os
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

from . import _lobass
from ._caller import caller, settings
from ._progress import Progress
from ._rows import Rows, read_rows
from ._table import ScoreTable

PathLike: TypeAlias = str | os.PathLike[str]
Dtype: TypeAlias = Literal["f32", "bf16", "f16"]
Arithmetic: TypeAlias = Literal["plain", "split2", "split3"]
Rounding: TypeAlias = Literal["nf4", "nf4-single"]


def score(
    rows: Rows,
    base: PathLike,
    reference: PathLike | None = None,
    adapter: PathLike | None = None,
    *,
    context: Literal["unconditional"] | None = None,
    brier: bool = False,
    null: PathLike | None = None,
    per_token: bool = False,
    chat_template: PathLike = "auto",
    template_args: Mapping[str, Any] | None = None,
    mask: Literal["response", "text", "generation", "all"] = "response",
    max_length: int | None = None,
    overlong: Literal["drop", "truncate", "error"] = "drop",
    bos: Literal["auto", "yes", "no"] = "auto",
    transform: str | None = None,
    duplicates: Literal["keep", "drop"] = "keep",
    columns: Mapping[str, str] | str | None = None,
    format: str | None = None,
    roles: Mapping[str, str] | None = None,
    dtype: Dtype | None = None,
    arithmetic: Arithmetic = "plain",
    quantize_base: Rounding | None = None,
    device: str = "cpu",
    threads: int | None = None,
    memory: str | None = None,
    work: PathLike | None = None,
    progress: Progress = True,
) -> ScoreTable:
    """Compute the loss of every row under a base, and under a reference if there is one.

    Args:
        rows: Dicts, a ``datasets.Dataset``, a data frame, anything with ``__arrow_c_stream__``, or paths of files.
        base: The pretrained model: a checkpoint directory, or a model of the hub.
        reference: The same model, fine-tuned on the rows.
        adapter: A LoRA adapter of the base, instead of a reference.
        context: ``"unconditional"`` also scores responses without their prompts, for strategies such as IFD and PVI.
        brier: Also compute the Brier losses under the base, for the strategy ``"lark"``.
        null: The null model, which was trained with ``context="unconditional"``: responses are also scored under it
            without their prompts, for ``"pvi-trained"`` and ``"prompt-gain"``.
        per_token: Also keep the loss of every scored token.
        chat_template: ``"auto"``, a name such as ``"alpaca"``, or a Jinja file.
        template_args: Arguments of the chat template for all rows, such as ``{"enable_thinking": False}``.
        mask: Which tokens are scored: the responses with their end-of-turn tokens, their text only, what the chat
            template marks as generated, or all.
        max_length: The longest sequence, in tokens. The default is the maximum of the model.
        overlong: What to do with longer rows.
        bos: Whether sequences begin with the tokenizer's BOS token.
        transform: A change of every prompt, to measure what prompts tell: ``"shuffle-words"`` (or
            ``"shuffle-words=SEED"``), ``"drop-system"``, ``"drop-history"``, or ``"drop-input"``.
        duplicates: What to do with rows that have the same text as an earlier row.
        columns: The columns to read, as ``{"prompt": "question", "response": "reply"}``.
        format: The format of the rows, such as ``"alpaca"``, instead of recognizing it by their columns.
        roles: Further words for roles, as ``{"bot": "assistant"}``.
        dtype: The number format of weights. The default depends on the device.
        arithmetic: The arithmetic in f32 on ``"cpu"``, for weights stored in bf16: ``"split2"`` and ``"split3"`` multiply
            activations as sums of two or three bf16 values, which is faster on processors with AMX. ``"split3"`` is as
            accurate as ``"plain"``.
        quantize_base: Round the weights of the adapter's base, as QLoRA training does: ``"nf4"`` as bitsandbytes rounds
            them with double quantization, ``"nf4-single"`` without. By default they are as they are stored.
        device: ``"cpu"``, or a graphics card that this build has.
        threads: Worker threads; by default one per core. Results do not depend on it.
        memory: The memory to score within, such as ``"4GiB"``: the layers of a model that does not fit are read from
            disk one by one, on ``"cpu"``. By default whole models are in memory.
        work: A directory or an object store for finished work. The same call then continues an interrupted run, and
            scoring with another reference reuses the base's losses. Without it, work is kept in memory.
        progress: Whether to show progress; or a function that gets the stage, the rows done, and all rows.

    Raises:
        LobassError: Scoring failed. Rows that cannot be scored do not raise it: they have a status in the table.
        ValueError: An argument has an impossible value.
        KeyboardInterrupt: Between two units of work of some hundreds of rows each.
    """
    with caller(progress) as call:
        data = read_rows(rows, call, **data_settings(columns, format, roles, duplicates))
        how = settings(
            sequences=sequence_settings(chat_template, template_args, mask, max_length, overlong, bos, transform),
            compute=compute_settings(device, dtype, quantize_base, threads, memory, arithmetic),
            per_token=per_token,
            unconditional=context == "unconditional",
            brier=brier,
            null=os.fspath(null) if null else None,
            work=work,
        )
        return ScoreTable(_lobass.score(call, data, base, reference, adapter, how))


def data_settings(
    columns: Mapping[str, str] | str | None,
    format: str | None,
    roles: Mapping[str, str] | None,
    duplicates: str,
) -> dict[str, Any]:
    """How columns are read."""
    if isinstance(columns, Mapping):
        columns = _pairs(columns.items())
    words = [f"{word}={role}" for word, role in (roles or {}).items()]
    return {"columns": columns, "format": format, "roles": words, "duplicates": duplicates}


def sequence_settings(
    chat_template: PathLike,
    template_args: Mapping[str, Any] | None,
    mask: str,
    max_length: int | None,
    overlong: str,
    bos: str,
    transform: str | None = None,
) -> dict[str, Any]:
    """How rows become sequences."""
    return {
        "chat_template": os.fspath(chat_template),
        "template_arguments": template_args,
        "mask": mask,
        "max_length": max_length,
        "overlong": overlong,
        "bos": bos,
        "transform": transform,
    }


def compute_settings(
    device: str,
    dtype: Dtype | None,
    quantize_base: Rounding | None,
    threads: int | None,
    memory: str | None = None,
    arithmetic: Arithmetic = "plain",
) -> dict[str, Any]:
    """Where models run, and in which numbers."""
    return {
        "device": device,
        "dtype": dtype,
        "arithmetic": arithmetic,
        "quantize_base": quantize_base,
        "threads": threads,
        "memory": memory,
    }


def _pairs(items: Iterable[tuple[str, str]]) -> str:
    return ",".join(f"{name}={value}" for name, value in items)
