"""One `lobass worker`: a process that holds a model and answers for one unit after the other.

It is a child process and no extension module, because a driver of a graphics card that aborts takes its process with
it; and because the child is the very program that job arrays run. A few hundred bytes cross the pipe for each unit.
"""

import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Sequence
from typing import Any, TypedDict

VERSION = 1
"""Of the lines that go through the pipe; both sides say it."""

LAST_WORDS = 5.0
"""Seconds in which a worker that is to blame for a failure itself has ended after it said so."""

LONGEST_PAUSE = 60.0
"""Seconds between two starts on a device on which workers keep dying."""


class Unit(TypedDict):
    """A shard under a model, as `lobass pending` lists it."""

    model: str
    shard: int
    n_rows: int


class Receipt(TypedDict):
    """The result of a unit. Every field is always present, so that Ray sees one schema."""

    model: str
    shard: int
    n_rows: int
    state: str
    """`committed`, `skipped`, `duplicate`, `differs`, `quarantined`, or `failed`; `refused` ends the whole run."""
    n_tokens: int
    seconds: float
    error: str
    """Why it failed, else empty."""
    again: bool
    """Whether another process may do better."""
    node: str


class WorkerError(RuntimeError):
    """A worker that refuses to begin, or does not speak as we do. The next one would do the same."""


class Died(Exception):
    """The child ended in the middle of something."""


class Worker:
    """A child process, started when it is needed."""

    def __init__(self, command: Sequence[str], job: str) -> None:
        self.command, self.job = list(command), job
        self.child: subprocess.Popen[str] | None = None
        self.n_deaths = 0  # Since a unit went well.

    def ask(self, unit: Unit) -> Receipt:
        """Has a unit done. Whatever goes wrong is in the receipt."""
        started = time.monotonic()
        try:
            answer = self._answer(unit)
            again = answer["state"] == "failed" and bool(answer["again"])
            if again:
                self._end()
        except Died as death:
            self.child, again = None, True
            answer = {"state": "failed", "error": str(death)}
        except WorkerError as error:
            answer, again = {"state": "refused", "error": str(error)}, False
        self.n_deaths = self.n_deaths + 1 if again else 0
        return Receipt(
            **unit,
            state=answer["state"],
            n_tokens=answer.get("n_tokens", 0),
            seconds=answer.get("seconds", time.monotonic() - started),
            error=answer.get("error", ""),
            again=again,
            node=socket.gethostname(),
        )

    def _answer(self, unit: Unit) -> dict[str, Any]:
        child = self.child or self._start()
        request = {"v": VERSION, "op": "score", "model": unit["model"], "shard": unit["shard"]}
        assert child.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # How it ended says more, and is read in the next line.
            print(json.dumps(request), file=child.stdin, flush=True)
        answer = self._line(child)
        if (answer.get("v"), answer.get("model"), answer.get("shard")) != (VERSION, unit["model"], unit["shard"]):
            raise WorkerError(f"asked for {unit}, the worker answered {answer}")
        return answer

    def _start(self) -> subprocess.Popen[str]:
        # A device that kills its workers would otherwise be the fastest of all, and try every unit.
        time.sleep(min(LONGEST_PAUSE, 2.0**self.n_deaths - 1))
        try:
            # In a separate process group, since Ray kills the group of an actor that ends. With `--stop-with-parent` the
            # child notices the end of the actor and releases its unit, so that no attempt is counted.
            child = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
            )
        except OSError as error:
            raise WorkerError(f"cannot start `{self.command[0]}` on {socket.gethostname()}: {error}") from error
        ready = self._line(child)
        if (ready.get("v"), ready.get("ready"), ready.get("job")) != (VERSION, True, self.job):
            raise WorkerError(f"expected a worker of job {self.job}, protocol {VERSION}, found {ready}")
        self.child = child
        return child

    @staticmethod
    def _line(child: subprocess.Popen[str]) -> dict[str, Any]:
        assert child.stdout is not None
        line = child.stdout.readline()
        if not line.endswith("\n"):  # Nothing, or a part of a line.
            code = child.wait()
            if code == 2:
                raise WorkerError(f"the worker on {socket.gethostname()} refuses, for the reason in its log")
            raise Died(f"the worker died with {code}" if code < 0 else f"the worker ended with exit code {code}")
        try:
            answer: dict[str, Any] = json.loads(line)
        except ValueError as error:
            raise WorkerError(f"expected a line of JSON from the worker, found {line!r}") from error
        return answer

    def _end(self) -> None:
        """After a failure a worker should end; if it does not, it is killed."""
        assert self.child is not None
        try:
            self.child.wait(LAST_WORDS)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child = None


class Actor:
    """What Ray keeps on each device: a worker, asked for one unit at a time.

    Ray starts an actor again that died, and repeats what it was at, as often as it takes. A child that dies does not
    end its actor: a device on which every child dies would hold its unit for ever, and a unit that kills every child
    would come back to the same device. Both are receipts, and left for a later round.

    Exceptions do not cross to the driver as they are, so that even what ends the run is a receipt.
    """

    def __init__(self, command: Sequence[str], job: str) -> None:
        self.worker = Worker(command, job)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        model, shard, n_rows = batch["model"][0], batch["shard"][0], batch["n_rows"][0]
        receipt = self.worker.ask(Unit(model=str(model), shard=int(shard), n_rows=int(n_rows)))
        return {name: [value] for name, value in receipt.items()}
