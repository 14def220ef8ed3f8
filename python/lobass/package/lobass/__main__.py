"""The whole command line: ``lobass``, or ``python -m lobass``."""

import signal
import sys

from . import _lobass
from ._caller import PROGRAM


def main() -> int:
    """Run the command line of this process, and give its exit code."""
    # Python would note an interrupt, and act on it when the command has ended.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _lobass.main(PROGRAM, ["lobass", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
