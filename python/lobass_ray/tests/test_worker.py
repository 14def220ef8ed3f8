"""The protocol, against the real binary."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import ray.cloudpickle
from between import wrap
from conftest import Job

import lobass_ray
from lobass_ray import Receipt, Summary, Unit
from lobass_ray.worker import Actor, Worker


def start(job: Job, lobass: str | None = None, *more: str, name: str | None = None) -> Worker:
    command = [lobass or job.lobass.path, "worker", "--quiet", "--work", str(job.work), *more]
    return Worker(command, name or job.pending()["job"])


def test_every_unit_through_one_worker(job: Job) -> None:
    worker = start(job)
    units: list[Unit] = job.pending()["units"]
    assert len(units) > 10
    for unit in units:
        receipt = worker.ask(unit)
        assert (receipt["state"], receipt["error"], receipt["again"]) == ("committed", "", False)
        assert receipt["n_rows"] == unit["n_rows"]
        assert receipt["n_tokens"] > 0
    assert job.pending()["units"] == []
    again = worker.ask(units[0])
    assert (again["state"], again["n_tokens"]) == ("skipped", 0)
    assert worker.child
    assert worker.child.stdin
    worker.child.stdin.close()
    assert worker.child.wait(10) == 0, "the end of its input ends a worker"
    job.check()


def test_a_killed_child_is_a_receipt_and_the_next_unit_has_a_new_child(job: Job) -> None:
    worker = start(job)
    first, second = job.pending()["units"][:2]
    worker.ask(first)
    assert worker.child
    worker.child.kill()
    worker.child.wait()
    receipt = worker.ask(second)
    assert (receipt["state"], receipt["again"]) == ("failed", True)
    assert receipt["error"] == "the worker died with -9"
    assert worker.ask(second)["state"] == "committed"
    assert worker.n_deaths == 0


def test_a_poisoned_shard_is_given_up_after_three_tries(job: Job) -> None:
    worker = start(job, wrap(job.lobass.path, job.dir, poison=1))
    unit = job.pending()["units"][1]
    states = [worker.ask(unit)["state"] for _ in range(4)]
    assert states == ["failed", "failed", "failed", "quarantined"]
    assert [model["quarantined"] for model in job.models()] == [[1], []]


@pytest.mark.parametrize(("signal", "code"), [(signal.SIGTERM, 143), (signal.SIGUSR1, 75)])
def test_a_worker_that_is_told_to_go_gives_its_unit_back(job: Job, signal: signal.Signals, code: int) -> None:
    worker = start(job)
    worker.ask(job.pending()["units"][0])
    assert worker.child
    os.kill(worker.child.pid, signal)
    assert worker.child.wait(10) == code
    assert not list(job.work.glob("attempts/*/*"))


def test_what_no_other_worker_would_do_better(job: Job, tmp_path: Path) -> None:
    unit: Unit = job.pending()["units"][0]
    stranger = Unit(model="base", shard=999, n_rows=1)
    garbage = tmp_path / "garbage"
    garbage.write_text("#!/bin/sh\necho hello\n")
    garbage.chmod(0o755)
    for worker, asked, message in [
        (start(job, str(tmp_path / "absent")), unit, "cannot start `"),
        (start(job, None, "--device", "wgpu"), unit, "refuses"),
        (start(job, None, name="0" * 16), unit, "expected a worker of job 0000"),
        (start(job, str(garbage)), unit, "expected a line of JSON from the worker, found 'hello"),
        (start(job), stranger, "refuses"),
    ]:
        receipt = worker.ask(asked)
        assert (receipt["state"], receipt["again"]) == ("refused", False)
        assert message in receipt["error"]


def test_a_failure_of_the_unit_is_not_tried_again(job: Job) -> None:
    # Somebody removed the token ids of a shard: no worker can do without them.
    (rows,) = job.work.glob("commits/rows/00000.json")
    rows.unlink()
    worker = start(job)
    receipt = worker.ask(job.pending()["units"][0])
    assert (receipt["state"], receipt["again"]) == ("failed", False)
    assert "not done yet" in receipt["error"]
    assert worker.ask(job.pending()["units"][1])["state"] == "committed"


def test_the_nodes_need_no_copy_of_this_package() -> None:
    ray.cloudpickle.register_pickle_by_value(lobass_ray)
    pickled = ray.cloudpickle.dumps(Actor)
    code = (
        "import sys; sys.modules['lobass_ray'] = None\n"
        "import pickle; print(pickle.loads(sys.stdin.buffer.read())(['x'], 'y').worker.job)"
    )
    ended = subprocess.run([sys.executable, "-c", code], input=pickled, capture_output=True)
    assert ended.stdout.strip() == b"y", ended.stderr.decode()


def summary(n_done: int, n_quarantined: int, *again: bool) -> Summary:
    failures = [
        Receipt(
            model="base", shard=shard, n_rows=1, state="failed", n_tokens=0, seconds=0, error="x", again=may, node="n"
        )
        for shard, may in enumerate(again)
    ]
    return Summary("job", 10, n_done, n_quarantined, 0, 0.0, failures)


def test_exit_codes() -> None:
    assert summary(10, 0).exit_code == 0
    assert summary(9, 1).exit_code == 1
    assert summary(8, 1, True).exit_code == 75
    assert summary(8, 0).exit_code == 75
    assert summary(8, 0, True, False).exit_code == 2


def test_help_names_the_exit_codes() -> None:
    ended = subprocess.run([sys.executable, "-m", "lobass_ray", "--help"], capture_output=True, text=True)
    assert ended.returncode == 0
    assert "75   not done; run it again" in ended.stdout
    assert "--work" in ended.stdout


def test_the_request_is_as_the_worker_reads_it(job: Job) -> None:
    # The worker refuses fields that it does not know; this is the line of the protocol as it is written down.
    line = json.dumps({"v": 1, "op": "score", "model": "reference", "shard": 2})
    command = [job.lobass.path, "worker", "--quiet", "--work", str(job.work)]
    ended = subprocess.run(command, input=line + "\n", capture_output=True, text=True)
    ready = json.loads(ended.stdout.splitlines()[0])
    assert ready.keys() == {"v", "ready", "plan", "job", "device", "pid"}
