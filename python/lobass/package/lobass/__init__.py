"""Which part of your SFT data can your model learn from?

    table = lobass.score(rows, base="path/to/base", reference="path/to/reference")
    chosen = lobass.select(table, strategy="lobass", budget="6%").apply(rows)

Rows are a list of dicts, a ``datasets.Dataset``, a pandas or Polars data frame, anything with Arrow's C stream
interface, or files. `train` makes the reference, `compare` trains on what strategies choose and measures what that
teaches. `information`, `regions`, `sources`, and `leakage` measure what was learned. The command line is in here too: ``python -m lobass``.
"""

from ._lobass import LobassError, __version__
from ._compare import compare
from ._embed import embed
from ._import import import_losses
from ._measures import information, leakage, regions, sources
from ._rows import Rows
from ._score import score
from ._select import Selection, select, strategies
from ._table import ScoreTable, Status
from ._train import train

__all__ = [
    "LobassError",
    "Rows",
    "ScoreTable",
    "Selection",
    "Status",
    "__version__",
    "compare",
    "embed",
    "import_losses",
    "information",
    "leakage",
    "regions",
    "score",
    "select",
    "sources",
    "strategies",
    "train",
]
