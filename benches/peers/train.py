"""Trains with transformers (and PEFT) as fast as we know how, and writes how fast that was: what lobass is held to.

    python train.py --checkpoint DIR --sequences FILE --method full --steps 6 --threads 2 --out result.json

A comparison with a careless loop says nothing, so this one leaves out work wherever that changes no number:

* the sequences of a global batch are sorted by length and cut into micro-batches of at most `--micro-batch-tokens`
  tokens with padding; padding is on the right, so that a causal model needs no mask, and sdpa takes its fast path;
* the head runs on the hidden states of scored positions only;
* AdamW is PyTorch's fused one; nothing is checkpointed unless one asks;
* with `--autocast`, mixed precision is PyTorch's own: products in bfloat16, losses, weights, and AdamW in float32.

The loss is the sum over scored tokens divided by their number in the *global* batch. Step i takes the sequences
[i * batch_size, (i + 1) * batch_size) of the file, so that both sides see the same. Step 0 is a real step, but a
warm-up: its time is reported, and is in no rate. `make_model.py` makes what this reads.
"""

import argparse
import json
import pathlib
import resource
import sys
import time

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

MAX_GRAD_NORM = 1.0
DTYPES = dict(float32=torch.float32, bfloat16=torch.bfloat16)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=pathlib.Path, metavar="DIR", required=True)
    parser.add_argument("--sequences", type=pathlib.Path, metavar="FILE", required=True, help="a list of {input_ids, scored}")
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE", required=True)
    parser.add_argument("--method", choices=["full", "lora"], default="full")
    parser.add_argument("--adapter", type=pathlib.Path, metavar="DIR", help="to begin with, instead of a new one")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--alpha", type=int, default=32)
    parser.add_argument("--target-modules", default="q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj")
    parser.add_argument("--learning-rate", type=float, default=2e-5, help="constant")
    parser.add_argument("--weight-decay", type=float, default=0.0)
    parser.add_argument("--batch-size", type=int, default=16, help="sequences of an optimizer step")
    parser.add_argument("--micro-batch-tokens", type=int, default=2048, help="with padding")
    parser.add_argument("--steps", type=int, default=6, help="with the warm-up, which is the first")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=13008)
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="of the checkpoint's weights; a new adapter is float32")
    parser.add_argument("--autocast", action="store_true", help="products in bfloat16, over weights of the dtype above")
    parser.add_argument("--checkpointing", action="store_true", help="trade time for memory")
    return parser.parse_args()


def with_adapter(model, args):
    if args.adapter:
        return PeftModel.from_pretrained(model, args.adapter, is_trainable=True)
    options = LoraConfig(
        r=args.rank, lora_alpha=args.alpha, target_modules=args.target_modules.split(","), lora_dropout=0.0,
        task_type="CAUSAL_LM",
    )  # fmt: skip
    return get_peft_model(model, options)


def load(args):
    """The causal LM; with LoRA its layers are replaced in place, so it can be called as if nothing had happened."""
    model = AutoModelForCausalLM.from_pretrained(args.checkpoint, dtype=DTYPES[args.dtype], attn_implementation="sdpa")
    model.config.use_cache = False
    if args.method == "lora":
        model = with_adapter(model, args).get_base_model()
    if args.checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=dict(use_reentrant=False))
    return model.train()


def cut(batch, micro_batch_tokens):
    """Micro-batches of similar lengths, the longest first, so that memory is at its peak in the beginning."""
    result = []
    for sequence in sorted(batch, key=lambda sequence: -len(sequence["input_ids"])):
        longest = len(result[-1][0]["input_ids"]) if result else 0
        if not result or longest * (len(result[-1]) + 1) > micro_batch_tokens:
            result.append([])
        result[-1].append(sequence)
    return result


def padded(lists):
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(one, dtype=torch.long) for one in lists], batch_first=True)


def summed_loss(model, sequences):
    """What is right of a token does not reach it, so padding on the right needs no mask, only to be left out."""
    ids = padded([sequence["input_ids"] for sequence in sequences])
    scored = padded([sequence["scored"] for sequence in sequences]).bool()[:, 1:]
    hidden = model.model(input_ids=ids).last_hidden_state[:, :-1][scored]
    logits = model.lm_head(hidden).float()
    return torch.nn.functional.cross_entropy(logits, ids[:, 1:][scored], reduction="sum")


def count_scored(batch):
    return sum(sum(sequence["scored"][1:]) for sequence in batch)


def train_step(model, optimizer, batch, args):
    n_scored = count_scored(batch)
    total = 0.0
    for sequences in cut(batch, args.micro_batch_tokens):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.autocast):
            loss = summed_loss(model, sequences) / n_scored
        loss.backward()
        total += loss.item()
    norm = torch.nn.utils.clip_grad_norm_((g for group in optimizer.param_groups for g in group["params"]), MAX_GRAD_NORM)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return total, norm.item()


def run(model, batches, args):
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=args.learning_rate, weight_decay=args.weight_decay, fused=True)
    steps = []
    for batch in batches:
        begin = time.perf_counter()
        loss, norm = train_step(model, optimizer, batch, args)
        seconds = time.perf_counter() - begin
        tokens = sum(len(sequence["input_ids"]) for sequence in batch)
        steps.append(dict(loss=loss, grad_norm=norm, tokens=tokens, scored_tokens=count_scored(batch), seconds=seconds))
        print(f"loss {loss:.5f}  norm {norm:.4f}  {tokens} tokens  {seconds:.3f} s", file=sys.stderr)
    return steps


def read_batches(args):
    sequences = json.loads(args.sequences.read_text())
    needed = args.steps * args.batch_size
    if args.steps < 2 or len(sequences) < needed:
        sys.exit(f"expected at least 2 steps and {needed} sequences, found {args.steps} and {len(sequences)}")
    return [sequences[at : at + args.batch_size] for at in range(0, needed, args.batch_size)]


def peak_rss_bytes():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def summary(model, steps, args):
    timed = steps[1:]
    seconds = sum(step["seconds"] for step in timed)
    paths = ["checkpoint", "sequences", "adapter", "out"]
    settings = {name: value for name, value in vars(args).items() if name not in paths}
    return dict(
        settings=settings, torch=torch.__version__, transformers=transformers.__version__, peft=peft.__version__,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        trainable=sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad),
        tokens_per_second=sum(step["tokens"] for step in timed) / seconds, seconds=seconds,
        peak_rss_bytes=peak_rss_bytes(), losses=[step["loss"] for step in steps], steps=steps,
    )  # fmt: skip


def main():
    args = parse()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    batches = read_batches(args)
    model = load(args)
    result = summary(model, run(model, batches, args), args)
    args.out.write_text(json.dumps(result, indent=2) + "\n")
    print(f"{result['tokens_per_second']:.0f} tokens/s, {result['peak_rss_bytes'] / 2**20:.0f} MiB at most")


if __name__ == "__main__":
    main()
