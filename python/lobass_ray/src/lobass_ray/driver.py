"""Hands out the remaining units of a job to a cluster."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import ray
import ray.cloudpickle
import ray.data

import lobass_ray
from lobass_ray.worker import Actor, Receipt, Unit, WorkerError

DONE, INCOMPLETE, FAILED, UNFINISHED = 0, 1, 2, 75
"""The exit codes of `lobass worker`."""

ROUNDS = 4
"""Attempts of a unit in one run, without another bound."""


@dataclass
class Summary:
    """The progress of a job, counted in the work directory, so that units of earlier runs are included."""

    job: str
    n_units: int
    n_done: int
    n_quarantined: int
    """Units that were given up after the allowed number of attempts."""
    n_tokens: int
    """Tokens of the units that this run computed."""
    seconds: float
    failures: list[Receipt] = field(default_factory=list)
    """The last failure of each unit that is still open."""

    @property
    def exit_code(self) -> int:
        """0: done. 1: done, but units were given up. 2: trying again will not help. 75: try again."""
        if self.n_done + self.n_quarantined < self.n_units:
            hopeless = any(not failure["again"] for failure in self.failures)
            return FAILED if hopeless else UNFINISHED
        return INCOMPLETE if self.n_quarantined else DONE


def score(
    place: str,
    *,
    lobass: str = "lobass",
    num_workers: int | None = None,
    num_gpus: float = 1,
    device: str | None = None,
    job: str | None = None,
    max_attempts: int = 3,
    worker_args: Sequence[str] = (),
    report: Callable[[Receipt], None] | None = None,
) -> Summary:
    """Does every unfinished unit of a job, on the Ray cluster that this process is part of.

    `place` is the work directory that `lobass plan` made, as every node sees it, and `lobass` the binary there. There
    are `num_workers` workers, each with `num_gpus` of Ray's GPUs: by default as many as the cluster has GPUs for; with
    `num_gpus=0`, one on each node. `device`, `max_attempts`, and `worker_args` go to `lobass worker`; `report` gets a
    receipt for every unit as it ends.

    Raises `WorkerError` if workers refuse the job, `subprocess.CalledProcessError` if the work directory cannot be
    read, and Ray's own errors if the cluster fails. Committed units stay, and the next call continues.
    """
    if not ray.is_initialized():
        ray.init()
    # The nodes need Ray and lobass; this package is sent to them.
    ray.cloudpickle.register_pickle_by_value(lobass_ray)
    started = time.monotonic()
    job, todo = _pending(lobass, place, job)
    command = [lobass, "worker", "--quiet", "--stop-with-parent", "--work", place, "--job", job]
    command += ["--max-attempts", str(max_attempts), *(["--device", device] if device else []), *worker_args]
    n_tokens, failures = 0, dict[tuple[str, int], Receipt]()
    # A unit that kills its worker is tried `max_attempts` times, and given up the time after.
    for _ in range(max_attempts + 1 if max_attempts else ROUNDS):
        todo = [unit for unit in todo if _may_do_better(failures.get(_name(unit)))]
        if not todo:
            break
        for receipt in _round(todo, command, job, num_workers or _places(num_gpus), num_gpus):
            n_tokens += receipt["n_tokens"]
            failures.pop(_name(receipt), None)
            if receipt["state"] == "failed":
                failures[_name(receipt)] = receipt
            if report:
                report(receipt)
        _, todo = _pending(lobass, place, job)
    models = next(found for found in _ask(lobass, "status", place)["jobs"] if found["job"] == job)["models"]
    return Summary(
        job=job,
        n_units=sum(model["n_units"] for model in models),
        n_done=sum(model["n_done"] for model in models),
        n_quarantined=sum(len(model["quarantined"]) for model in models),
        n_tokens=n_tokens,
        seconds=time.monotonic() - started,
        failures=list(failures.values()),
    )


def _round(todo: list[Unit], command: list[str], job: str, num_workers: int, num_gpus: float) -> Iterator[Receipt]:
    """Gives each unit to a worker once."""
    # Units that wait behind a busy or a dead actor could be done by another one.
    actors = ray.data.ActorPoolStrategy(size=min(num_workers, len(todo)), max_tasks_in_flight_per_actor=1)
    # Actors that hold all processors leave none for whatever else Ray Data wants to run: it would hang.
    resources: dict[str, Any] = {"num_gpus": num_gpus, "num_cpus": 0}
    if num_gpus == 0:
        resources["scheduling_strategy"] = "SPREAD"
    units = ray.data.from_items(todo, override_num_blocks=len(todo))
    receipts = units.map_batches(Actor, fn_constructor_args=(command, job), batch_size=1, compute=actors, **resources)
    for row in receipts.iter_rows():
        receipt = cast(Receipt, row)
        if receipt["state"] == "refused":
            raise WorkerError(receipt["error"])
        yield receipt


def _places(num_gpus: float) -> int:
    """How many workers there is room for now, at least one: a cluster may grow when it is asked to."""
    if num_gpus == 0:
        return sum(node["Alive"] for node in ray.nodes())
    return max(1, int(ray.cluster_resources().get("GPU", 0) / num_gpus))


def _name(unit: Unit | Receipt) -> tuple[str, int]:
    return unit["model"], unit["shard"]


def _may_do_better(failure: Receipt | None) -> bool:
    return failure is None or failure["again"]


def _pending(lobass: str, place: str, job: str | None) -> tuple[str, list[Unit]]:
    """The job's name, and its units that are neither done nor given up."""
    found = _ask(lobass, "pending", place, *(["--job", job] if job else []))
    return found["job"], found["units"]


def _ask(lobass: str, command: str, place: str, *args: str) -> Any:
    line = [lobass, command, "--work", place, "--format", "json", *args]
    return json.loads(subprocess.run(line, check=True, stdout=subprocess.PIPE, stderr=sys.stderr).stdout)
