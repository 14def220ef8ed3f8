"""`lobass-ray`: the command line. Results go to standard output, everything else to standard error."""

import argparse
import itertools
import subprocess
import sys

import ray
import ray.data
import ray.exceptions

from lobass_ray.driver import FAILED, UNFINISHED, score
from lobass_ray.worker import Receipt, WorkerError

EXIT_CODES = """\
exit codes:
  0    done
  1    done, but units were given up; `lobass seal --allow-quarantined N` goes without them
  2    not done, and trying again will not help
  75   not done; run it again
"""


def parser() -> argparse.ArgumentParser:
    """Of the command line."""
    parser = argparse.ArgumentParser(
        prog="lobass-ray",
        description="Has the units of a lobass job done by the workers of a Ray cluster.",
        usage="lobass-ray --work PLACE [options] [-- arguments of lobass worker]",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--work", required=True, metavar="PLACE", help="the work directory: one that all nodes see, or s3://..")
    add("--job", metavar="ID", help="the job, if there are several")
    add("--lobass", default="lobass", metavar="PATH", help="the binary on each node [default: lobass]")
    add("--num-workers", type=_positive, metavar="N", help="[default: as many as there are GPUs for]")
    add("--num-gpus", type=float, default=1, metavar="X", help="GPUs of a worker; 0 is a worker a node [default: 1]")
    add("--device", metavar="DEVICE", help="as `lobass worker` has it [default: the first of the planned kind]")
    add("--max-attempts", type=_count, default=3, metavar="N", help="give up a unit then; 0 is never [default: 3]")
    add("--address", metavar="HOST:PORT", help="of the cluster [default: $RAY_ADDRESS, or the one of this machine]")
    add("worker_args", nargs="*", metavar="ARG", help="behind --: more for `lobass worker`, such as --base DIR")
    return parser


def main() -> int:
    args = parser().parse_args()
    ray.init(address=args.address)
    ray.data.DataContext.get_current().enable_progress_bars = False  # A line for each unit is ours.
    numbers = itertools.count(1)
    try:
        summary = score(
            args.work,
            lobass=args.lobass,
            num_workers=args.num_workers,
            num_gpus=args.num_gpus,
            device=args.device,
            job=args.job,
            max_attempts=args.max_attempts,
            worker_args=args.worker_args,
            report=lambda receipt: say(next(numbers), receipt),
        )
    except (WorkerError, OSError) as error:
        return fail(error, FAILED)
    except subprocess.CalledProcessError as error:  # It has said why.
        return FAILED if error.returncode == FAILED else UNFINISHED
    except ray.exceptions.RayError as error:
        return fail(error, UNFINISHED)
    for failure in summary.failures:
        print(f"open: {failure['model']}, shard {failure['shard']}: {failure['error']}", file=sys.stderr)
    print(
        f"job {summary.job}: {summary.n_done} of {summary.n_units} units done, {summary.n_quarantined} given up, "
        f"{summary.n_tokens} tokens in {summary.seconds:.1f} s"
    )
    return summary.exit_code


def say(number: int, receipt: Receipt) -> None:
    """A line for a unit that ended."""
    what = receipt["error"] or f"{receipt['n_rows']} rows, {receipt['n_tokens']} tokens"
    unit = f"{receipt['model']}, shard {receipt['shard']}: {receipt['state']}"
    print(f"{number:6} {unit}: {what} in {receipt['seconds']:.1f} s on {receipt['node']}", file=sys.stderr, flush=True)


def fail(error: Exception, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a number, found `{text}`")
    return int(text)


def _positive(text: str) -> int:
    if _count(text) == 0:
        raise argparse.ArgumentTypeError("expected at least 1")
    return int(text)
