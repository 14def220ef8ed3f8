"""Two Ray nodes, and everything on them killed in turn. Every run ends with the digest of a single process."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from between import wrap
from cluster import Cluster, kill
from conftest import Job

DELAY = 0.3
"""Seconds before each unit, so that there is a middle to kill something in."""


class Run:
    """A driver at work on a job."""

    def __init__(self, cluster: Cluster, job: Job, lobass: str, *args: str) -> None:
        self.cluster, self.job, self.log = cluster, job, job.dir / "driver.log"
        # The last one counts of what is there twice. Two cores, two workers.
        self.args = ["--work", str(job.work), "--lobass", lobass, *args, "--", "--threads", "1"]
        self.start()

    def start(self) -> None:
        self.driver = self.cluster.drive(*self.args, log=self.log)

    def wait_for(self, what: str, is_so: Callable[[], bool]) -> None:
        started = time.monotonic()
        while not is_so():
            assert self.driver.poll() is None, f"{what}: it ended before\n{self.log.read_text()}"
            assert time.monotonic() - started < 60, f"{what}\n{self.log.read_text()}"
            time.sleep(0.02)

    def until_half(self) -> dict[int, int]:
        """Waits until both nodes are at work and a third is done; gives the workers with their actors."""
        self.wait_for("a third of the units", lambda: self.job.n_done() >= 6)
        self.wait_for("two workers", lambda: len(self.cluster.workers(self.job.work)) == 2)
        return self.cluster.workers(self.job.work)

    def ends_with(self, code: int) -> str:
        try:
            found = self.driver.wait(120)
        except subprocess.TimeoutExpired:
            found = None
        log = self.log.read_text()
        assert found == code, log
        return log


@pytest.fixture
def slow(cluster: Cluster, job: Job) -> Run:
    return Run(cluster, job, wrap(job.lobass.path, job.dir, delay=DELAY))


def test_to_the_end(cluster: Cluster, job: Job) -> None:
    n_units = len(job.pending()["units"])
    log = Run(cluster, job, job.lobass.path).ends_with(0)
    job.check()
    assert log.count(": committed: 2") >= n_units - 2
    assert f"{n_units} of {n_units} units done, 0 given up" in log
    assert Run(cluster, job, job.lobass.path).ends_with(0).count("committed") == log.count("committed")


def test_a_worker_is_killed(slow: Run) -> None:
    (worker,) = slow.cluster.children(min(slow.until_half()))
    kill(worker)
    assert "failed: the worker ended with exit code 137" in slow.ends_with(0)
    slow.job.check()


def test_a_worker_is_killed_in_the_middle_of_a_unit(cluster: Cluster, job: Job) -> None:
    log = Run(cluster, job, wrap(job.lobass.path, job.dir, poison=7, times=1)).ends_with(0)
    assert log.count("failed: the worker ended with exit code 137") == 1
    job.check()
    commits = [json.loads(commit.read_text()) for commit in job.work.glob("commits/nll-*/00007.json")]
    assert sorted(commit["attempt"] for commit in commits) == [1, 2], "under one model it was the second try"


def test_an_actor_is_killed(slow: Run) -> None:
    worker, actor = min(slow.until_half().items())
    kill(actor)
    slow.wait_for("the end of its worker", lambda: not Path(f"/proc/{worker}").exists())
    slow.ends_with(0)
    slow.job.check()


def test_a_node_is_killed(slow: Run) -> None:
    slow.until_half()
    slow.cluster.kill_node("127.0.0.3")
    slow.ends_with(0)
    slow.job.check()


def test_the_driver_is_killed(slow: Run) -> None:
    workers = slow.until_half()
    kill(slow.driver.pid)
    slow.driver.wait()
    n_done = slow.job.n_done()
    started = time.monotonic()
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() - started < 30, "workers outlive their driver"
        time.sleep(0.05)
    assert not list(slow.job.work.glob("attempts/*/*")), "a worker that lost its driver gives its unit back"
    n_left = len(slow.job.pending()["units"])
    assert 0 < n_left <= 20 - n_done
    slow.start()
    assert slow.ends_with(0).count(": committed:") <= 20
    slow.job.check()


def test_a_poisoned_shard(cluster: Cluster, job: Job) -> None:
    poisoned = wrap(job.lobass.path, job.dir, poison=3)
    log = Run(cluster, job, poisoned).ends_with(1)
    assert log.count("failed: the worker ended with exit code 137") == 6
    assert [model["quarantined"] for model in job.models()] == [[3], [3]]
    # Told so, and without the poison, the job ends like any other.
    job.lobass.run("worker", "--work", job.work, "--retry-quarantined", "--world", "1", "--rank", "0")
    job.check()


def test_a_worker_that_refuses_ends_the_run(cluster: Cluster, job: Job) -> None:
    log = Run(cluster, job, job.lobass.path, "--device", "wgpu").ends_with(2)
    assert "error: the worker on" in log
    assert job.n_done() == 0
    no_plan = Run(cluster, job, job.lobass.path, "--work", str(job.dir / "elsewhere"))
    assert "expected a work directory with a plan" in no_plan.ends_with(2)
