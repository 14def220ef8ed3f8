"""Rows that are scored, in their many types, and the chosen ones of them.

Rows in memory are handed over as JSON lines or as a stream of Arrow; nothing is written to a file. They are read as the
same rows in a file are: they have the same tokens and the same keys, and a row that is no example has a status.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar, cast, runtime_checkable

from . import _lobass
from ._caller import settings as as_settings

T = TypeVar("T")


@runtime_checkable
class ArrowStream(Protocol):
    """An object with Arrow's C stream interface: tables of pyarrow, data frames, results of DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...


Files: TypeAlias = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
Rows: TypeAlias = Files | Iterable[Mapping[str, Any]] | ArrowStream
"""Rows that can be scored: files; dicts; or a table. A ``datasets.Dataset`` counts as dicts."""

_EXPECTED = "expected dicts, a datasets.Dataset, a data frame, an Arrow table, or paths of files"


def read_rows(rows: Rows, call: _lobass.Caller, **settings: Any) -> _lobass.Rows:
    """Rows as the library takes them. The settings say how their columns are read."""
    how = as_settings(**settings)
    if isinstance(rows, (str, os.PathLike)):
        return _lobass.Rows.of_files(call, [os.fspath(rows)], how)
    if isinstance(rows, (list, tuple)) and rows and all(isinstance(one, (str, os.PathLike)) for one in rows):
        return _lobass.Rows.of_files(call, [os.fspath(one) for one in rows], how)
    stream = _arrow(rows)
    if stream is not None:
        return _lobass.Rows.of_stream(call, stream, how)
    return _lobass.Rows.of_lines(call, _lines(rows), how)


def chosen_of(rows: T, chosen: Sequence[int], n_rows: int) -> T:
    """Some rows, in their order and original type."""
    if isinstance(rows, (str, os.PathLike)):
        raise TypeError("rows: expected rows in memory, found a path; `out=` of `lobass.select` writes files")
    table: Any = rows
    n_found = len(table) if hasattr(rows, "__len__") else n_rows
    if n_found != n_rows:
        raise ValueError(f"rows: expected the {n_rows} that were scored, found {n_found}")
    order = sorted(chosen)
    if isinstance(rows, (list, tuple)):
        return cast(T, type(rows)(rows[at] for at in order))
    if _is(rows, "datasets", "Dataset"):
        return cast(T, table.select(order))
    if hasattr(rows, "iloc"):
        return cast(T, table.iloc[order])
    if _is(rows, "polars", "DataFrame"):
        return cast(T, table[order])
    if hasattr(rows, "take"):
        return cast(T, table.take(order))
    kind = type(rows).__name__
    raise TypeError(f"rows: expected a list, a datasets.Dataset, a data frame, or an Arrow table, found {kind}")


def _is(rows: object, module: str, name: str) -> bool:
    """Whether rows are of a class, without loading what is not loaded."""
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(rows, kind)


def _arrow(rows: object) -> ArrowStream | None:
    """Rows as a stream of Arrow, if they are a table."""
    if _is(rows, "datasets", "Dataset"):
        return _Batches(rows)
    if _is(rows, "pandas", "DataFrame"):
        # The names of rows are no column.
        rows = cast(Any, rows).reset_index(drop=True)
    return rows if isinstance(rows, ArrowStream) else None


class _Batches:
    """A ``datasets.Dataset``: its rows as they are now, which need not be those of the table that it keeps."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset.with_format("arrow")

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        import pyarrow

        def batches() -> Iterator[Any]:
            for table in self._dataset.iter(batch_size=1024):
                yield from table.cast(schema).to_batches()

        schema = self._dataset.features.arrow_schema
        return pyarrow.RecordBatchReader.from_batches(schema, batches()).__arrow_c_stream__(requested_schema)


def _lines(rows: Any) -> bytes:
    """Dicts as JSON lines."""
    if isinstance(rows, Mapping) or not isinstance(rows, Iterable):
        raise TypeError(f"rows: {_EXPECTED}, found {type(rows).__name__}")
    lines = json_lines(rows)
    if not lines:
        raise ValueError("rows: expected at least one, found none")
    return lines


def json_lines(rows: Iterable[Any]) -> bytes:
    """Dicts as JSON lines."""
    return "".join(_line(row, number) for number, row in enumerate(rows)).encode()


def _line(row: object, number: int) -> str:
    if not isinstance(row, Mapping):
        raise TypeError(f"row {number}: expected a dict, found {type(row).__name__}")
    try:
        text = _json(row, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:
        text = _json(row, ensure_ascii=True)  # half a character, which the row's status will speak of
    except (TypeError, ValueError) as error:
        raise type(error)(f"row {number}: {error}") from None
    return text + "\n"


def _json(row: Mapping[str, Any], ensure_ascii: bool) -> str:
    return json.dumps(dict(row), ensure_ascii=ensure_ascii, allow_nan=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    """Values that are not JSON's own but mean one that is: NumPy's, and mappings."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"expected values that JSON can hold, found {type(value).__name__}")
