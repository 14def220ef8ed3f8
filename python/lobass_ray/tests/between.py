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
            if json.loads(line)["shard"] == poison and ticket(Path(work).parent, times):
                before = len(begun(work, poison, child.pid))
                threading.Thread(target=kill_when_begun, args=(child, work, poison, before), daemon=True).start()
            child.stdin.write(line)
            child.stdin.flush()
        child.stdin.close()

    if child.stdin:
        threading.Thread(target=pass_on, daemon=True).start()
    code = child.wait()
    # Not by returning: the thread holds standard input, which Python would wait for.
    os._exit(128 - code if code < 0 else code)


def ticket(dir: Path, times: int) -> bool:
    """Whether another kill is allowed, of so many by all wrappers together."""
    for number in range(times):
        try:
            (dir / f"kill.{number}").touch(exist_ok=False)
            return True
        except FileExistsError:
            pass
    return False


def begun(work: str, shard: int, pid: int) -> list[Path]:
    """The marks of one worker: the same shard may be under way under the other model, in another worker."""
    marks = Path(work).glob(f"attempts/*/{shard:05}.[0-9]")  # And none that is still being written.
    return [mark for mark in marks if is_of(mark, pid)]


def is_of(mark: Path, pid: int) -> bool:
    try:
        return str(json.loads(mark.read_text())["worker"]).endswith(f":{pid}")
    except FileNotFoundError:  # Taken up meanwhile.
        return False


def kill_when_begun(child: "subprocess.Popen[bytes]", work: str, shard: int, before: int) -> None:
    while child.poll() is None and len(begun(work, shard, child.pid)) <= before:
        time.sleep(0.0005)
    child.kill()
