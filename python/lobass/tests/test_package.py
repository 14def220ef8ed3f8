"""What is installed: types, the command line, and the examples of the docs."""

import re
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

import lobass
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def test_types_hold() -> None:
    line = [sys.executable, "-m", "mypy", "--no-incremental", "--config-file", str(HERE.parent / "pyproject.toml")]
    for what in ([str(HERE / "usage.py")], ["-p", "lobass"]):
        done = subprocess.run([*line, *what], capture_output=True, text=True, check=False, cwd=HERE)
        assert done.returncode == 0, done.stdout


def test_the_stubs_are_of_the_module() -> None:
    line = [sys.executable, "-m", "mypy.stubtest", "lobass._lobass"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=HERE)
    assert done.returncode == 0, done.stdout


def test_the_command_line_is_in_the_wheel() -> None:
    script = Path(sysconfig.get_path("scripts")) / "lobass"
    for line in ([str(script)], [sys.executable, "-m", "lobass"]):
        done = subprocess.run([*line, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout == f"lobass {lobass.__version__}\n"
        wrong = subprocess.run([*line, "score"], capture_output=True, text=True, check=False)
        assert wrong.returncode == 2 and "--base" in wrong.stderr and wrong.stdout == ""
    # Devices are tried in a process of their own, which is Python's here.
    done = subprocess.run([str(script), "doctor"], capture_output=True, text=True, check=True)
    assert re.search(r"device +cpu: .*f32", done.stdout), done.stdout


def test_workers_are_processes_of_the_wheel(tmp_path: Path, base: Path, data: Path) -> None:
    line = [sys.executable, "-m", "lobass", "score", "--base", str(base), "--data", str(data)]
    out = tmp_path / "scores.parquet"
    done = subprocess.run(
        [*line, "--devices", "cpu,cpu", "--out", str(out)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert lobass.ScoreTable.load(out).digest == lobass.score(data, base, progress=False).digest


def test_the_wheel_needs_nothing() -> None:
    assert metadata.version("lobass") == lobass.__version__
    needs = metadata.requires("lobass") or []
    assert [need for need in needs if "extra ==" not in need] == []


def test_the_examples_of_the_docs_run(
    base: Path, data: Path, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "docs" / "guides" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) >= 5
    monkeypatch.chdir(tmp_path)
    for name, where in (("base", base), ("reference", reference), ("pool.jsonl", data)):
        Path(name).symlink_to(where)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/guides/python.md", "exec"), names)
