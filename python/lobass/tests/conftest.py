"""The demo's checkpoint and pool, and a reference for it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
ASSETS = ROOT / "crates" / "lobass-demo" / "assets"

Row = dict[str, Any]


@pytest.fixture(scope="session")
def base() -> Path:
    return ASSETS / "base"


@pytest.fixture(scope="session")
def pool() -> list[Row]:
    with open(ASSETS / "pool.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.fixture(scope="session")
def rows(pool: list[Row]) -> list[Row]:
    """A few rows: enough for a budget."""
    return pool[:48]


@pytest.fixture(scope="session")
def command() -> Callable[..., Any]:
    """Runs the command line of the wheel, and gives what it prints as JSON."""

    def run(*arguments: object, code: int = 0) -> Any:
        line = [sys.executable, "-m", "lobass", *map(str, arguments), "--format", "json", "--quiet"]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def data(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same rows in a file: these lines of the demo's pool."""
    path = tmp_path_factory.mktemp("data") / "rows.jsonl"
    with open(ASSETS / "pool.jsonl", encoding="utf-8") as file:
        path.write_text("".join(next(file) for _ in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def reference(base: Path, data: Path, command: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("reference") / "tuned"
    command("train", "--model", base, "--data", data, "--out", out, "--batch-size", 4)
    return out
