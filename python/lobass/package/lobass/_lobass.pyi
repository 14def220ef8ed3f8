"""The part of the package that is not Python."""

import os
from collections.abc import Callable
from typing import Any, TypeAlias, final

__all__ = [
    "Caller",
    "LobassError",
    "Rows",
    "Table",
    "__version__",
    "compare",
    "embed",
    "import_losses",
    "information",
    "leakage",
    "main",
    "regions",
    "score",
    "select",
    "sources",
    "strategies",
    "train",
]

__version__: str

_Path: TypeAlias = str | os.PathLike[str]

class LobassError(Exception): ...

@final
class Caller:
    def __new__(
        cls,
        program: list[str],
        progress: Callable[[str, str, int, int, int], object],
        say: Callable[[bool, str], object],
    ) -> Caller: ...

@final
class Rows:
    @staticmethod
    def of_files(caller: Caller, files: list[str], settings: str) -> Rows: ...
    @staticmethod
    def of_lines(caller: Caller, lines: bytes, settings: str) -> Rows: ...
    @staticmethod
    def of_stream(caller: Caller, rows: object, settings: str) -> Rows: ...

@final
class Table:
    @staticmethod
    def open(caller: Caller, path: _Path) -> Table: ...
    def manifest(self) -> str: ...
    def write(self, path: _Path) -> None: ...
    def column_names(self) -> list[str]: ...
    def columns(self, names: list[str] | None = None) -> dict[str, list[Any]]: ...
    def stream(self) -> object: ...

def score(
    caller: Caller,
    rows: Rows,
    base: _Path,
    reference: _Path | None,
    adapter: _Path | None,
    settings: str,
) -> Table: ...
def import_losses(
    caller: Caller,
    rows: Rows,
    tokenizer: _Path,
    base: _Path | bytes,
    reference: _Path | bytes | None,
    settings: str,
) -> Table: ...
def select(
    caller: Caller,
    table: Table,
    settings: str,
    rows: Rows | None,
    out: _Path | None,
    index: _Path | None,
) -> tuple[str, list[int], list[float], list[str]]: ...
def embed(caller: Caller, rows: Rows, base: _Path, out: _Path, settings: str) -> str: ...
def train(caller: Caller, rows: Rows, model: _Path, out: _Path, settings: str) -> str: ...
def compare(
    caller: Caller, table: Table, base: _Path, settings: str, rows: Rows | None, eval: Rows | None
) -> str: ...
def information(caller: Caller, tables: list[Table], transformed: list[Table], settings: str) -> str: ...
def regions(
    caller: Caller,
    tables: list[Table],
    against: list[Table],
    settings: str,
    rows: Rows | None,
    against_rows: Rows | None,
) -> str: ...
def sources(caller: Caller, metrics: _Path, table: Table | None, settings: str) -> str: ...
def leakage(
    caller: Caller,
    base: _Path,
    reference: _Path | None,
    data: list[_Path | bytes],
    control: list[_Path | bytes],
    settings: str,
) -> str: ...
def strategies() -> str: ...
def main(program: list[str], arguments: list[str]) -> int: ...
