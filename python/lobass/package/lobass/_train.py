"""Training of a reference, as `lobass train` does it."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from . import _lobass
from ._caller import caller, settings
from ._progress import Progress
from ._rows import Rows, read_rows
from ._score import Dtype, PathLike, Rounding, compute_settings, data_settings, sequence_settings


def shares(prior: str | Mapping[str, float] | None) -> str | None:
    """Shares of sources as the library reads them."""
    if isinstance(prior, Mapping):
        return ",".join(f"{name}={weight}" for name, weight in prior.items())
    return prior


def train(
    rows: Rows,
    model: PathLike,
    out: PathLike,
    *,
    recipe: str | None = None,
    method: Literal["full", "lora"] = "full",
    objective: Literal["sft", "dpo", "davir-dpo"] = "sft",
    context: Literal["prompt", "unconditional"] = "prompt",
    beta: float | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    seed: int | None = None,
    lora: Mapping[str, Any] | None = None,
    mixing: Literal["ado", "even", "rows"] | None = None,
    prior: Literal["rows", "tokens", "even"] | Mapping[str, float] | None = None,
    options: Mapping[str, Any] | None = None,
    trajectory: bool = False,
    eval_rows: int = 0,
    eval_files: Sequence[PathLike] = (),
    eval_every: int | None = None,
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
    quantize_base: Rounding | None = None,
    device: str = "cpu",
    threads: int | None = None,
    memory: str | None = None,
    progress: Progress = True,
) -> dict[str, Any]:
    """Fine-tune a model on rows, and write it to a directory that transformers and PEFT open.

    The same call goes on where an interrupted one was.

    Args:
        rows: Dicts, a ``datasets.Dataset``, a data frame, anything with ``__arrow_c_stream__``, or paths of files.
        model: The model that training starts from: a checkpoint directory, or a model of the hub.
        out: The directory of the checkpoint, or of the adapter.
        recipe: The name of a published recipe; the numbers below replace its own.
        method: ``"full"`` trains all weights, ``"lora"`` an adapter.
        objective: Supervised fine-tuning, or preference optimization on pairs.
        context: ``"unconditional"`` trains on responses without their prompts: the null model of V-information.
        beta: The factor of the margins of pairs; by default 0.1 for ``"dpo"`` and 1 for ``"davir-dpo"``.
        epochs: How often every row is seen; by default once.
        batch_size: Rows per optimizer step; by default 128.
        learning_rate: The largest learning rate; by default 2e-5, or 2e-4 with LoRA.
        seed: The seed of the order of rows, of new adapters, and of dropout.
        lora: Settings of the adapter: ``rank``, ``alpha``, ``dropout``, ``rslora``, ``target_modules``,
            ``modules_to_save``.
        mixing: How batches mix sources, which are the files: as ADO does it, evenly, or by rows. By default each epoch
            has every row once.
        prior: The shares that ``"ado"`` starts from: by rows, by tokens, even, or a weight for each source.
        options: Further settings of the recipe, as ``[train]`` of a config file has them: ``schedule``,
            ``warmup_ratio``, ``weight_decay``, ``max_grad_norm``, ``beta_1``, ``beta_2``, ``epsilon``,
            ``micro_batch_tokens``, ``recompute``, ``save_every``, ``order_seed``, ``mixing_max_passes``,
            ``mixing_floor``.
        trajectory: Keep the model of every epoch.
        eval_rows: Rows that are not trained on, for a held-out loss.
        eval_files: Further files for the held-out loss.
        eval_every: Steps between two held-out losses; by default ten are computed in a training.
        quantize_base: Round the base's weights before an adapter is trained on them, as QLoRA does.
        memory: The memory to train an adapter within, such as ``"8GiB"``: the layers of a model that does not fit are
            read from disk one by one, on ``"cpu"``. By default whole models are in memory.
        progress: Whether to show progress; or a function that gets the stage, the units done, and all units.
        chat_template, template_args, mask, max_length, overlong, bos, transform, duplicates, columns, format, roles, dtype,
            device, threads: As for `score`.

    Returns:
        The report of `lobass train --format json`: losses, steps, tokens, rows that could not be trained on.

    Raises:
        LobassError: Training failed, or the directory holds something else.
        ValueError: An argument has an impossible value.
        KeyboardInterrupt: Between two steps. The state is kept.
    """
    data = data_settings(columns, format, roles, duplicates)
    recipe_settings = {
        "recipe": recipe,
        "method": method,
        "objective": objective,
        "context": context,
        "beta": beta,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seed": seed,
        "lora": lora,
        "mixing": mixing,
        "prior": shares(prior),
        **(options or {}),
    }
    how = settings(
        sequences=sequence_settings(chat_template, template_args, mask, max_length, overlong, bos, transform),
        compute=compute_settings(device, dtype, quantize_base, threads, memory),
        train=recipe_settings,
        eval={"rows": eval_rows, "files": [os.fspath(path) for path in eval_files], "every": eval_every},
        data=data,
        trajectory=trajectory,
    )
    with caller(progress) as call:
        pool = read_rows(rows, call, **data)
        report: dict[str, Any] = json.loads(_lobass.train(call, pool, model, out, how))
        return report
