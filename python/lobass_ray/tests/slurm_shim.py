"""Stands in for `sbatch`, `srun`, and `scontrol`: runs the tasks of an array in turn, and puts them back when asked.

`link` makes the three commands; `$SHIM_KILL` says what to kill, such as `1=USR1,2=KILL`: the first try of part
1 is sent SIGUSR1, as Slurm sends it before a time limit, and that of part 2 SIGKILL.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = ("sbatch", "srun", "scontrol")


def link(dir: Path) -> None:
    for name in COMMANDS:
        script = dir / name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).absolute()} {name} "$@"\n')
        script.chmod(0o755)


def sbatch(args: list[str]) -> int:
    """Runs every task of an array to its end; the result of each attempt goes to `$SHIM_DIR/log`."""
    array = next(arg for arg in args if arg.startswith("--array=")).removeprefix("--array=")
    for index in expand(array.partition("%")[0]):
        restarts = 0
        while True:
            env = {**os.environ, "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": str(index)}
            env |= {"SLURM_JOB_ID": str(8 + index), "SLURM_RESTART_COUNT": str(restarts)}
            code = subprocess.run(["bash", args[-1]], env=env).returncode
            with state("log").open("a") as log:
                print(index, restarts, code, file=log)
            if not state(f"7_{index}").exists():
                break
            state(f"7_{index}").unlink()
            restarts += 1
    return 0


def srun(args: list[str]) -> int:
    """Runs a command and gives its exit code as Slurm does; kills what is to be killed once it has done a unit."""
    kills = dict(pair.split("=") for pair in os.environ.get("SHIM_KILL", "").split(",") if pair)
    name = kills.get(os.environ["SLURM_ARRAY_TASK_ID"])
    commits = n_commits()
    child = subprocess.Popen([arg for arg in args[:1] if not arg.startswith("--cpus-per-task=")] + args[1:])
    if name and os.environ["SLURM_RESTART_COUNT"] == "0":
        while child.poll() is None and n_commits() == commits:
            time.sleep(0.001)
        child.send_signal(signal.Signals[f"SIG{name}"])
    code = child.wait()
    return 128 - code if code < 0 else code


def scontrol(args: list[str]) -> int:
    assert args[0] == "requeue", args
    state(args[1]).touch()
    return 0


def n_commits() -> int:
    return len(list(Path(os.environ["WORK"]).glob("commits/nll-*/*.json")))


def state(name: str) -> Path:
    return Path(os.environ["SHIM_DIR"]) / name


def expand(array: str) -> list[int]:
    """`0-2,5` to numbers."""
    runs = [run.split("-") for run in array.split(",")]
    return [index for run in runs for index in range(int(run[0]), int(run[-1]) + 1)]


if __name__ == "__main__":
    sys.exit({"sbatch": sbatch, "srun": srun, "scontrol": scontrol}[sys.argv[1]](sys.argv[2:]))
