"""The score table: a Parquet file with the losses of every row."""

import json
import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _lobass

if TYPE_CHECKING:
    import pandas
    import pyarrow


class Home:
    """A folder that is deleted with its last reference."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="lobass-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class Status(NamedTuple):
    """The number of rows with a status, and the reason of the first one."""

    n_rows: int
    first_row: int | None
    reason: str | None


class ScoreTable:
    """The losses of every row, with a manifest of everything that they depend on.

    It lies in a file, which goes when nobody has the table any more; `save` keeps it. Whatever knows Arrow's C stream
    interface takes a table as it is: ``polars.DataFrame(table)``, ``pyarrow.table(table)``.
    """

    def __init__(self, path: str | os.PathLike[str], _home: Home | None = None) -> None:
        self._path = Path(path)
        self._home = _home  # keeps the file
        self._manifest: dict[str, Any] = json.loads(_lobass.manifest(str(self._path)))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "ScoreTable":
        """Open a table that was saved, or that `lobass score` wrote as Parquet."""
        with open(path, "rb") as file:
            if file.read(4) != b"PAR1":
                raise _lobass.LobassError(f"`{os.fspath(path)}`: expected a score table in Parquet")
        return cls(path)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Copy the table to a file that stays."""
        target = Path(path)
        if target.exists() and not overwrite:
            raise FileExistsError(f"`{target}` is there already; `overwrite=True` replaces it")
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
        shutil.copyfile(self._path, partial)
        partial.replace(target)
        return target

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self._path

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
        columns = _lobass.columns(str(self._path), ["row", "status", "reason"])
        first: dict[str, tuple[int, str]] = {}
        for row, status, reason in zip(columns["row"], columns["status"], columns["reason"], strict=True):
            if reason is not None:
                first.setdefault(status, (row, reason))
        counts = self._manifest["counts"]
        return {status: Status(n, *first.get(status, (None, None))) for status, n in counts.items()}

    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""
        return _lobass.column_names(str(self._path))

    def to_dict(self, *names: str) -> dict[str, list[Any]]:
        """Columns as lists: the named ones, or all."""
        found = _lobass.columns(str(self._path), list(names) or None)
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
        return _lobass.open_stream(str(self._path))

    def __len__(self) -> int:
        return int(self._manifest["n_rows"])

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {status}" for status, n in self._manifest["counts"].items())
        roles = " and ".join(model["role"] for model in self._manifest["models"])
        return f"<lobass.ScoreTable of {len(self)} rows under {roles}: {counts}>"
