"""Which part of your SFT data can your model learn from?

    table = lobass.score(rows, base="path/to/base", reference="path/to/reference")
    chosen = lobass.select(table, strategy="lobass", budget="6%").apply(rows)

Rows are a list of dicts, a ``datasets.Dataset``, a pandas or Polars data frame, anything with Arrow's C stream
interface, or files. Everything goes the way of the command line, which is in here too: ``python -m lobass``.
"""

from ._lobass import LobassError, __version__
from ._rows import Rows
from ._score import score
from ._select import Selection, select, strategies
from ._table import ScoreTable, Status

__all__ = [
    "LobassError",
    "Rows",
    "ScoreTable",
    "Selection",
    "Status",
    "__version__",
    "score",
    "select",
    "strategies",
]
