"""Losses that another program computed, as `lobass import` takes them."""

import os
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

from . import _lobass
from ._caller import caller, settings
from ._progress import Progress
from ._rows import Rows, json_lines, read_rows
from ._score import PathLike, data_settings, sequence_settings
from ._table import ScoreTable

Losses: TypeAlias = str | os.PathLike[str] | Iterable[Mapping[str, Any]]
"""A file of losses, or dicts."""


def import_losses(
    rows: Rows,
    tokenizer: PathLike,
    base_losses: Losses,
    reference_losses: Losses | None = None,
    *,
    program: str,
    version: str | None = None,
    dtype: str | None = None,
    base_name: str | None = None,
    reference_name: str | None = None,
    per_token: bool = False,
    chat_template: PathLike = "auto",
    template_args: Mapping[str, Any] | None = None,
    template_time: str | None = None,
    mask: Literal["response", "text", "generation", "all"] = "response",
    max_length: int | None = None,
    overlong: Literal["drop", "truncate", "error"] = "drop",
    bos: Literal["auto", "yes", "no"] = "auto",
    duplicates: Literal["keep", "drop"] = "keep",
    columns: Mapping[str, str] | str | None = None,
    format: str | None = None,
    roles: Mapping[str, str] | None = None,
    threads: int | None = None,
    progress: Progress = True,
) -> ScoreTable:
    """Make a score table of losses that another program computed.

    Losses are files (JSON lines, or Parquet with sums) or dicts. Each names a row by ``row``, its position from 0, or by
    ``key``. It has a summed loss in nats, ``nll`` or ``base_nll`` and ``reference_nll``, with ``n_scored``, the number of
    tokens; or ``prompt_logprobs`` as vLLM gives them; or ``input_ids`` with ``logprobs``. Each loss is checked against the
    tokens of its row. The manifest of the table says who computed the losses.

    Args:
        rows: Dicts, a ``datasets.Dataset``, a data frame, anything with ``__arrow_c_stream__``, or paths of files.
        tokenizer: The model whose tokenizer and chat template are used: a directory, or a model of the hub. No weights
            are read.
        base_losses: The losses under the base.
        reference_losses: The losses under the fine-tuned model; can be the same file or dicts.
        program: The program that computed the losses, such as ``"vllm"``.
        version: The version of the program.
        dtype: The number format that the models ran in, such as ``"bfloat16"``.
        base_name: The name of the base. The default is that of ``tokenizer``.
        reference_name: The name of the fine-tuned model. It is needed with ``reference_losses``.
        per_token: Also keep the loss of every scored token; needs log-probabilities.
        chat_template: ``"auto"``, a name such as ``"alpaca"``, or a Jinja file.
        template_args: Arguments of the chat template for all rows, such as ``{"enable_thinking": False}``.
        template_time: The time that the chat template saw, if it asks for one.
        mask: Which tokens are scored: the responses with their end-of-turn tokens, their text only, what the chat
            template marks as generated, or all.
        max_length: The longest sequence, in tokens. The default is the maximum of the model.
        overlong: What to do with longer rows.
        bos: Whether sequences begin with the tokenizer's BOS token.
        duplicates: What to do with rows that have the same text as an earlier row.
        columns: The columns to read, as ``{"prompt": "question", "response": "reply"}``.
        format: The format of the rows, such as ``"alpaca"``, instead of recognizing it by their columns.
        roles: Further words for roles, as ``{"bot": "assistant"}``.
        threads: Threads that tokenize rows; by default one per core.
        progress: Whether to show progress; or a function that gets the stage, the rows done, and all rows.

    Raises:
        LobassError: A loss does not fit its row, or belongs to no row. A row without a loss does not raise it: it has
            the status ``no_loss`` in the table.
        ValueError: An argument has an impossible value.
    """
    if (reference_losses is None) != (reference_name is None):
        raise ValueError("reference_losses and reference_name: expected both or neither, found one")
    base_given = _given(base_losses)
    same = reference_losses is base_losses
    reference_given = None if reference_losses is None else base_given if same else _given(reference_losses)
    with caller(progress) as call:
        data = read_rows(rows, call, **data_settings(columns, format, roles, duplicates))
        how = settings(
            sequences=sequence_settings(chat_template, template_args, mask, max_length, overlong, bos),
            template_time=template_time,
            program=program,
            version=version,
            dtype=dtype,
            base_name=os.fspath(tokenizer) if base_name is None else base_name,
            reference_name=reference_name,
            per_token=per_token,
            threads=threads,
        )
        return ScoreTable(_lobass.import_losses(call, data, tokenizer, base_given, reference_given, how))


def _given(losses: Losses) -> str | bytes:
    """A path, or dicts as JSON lines."""
    if isinstance(losses, (str, os.PathLike)):
        return os.fspath(losses)
    if isinstance(losses, Mapping) or not isinstance(losses, Iterable):
        raise TypeError(f"losses: expected dicts or the path of a file, found {type(losses).__name__}")
    return json_lines(losses)
