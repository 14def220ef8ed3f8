"""The progress of a command: as a tqdm bar, on a line, or not at all."""

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeAlias

Progress: TypeAlias = bool | Callable[[str, int, int], object]
"""Whether to show progress; or a function that receives the stage, the rows done, and all rows."""


class Shown:
    """Shows the progress of one command."""

    def __init__(self, progress: Progress) -> None:
        if callable(progress):
            self._show: Callable[[str, int, int], object] | None = progress
        else:
            self._show = _shown_by_default() if progress else None

    def __call__(self, stage: str, done: int, all: int, n_tokens: int) -> None:
        if self._show is not None:
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
        self._stage: str | None = None
        self._bar: Any = None

    def __call__(self, stage: str, done: int, all: int) -> None:
        if stage != self._stage:
            self.close()
            self._stage, self._bar = stage, self._tqdm(total=all, desc=stage, unit="row")
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


class _Line:
    """A line on standard error, written anew."""

    def __init__(self) -> None:
        self._stage: str | None = None

    def __call__(self, stage: str, done: int, all: int) -> None:
        if self._stage not in (None, stage):
            self.close()
        self._stage = stage
        print(f"\r{stage}: {done} of {all} rows", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._stage is not None:
            print(file=sys.stderr)
