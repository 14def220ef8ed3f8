"""The score table: the losses of every row."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _lobass
from ._caller import caller

if TYPE_CHECKING:
    import pandas
    import pyarrow


class Status(NamedTuple):
    """The number of rows with a status, and the reason of the first one."""

    n_rows: int
    first_row: int | None
    reason: str | None


class ScoreTable:
    """The losses of every row, with a manifest of everything that they depend on.

    It is in memory, or in the file that it was opened from; `save` writes it to a file. Whatever knows Arrow's C stream
    interface takes a table as it is: ``polars.DataFrame(table)``, ``pyarrow.table(table)``.
    """

    def __init__(self, table: _lobass.Table) -> None:
        self._table = table
        self._manifest: dict[str, Any] = json.loads(table.manifest())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "ScoreTable":
        """Open a table that was saved, or that `lobass score` wrote as Parquet."""
        if not os.path.exists(path):
            raise FileNotFoundError(f"`{os.fspath(path)}`: expected a score table, found nothing")
        with caller() as call:
            return cls(_lobass.Table.open(call, os.fspath(path)))

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the table to a file, whole or not at all."""
        target = Path(path)
        if target.exists() and not overwrite:
            raise FileExistsError(f"`{target}` is there already; `overwrite=True` replaces it")
        self._table.write(os.fspath(target))
        return target

    @property
    def manifest(self) -> dict[str, Any]:
        """Everything that the numbers depend on: data, tokenizer, template, models, and the digest of all of them."""
        return self._manifest

    @property
    def digest(self) -> str:
        """Digest of every token id and every loss: tables with one digest have the same numbers, bit for bit."""
        return str(self._manifest["digest"])

    @property
    def statuses(self) -> dict[str, Status]:
        """Rows of each status, with the first one's reason."""
        columns = self._table.columns(["row", "status", "reason"])
        first: dict[str, tuple[int, str]] = {}
        for row, status, reason in zip(columns["row"], columns["status"], columns["reason"], strict=True):
            if reason is not None:
                first.setdefault(status, (row, reason))
        counts = self._manifest["counts"]
        return {status: Status(n, *first.get(status, (None, None))) for status, n in counts.items()}

    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""
        return self._table.column_names()

    def to_dict(self, *names: str) -> dict[str, list[Any]]:
        """Columns as lists: the named ones, or all."""
        found = self._table.columns(list(names) or None)
        absent = [name for name in names if name not in found]
        if absent:
            raise KeyError(f"the table has no column `{absent[0]}`")
        return found

    def to_list(self) -> list[dict[str, Any]]:
        """A dict for each row."""
        columns = self.to_dict()
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def to_arrow(self) -> "pyarrow.Table":
        """A pyarrow table; pyarrow has to be installed."""
        import pyarrow

        return pyarrow.table(self)

    def to_pandas(self) -> "pandas.DataFrame":
        """A pandas data frame; pandas and pyarrow have to be installed."""
        return self.to_arrow().to_pandas()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The rows, by Arrow's C stream interface."""
        return self._table.stream()

    def __len__(self) -> int:
        return int(self._manifest["n_rows"])

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {status}" for status, n in self._manifest["counts"].items())
        roles = " and ".join(model["role"] for model in self._manifest["models"])
        return f"<lobass.ScoreTable of {len(self)} rows under {roles}: {counts}>"
