"""What is in `deploy/`: read as a cluster reads it, and run here, without one."""

import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import slurm_shim
import yaml
from conftest import ROOT, Job

from lobass_ray.cli import parser

DEPLOY = ROOT / "deploy"
WORLD = 4


@pytest.fixture
def env(job: Job, tmp_path: Path) -> dict[str, str]:
    """The binary under test as `lobass` on the PATH, beside whatever a test puts there."""
    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "lobass").symlink_to(job.lobass.path)
    env = {name: value for name, value in os.environ.items() if name != "LOBASS"}
    return {**env, "PATH": f"{bin}:{env['PATH']}"}


def indexed_job() -> Any:
    return yaml.safe_load((DEPLOY / "k8s-indexed-job.yaml").read_text())


def test_the_indexed_job_is_what_kubernetes_demands() -> None:
    spec = indexed_job()["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert (spec["completionMode"], pod["restartPolicy"]) == ("Indexed", "Never")
    assert {"name": "WORLD", "value": str(spec["completions"])} in container["env"]
    assert spec["parallelism"] <= spec["completions"]
    rules = spec["podFailurePolicy"]["rules"]
    assert rules[0] == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    assert rules[1]["action"] == "FailIndex"
    assert rules[1]["onExitCodes"]["containerName"] == container["name"]
    assert spec["backoffLimitPerIndex"] > 0, "FailIndex needs it"


def test_the_indexed_job_here(job: Job, planned: tuple[Path, str], env: dict[str, str]) -> None:
    spec = indexed_job()["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    base = ROOT / "crates/lobass-demo/assets/base"
    values = {"WORK": job.work, "WORLD": WORLD, "BASE": base, "REFERENCE": planned[0].parent / "reference"}
    assert values.keys() == {variable["name"] for variable in container["env"]}
    words = [*container["command"], *container["args"]]
    line = [re.sub(r"\$\((\w+)\)", lambda found: str(values[found[1]]), word) for word in words]
    hopeless = spec["podFailurePolicy"]["rules"][1]["onExitCodes"]["values"]
    codes = []
    for index in range(WORLD):
        for attempt in range(1 + spec["backoffLimitPerIndex"]):
            pod = subprocess.Popen(line, env={**env, "JOB_COMPLETION_INDEX": str(index)}, stdout=subprocess.DEVNULL)
            if (index, attempt) in {(1, 0), (2, 0)}:
                before = job.n_done()
                while job.n_done() == before:
                    assert pod.poll() is None, "it ended before it could be killed"
                    time.sleep(0.001)
                pod.send_signal(signal.SIGKILL if index == 1 else signal.SIGTERM)
            codes.append((index, pod.wait(60)))
            assert pod.returncode not in hopeless
            if pod.returncode == 0:
                break
    assert codes == [(0, 0), (1, -9), (1, 0), (2, 143), (2, 0), (3, 0)]
    job.check()


def test_the_ray_job_says_what_the_driver_understands() -> None:
    job = yaml.safe_load((DEPLOY / "rayjob.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    program, *args = shlex.split(job["spec"]["entrypoint"])
    assert program == "lobass-ray"
    parsed = parser().parse_args(args)
    cluster = job["spec"]["rayClusterSpec"]
    (group,) = cluster["workerGroupSpecs"]
    assert parsed.num_workers == group["replicas"] == group["maxReplicas"]
    assert parsed.worker_args == ["--base", "/models/base", "--reference", "/models/reference"]
    (head,) = cluster["headGroupSpec"]["template"]["spec"]["containers"]
    (worker,) = group["template"]["spec"]["containers"]
    assert head["image"] == worker["image"]
    assert head["envFrom"] == worker["envFrom"]
    assert head["resources"]["limits"] == head["resources"]["requests"]
    assert worker["resources"]["limits"]["nvidia.com/gpu"] == 1


def test_the_slurm_script_under_a_shim(job: Job, env: dict[str, str], tmp_path: Path) -> None:
    slurm_shim.link(tmp_path / "bin")
    env |= {"WORK": str(job.work), "WORLD": str(WORLD), "SHIM_DIR": str(tmp_path), "SHIM_KILL": "1=USR1,2=KILL"}

    def submit(**more: str) -> str:
        line = ["bash", str(DEPLOY / "slurm.sbatch")]
        ended = subprocess.run(line, env={**env, **more}, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    # Without retries, what was killed is left, and the same line goes on with that alone.
    submit(RETRIES="0")
    log = tmp_path / "log"
    assert log.read_text().splitlines() == ["0 0 0", "1 0 75", "2 0 137", "3 0 0"]
    assert job.lobass.run("pending", "--work", job.work, "--world", str(WORLD)).strip() == "1-2"
    log.unlink()
    submit()
    assert log.read_text().splitlines() == ["1 0 75", "1 1 0", "2 0 137", "2 1 0"]
    assert "nothing is left to do" in submit()
    job.check()


def test_the_slurm_script_gives_up(job: Job, env: dict[str, str], tmp_path: Path) -> None:
    slurm_shim.link(tmp_path / "bin")
    (tmp_path / "bin/lobass").unlink()
    lobass = tmp_path / "bin/lobass"
    lobass.write_text(f'#!/bin/sh\n[ "$1" = worker ] && exit $CODE\nexec {job.lobass.path} "$@"\n')
    lobass.chmod(0o755)
    env |= {"WORK": str(job.work), "WORLD": "1", "SHIM_DIR": str(tmp_path), "RETRIES": "2"}
    for code, tries in [(75, 3), (137, 3), (1, 1), (2, 1), (143, 1)]:
        log = tmp_path / "log"
        log.unlink(missing_ok=True)
        subprocess.run(["bash", str(DEPLOY / "slurm.sbatch")], env={**env, "CODE": str(code)}, check=True)
        assert log.read_text().splitlines() == [f"0 {restart} {code}" for restart in range(tries)]
