"""Information, regions, sources, and leakage are those of the commands."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import lobass
import pytest

Row = dict[str, Any]
TRAIN: dict[str, Any] = {"batch_size": 8, "epochs": 2, "learning_rate": 1e-3, "progress": False}


def write(path: Path, rows: Iterable[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def without_places(report: Row) -> Row:
    """A report without the names of its tables."""
    lost = report.get("lost")
    places = {"scores": [], "against": [], "list": None, "out": None}
    return {**report, **places, **({"lost": {**lost, "scores": []}} if lost else {})}


@pytest.fixture(scope="module")
def tuned(pool: list[Row], base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was trained on two files, and a null model beside it."""
    out = tmp_path_factory.mktemp("tuned")
    kinds: dict[str, list[Row]] = {}
    for row in pool[:160]:
        kinds.setdefault("noise" if row["kind"] == "noise" else "others", []).append(row)
    files = [write(out / f"{kind}.jsonl", some) for kind, some in kinds.items()]
    lobass.train(files, base, out / "tuned", **TRAIN)
    lobass.train(files, base, out / "null", context="unconditional", **TRAIN)
    record = json.loads((out / "null" / "lobass-training.json").read_text())
    assert "unconditional" in record["context"]
    return out


def test_information_is_that_of_the_command(
    pool: list[Row], base: Path, tuned: Path, command: Callable[..., Any], tmp_path: Path
) -> None:
    exam = pool[160:220]
    models: dict[str, Any] = {"reference": tuned / "tuned", "null": tuned / "null", "progress": False}
    plain = lobass.score(exam, base, **models)
    shuffled = lobass.score(exam, base, transform="shuffle-words", **models)
    saved = [plain.save(tmp_path / "plain.parquet"), shuffled.save(tmp_path / "shuffled.parquet")]
    found = lobass.information(
        plain, transformed=shuffled, by_source=True, show=3, list=tmp_path / "list.jsonl", progress=False
    )
    printed = command(
        *("information", "--scores", saved[0], "--transformed", saved[1], "--by", "source", "--show", 3),
        *("--list", tmp_path / "printed.jsonl"),
    )
    assert without_places(found) == without_places(printed)
    assert found["unseen"] == "other-files" and found["all"]["n_rows"] == 60
    assert len((tmp_path / "list.jsonl").read_text().splitlines()) == found["n_below_zero"] + 1
    with pytest.raises(lobass.LobassError, match="no second training"):
        lobass.information([plain, saved[0]], progress=False)
    with pytest.raises(lobass.LobassError, match="expected another transform"):
        lobass.information(plain, transformed=plain, progress=False)
    seen = lobass.score([tuned / "noise.jsonl", tuned / "others.jsonl"], base, **models)
    with pytest.raises(lobass.LobassError, match="neither reference nor null model was trained on"):
        lobass.information(seen, progress=False)
    assert not lobass.information(seen, in_sample=True, progress=False)["out_of_sample"]


def test_regions_are_those_of_the_command(
    rows: list[Row], base: Path, reference: Path, data: Path, command: Callable[..., Any], tmp_path: Path
) -> None:
    table = lobass.score(rows, base, reference, per_token=True, progress=False)
    scores = tmp_path / "scores.parquet"
    command(
        *("score", "--base", base, "--reference", reference, "--data", data, "--per-token", "--out", scores)
    )
    how: dict[str, Any] = {"by": ["kind", "length"], "bins": 2, "min_rows": 5, "resamples": 200, "progress": False}
    found = lobass.regions(table, format_tokens=True, base=base, **how)
    printed = command(
        *("regions", "--scores", scores, "--by", "kind", "length", "--bins", 2, "--min-rows", 5),
        *("--resamples", 200, "--format-tokens", "--base", base),
    )
    of = lambda report: [  # noqa: E731
        {region["name"]: region["per_token"] for region in cut["regions"]} for cut in report["cuts"]
    ]
    assert of(found) == of(printed) and len(of(found)[0]) > 1 and len(of(found)[1]) == 2
    assert found["kinds"] == printed["kinds"]
    # Two tables side by side: the one in memory, and the one in a file.
    beside = lobass.regions(table, against=scores, **how)
    assert beside["shared"]["n_same"] == 48 and beside["against"] == [str(scores)]
    # A table that outlives its rows needs them again.
    saved = table.save(tmp_path / "saved.parquet")
    with pytest.raises(lobass.LobassError, match="is missing"):
        lobass.regions(saved, by="kind", progress=False)
    again = lobass.regions(saved, rows=rows, **how)
    assert of(again) == of(found)
    with pytest.raises(ValueError, match="nonzero"):
        lobass.regions(table, by="length", bins=0, progress=False)
    with pytest.raises(ValueError, match="need the vectors"):
        lobass.regions(table, by="clusters", progress=False)


def test_sources_are_those_of_the_command(
    base: Path, tuned: Path, command: Callable[..., Any], tmp_path: Path
) -> None:
    files = [tuned / "noise.jsonl", tuned / "others.jsonl"]
    table = lobass.score(files, base, tuned / "tuned", progress=False)
    scores = table.save(tmp_path / "scores.parquet")
    found = lobass.sources(tuned / "tuned", table, bootstrap=5, prior={"noise": 1, "others": 3})
    printed = command(
        *("sources", "--metrics", tuned / "tuned", "--scores", scores, "--bootstrap", 5),
        *("--prior", "noise=1,others=3"),
        code=1,  # 20 steps are too few for a law
    )
    assert found == printed
    assert {source["source"] for source in found["sources"]} == {"noise", "others"}
    assert all(source["loss_shed"] is not None for source in found["sources"])
    alone = lobass.sources(tuned / "tuned" / "metrics.jsonl", bootstrap=0)
    assert all(source["loss_shed"] is None for source in alone["sources"])
    with pytest.raises(ValueError, match="expected a weight for"):
        lobass.sources(tuned / "tuned", prior={"noise": 1})
    with pytest.raises(ValueError, match="above 0"):
        lobass.sources(tuned / "tuned", floor=-1.0)


def test_a_mixture_is_that_of_the_command(
    base: Path, tuned: Path, command: Callable[..., Any], tmp_path: Path
) -> None:
    files = [tuned / "noise.jsonl", tuned / "others.jsonl"]
    lobass.train(
        *(files, base, tmp_path / "mixed"),
        mixing="ado",
        prior={"noise": 1, "others": 1},
        options={"mixing_max_passes": 6},
        batch_size=16,
        progress=False,
    )
    command(
        *("train", "--model", base, "--data", *files, "--out", tmp_path / "printed", "--batch-size", 16),
        *("--mixing", "ado", "--prior", "noise=1,others=1", "--mixing-max-passes", 6),
    )
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("mixed", "printed")]
    assert weights[0] == weights[1]
    with pytest.raises(ValueError, match="needs `--mixing"):
        lobass.train(files, base, tmp_path / "x", prior="even", progress=False)
    with pytest.raises(ValueError, match="expected one of `ado`, `even`, `rows`"):
        lobass.train(files, base, tmp_path / "x", mixing="odo", progress=False)  # type: ignore[arg-type]


def test_leakage_is_that_of_the_command(
    base: Path, reference: Path, command: Callable[..., Any], tmp_path: Path
) -> None:
    ask = lambda n: {"question": f"What is {n} + 2?", "choices": [n + 5, n + 2, n + 1, n + 7]}  # noqa: E731
    questions, control = [ask(n) for n in range(6)], [ask(n) for n in range(20, 24)]
    files = [write(tmp_path / "exam.jsonl", questions), write(tmp_path / "new.jsonl", control)]
    found = lobass.leakage(questions, base, reference, control=control, out=tmp_path / "a.jsonl", progress=False)
    printed = command(
        *("leakage", "--base", base, "--reference", reference, "--data", files[0], "--control", files[1]),
        *("--out", tmp_path / "b.jsonl"),
    )
    assert without_places(found) == without_places(printed)
    assert found["n_questions"] == [6, 6] and found["models"][1]["role"] == "reference"
    scores = [
        [json.loads(line)["base"]["scores"] for line in (tmp_path / name).read_text().splitlines()]
        for name in ("a.jsonl", "b.jsonl")
    ]
    assert scores[0] == scores[1] and len(scores[0][0]) == 24
    few = lobass.leakage(files[0], base, orders=4, progress=False)
    assert few["models"][0]["all"]["orders"] != found["models"][0]["all"]["orders"]
    with pytest.raises(lobass.LobassError, match="expected the columns of a benchmark"):
        lobass.leakage([{"text": "no question"}], base, progress=False)
    with pytest.raises(ValueError, match="at least 2 orders"):
        lobass.leakage(questions, base, orders=1, progress=False)
    with pytest.raises(ValueError, match="expected paper, mmlu"):
        lobass.leakage(questions, base, benchmark="no such", progress=False)
