"""Writes what the peer benchmark runs on: a random checkpoint of a known shape, an adapter for it, and sequences.

    python make_model.py --shape m25 --out DIR --adapter DIR --sequences FILE

Both sides read the same files, so that they differ in nothing but how they compute. How long a step takes does not
depend on what the weights are, only on how many there are, so nobody's model is needed. `m25` is the model of
`benches/support.rs`; `m135`, `qwen05`, and `qwen15` have the shapes of SmolLM-135M, Qwen2.5-0.5B, and Qwen2.5-1.5B. `toy`
is so small that the costs of rows show beside it.

The adapter is as PEFT begins it: A random, B zero. Lengths of sequences are log-normal, as Alpaca's are.
"""

import argparse
import json
import math
import pathlib
import random

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

SHAPES = {
    "toy": ("llama", dict(
        hidden_size=64, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, intermediate_size=192,
        vocab_size=2048, max_position_embeddings=2048,
    )),
    "m25": ("llama", dict(
        hidden_size=384, num_hidden_layers=8, num_attention_heads=6, num_key_value_heads=2, intermediate_size=1024,
        vocab_size=8192, max_position_embeddings=2048,
    )),
    "m135": ("llama", dict(
        hidden_size=576, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3, intermediate_size=1536,
        vocab_size=49152, max_position_embeddings=8192, rms_norm_eps=1e-5,
        rope_parameters=dict(rope_type="default", rope_theta=100000.0),
    )),
    "qwen05": ("qwen2", dict(
        hidden_size=896, num_hidden_layers=24, num_attention_heads=14, num_key_value_heads=2, intermediate_size=4864,
        vocab_size=151936, max_position_embeddings=32768,
        rope_parameters=dict(rope_type="default", rope_theta=1000000.0),
    )),
    "qwen15": ("qwen2", dict(
        hidden_size=1536, num_hidden_layers=28, num_attention_heads=12, num_key_value_heads=2, intermediate_size=8960,
        vocab_size=151936, max_position_embeddings=32768,
        rope_parameters=dict(rope_type="default", rope_theta=1000000.0),
    )),
}  # fmt: skip
MEDIAN_LENGTH = 80
SPREAD = 0.6  # standard deviation of the logarithm of the length


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parser.add_argument("--vocab-size", type=int, metavar="N", help="instead of the shape's own")
    parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="where to write the checkpoint")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32", help="of the checkpoint")
    parser.add_argument("--adapter", type=pathlib.Path, metavar="DIR", help="where to write a LoRA adapter")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--alpha", type=int, default=32)
    parser.add_argument("--target-modules", default="q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj")
    parser.add_argument("--sequences", type=pathlib.Path, metavar="FILE", help="where to write sequences")
    parser.add_argument("--count", type=int, default=512)
    parser.add_argument("--min-length", type=int, default=16)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--scored-share", type=float, default=0.6, help="of each sequence, at its end")
    parser.add_argument("--seed", type=int, default=13008)
    return parser.parse_args()


def shape_of(args):
    """The kind of model and its options."""
    kind, options = SHAPES[args.shape]
    return kind, options | (dict(vocab_size=args.vocab_size) if args.vocab_size else {})


def make_model(args):
    """In whatever number format it is kept, the weights are drawn in f32."""
    kind, options = shape_of(args)
    config = AutoConfig.for_model(kind, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, **options)
    torch.manual_seed(args.seed)
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32).to(getattr(torch, args.dtype))


def write_adapter(model, args):
    torch.manual_seed(args.seed + 1)
    options = LoraConfig(
        r=args.rank, lora_alpha=args.alpha, target_modules=args.target_modules.split(","), lora_dropout=0.0,
        task_type="CAUSAL_LM",
    )  # fmt: skip
    get_peft_model(model, options).save_pretrained(args.adapter, save_embedding_layers=False)
    (args.adapter / "README.md").unlink()


def draw_length(generator, args):
    length = round(math.exp(generator.gauss(math.log(MEDIAN_LENGTH), SPREAD)))
    return min(max(length, args.min_length), args.max_length)


def draw_sequence(generator, vocab, args):
    length = draw_length(generator, args)
    n_scored = min(max(round(length * args.scored_share), 1), length - 1)
    ids = [generator.randrange(3, vocab) for _ in range(length)]
    return dict(input_ids=ids, scored=[position >= length - n_scored for position in range(length)])


def write_sequences(args):
    generator = random.Random(args.seed)
    vocab = shape_of(args)[1]["vocab_size"]
    sequences = [draw_sequence(generator, vocab, args) for _ in range(args.count)]
    args.sequences.write_text(json.dumps(sequences) + "\n")


def main():
    args = parse()
    if args.sequences:
        write_sequences(args)
    if args.out or args.adapter:
        model = make_model(args)
        print(f"{args.shape}: {model.num_parameters():,} parameters")
    if args.out:
        model.save_pretrained(args.out)
    if args.adapter:
        write_adapter(model, args)


if __name__ == "__main__":
    main()
