"""Trainings and comparisons are those of the command."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lobass
import pyarrow
import pytest

Row = dict[str, Any]


def test_a_reference_is_that_of_the_command(
    rows: list[Row], base: Path, reference: Path, tmp_path: Path
) -> None:
    seen: list[tuple[str, int, int]] = []
    out = tmp_path / "tuned"
    report = lobass.train(rows, base, out, batch_size=4, progress=lambda *at: seen.append(at))
    assert (out / "model.safetensors").read_bytes() == (reference / "model.safetensors").read_bytes()
    assert report["n_rows"] == 48 and report["n_skipped"] == 0
    assert report["outcome"]["n_steps"] == 12
    assert seen[-1] == ("train", 12, 12)
    # What is trained is not trained again, and other settings are refused.
    assert lobass.train(rows, base, out, batch_size=4, progress=False) == report
    with pytest.raises(lobass.LobassError, match="batch_size"):
        lobass.train(rows, base, out, batch_size=8, progress=False)


def test_an_adapter_with_settings_of_its_own(rows: list[Row], base: Path, tmp_path: Path) -> None:
    out = tmp_path / "adapter"
    lobass.train(
        *(pyarrow.Table.from_pylist(rows), base, out),
        method="lora",
        lora={"rank": 4, "alpha": 8},
        options={"schedule": "linear"},
        batch_size=16,
        progress=False,
    )
    config = json.loads((out / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"]) == (4, 8)
    table = lobass.score(rows, base, adapter=out, progress=False)
    assert [model["role"] for model in table.manifest["models"]] == ["base", "reference"]
    with pytest.raises(ValueError, match="unknown field `ranks`"):
        lobass.train(rows, base, tmp_path / "x", method="lora", lora={"ranks": 4}, progress=False)
    with pytest.raises(ValueError, match="need `--method lora`"):
        lobass.train(rows, base, tmp_path / "x", lora={"rank": 4}, progress=False)


def test_little_memory_trains_the_same_adapter(rows: list[Row], base: Path, tmp_path: Path) -> None:
    def train(out: str, **limit: Any) -> bytes:
        how = {"method": "lora", "batch_size": 16, "threads": 1, "progress": False, **limit}
        lobass.train(rows, base, tmp_path / out, **how)
        return (tmp_path / out / "adapter_model.safetensors").read_bytes()

    assert train("limited", memory="1GiB") == train("free")
    with pytest.raises(lobass.LobassError, match="expected a limit on memory of at least"):
        train("small", memory="1MiB")
    with pytest.raises(lobass.LobassError, match="`--method lora` trains an adapter"):
        train("full", method="full", memory="1GiB")


def test_an_adapter_of_a_rounded_base(
    rows: list[Row], base: Path, data: Path, command: Callable[..., Any], tmp_path: Path
) -> None:
    out = tmp_path / "adapter"
    settings: dict[str, Any] = {"method": "lora", "batch_size": 16, "learning_rate": 1e-2, "lora": {"rank": 4}}
    lobass.train(rows, base, out, **settings, quantize_base="nf4", progress=False)
    record = json.loads((out / "lobass-training.json").read_text())
    assert record["rounding"] == "nf4"
    # All linear modules of the layers, by their names.
    assert len(record["adapter"]["target_modules"]) == 7
    with pytest.raises(lobass.LobassError, match="trained on, rounded to nf4, found a base that is not rounded"):
        lobass.score(rows, base, adapter=out, progress=False)
    table = lobass.score(rows, base, adapter=out, quantize_base="nf4", progress=False)
    assert [model["rounding"] for model in table.manifest["models"]] == ["nf4", "nf4"]
    scores = tmp_path / "scores.parquet"
    command(
        *("score", "--base", base, "--adapter", out, "--quantize-base", "nf4", "--data", data, "--out", scores)
    )
    assert lobass.ScoreTable.load(scores).to_list() == table.to_list()
    with pytest.raises(lobass.LobassError, match="--method lora"):
        lobass.train(rows, base, tmp_path / "x", quantize_base="nf4", progress=False)
    with pytest.raises(ValueError, match="expected nf4 or nf4-single, found `nf3`"):
        lobass.score(rows, base, quantize_base="nf3", progress=False)  # type: ignore[arg-type]


def test_pairs_have_a_beta_and_held_out_losses_an_interval(rows: list[Row], base: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--beta.* needs"):
        lobass.train(rows, base, tmp_path / "x", beta=0.2, progress=False)
    pairs = [{"prompt": row["question"], "chosen": row["answer"], "rejected": "no"} for row in rows]
    out = tmp_path / "dpo"
    report = lobass.train(
        pairs, base, out, objective="dpo", beta=0.2, batch_size=8, eval_rows=8, eval_every=2, progress=False
    )
    assert json.loads((out / "lobass-training.json").read_text())["dpo"]["beta"] == 0.2
    assert report["outcome"]["held_out_after"] is not None


def test_a_comparison_is_that_of_the_command(
    pool: list[Row], base: Path, reference: Path, command: Callable[..., Any], tmp_path: Path
) -> None:
    rows, held_out = pool[:48], pool[200:230]
    held_out = [{**row, "wrong": ["none of them", "and not this"]} for row in held_out]
    table = lobass.score(rows, base, reference, progress=False)
    found = lobass.compare(
        *(table, base, tmp_path / "compared"),
        strategies=["lobass", "longest"],
        budget="25%",
        eval=held_out,
        seeds=1,
        match="epochs",
        wrong_responses="wrong",
        resamples=100,
        train={"batch_size": 8},
        progress=False,
    )
    names = {"full", "zero-shot", "random", "lobass", "longest"}
    assert {arm["strategy"] for arm in found["arms"]} == names
    assert (tmp_path / "compared" / "results.md").exists()

    for name, some in (("rows", rows), ("held-out", held_out)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in some), encoding="utf-8")
    scores = tmp_path / "scores.parquet"
    command(
        *("score", "--base", base, "--reference", reference, "--data", tmp_path / "rows.jsonl", "--out", scores)
    )
    printed = command(
        *("compare", "--scores", scores, "--base", base, "--strategy", "lobass", "longest", "--budget", "25%"),
        *("--eval", tmp_path / "held-out.jsonl", "--seeds", 1, "--match", "epochs", "--resamples", 100),
        *("--wrong-responses", "wrong", "--batch-size", 8, "--out", tmp_path / "printed"),
    )
    losses = lambda report: {  # noqa: E731
        arm["strategy"]: [(source["loss"]["value"], source["choice"]["value"]) for source in arm["results"]]
        for arm in report["arms"]
    }
    assert losses(found) == losses(printed)

    # A table that outlives its rows needs them again.
    saved = table.save(tmp_path / "saved.parquet")
    with pytest.raises(lobass.LobassError, match="give them with `rows`"):
        lobass.compare(saved, base, tmp_path / "x", eval=held_out, progress=False)
