"""A program that stands between an actor and its worker, to make it slow or to let a shard kill it.

`wrap` writes one that can be given as `lobass`; what it is to do is written into it, since actors have the environment
of their node, and no other.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn


def wrap(lobass: str, dir: Path, *, delay: float = 0.0, poison: int | None = None, times: int = 99) -> str:
    """Takes `delay` seconds before each unit; the shard `poison` kills its worker in the middle, so many times."""
    script = dir / "lobass"
    settings: dict[str, object] = {"lobass": lobass, "delay": delay, "poison": poison, "times": times}
    settings["work"] = str(dir / "work")
    lines = [f"#!{sys.executable}", "import sys", f"sys.path.insert(0, {str(Path(__file__).parent)!r})"]
    lines += ["import between", f"between.main(sys.argv[1:], **{settings!r})"]
    script.write_text("\n".join(lines) + "\n")
    script.chmod(0o755)
    return str(script)


def main(args: list[str], *, lobass: str, delay: float, poison: int | None, times: int, work: str) -> NoReturn:
    child = subprocess.Popen([lobass, *args], stdin=subprocess.PIPE if args[0] == "worker" else None)

    def pass_on() -> None:
        assert child.stdin is not None
        for line in sys.stdin.buffer:
            time.sleep(delay)
            marks = len(attempts(work, json.loads(line)["shard"]))
            if json.loads(line)["shard"] == poison and marks < times:
                threading.Thread(target=kill_when_begun, args=(child, work, poison, marks), daemon=True).start()
            child.stdin.write(line)
            child.stdin.flush()
        child.stdin.close()

    if child.stdin:
        threading.Thread(target=pass_on, daemon=True).start()
    code = child.wait()
    # Not by returning: the thread holds standard input, which Python would wait for.
    os._exit(128 - code if code < 0 else code)


def attempts(work: str, shard: int) -> list[Path]:
    return list(Path(work).glob(f"attempts/*/{shard:05}.[0-9]"))  # And none that is still being written.


def kill_when_begun(child: "subprocess.Popen[bytes]", work: str, shard: int, marks: int) -> None:
    while child.poll() is None and len(attempts(work, shard)) == marks:
        time.sleep(0.0005)
    child.kill()
