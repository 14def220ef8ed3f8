"""`deploy/slurm.sbatch` on a real Slurm: a controller and two nodes on the loopback, with an imaginary GPU each.

No part of the usual tests, since it wants root and Slurm (Debian: slurmctld, slurmd, slurm-client, munge), and takes
its time: `LOBASS=.. pytest -s tests/slurm_real.py`.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster import kill, processes
from conftest import ROOT, Job, Lobass, plan

WORLD = 4
CONF = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# Credentials that live as long decide how long Slurm waits before it starts again what went back to the queue.
AuthInfo=socket={dir}/munge.socket,cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={dir}/state
SlurmdSpoolDir={dir}/%n
SlurmctldPidFile={dir}/ctld.pid
SlurmdPidFile={dir}/%n.pid
SlurmctldLogFile={dir}/ctld.log
SlurmdLogFile={dir}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
ReturnToService=2
SlurmdTimeout=10
MinJobAge=2
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={port1} CPUs=1 RealMemory=1000 Gres=gpu:1
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={port2} CPUs=1 RealMemory=1000 Gres=gpu:1
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=60
"""
GRES = "NodeName=n1 Name=gpu File=/dev/null\nNodeName=n2 Name=gpu File=/dev/zero\n"


class Slurm:
    """A munged, a slurmctld, and two slurmd of our own."""

    def __init__(self) -> None:
        self.dir = Path(tempfile.mkdtemp(prefix="slurm"))
        self.dir.chmod(0o755)
        self.mark = f"LOBASS_SLURM_TEST={self.dir.name}"
        self.env = {**os.environ, "SLURM_CONF": f"{self.dir}/slurm.conf", **dict([self.mark.split("=")])}
        (self.dir / "state").mkdir()
        ports = dict(zip(("port", "port1", "port2"), free_ports(3), strict=True))
        host = socket.gethostname().partition(".")[0]
        (self.dir / "slurm.conf").write_text(CONF.format(dir=self.dir, host=host, **ports))
        (self.dir / "gres.conf").write_text(GRES)
        (self.dir / "munge.key").write_bytes(os.urandom(128))
        (self.dir / "munge.key").chmod(0o400)

    def start(self) -> None:
        d = self.dir
        munge = [f"--socket={d}/munge.socket", f"--key-file={d}/munge.key", f"--log-file={d}/munge.log"]
        self.spawn("munged", "--foreground", "--force", *munge, f"--pid-file={d}/munge.pid", f"--seed-file={d}/seed")
        wait_for("munged", lambda: (d / "munge.socket").exists())
        self.spawn("slurmctld", "-D")
        self.start_node("n1")
        self.start_node("n2")
        wait_for("two idle nodes", lambda: self.ask("sinfo", "-h", "-o", "%D %t").split() == ["2", "idle"])

    def start_node(self, name: str) -> None:
        self.spawn("slurmd", "-D", "-N", name)

    def spawn(self, program: str, *args: str) -> None:
        path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/usr/bin")
        assert path, f"{program} is not installed"
        with (self.dir / f"{program}.out").open("ab") as out:
            subprocess.Popen([path, *args], env=self.env, stdout=out, stderr=out, stdin=subprocess.DEVNULL)

    def ask(self, *line: str) -> str:
        return subprocess.run(line, env=self.env, capture_output=True, text=True).stdout

    def queue(self) -> dict[str, str]:
        """The state, and the reason for it, of each task."""
        lines = self.ask("squeue", "-h", "-r", "-o", "%K %T %r").splitlines()
        return {line.split()[0]: line.partition(" ")[2] for line in lines}

    def running(self) -> set[str]:
        return {index for index, state in self.queue().items() if state.startswith("RUNNING")}

    def worker(self, index: str) -> int | None:
        """The `lobass worker` of a task."""
        task = processes(f"SLURM_ARRAY_TASK_ID={index}\0".encode())
        ours = [pid for pid, (_, command) in task.items() if "lobass worker " in command and "srun" not in command]
        return next((pid for pid in ours if pid in processes(self.mark.encode())), None)

    def kill_node(self, name: str) -> None:
        """SIGKILL to a slurmd, and to what it runs, as when a machine loses its power."""
        ours = processes(self.mark.encode())
        doomed = {pid for pid, (_, command) in ours.items() if f"slurmd -D -N {name}" in command}
        spool = [pid for pid in processes(f"SLURMD_NODENAME={name}\0".encode()) if pid in ours]
        steps = {ours[pid][0] for pid in spool if "slurmstepd" in ours.get(ours[pid][0], (0, ""))[1]}
        for pid in [*doomed, *steps, *spool]:
            kill(pid)

    def stop(self) -> None:
        while ours := processes(self.mark.encode()):
            for pid in set(ours) - {os.getpid()}:
                kill(pid)
            time.sleep(0.05)


def free_ports(n: int) -> list[int]:
    sockets = [socket.socket() for _ in range(n)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_for(what: str, is_so: Callable[[], object], seconds: float = 60) -> None:
    started = time.monotonic()
    while not is_so():
        assert time.monotonic() - started < seconds, what
        time.sleep(0.1)


@pytest.fixture
def slurm() -> Iterator[Slurm]:
    slurm = Slurm()
    try:
        slurm.start()
        yield slurm
    except BaseException:
        for log in [*slurm.dir.glob("*.log"), *slurm.dir.glob("*.out")]:
            print(f"==> {log.name}", *log.read_text(errors="replace").splitlines()[-25:], sep="\n")
        raise
    finally:
        slurm.stop()
        shutil.rmtree(slurm.dir, ignore_errors=True)


def test_tasks_and_a_node_are_killed(slurm: Slurm, lobass: Lobass, tmp_path: Path) -> None:
    work, digest = plan(lobass, tmp_path, n_times=10)
    job = Job(lobass, tmp_path, digest)
    n_units = len(job.pending()["units"])
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/lobass").symlink_to(lobass.path)
    env = {**slurm.env, "WORK": str(work), "WORLD": str(WORLD), "AT_ONCE": "2", "LOBASS": f"{tmp_path}/bin/lobass"}
    log = tmp_path / "log"

    def submit() -> str:
        options = ["--mem=100", "--cpus-per-task=1", "--time=10", f"--output={log}-%a", f"--chdir={tmp_path}"]
        line = ["bash", str(ROOT / "deploy/slurm.sbatch"), *options]
        ended = subprocess.run(line, env=env, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def said(index: int, what: str) -> bool:
        path = Path(f"{log}-{index}")
        return path.exists() and what in path.read_text()

    started = time.monotonic()
    number = submit().split()[-1]
    wait_for("two parts at work", lambda: slurm.worker("0") and slurm.worker("1") and job.n_done() >= 4)
    worker = slurm.worker("1")
    assert worker
    os.kill(worker, signal.SIGKILL)
    slurm.ask("scancel", "--signal=USR1", f"{number}_0")  # To what `srun` started, as `#SBATCH --signal` does.
    wait_for("the end of part 0", lambda: said(0, "part 0 ended with 75; once more"))
    wait_for("the end of part 1", lambda: said(1, "part 1 ended with 137; once more"))
    print(f"{job.n_done()} of {n_units} units, two tasks ended:", slurm.queue())

    wait_for("another part on node n2", lambda: slurm.ask("squeue", "-h", "-w", "n2", "-t", "R"))
    wait_for("its worker", lambda: any(slurm.worker(index) for index in slurm.running()))
    n_done = job.n_done()
    wait_for("more units", lambda: job.n_done() > n_done)
    slurm.kill_node("n2")
    print(f"{job.n_done()} of {n_units} units, node n2 is gone:", slurm.queue())
    wait_for("a node that is down", lambda: "down" in slurm.ask("sinfo", "-h", "-n", "n2", "-o", "%t"))
    slurm.start_node("n2")

    def over() -> bool:
        """Slurm holds a task whose start failed; it waits for a person then."""
        return all("held" in state for state in slurm.queue().values())

    wait_for("the end of the array", over, seconds=240)
    print(f"{job.n_done()} of {n_units} units after {time.monotonic() - started:.0f} s:", slurm.queue())
    slurm.ask("scancel", number)
    for _ in range(3):
        said_now = submit()
        print(said_now.strip())
        if "nothing is left to do" in said_now:
            break
        wait_for("the end of the rest", lambda: not slurm.queue(), seconds=120)
    assert job.n_done() == n_units
    job.check()
    print(f"the digest is that of one process, after {time.monotonic() - started:.0f} s")
