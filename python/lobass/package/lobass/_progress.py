"""The progress of a call: as tqdm bars, on a line, or not at all."""

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeAlias

Progress: TypeAlias = bool | Callable[[str, int, int], object]
"""Whether to show progress; or a function that gets the stage, the units done, and all units, from 0 on."""


class Shown:
    """Shows the progress of one call."""

    def __init__(self, progress: Progress) -> None:
        if callable(progress):
            self._show: Callable[[str, int, int], object] | _Bar | _Line | None = progress
        else:
            self._show = _shown_by_default() if progress else None

    def __call__(self, stage: str, unit: str, done: int, all: int, n_tokens: int) -> None:
        if isinstance(self._show, (_Bar, _Line)):
            self._show(stage, done, all, unit)
        elif self._show is not None:
            self._show(stage, done, all)

    def __enter__(self) -> "Shown":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(self._show, (_Bar, _Line)):
            self._show.close()


def _shown_by_default() -> "_Bar | _Line | None":
    try:
        from tqdm import auto, notebook
    except ImportError:
        return _Line() if sys.stderr.isatty() else None
    in_notebook = issubclass(auto.tqdm, notebook.tqdm_notebook)
    return _Bar(auto.tqdm) if in_notebook or sys.stderr.isatty() else None


class _Bar:
    """A bar of tqdm for each stage."""

    def __init__(self, tqdm: Any) -> None:
        self._tqdm = tqdm
        self._bars: dict[str, Any] = {}

    def __call__(self, stage: str, done: int, all: int, unit: str) -> None:
        bar = self._bars.get(stage)
        if bar is None:
            scaled = {"unit_scale": True} if unit == "byte" else {}
            bar = self._bars[stage] = self._tqdm(total=all, desc=stage, unit=unit, **scaled)
        bar.update(done - bar.n)

    def close(self) -> None:
        for bar in self._bars.values():
            bar.close()


class _Line:
    """A line on standard error, written anew."""

    def __init__(self) -> None:
        self._stage: str | None = None

    def __call__(self, stage: str, done: int, all: int, unit: str) -> None:
        if self._stage not in (None, stage):
            self.close()
        self._stage = stage
        print(f"\r{stage}: {done} of {all} {unit}s", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._stage is not None:
            print(file=sys.stderr)
