"""A planned job on the demo's model, the digest it has to end with, and ways to drive it."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster import Cluster

ROOT = Path(__file__).parents[3]
ASSETS = ROOT / "crates/lobass-demo/assets"
os.environ["NO_COLOR"] = "1"


class Lobass:
    """The binary under test."""

    def __init__(self, path: str) -> None:
        self.path = path

    def run(self, *args: str | Path, code: int = 0) -> str:
        ended = subprocess.run([self.path, *map(str, args)], capture_output=True, text=True, timeout=120)
        assert ended.returncode == code, f"{args}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def json(self, *args: str | Path, code: int = 0) -> Any:
        return json.loads(self.run(*args, "--format", "json", code=code))


class Job:
    """A separate work directory for a test, with all rows tokenized and nothing scored."""

    def __init__(self, lobass: Lobass, dir: Path, digest: str) -> None:
        self.lobass, self.dir, self.digest = lobass, dir, digest
        self.work = dir / "work"

    def pending(self) -> Any:
        return self.lobass.json("pending", "--work", self.work)

    def models(self) -> Any:
        (job,) = self.lobass.json("status", "--work", self.work)["jobs"]
        return job["models"]

    def n_done(self) -> int:
        """Counted by names, so that it costs nothing to ask."""
        return sum(len(os.listdir(stage)) for stage in (self.work / "commits").glob("nll-*"))

    def check(self) -> None:
        """Everything is done, once, and the numbers are those of a single process."""
        sealed = self.lobass.json("seal", "--work", self.work, "--out", self.dir / "scores.parquet")
        assert sealed["manifest"]["digest"] == self.digest
        for model in self.models():
            assert model["n_done"] == model["n_units"]
            assert model["differing"] == []


@pytest.fixture(scope="session")
def lobass() -> Lobass:
    path = shutil.which(os.environ.get("LOBASS", "lobass"))
    assert path, "no binary of lobass: set LOBASS to one, as `cargo xtask schedulers` does"
    return Lobass(str(Path(path).absolute()))


def plan(lobass: Lobass, dir: Path, n_times: int = 1) -> tuple[Path, str]:
    """Plans a job on the demo's pool, so many times over; its work directory, and the digest of a single process."""
    lines = (ASSETS / "pool.jsonl").read_text().splitlines(keepends=True)
    (dir / "small.jsonl").write_text("".join(lines[:64]))
    copies = [line.replace('"question":"', f'"question":"{copy} times, ') for copy in range(n_times) for line in lines]
    (dir / "pool.jsonl").write_text("".join(copies))
    data: list[str | Path] = ["--data", dir / "pool.jsonl"]
    models: list[str | Path] = ["--base", ASSETS / "base", "--reference", dir / "reference"]
    train: list[str | Path] = ["--model", ASSETS / "base", "--data", dir / "small.jsonl", "--out", dir / "reference"]
    lobass.run("train", *train, "--batch-size", "16", "--learning-rate", "1e-3", "--quiet")
    whole = lobass.json("score", *models, *data, "--out", dir / "whole.parquet")
    lobass.run("plan", *models, *data, "--work", dir / "work")
    return dir / "work", whole["manifest"]["digest"]


@pytest.fixture(scope="session")
def planned(lobass: Lobass, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return plan(lobass, tmp_path_factory.mktemp("planned"))


@pytest.fixture
def job(lobass: Lobass, planned: tuple[Path, str], tmp_path: Path) -> Job:
    work, digest = planned
    shutil.copytree(work, tmp_path / "work")
    return Job(lobass, tmp_path, digest)


@pytest.fixture(scope="session")
def _cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def cluster(_cluster: Cluster) -> Cluster:
    """Two nodes that live, whatever the test before did to them."""
    _cluster.start()
    return _cluster
