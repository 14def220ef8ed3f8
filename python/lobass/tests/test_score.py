"""Scores of rows in memory are those of the same rows in a file, to the bit."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import lobass
import pandas
import polars
import pyarrow
import pyarrow.parquet
import pytest

Row = dict[str, Any]


@pytest.fixture(scope="module")
def by_command(
    base: Path, reference: Path, data: Path, command: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> lobass.ScoreTable:
    """The table of the command line."""
    out = tmp_path_factory.mktemp("scores") / "scores.parquet"
    command("score", "--base", base, "--reference", reference, "--data", data, "--out", out)
    return lobass.ScoreTable.load(out)


def reader(rows: list[Row]) -> object:
    """A stream that can be read once, in batches."""
    batches = pyarrow.Table.from_pylist(rows).to_batches(max_chunksize=7)
    return pyarrow.RecordBatchReader.from_batches(batches[0].schema, batches)


KINDS: dict[str, Callable[[list[Row]], Any]] = {
    "list": list,
    "tuple": tuple,
    "generator": lambda rows: (row for row in rows),
    "dataset": datasets.Dataset.from_list,
    "pandas": pandas.DataFrame,
    "polars": polars.DataFrame,
    "arrow": pyarrow.Table.from_pylist,
    "stream": reader,
}


@pytest.mark.parametrize("kind", KINDS)
def test_losses_are_those_of_the_command(
    kind: str, rows: list[Row], base: Path, reference: Path, by_command: lobass.ScoreTable
) -> None:
    table = lobass.score(KINDS[kind](rows), base, reference, progress=False)
    assert len(table) == len(rows)
    assert table.to_list() == by_command.to_list()
    assert None not in table.to_dict("base_nll", "reference_nll")["reference_nll"]
    # The plan's name and the digest know the bytes of a file: these lines are the file's, and a table's are not.
    same_bytes = kind in ("list", "tuple", "generator")
    assert (table.digest == by_command.digest) is same_bytes
    assert (table.manifest["plan"] == by_command.manifest["plan"]) is same_bytes


def test_files_are_read_where_they_are(data: Path, base: Path, reference: Path, by_command: lobass.ScoreTable) -> None:
    for files in (data, str(data), [data]):
        table = lobass.score(files, base, reference, progress=False)
        assert table.manifest["plan"] == by_command.manifest["plan"]
        assert table.to_list() == by_command.to_list()
        assert table.manifest["inputs"][0]["path"] == str(data)


def test_conversations_are_the_same_in_every_container(base: Path) -> None:
    talk = [
        {"messages": [{"role": "user", "content": f"find the {what}"}, {"role": "assistant", "content": "é 是"}]}
        for what in ("cow", "snake", "gate")
    ]
    expected = lobass.score(talk, base, progress=False).to_list()
    assert [row["status"] for row in expected] == ["ok"] * 3
    for kind, make in KINDS.items():
        assert lobass.score(make(talk), base, progress=False).to_list() == expected, kind


def test_rows_of_a_dataset_are_those_that_it_shows(rows: list[Row], base: Path) -> None:
    shuffled = datasets.Dataset.from_list(rows).shuffle(seed=1).select(range(9))
    assert lobass.score(shuffled, base).to_list() == lobass.score(shuffled.to_list(), base).to_list()


def test_the_names_of_rows_of_a_frame_are_no_column(rows: list[Row], base: Path) -> None:
    frame = pandas.DataFrame(rows[:9]).sort_values("answer")
    expected = frame.to_dict("records")
    assert lobass.score(frame, base).to_list() == lobass.score(expected, base).to_list()


def test_a_row_that_cannot_be_scored_has_a_reason_and_no_number(rows: list[Row], base: Path) -> None:
    bad = [*rows[:2], {"question": "and?", "answer": ""}, {"question": "half \ud800", "answer": "no"}, {"answer": 1}]
    table = lobass.score(bad, base, progress=False)
    assert sum(status.n_rows for status in table.statuses.values()) == 5
    assert table.statuses["ok"] == lobass.Status(2, None, None)
    empty = table.statuses["empty_response"]
    assert (empty.n_rows, empty.first_row) == (1, 2) and empty.reason
    malformed = table.statuses["malformed"]
    assert (malformed.n_rows, malformed.first_row) == (2, 3) and malformed.reason
    losses = table.to_dict("base_nll")["base_nll"]
    assert [loss is None for loss in losses] == [False, False, True, True, True]
    assert "2 ok" in repr(table)


def test_settings_reach_the_command(rows: list[Row], base: Path, command: Callable[..., Any], data: Path) -> None:
    renamed = [{"q": row["question"], "a": row["answer"]} for row in rows]
    table = lobass.score(
        renamed,
        base,
        columns={"prompt": "q", "response": "a"},
        mask="all",
        max_length=20,
        overlong="truncate",
        dtype="bf16",
        threads=1,
        per_token=True,
        context="unconditional",
        progress=False,
    )
    assert table.manifest["encoding"] == {"mask": "all", "max_length": 20, "overlong": "truncate"}
    assert [model["role"] for model in table.manifest["models"]] == ["base", "base_unconditional"]
    assert {model["dtype"] for model in table.manifest["models"]} == {"bf16"}
    assert {"base_unconditional_nll", "base_token_nll"} <= set(table.column_names)
    for row in table.to_list():
        assert len(row["base_token_nll"]) == row["n_scored"]
        assert sum(row["base_token_nll"]) == pytest.approx(row["base_nll"], rel=1e-5)


def test_a_table_is_what_others_read(by_command: lobass.ScoreTable, tmp_path: Path) -> None:
    by_arrow = by_command.to_arrow()
    kept = by_command.save(tmp_path / "kept.parquet")
    assert by_arrow.equals(pyarrow.parquet.read_table(kept))
    assert by_arrow.to_pylist() == by_command.to_list()
    assert polars.DataFrame(by_command)["base_nll"].to_list() == by_command.to_dict("base_nll")["base_nll"]
    assert by_command.to_pandas().columns.tolist() == by_command.column_names

    saved = by_command.save(tmp_path / "new" / "scores.parquet")
    assert lobass.ScoreTable.load(saved).to_list() == by_command.to_list()
    with pytest.raises(FileExistsError, match="overwrite"):
        by_command.save(saved)
    assert by_command.save(saved, overwrite=True) == saved
    with pytest.raises(KeyError, match="no column `nll`"):
        by_command.to_dict("nll")


def test_rows_in_memory_touch_no_file(
    rows: list[Row], base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    lobass.select(lobass.score(rows[:8], base.resolve(), progress=False), strategy="longest", budget=2)
    assert not list(tmp_path.iterdir())


def test_errors_say_what_the_command_says(rows: list[Row], base: Path, tmp_path: Path) -> None:
    with pytest.raises(lobass.LobassError, match=r"config\.json"):
        lobass.score(rows, tmp_path, progress=False)
    with pytest.raises(lobass.LobassError, match="expected other weights than the base's"):
        lobass.score(rows, base, base, progress=False)
    with pytest.raises(lobass.LobassError, match=r"hint: say which columns hold what"):
        lobass.score([{"x": 1}], base, progress=False)
    with pytest.raises(ValueError, match="settings: unknown variant `none`, expected one of `response`"):
        lobass.score(rows, base, mask="none", progress=False)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unexpected keyword argument 'hue'"):
        lobass.score(rows, base, hue="red", progress=False)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="settings: expected text, a number, or a path, found object"):
        lobass.score(rows, base, threads=object(), progress=False)  # type: ignore[arg-type]
    with pytest.raises(lobass.LobassError, match=r"config\.json"):
        lobass.ScoreTable.load(base / "config.json")
    with pytest.raises(FileNotFoundError, match="absent"):
        lobass.ScoreTable.load("absent.parquet")


def test_rows_that_are_none_are_refused(base: Path) -> None:
    with pytest.raises(ValueError, match="expected at least one, found none"):
        lobass.score([], base)
    with pytest.raises(ValueError, match="expected at least one, found none"):
        lobass.score(pyarrow.Table.from_pylist([], pyarrow.schema([("question", pyarrow.string())])), base)
    with pytest.raises(TypeError, match=r"rows: expected dicts, .* found dict"):
        lobass.score({"question": ["?"]}, base)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="row 1: expected a dict, found int"):
        lobass.score([{"question": "?"}, 5], base)  # type: ignore[list-item]
    with pytest.raises(TypeError, match="row 0: expected values that JSON can hold, found set"):
        lobass.score([{"question": {1}}], base)
    with pytest.raises(ValueError, match="row 0: Out of range float"):
        lobass.score([{"question": float("nan")}], base)


def test_little_memory_changes_no_bit(rows: list[Row], base: Path) -> None:
    limited = lobass.score(rows[:6], base, memory="400MiB", threads=1, progress=False)
    assert limited.to_list() == lobass.score(rows[:6], base, progress=False).to_list()
    with pytest.raises(lobass.LobassError, match="expected a limit on memory of at least"):
        lobass.score(rows[:6], base, memory="1MiB", progress=False)
    with pytest.raises(ValueError, match="expected an amount of memory such as `4GiB`"):
        lobass.score(rows[:6], base, memory="much", progress=False)


def test_progress_is_told(rows: list[Row], base: Path, reference: Path) -> None:
    told: list[tuple[str, int, int]] = []
    lobass.score(rows, base, reference, progress=lambda *at: told.append(at))
    stages = ("tokenize", "score base", "score reference")
    assert [at for at in told if at[1] == at[2]] == [(stage, 48, 48) for stage in stages]
    assert [at for at in told if at[1] == 0] == [(stage, 0, 48) for stage in stages]


def test_nothing_is_printed(rows: list[Row], base: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lobass.score(rows[:2], base)
    assert capfd.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_or_a_line(
    rows: list[Row], base: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    lobass.score(rows[:2], base)
    assert "score base: 100%" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tqdm", None)
    lobass.score(rows[:2], base)
    assert capsys.readouterr().err.endswith("\rscore base: 2 of 2 rows\n")
    lobass.score(rows[:2], base, progress=False)
    assert capsys.readouterr().err == ""


def test_what_people_should_know_is_logged(rows: list[Row], base: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "lobass"):
        lobass.score(rows[:2], base, max_length=100_000)
    levels = {record.levelname: record.getMessage() for record in caplog.records}
    assert "sequences longer than" in levels["WARNING"]
    assert "INFO" in levels


def test_an_error_of_a_callback_is_raised(pool: list[Row], base: Path) -> None:
    def fail(*_: object) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        lobass.score(pool[:400], base, progress=fail)


def test_a_callback_may_call_again(rows: list[Row], base: Path) -> None:
    lengths: list[int] = []
    lobass.score(rows[:2], base, progress=lambda *_: lengths.append(len(lobass.score(rows[:3], base, progress=False))))
    assert set(lengths) == {3}


def test_an_interrupt_stops_between_units_and_work_is_kept(pool: list[Row], base: Path, tmp_path: Path) -> None:
    rows = pool[:800]
    told: list[int] = []
    # A program that a shell starts in the background ignores interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt(_: str, done: int, __: int) -> None:
        told.append(done)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        lobass.score(rows, base, work=tmp_path / "work", progress=interrupt)
    assert len(told) == 1 and told[0] < 800
    resumed: list[int] = []
    table = lobass.score(rows, base, work=tmp_path / "work", progress=lambda _, done, __: resumed.append(done))
    assert len(resumed) >= 2 and len(table) == 800
    # What is done is not done again.
    again: list[int] = []
    assert lobass.score(rows, base, work=tmp_path / "work", progress=lambda *_: again.append(1)).digest == table.digest
    assert not again
    with pytest.raises(lobass.LobassError, match="has unfinished work with other"):
        lobass.score(rows[:9], base, work=tmp_path / "work", progress=False)


def test_the_interpreter_is_free_while_losses_are_computed(pool: list[Row], base: Path) -> None:
    ticks: list[int] = []
    done = threading.Event()

    def tick() -> None:
        while not done.wait(0.005):
            ticks.append(1)

    thread = threading.Thread(target=tick)
    thread.start()
    told: list[int] = []
    lobass.score(pool[:256], base, progress=lambda *_: told.append(len(ticks)))
    done.set()
    thread.join()
    assert told[-1] > 5


def test_threads_score_at_the_same_time(rows: list[Row], base: Path) -> None:
    digests: list[str] = []
    threads = [
        threading.Thread(target=lambda: digests.append(lobass.score(rows, base, progress=False).digest))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(digests) == 3 and len(set(digests)) == 1
