"""Scores SFT data with lobass on a Ray cluster.

Ray places workers, restarts them, and hands out units; `lobass worker` computes and commits them. What is done is
known from the work directory alone, so this package keeps no state, and a run is resumed by starting it again.
"""

from lobass_ray.driver import Summary, score
from lobass_ray.worker import Receipt, Unit, WorkerError

__all__ = ["Receipt", "Summary", "Unit", "WorkerError", "score"]
