"""Scores what `gpu-bench score` has scored, with transformers or vLLM, and prints the ratio of both.

    python peer.py transformers --config 7b.json --sequences sequences.json --ours lobass.json --out peer.json

Weights are random and made on the card, and no tokenizer is needed. With transformers, sequences are sorted by length
and padded on the right, where a causal model needs no mask, batches have a budget of tokens, and the head runs on the
hidden states of scored positions only. vLLM is asked for the log-probabilities of its prompts, and for one more token,
since it generates at least one. The first round is a warm-up; of the others the fastest counts.
"""

import argparse
import json
import pathlib
import shutil
import tempfile
import time

HEAD_ROWS = 2048


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--config", type=pathlib.Path, metavar="FILE", required=True, help="the shape: a config.json")
    parser.add_argument("--sequences", type=pathlib.Path, metavar="FILE", required=True, help="a list of {input_ids, n_scored}")
    parser.add_argument("--ours", type=pathlib.Path, metavar="FILE", required=True, help="what gpu-bench wrote")
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE", required=True)
    parser.add_argument("--device", default="cuda", help="of transformers")
    parser.add_argument("--batch-tokens", type=int, default=16384, help="with padding")
    parser.add_argument("--seconds", type=float, default=30.0, help="begin no round after this long")
    return parser.parse_args()


def cut(sequences, batch_tokens):
    """Batches of similar lengths, the longest first, so that memory is at its peak in the beginning."""
    batches = []
    for sequence in sorted(sequences, key=lambda sequence: -len(sequence["input_ids"])):
        if not batches or len(batches[-1][0]["input_ids"]) * (len(batches[-1]) + 1) > batch_tokens:
            batches.append([])
        batches[-1].append(sequence)
    return batches


def transformers_round(args, sequences):
    """A function that scores everything once."""
    import torch
    from torch.nn.functional import cross_entropy
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(args.config)
    with torch.device(args.device):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16, attn_implementation="sdpa").eval()
    model.config.use_cache = False

    def padded(tensors):
        return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True).to(args.device)

    def batch_sum(batch):
        ids = padded([torch.tensor(sequence["input_ids"]) for sequence in batch])
        lengths = [(len(sequence["input_ids"]), sequence["n_scored"]) for sequence in batch]
        scored = padded([torch.arange(length) >= length - count for length, count in lengths])[:, 1:]
        hidden = model.model(input_ids=ids).last_hidden_state[:, :-1][scored]
        chunks = zip(hidden.split(HEAD_ROWS), ids[:, 1:][scored].split(HEAD_ROWS))
        return sum(cross_entropy(model.lm_head(rows).float(), labels, reduction="sum") for rows, labels in chunks)

    @torch.inference_mode()
    def score():
        return sum(batch_sum(batch) for batch in cut(sequences, args.batch_tokens)).item()

    return score


def vllm_round(args, sequences):
    """A function that scores everything once."""
    from vllm import LLM, SamplingParams

    directory = tempfile.mkdtemp()
    shutil.copy(args.config, pathlib.Path(directory) / "config.json")
    longest = max(len(sequence["input_ids"]) for sequence in sequences)
    model = LLM(
        model=directory, skip_tokenizer_init=True, load_format="dummy", dtype="bfloat16", max_model_len=longest + 1,
        enable_prefix_caching=False,
    )  # fmt: skip
    prompts = [dict(prompt_token_ids=sequence["input_ids"]) for sequence in sequences]
    parameters = SamplingParams(max_tokens=1, prompt_logprobs=0, detokenize=False)

    def score():
        total = 0.0
        for sequence, output in zip(sequences, model.generate(prompts, parameters, use_tqdm=False)):
            scored = output.prompt_logprobs[len(sequence["input_ids"]) - sequence["n_scored"] :]
            total -= sum(next(iter(token.values())).logprob for token in scored)
        return total

    return score


PEERS = dict(transformers=transformers_round, vllm=vllm_round)


def fastest(score, limit):
    score()
    seconds, begin = [], time.perf_counter()
    while not seconds or time.perf_counter() - begin < limit:
        start = time.perf_counter()
        score()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main():
    args = parse()
    sequences = json.loads(args.sequences.read_text())
    n_tokens = sum(len(sequence["input_ids"]) for sequence in sequences)
    rate = n_tokens / fastest(PEERS[args.peer](args, sequences), args.seconds)
    ours = json.loads(args.ours.read_text())["tokens_per_second"]
    args.out.write_text(json.dumps(dict(peer=args.peer, tokens_per_second=rate, ours_over_peer=ours / rate)) + "\n")
    print(f"{args.peer}: {rate:.0f} tokens/s; lobass has {ours / rate:.2f} times as many")


if __name__ == "__main__":
    main()
