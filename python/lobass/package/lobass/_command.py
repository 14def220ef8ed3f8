"""Commands: their arguments from Python values, and their results."""

import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from . import _lobass
from ._progress import Progress, Shown

Flag: TypeAlias = (
    str | int | float | bool | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Mapping[str, object] | None
)
"""The value of a flag of the command line."""

PROGRAM = [sys.executable, "-m", "lobass"]
"""The command that starts this program again, for child processes."""

_LOG = logging.getLogger("lobass")


def run(command: str, flags: Mapping[str, Flag], progress: Progress = False) -> Any:
    """Run a command and give its result.

    Raises ``ValueError`` for arguments that make no command, ``LobassError`` for what could not be done.
    """
    with Shown(progress) as shown:
        return json.loads(_lobass.run(PROGRAM, [command, *_arguments(flags)], shown, _say))


def refuse(flags: Mapping[str, Flag], *names: str) -> None:
    """Refuse flags that this module sets."""
    for name in names:
        if name in flags:
            raise TypeError(f"unexpected argument `{name}`")


def _say(is_warning: bool, line: str) -> None:
    _LOG.log(logging.WARNING if is_warning else logging.INFO, "%s", line)


def _arguments(flags: Mapping[str, Flag]) -> list[str]:
    """Flags as they are typed: ``max_length=5`` is ``--max-length=5``, and ``None`` and ``False`` are left out."""
    arguments = []
    for name, value in flags.items():
        flag = "--" + name.replace("_", "-")
        if value is None or value is False:
            continue
        if value is True:
            arguments.append(flag)
        elif isinstance(value, Mapping):
            pairs = ",".join(f"{key}={one}" for key, one in value.items())
            arguments.append(f"{flag}={pairs}")
        elif isinstance(value, (list, tuple)):
            arguments.extend(f"{flag}={os.fspath(one)}" for one in value)
        elif isinstance(value, (str, int, float, os.PathLike)):
            text = os.fspath(value) if isinstance(value, os.PathLike) else str(value)
            arguments.append(f"{flag}={text}")
        else:
            raise TypeError(f"{name}: expected text, a number, or a path, found {type(value).__name__}")
    return arguments
