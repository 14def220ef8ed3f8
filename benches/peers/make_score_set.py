"""Writes what the scoring benchmark runs on: token sequences of four workloads, and what they were made of.

    python make_score_set.py --data alpaca.json --out DIR

* `alpaca.json`: rows under the Alpaca template; the response and its end token are scored; 32k tokens
* `small.json`: the same rows for a small model, with 8k tokens
* `chat.json`: conversations of two turns under one system prompt, the reply scored; 32k tokens
* `uniform.json`: tokens drawn uniformly, all of them scored but the first

Both vocabularies are byte-level BPEs trained here on the rows, so that nobody's tokenizer is needed. Without
`--data` the rows are made of invented words, in the lengths of Alpaca's. A sequence is `{input_ids, scored}`,
where `scored` lists half-open ranges of tokens. `about.json` says what the rows were.
"""

import argparse
import itertools
import json
import math
import pathlib
import random
import sys

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

SEED = 13008
BOS, EOS, IM_START, IM_END = 1, 2, 3, 4  # the first two as `make_model.py` has them
SPECIAL_TOKENS = ["<pad>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]
VOCABULARY, SMALL_VOCABULARY = 32768, 8192
MAX_TOKENS = 2048  # the positions that m25 has
SYSTEM_TOKENS = 300
CHAT_ROWS = 256
UNIFORM_ROWS, UNIFORM_TOKENS = 8, 512

# Of Stanford's Alpaca, https://github.com/tatsu-lab/stanford_alpaca.
BEGINNING = "Below is an instruction that describes a task"
REQUEST = "Write a response that appropriately completes the request.\n\n"
WITHOUT_INPUT = BEGINNING + ". " + REQUEST + "### Instruction:\n{instruction}\n\n### Response:\n"
WITH_INPUT = (
    BEGINNING + ", paired with an input that provides further context. " + REQUEST
    + "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
)  # fmt: skip

# Of words in a field of Alpaca: mean and deviation of the logarithm of their number, and the most of them.
LENGTHS = dict(instruction=(2.25, 0.33, 70), input=(1.81, 0.96, 260), output=(3.15, 1.33, 500))
INPUT_SHARE = 0.4  # of the rows
GENERATED_ROWS = 9000
N_WORDS = 50_000


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, metavar="FILE", help="Alpaca rows, a JSON array")
    parser.add_argument("--out", type=pathlib.Path, metavar="DIR", required=True)
    return parser.parse_args()


def read_rows(path):
    rows = json.loads(path.read_text())
    for at, row in enumerate(rows):
        if not all(isinstance(row.get(field), str) for field in LENGTHS):
            sys.exit(f"{path}, row {at}: expected the texts {', '.join(LENGTHS)}, found {sorted(row)}")
    return rows


def generated_rows():
    """Rows that resemble Alpaca's in their lengths and in how often words come back, and in nothing else."""
    generator = random.Random(SEED)
    syllables = [first + vowel for first in "bcdfghjklmnprstvwz" for vowel in ("a", "e", "i", "o", "u", "ai")]
    words = {"".join(generator.choices(syllables, k=generator.randint(1, 5))): None for _ in range(2 * N_WORDS)}
    words = list(words)[:N_WORDS]
    frequencies = list(itertools.accumulate(1 / (rank + 2.7) for rank in range(len(words))))  # Zipf, Mandelbrot

    def text(field):
        mean, deviation, most = LENGTHS[field]
        count = min(max(round(math.exp(generator.gauss(mean, deviation))), 1), most)
        return " ".join(generator.choices(words, cum_weights=frequencies, k=count)).capitalize() + "."

    def row():
        has_input = generator.random() < INPUT_SHARE
        fields = [field for field in LENGTHS if has_input or field != "input"]
        return dict(input="") | {field: text(field) for field in fields}

    return [row() for _ in range(GENERATED_ROWS)]


def prompt_of(row):
    return (WITH_INPUT if row["input"] else WITHOUT_INPUT).format(**row)


def train_tokenizer(rows, vocabulary):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=SPECIAL_TOKENS, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    tokenizer.train_from_iterator((prompt_of(row) + row["output"] for row in rows), trainer)
    if tokenizer.get_vocab_size() != vocabulary:
        sys.exit(f"expected rows that make {vocabulary} tokens, found rows for {tokenizer.get_vocab_size()}")
    tokenizer.encode_special_tokens = True  # a row that says `<s>` says so in letters
    return lambda text: tokenizer.encode(text).ids


def alpaca_sequence(row, encode):
    prompt = [BOS, *encode(prompt_of(row))]
    response = [*encode(row["output"]), EOS]
    return sequence(prompt, response)


def chat_sequence(row, system, encode):
    user = row["instruction"] + ("\n" + row["input"] if row["input"] else "")
    prompt = [BOS]
    for role, content in [("system", system), ("user", encode(user))]:
        prompt += [IM_START, *encode(role + "\n"), *content, IM_END, *encode("\n")]
    prompt += [IM_START, *encode("assistant\n")]
    return sequence(prompt, [*encode(row["output"]), IM_END])


def sequence(prompt, response):
    return dict(input_ids=prompt + response, scored=[[len(prompt), len(prompt) + len(response)]])


def system_prompt(rows, encode):
    """Text that no conversation has: the last replies. That it is shared matters, and not what it says."""
    ids = encode("\n".join(row["output"] for row in rows[-50:]))
    if len(ids) < SYSTEM_TOKENS:
        sys.exit(f"expected {SYSTEM_TOKENS} tokens in the replies of the last 50 rows, found {len(ids)}")
    return ids[:SYSTEM_TOKENS]


def uniform_sequences():
    generator = random.Random(SEED)
    first = len(SPECIAL_TOKENS)
    ids = [generator.choices(range(first, VOCABULARY), k=UNIFORM_TOKENS) for _ in range(UNIFORM_ROWS)]
    return [dict(input_ids=row, scored=[[1, UNIFORM_TOKENS]]) for row in ids]


def workloads(rows):
    encode, encode_small = (train_tokenizer(rows, vocabulary) for vocabulary in (VOCABULARY, SMALL_VOCABULARY))
    system = system_prompt(rows, encode)
    return dict(
        alpaca=[alpaca_sequence(row, encode) for row in rows],
        small=[alpaca_sequence(row, encode_small) for row in rows],
        chat=[chat_sequence(row, system, encode) for row in rows[:CHAT_ROWS]],
        uniform=uniform_sequences(),
    )  # fmt: skip


def main():
    args = parse()
    rows = read_rows(args.data) if args.data else generated_rows()
    args.out.mkdir(parents=True, exist_ok=True)
    for name, sequences in workloads(rows).items():
        longest = max(len(one["input_ids"]) for one in sequences)
        if longest > MAX_TOKENS:
            sys.exit(f"{name}: expected rows of at most {MAX_TOKENS} tokens, found one of {longest}")
        (args.out / f"{name}.json").write_text(json.dumps(sequences) + "\n")
    about = dict(source=args.data.name if args.data else "generated", rows=len(rows))
    (args.out / "about.json").write_text(json.dumps(about) + "\n")


if __name__ == "__main__":
    main()
