"""Calls of the library: their settings, their progress, and what they say."""

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from . import _lobass
from ._progress import Progress, Shown

PROGRAM = [sys.executable, "-m", "lobass"]
"""How this program is started again, for processes of workers and trials of devices."""

_LOG = logging.getLogger("lobass")


@contextmanager
def caller(progress: Progress = False) -> Iterator[_lobass.Caller]:
    """How a call reports: its progress as asked for, its notes and warnings to the logger ``lobass``."""
    with Shown(progress) as shown:
        yield _lobass.Caller(PROGRAM, shown, _say)


def settings(**given: Any) -> str:
    """Settings as the library reads them. What is ``None`` keeps its default."""
    try:
        return json.dumps(_without_none(given), default=_plain, allow_nan=False)
    except TypeError as error:
        raise TypeError(f"settings: {error}") from None


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _without_none(one) for name, one in value.items() if one is not None}
    return value


def _plain(value: Any) -> Any:
    """Values that are not JSON's own but mean one that is: paths, NumPy's numbers, and mappings."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"expected text, a number, or a path, found {type(value).__name__}")


def _say(is_warning: bool, line: str) -> None:
    _LOG.log(logging.WARNING if is_warning else logging.INFO, "%s", line)
