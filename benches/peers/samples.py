"""What sides of `cargo xtask bench generate-peers` that are written in Python share.

A side draws new tokens after prompts: `draw(prompts, new_tokens, is_greedy)` gives a row of them for each prompt.
"""

import argparse
import json
import pathlib
import time

from peak import peak_rss_bytes

WARM_UP_PROMPTS = 2
WARM_UP_TOKENS = 2


def parse(description, model, dtypes):
    """The arguments; `model` is the name of the one for the weights."""
    parser = argparse.ArgumentParser(description=description)
    for name in [model, "prompts", "out"]:
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    for name in ["new-tokens", "batch", "threads"]:
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--dtype", choices=dtypes, required=True)
    return parser.parse_args()


def read_prompts(args):
    """All prompts, as token ids, the shortest first."""
    return sorted(json.loads(args.prompts.read_text()), key=len)


def batches(prompts, args):
    return [prompts[at : at + args.batch] for at in range(0, len(prompts), args.batch)]


def measure(args, prompts, draw, versions):
    """Times the drawing of all samples, and writes the result."""
    # The most likely next tokens say whether it is the same model.
    likeliest = [row[0] for row in draw(prompts, 1, True)]
    draw(prompts[:WARM_UP_PROMPTS], WARM_UP_TOKENS, False)
    begin = time.perf_counter()
    n_tokens = sum(map(len, draw(prompts, args.new_tokens, False)))
    seconds = time.perf_counter() - begin
    result = versions | dict(
        tokens_per_second=n_tokens / seconds, seconds=seconds, new_tokens=n_tokens, likeliest=likeliest,
        peak_rss_bytes=peak_rss_bytes(),
    )  # fmt: skip
    args.out.write_text(json.dumps(result))
    print(f"{n_tokens / seconds:.0f} new tokens/s")
