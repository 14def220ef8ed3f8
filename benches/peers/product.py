"""Times single products of torch, in f32 or bf16: what the products of lobass are held to.

    python product.py --shapes 1024x576x1536 1024x1536x576 --dtype bfloat16 --threads 2 --out result.json

A shape is rows, inputs, and outputs. Weights lie as a checkpoint has them, `[outputs, inputs]`. Products in bf16 are
also timed with activations that come in f32 and results that go there, as those of lobass do.
"""

import argparse
import json
import math
import pathlib
import time

import torch

SECONDS = 0.4  # for which a product is repeated


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", nargs="+", required=True, metavar="ROWSxINPUTSxOUTPUTS")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE", required=True)
    return parser.parse_args()


@torch.inference_mode()
def fastest(rows, inputs, outputs, dtype, is_from_f32):
    """The seconds of the fastest time of a product."""
    x = torch.randn(rows, inputs).to(torch.float32 if is_from_f32 else dtype)
    w = torch.randn(outputs, inputs).to(dtype)

    def once():
        begin = time.perf_counter()
        y = torch.nn.functional.linear(x.to(dtype), w)
        if is_from_f32:
            y.float()
        return time.perf_counter() - begin

    once()
    begin = time.perf_counter()
    best = min(once(), once())
    while time.perf_counter() - begin < SECONDS:
        best = min(best, once())
    return best


def main():
    args = parse()
    torch.set_num_threads(args.threads)
    shapes = [tuple(map(int, shape.split("x"))) for shape in args.shapes]

    def rates_of(is_from_f32):
        dtype = getattr(torch, args.dtype)
        return [2 * math.prod(shape) / fastest(*shape, dtype, is_from_f32) / 1e9 for shape in shapes]

    rates = rates_of(is_from_f32=False)
    rates_from_f32 = rates if args.dtype == "float32" else rates_of(is_from_f32=True)
    args.out.write_text(
        json.dumps(dict(gflops=rates, gflops_from_f32=rates_from_f32, torch=torch.__version__)) + "\n"
    )
    print([round(rate) for rate in rates], "GFLOP/s")
    print([round(rate) for rate in rates_from_f32], "GFLOP/s from and to f32")


if __name__ == "__main__":
    main()
