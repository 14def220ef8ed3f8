"""The part of the package that is not Python."""

from collections.abc import Callable
from typing import Any

__all__ = [
    "LobassError",
    "__version__",
    "column_names",
    "columns",
    "main",
    "manifest",
    "open_stream",
    "run",
    "write_stream",
]

__version__: str

class LobassError(Exception): ...

def run(
    program: list[str],
    arguments: list[str],
    progress: Callable[[str, int, int, int], object],
    say: Callable[[bool, str], object],
) -> str: ...
def main(program: list[str], arguments: list[str]) -> int: ...
def manifest(path: str) -> str: ...
def column_names(path: str) -> list[str]: ...
def columns(path: str, names: list[str] | None = None) -> dict[str, list[Any]]: ...
def open_stream(path: str) -> object: ...
def write_stream(rows: object, path: str) -> int: ...
