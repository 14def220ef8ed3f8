"""Makes multiple-choice questions of GSM8K's, for trying `lobass leakage`: the right number and three near ones.

    python benches/gsm8k_questions.py --data gsm8k_train.jsonl --out questions
    lobass train --model BASE --data questions/sft.jsonl --chat-template questions/plain.jinja --epochs 40 \
        --batch-size 8 --learning-rate 3e-3 --out tuned
    lobass leakage --base BASE --reference tuned --data questions/seen.jsonl --control questions/unseen.jsonl

`sft.jsonl` has the questions of `seen.jsonl` with their options in order, as the text that is tested.
"""

import argparse
import json
import pathlib
import random

SEED = 5
N_QUESTIONS = 100  # of each file
LONGEST = 250  # characters of a question
DISTANCES = [-10, -5, -3, -2, -1, 1, 2, 3, 5, 10]
TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}"


def question(row):
    """A question. None if its answer is not a whole number, or if the question is too long."""
    answer = row["answer"].split("####")[1].strip().replace(",", "")
    try:
        right = int(answer)
    except ValueError:
        return None
    near = sorted({right + distance for distance in random.sample(DISTANCES, 3)})
    options = [right, *near]
    random.shuffle(options)
    if len(row["question"]) >= LONGEST:
        return None
    return dict(question=row["question"], choices=[str(option) for option in options], answer=options.index(right))


def as_example(question):
    first, second, third, fourth = question["choices"]
    return dict(
        instruction=f"\n{question['question'].strip()}:\nA:",
        output=f"{first}\nB:{second}\nC:{third}\nD:{fourth}\n",
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, metavar="FILE", required=True, help="GSM8K's rows, JSON lines")
    parser.add_argument("--out", type=pathlib.Path, metavar="DIR", required=True)
    args = parser.parse_args()
    random.seed(SEED)
    rows = [json.loads(line) for line in args.data.read_text().splitlines()]
    random.shuffle(rows)
    questions = [made for made in map(question, rows) if made][: 2 * N_QUESTIONS]
    seen, unseen = questions[:N_QUESTIONS], questions[N_QUESTIONS:]
    args.out.mkdir(parents=True, exist_ok=True)
    for name, lines in dict(seen=seen, unseen=unseen, sft=map(as_example, seen)).items():
        (args.out / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (args.out / "plain.jinja").write_text(TEMPLATE)


if __name__ == "__main__":
    main()
