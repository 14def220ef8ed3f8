"""Widens a model of a GGUF file to a checkpoint in f32, so that others compute with the very same weights.

    python widen.py --gguf model.gguf --out DIR
"""

import argparse
import pathlib

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gguf", type=pathlib.Path, metavar="FILE", required=True)
    parser.add_argument("--out", type=pathlib.Path, metavar="DIR", required=True)
    return parser.parse_args()


def main():
    args = parse()
    source = dict(pretrained_model_name_or_path=args.gguf.parent, gguf_file=args.gguf.name)
    model = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    # The weights are plain now. A model that says it is quantized cannot be saved as such.
    del model.config.quantization_config
    model.is_quantized, model.hf_quantizer, model.quantization_method = False, None, None
    model.save_pretrained(args.out)
    AutoTokenizer.from_pretrained(**source).save_pretrained(args.out)


if __name__ == "__main__":
    main()
