"""Writes the weights of a LLaMA checkpoint as a GGUF file, without a tokenizer.

    python gguf_of.py --checkpoint DIR --out DIR/model.gguf

Weights keep their number format. Norms are f32, as llama.cpp wants them.
"""

import argparse
import json
import pathlib

import gguf
import numpy as np
import torch
from safetensors import safe_open

NAMES = dict(
    input_layernorm="attn_norm", post_attention_layernorm="ffn_norm", q_proj="attn_q", k_proj="attn_k",
    v_proj="attn_v", o_proj="attn_output", gate_proj="ffn_gate", up_proj="ffn_up", down_proj="ffn_down",
)  # fmt: skip


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=pathlib.Path, metavar="DIR", required=True)
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE", required=True)
    return parser.parse_args()


def name_of(name):
    """What GGUF calls a tensor."""
    top = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
    if name in top:
        return top[name]
    _, _, layer, *_, kind, _ = name.split(".")
    return f"blk.{layer}.{NAMES[kind]}.weight"


def interleaved(weight, n_heads):
    """Rows of each head in the order of llama.cpp's rotation: pairs beside each other instead of halves."""
    rows, columns = weight.shape
    return weight.reshape(n_heads, 2, rows // n_heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def tensor_of(name, weight, config):
    """Its values, in bytes if NumPy has no such format, and their format."""
    heads = dict(q_proj=config["num_attention_heads"], k_proj=config["num_key_value_heads"])
    kind = name.split(".")[-2]
    if kind in heads:
        weight = interleaved(weight, heads[kind])
    if weight.dtype == torch.bfloat16 and weight.ndim > 1:
        return weight.contiguous().view(torch.uint8).numpy(), gguf.GGMLQuantizationType.BF16
    return np.ascontiguousarray(weight.float().numpy()), gguf.GGMLQuantizationType.F32


def write_config(writer, config):
    heads = config["num_attention_heads"]
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(config["hidden_size"] // heads)
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("no_vocab")


def main():
    args = parse()
    config = json.loads((args.checkpoint / "config.json").read_text())
    writer = gguf.GGUFWriter(args.out, "llama")
    write_config(writer, config)
    with safe_open(args.checkpoint / "model.safetensors", "pt") as file:
        for name in file.keys():
            if name == "lm_head.weight":
                continue  # the embeddings are the head as well
            values, kind = tensor_of(name, file.get_tensor(name), config)
            writer.add_tensor(name_of(name), values, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
