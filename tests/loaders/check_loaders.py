#!/usr/bin/env python3
"""Selections of lobass in the hands of those who train on them: their own loaders, on what lobass writes.

    python tests/loaders/check_loaders.py --lobass target/debug/lobass --with datasets trl llamafactory axolotl

Needs `lobass`, and what is named: `pip install datasets`, `trl`, `llamafactory`,
`axolotl`. The checkpoint and the pool are those
that `lobass demo` ships, put into four formats. Of each, 40 rows are scored, 12 are selected, and then

* datasets: `load_dataset` has exactly the rows that the index of the selection names, in the order of the input;
* trl: `SFTTrainer` prepares them with its own code, and takes a step; each prepared row holds the row's reply;
* llamafactory: `get_dataset` with an entry of `dataset_info.json`; what it scores is each row's reply;
* axolotl: `get_dataset_wrapper` with an entry of `datasets:`; what it scores is each row's reply.

Nothing is downloaded. The exit code is 0 if all of it held.
"""

import argparse
import importlib.metadata
import json
import os
import subprocess
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

ROWS, SELECTED = 40, 12


def pairs(assets: Path):
    """Question and answer of the first rows of the shipped pool."""
    lines = (assets / "pool.jsonl").read_text().splitlines()[:ROWS]
    return [(row["question"], row["answer"]) for row in map(json.loads, lines)]


def alpaca(rows, path):
    path = path.with_suffix(".json")
    path.write_text(json.dumps([{"instruction": q, "input": "", "output": a} for q, a in rows], indent=2))
    return path


def messages(rows, path):
    path = path.with_suffix(".jsonl")
    turns = [[{"role": "user", "content": q}, {"role": "assistant", "content": a}] for q, a in rows]
    path.write_text("".join(json.dumps({"messages": t}) + "\n" for t in turns))
    return path


def sharegpt(rows, path):
    path = path.with_suffix(".jsonl")
    turns = [[{"from": "human", "value": q}, {"from": "gpt", "value": a}] for q, a in rows]
    path.write_text("".join(json.dumps({"conversations": t}) + "\n" for t in turns))
    return path


def parquet(rows, path):
    import pyarrow
    import pyarrow.parquet

    path = path.with_suffix(".parquet")
    table = {"prompt": [q for q, _ in rows], "completion": [a for _, a in rows]}
    pyarrow.parquet.write_table(pyarrow.table(table), path)
    return path


FORMATS = {"alpaca": alpaca, "messages": messages, "sharegpt": sharegpt, "parquet": parquet}


def select(lobass, base, rows, name, folder):
    """Scores and selects; gives the selected file, and the rows that it should hold."""
    pool = FORMATS[name](rows, folder / name)
    table, out = folder / f"{name}.scores.parquet", folder / f"selected-{name}{pool.suffix}"
    index = folder / f"{name}.index.jsonl"
    run = lambda *words: subprocess.run([lobass, *map(str, words), "--quiet"], check=True, stdout=subprocess.DEVNULL)
    run("score", "--base", base, "--data", pool, "--out", table)
    run("select", "--scores", table, "--strategy", "perplexity-middle", "--budget", SELECTED, "--out", out, "--index", index)
    chosen = sorted(json.loads(line)["row"] for line in index.read_text().splitlines())
    assert len(chosen) == SELECTED, chosen
    return out, [rows[at] for at in chosen]


def pair_of(name, row):
    """The question and the answer of a loaded row."""
    match name:
        case "alpaca":
            return row["instruction"], row["output"]
        case "messages":
            return tuple(turn["content"] for turn in row["messages"])
        case "sharegpt":
            return tuple(turn["value"] for turn in row["conversations"])
        case "parquet":
            return row["prompt"], row["completion"]


def load(path):
    from datasets import load_dataset

    kind = "parquet" if path.suffix == ".parquet" else "json"
    return load_dataset(kind, data_files=str(path), split="train", cache_dir=str(path.parent / "cache"))


def check_datasets(name, path, expected, base, folder):
    rows = load(path)
    assert [pair_of(name, row) for row in rows] == expected, f"{name}: other rows than were selected"


def check_trl(name, path, expected, base, folder):
    from trl import SFTConfig, SFTTrainer

    rows = load(path)
    if name == "alpaca":  # TRL's own documentation has it so: a prompt and a completion
        rows = rows.map(lambda row: {"prompt": row["instruction"], "completion": row["output"]}, remove_columns=rows.column_names)
    if name == "sharegpt":
        from trl import maybe_convert_to_chatml

        rows = rows.map(maybe_convert_to_chatml, remove_columns=["conversations"])
    config = SFTConfig(
        output_dir=str(folder / f"trl-{name}"), max_steps=1, per_device_train_batch_size=4, report_to=[], use_cpu=True,
        completion_only_loss=None, save_strategy="no", logging_steps=1, bf16=False, gradient_checkpointing=False,
    )
    trainer = SFTTrainer(model=str(base), args=config, train_dataset=rows)
    prepared = trainer.train_dataset
    assert len(prepared) == len(expected)
    for row, (_, answer) in zip(prepared, expected, strict=True):
        text = trainer.processing_class.decode(list(row["input_ids"]))
        assert answer in text, f"{name}: {answer!r} is not in {text!r}"
        if name in ("alpaca", "parquet"):  # a prompt and a completion: only that is trained on
            scored = trainer.processing_class.decode([i for i in row["labels"] if i >= 0], skip_special_tokens=True)
            assert scored.strip() == answer, f"{name}: {scored!r} is scored, the reply is {answer!r}"
    loss = trainer.train().training_loss
    assert loss == loss and loss > 0, loss


def check_llamafactory(name, path, expected, base, folder):
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.hparams import get_train_args
    from transformers import AutoTokenizer

    entry = {"file_name": path.name}
    if name == "parquet":
        entry["columns"] = {"prompt": "prompt", "response": "completion"}
    if name == "messages":
        entry |= {"formatting": "sharegpt", "columns": {"messages": "messages"}}
        entry["tags"] = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    if name == "sharegpt":
        entry["formatting"] = "sharegpt"
    (folder / "dataset_info.json").write_text(json.dumps({"selected": entry}))
    told = {
        "model_name_or_path": str(base), "stage": "sft", "do_train": True, "finetuning_type": "full", "template": "alpaca",
        "dataset": "selected", "dataset_dir": str(folder), "cutoff_len": 512, "output_dir": str(folder / f"lf-{name}"),
        "overwrite_cache": True, "report_to": "none", "use_cpu": True, "bf16": False,
    }
    model_args, data_args, training_args, _, _ = get_train_args(told)
    tokenizer = {"tokenizer": AutoTokenizer.from_pretrained(base, padding_side="right"), "processor": None}
    template = get_template_and_fix_tokenizer(tokenizer["tokenizer"], data_args)
    rows = get_dataset(template, model_args, data_args, training_args, stage="sft", **tokenizer)["train_dataset"]
    assert len(rows) == len(expected)
    for row, (_, answer) in zip(rows, expected, strict=True):
        scored = tokenizer["tokenizer"].decode([label for label in row["labels"] if label >= 0], skip_special_tokens=True)
        assert scored.strip() == answer, f"{name}: {scored!r} is scored, the reply is {answer!r}"


def check_axolotl(name, path, expected, base, folder):
    from axolotl.utils.data.wrappers import get_dataset_wrapper
    from axolotl.utils.dict import DictDefault
    from transformers import AutoTokenizer

    # Entries of `datasets:` in an axolotl config, as docs/guides/trainers.md has them.
    chat = {"type": "chat_template", "chat_template": "tokenizer_default"}
    turns = {"field_messages": "conversations", "message_property_mappings": {"role": "from", "content": "value"}}
    pair = {"field_instruction": "prompt", "field_output": "completion", "no_input_format": "{instruction}\n"}
    entry = {
        "alpaca": {"type": "alpaca"},
        "messages": chat | {"field_messages": "messages"},
        "sharegpt": chat | turns,
        "parquet": {"type": pair},
    }[name]
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    config = DictDefault({"sequence_len": 512, "train_on_inputs": False, "dataset_num_proc": 1})
    entry = DictDefault(entry | {"path": str(path)})
    kind = entry.type if isinstance(entry.type, str) else None
    rows, _ = get_dataset_wrapper(entry, tokenizer, config, kind, load(path))
    assert len(rows) == len(expected)
    for row, (_, answer) in zip(rows, expected, strict=True):
        scored = tokenizer.decode([label for label in row["labels"] if label >= 0], skip_special_tokens=True)
        assert scored.strip() == answer, f"{name}: {scored!r} is scored, the reply is {answer!r}"


CHECKS = {"axolotl": check_axolotl, "datasets": check_datasets, "trl": check_trl, "llamafactory": check_llamafactory}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lobass", default="lobass", help="the binary")
    parser.add_argument("--with", dest="loaders", nargs="+", choices=CHECKS, default=["datasets"], help="whose loaders")
    told = parser.parse_args()
    lobass = str(Path(told.lobass).absolute()) if "/" in told.lobass else told.lobass
    assets = Path(__file__).resolve().parents[2] / "crates/lobass-demo/assets"
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        rows = pairs(assets)
        for name in FORMATS:
            path, expected = select(lobass, assets / "base", rows, name, folder)
            for loader in told.loaders:
                CHECKS[loader](name, path, expected, assets / "base", folder)
                print(f"{name:10} {loader} {importlib.metadata.version(loader)}: {len(expected)} rows", flush=True)


if __name__ == "__main__":
    main()
