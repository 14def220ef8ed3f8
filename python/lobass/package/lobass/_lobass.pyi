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
    "set_program",
    "write_stream",
]

__version__: str

class LobassError(Exception): ...

def run(
    arguments: list[str],
    progress: Callable[[str, int, int, int], object],
    say: Callable[[bool, str], object],
) -> str: ...
def main(arguments: list[str]) -> int: ...
def set_program(program: list[str]) -> None: ...
def manifest(path: str) -> str: ...
def column_names(path: str) -> list[str]: ...
def columns(path: str, names: list[str] | None = None) -> dict[str, list[Any]]: ...
def open_stream(path: str) -> object: ...
def write_stream(rows: object, path: str) -> int: ...
