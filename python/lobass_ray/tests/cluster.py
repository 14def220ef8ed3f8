"""Two real Ray nodes on the loopback, with one imaginary GPU each."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MARK = "LOBASS_RAY_TEST"
"""In the environment of all that a cluster starts, so that we end what is ours and nothing else."""

DRIVER = [sys.executable, "-m", "lobass_ray"]


def processes(mark: bytes) -> dict[int, tuple[int, str]]:
    """Parent and command line of every process with something in its environment."""
    found = {}
    for proc in Path("/proc").iterdir():
        try:
            if not proc.name.isdigit() or mark not in (proc / "environ").read_bytes():
                continue
            command = (proc / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            parent = (proc / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue  # It has just ended.
        if command:  # A dead one that nobody has asked after has none.
            found[int(proc.name)] = int(parent), command
    return found


class Cluster:
    """A head on 127.0.0.2 and a second node on 127.0.0.3; for 127.0.0.1 Ray would take the machine's own address."""

    def __init__(self) -> None:
        self.dir = tempfile.mkdtemp(prefix="lr")  # Short: Ray puts sockets into it.
        self.mark = f"{MARK}={secrets.token_hex(8)}"
        with socket.socket() as free:
            free.bind(("127.0.0.2", 0))
            self.address = f"127.0.0.2:{free.getsockname()[1]}"
        self.env = {
            **os.environ,
            MARK: self.mark.partition("=")[2],
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_ADDRESS": self.address,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        self.nodes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Starts what does not run: both nodes at first, later a node that was killed."""
        port = self.address.rpartition(":")[2]
        head = ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={self.dir}"]
        self._start("127.0.0.2", head)
        self._start("127.0.0.3", [f"--address={self.address}"])

    def _start(self, ip: str, args: list[str]) -> None:
        if ip in self.nodes and self.nodes[ip].poll() is None:
            return
        size = ["--num-cpus=1", "--num-gpus=1", "--object-store-memory=100000000"]
        line = ["ray", "start", "--block", f"--node-ip-address={ip}", "--disable-usage-stats", *size, *args]
        log = self.log(ip)
        with log.open("wb") as out:
            self.nodes[ip] = subprocess.Popen(line, env=self.env, stdout=out, stderr=out)
        started = time.monotonic()
        while "Ray runtime started" not in log.read_text():
            assert self.nodes[ip].poll() is None, log.read_text()
            assert time.monotonic() - started < 90, log.read_text()
            time.sleep(0.1)

    def log(self, ip: str) -> Path:
        return Path(self.dir, f"{ip}.log")

    def drive(self, *args: str, log: Path) -> subprocess.Popen[bytes]:
        """Starts `lobass-ray`; what it says goes to a file."""
        with log.open("ab") as out:
            return subprocess.Popen([*DRIVER, *args], env=self.env, stdout=out, stderr=out)

    def workers(self, work: Path) -> dict[int, int]:
        """The workers on a work directory, each with the actor that holds it."""
        ours = processes(self.mark.encode())
        line = f" worker --quiet --stop-with-parent --work {work} "
        held = {pid: parent for pid, (parent, command) in ours.items() if line in command}
        # A script between an actor and a worker is the worker, seen from here.
        return {pid: actor for pid, actor in held.items() if actor not in held}

    def children(self, pid: int) -> list[int]:
        return [child for child, (parent, _) in processes(self.mark.encode()).items() if parent == pid]

    def kill_node(self, ip: str) -> None:
        """SIGKILL to a node and to all that it runs."""
        ours, doomed = processes(self.mark.encode()), {self.nodes[ip].pid}
        while more := {pid for pid, (parent, _) in ours.items() if parent in doomed} - doomed:
            doomed |= more
        for pid in doomed:
            kill(pid)
        self.nodes[ip].wait()

    def stop(self) -> None:
        while ours := processes(self.mark.encode()):
            for pid in ours:
                kill(pid)
            for node in self.nodes.values():
                node.poll()
            time.sleep(0.05)
        shutil.rmtree(self.dir, ignore_errors=True)


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
