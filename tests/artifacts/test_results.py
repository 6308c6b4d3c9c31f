"""The one reader of results: what it reads, and what it refuses in one message that names the file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from runs import Trained

from grokflow.artifacts import columns
from grokflow.artifacts.results import PathResults, RunResults, SweepResults
from grokflow.errors import ArtifactError

ROWS = 3

TEXTS: dict[str, list[Any]] = {
    "point": ["initial", "initial", "point_1"],
    "group": ["all", "unembedding", "all"],
    "trained": [True, False, True],
    "invariant": [False, True, True],
    "diverged": [None, "epoch 3, step 17: loss nan", None],
}
"""The columns that hold no numbers; those of numbers count on from column to column."""

POINTS = {
    "initial": {"epoch": 0, "train_error": 1.0, "validation_error": 1.0},
    "point_1": {"epoch": 10, "train_error": 0.0, "validation_error": 0.75},
    "point_2": None,
    "final": {"epoch": 20, "train_error": 0.0, "validation_error": 0.5},
    "reasons": {"point_2": "validation error is 0.5"},
    "checkpoints": [0, 10, 20],
    "diverged": None,
}

OUTCOME = {"epoch": 20, "diverged": None, "invariant_groups": ["residual stream"]}

CONFIG = {"config": {"run": {"model": {"layers": 2}, "seed": 7}, "resume": "results/.resume"}}

RECORD = {
    "kind": "segment",
    "skipped": None,
    "from": {"epoch": 10},
    "to": {"epoch": 20},
    "control_points": [],
    "converged": False,
    "fit_epochs": 240,
}


def table(header: list[str]) -> pd.DataFrame:
    """A few rows in which no two numbers are the same."""
    numbers = np.arange(ROWS * len(header)).reshape(len(header), ROWS)
    return pd.DataFrame({name: TEXTS.get(name, list(numbers[i])) for i, name in enumerate(header)})


RUN_TABLES = {
    "history": columns.HISTORY,
    "epochs": columns.EPOCHS,
    "periods": columns.PERIODS,
    "invariance": columns.INVARIANCE,
    "rays": columns.RAYS,
}
PATH_TABLES = {"metrics": columns.METRICS, "fit": columns.FIT}
SWEPT = ["optimizer.weight_decay", "dataset.operation"]

TABLES = {
    **{name: (RunResults, header) for name, header in RUN_TABLES.items()},
    **{name: (PathResults, header) for name, header in PATH_TABLES.items()},
}
"""For each table: who reads it, as a property of that name, and its header."""


@pytest.fixture
def run(tmp_path: Path) -> RunResults:
    """A run with all its files."""
    folder = tmp_path / "seed_7"
    folder.mkdir()
    for name, header in RUN_TABLES.items():
        table(header).to_csv(folder / f"{name}.csv", index=False)
    for name, content in (("points", POINTS), ("outcome", OUTCOME), ("provenance", CONFIG)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    return RunResults(folder)


@pytest.fixture
def path(tmp_path: Path) -> PathResults:
    """A path with all its files."""
    folder = tmp_path / "seed_0-1"
    folder.mkdir()
    for name, header in PATH_TABLES.items():
        table(header).to_csv(folder / f"{name}.csv", index=False)
    (folder / "path.json").write_text(json.dumps(RECORD))
    return PathResults(folder)


def swept(file: Path, **changed: list[Any]) -> SweepResults:
    """A sweep over two keys, of seeds 8 and 1."""
    outcomes = table(columns.SWEEP).assign(seed=[8, 1, 8], **changed)
    keys = pd.DataFrame({SWEPT[0]: [0.1, 0.1, 1.0], SWEPT[1]: ["a+b", "a+b", "a-b"]})
    pd.concat([keys, outcomes], axis=1).to_csv(file, index=False)
    return SweepResults(file)


def refused(read: Callable[[], object], file: str) -> str:
    """What is said instead of reading: it begins with the file."""
    with pytest.raises(ArtifactError) as refusal:
        read()
    assert Path(str(refusal.value).partition(": expected ")[0]).name == file
    return str(refusal.value)


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_read_as_it_was_written(name: str, run: RunResults, path: PathResults) -> None:
    reader, header = TABLES[name]
    found = getattr(run if reader is RunResults else path, name)
    pd.testing.assert_frame_equal(found, table(header), check_dtype=False)


def test_flags_are_truth_values_however_many_rows_there_are(run: RunResults) -> None:
    file = run.folder / "invariance.csv"
    assert run.invariance[["trained", "invariant"]].dtypes.tolist() == [bool, bool]
    table(columns.INVARIANCE)[:0].to_csv(file, index=False)
    empty = RunResults(run.folder).invariance
    assert empty[["trained", "invariant"]].dtypes.tolist() == [bool, bool]
    assert (~empty["invariant"]).all()


def test_blank_numbers_are_read_as_such(run: RunResults) -> None:
    blank = table(columns.PERIODS).astype(object)
    blank.loc[0, ["period", "end"]] = None
    blank.to_csv(run.folder / "periods.csv", index=False)
    assert run.periods["period"].isna().tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("name", "column"), [(name, column) for name, (_, header) in TABLES.items() for column in header]
)
def test_a_table_that_lacks_a_column_is_refused(
    name: str, column: str, run: RunResults, path: PathResults
) -> None:
    reader, header = TABLES[name]
    results = run if reader is RunResults else path
    table(header).drop(columns=column).to_csv(results.folder / f"{name}.csv", index=False)
    said = refused(lambda: getattr(results, name), f"{name}.csv")
    assert f"expected the columns ['{column}']" in said


@pytest.mark.parametrize(
    ("name", "column"),
    [
        (name, column)
        for name, (_, header) in TABLES.items()
        for column in header
        if column not in TEXTS and (name not in ("invariance", "rays") or column != "epoch")
    ],
)
def test_text_for_a_number_is_refused(name: str, column: str, run: RunResults, path: PathResults) -> None:
    reader, header = TABLES[name]
    results = run if reader is RunResults else path
    torn = table(header).astype({column: object})
    torn.loc[1, column] = "torn"
    torn.to_csv(results.folder / f"{name}.csv", index=False)
    said = refused(lambda: getattr(results, name), f"{name}.csv")
    assert f"expected numbers in the column {column}" in said
    assert "torn" in said


@pytest.mark.parametrize("flag", ["trained", "invariant"])
@pytest.mark.parametrize("value", ["", "maybe"])
def test_a_flag_that_is_none_is_refused(flag: str, value: str, run: RunResults) -> None:
    torn = table(columns.INVARIANCE).astype({flag: object})
    torn.loc[1, flag] = value
    torn.to_csv(run.folder / "invariance.csv", index=False)
    assert flag in refused(lambda: run.invariance, "invariance.csv")


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00", b'a,b\n1,2,3\n"'])
def test_a_file_that_is_no_table_is_refused(
    name: str, content: bytes | None, run: RunResults, path: PathResults
) -> None:
    results = run if TABLES[name][0] is RunResults else path
    file = results.folder / f"{name}.csv"
    file.unlink() if content is None else file.write_bytes(content)
    assert "expected a table" in refused(lambda: getattr(results, name), f"{name}.csv")


RECORDS: dict[str, tuple[str, dict[str, Any]]] = {
    "points": ("points.json", POINTS),
    "outcome": ("outcome.json", OUTCOME),
    "config": ("provenance.json", CONFIG),
    "record": ("path.json", RECORD),
}
"""For each property: its file, and what is in it."""


@pytest.mark.parametrize(
    ("name", "key"), [(name, key) for name, (_, content) in RECORDS.items() for key in content]
)
def test_a_record_that_lacks_a_key_is_refused(
    name: str, key: str, run: RunResults, path: PathResults
) -> None:
    file, content = RECORDS[name]
    results = path if name == "record" else run
    left = {other: value for other, value in content.items() if other != key}
    (results.folder / file).write_text(json.dumps(left))
    said = refused(lambda: getattr(results, name), file)
    assert f"expected the keys ['{key}']" in said
    assert said.endswith("Delete it; the same command makes it again.")


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("content", [None, "", "{", "[]", "3", '"text"', "null", "[" * 100_000])
def test_a_file_that_is_no_record_is_refused(
    name: str, content: str | None, run: RunResults, path: PathResults
) -> None:
    file, _ = RECORDS[name]
    results = path if name == "record" else run
    place = results.folder / file
    place.unlink() if content is None else place.write_text(content)
    assert "expected " in refused(lambda: getattr(results, name), file)


@pytest.mark.parametrize(
    "config", [None, 3, [], {}, {"run": None}, {"run": []}, {"run": {}}, {"run": {"model": "small"}}]
)
def test_a_record_of_something_else_is_no_configuration_of_a_run(config: object, run: RunResults) -> None:
    (run.folder / "provenance.json").write_text(json.dumps({"config": config}))
    said = refused(lambda: run.config, "provenance.json")
    assert "expected the configuration of a run" in said


def test_nothing_is_read_before_it_is_asked_for_and_then_once(tmp_path: Path, run: RunResults) -> None:
    nowhere = tmp_path / "seed_3"
    assert (RunResults(nowhere).name, PathResults(nowhere).name) == ("3", "3")
    assert SweepResults(nowhere / "fraction.csv").name == "fraction"
    first = run.history
    (run.folder / "history.csv").unlink()
    assert run.history is first


def test_a_name_is_that_of_the_folder_unless_another_is_given(run: RunResults, path: PathResults) -> None:
    assert (run.name, path.name) == ("7", "0-1")
    assert RunResults(run.folder, "groks/7").name == "groks/7"
    assert PathResults(str(path.folder), "0 → 1").name == "0 → 1"


def test_records_are_read_as_they_were_written(run: RunResults, path: PathResults) -> None:
    assert run.points == POINTS
    assert run.outcome == OUTCOME
    assert run.config == CONFIG["config"]["run"]
    assert path.record == RECORD
    assert [run.epoch_of(f"point_{n}") for n in (1, 2)] == [10, None]
    assert run.diverged is path.skipped is None
    assert (path.converged, path.fit_epochs) == (False, 240)


def test_a_path_without_bends_did_not_converge_nor_fail_to(path: PathResults) -> None:
    (path.folder / "path.json").write_text(json.dumps({**RECORD, "converged": None, "fit_epochs": None}))
    assert path.converged is path.fit_epochs is None


def test_a_run_that_diverged_and_a_path_that_was_skipped_say_why(run: RunResults, path: PathResults) -> None:
    (run.folder / "points.json").write_text(json.dumps({**POINTS, "diverged": "epoch 3, step 17: loss nan"}))
    (path.folder / "path.json").write_text(json.dumps({**RECORD, "skipped": "seed 0 has no point_2"}))
    assert run.diverged == "epoch 3, step 17: loss nan"
    assert path.skipped == "seed 0 has no point_2"


def test_accuracy_is_one_minus_error_and_interpolated_between_logged_epochs(run: RunResults) -> None:
    history = table(columns.HISTORY).assign(
        epoch=[0, 10, 20], train_error=[1.0, 0.5, 0.0], validation_error=[1.0, 0.9, 0.3]
    )
    history.to_csv(run.folder / "history.csv", index=False)
    assert run.logged.tolist() == [0, 10, 20]
    assert run.accuracy("train").tolist() == pytest.approx([0, 0.5, 1])
    found = run.accuracy("validation", np.array([0, 5, 10, 15, 20]))
    assert found.tolist() == pytest.approx([0, 0.05, 0.1, 0.4, 0.7])


@pytest.mark.parametrize(
    ("logged", "trained", "last"),
    [([0, 10], [1, 2, 13], 13), ([0, 20], [1, 2], 20), ([0], [], 0), ([], [], 0)],
)
def test_a_collapse_that_never_ended_lasts_to_the_last_epoch(
    logged: list[int], trained: list[int], last: float, run: RunResults
) -> None:
    for name, epochs in (("history", logged), ("epochs", trained)):
        rows = pd.DataFrame({"epoch": epochs}).reindex(columns=RUN_TABLES[name])
        rows.to_csv(run.folder / f"{name}.csv", index=False)
    starts, ends = [2, 5, 9], [4, 7, math.nan]
    periods = pd.DataFrame({"start": starts, "end": ends}).reindex(columns=columns.PERIODS)
    periods.to_csv(run.folder / "periods.csv", index=False)
    assert run.last_epoch == last
    assert run.collapses == [(2, 4), (5, 7), (9, last)]


def test_what_a_training_leaves_is_read(grokked: Trained) -> None:
    results = RunResults(grokked.folder)
    pd.testing.assert_frame_equal(results.history, grokked.rows)
    pd.testing.assert_frame_equal(results.epochs, grokked.epoch_rows)
    assert results.points == grokked.points()
    assert results.outcome == grokked.outcome
    error = results.history.set_index("epoch")["validation_error"]
    assert error[results.epoch_of("point_1")] > error[results.epoch_of("point_2")] == 0


def test_a_sweep_has_its_varied_keys_and_its_seeds(tmp_path: Path) -> None:
    sweep = swept(tmp_path / "mine.csv", point_2=[30, None, None])
    assert (sweep.name, sweep.keys, sweep.seeds) == ("mine", tuple(SWEPT), [1, 8])
    assert list(sweep.table) == [*SWEPT, *columns.SWEEP]
    assert sweep.of_seed(1).index.tolist() == [1]
    of_8 = sweep.of_seed(8)
    assert of_8[SWEPT[0]].tolist() == [0.1, 1.0]
    assert of_8["point_2"].tolist() == pytest.approx([30, math.nan], nan_ok=True)
    assert sweep.of_seed(2).empty
    assert sweep.table["diverged"].isna().tolist() == [True, False, True]
    assert {str(sweep.table[name].dtype) for name in ("point_1", "epochs", "train_error")} == {"float64"}


def test_the_errors_of_a_sweep_may_be_blank_as_where_all_diverged(tmp_path: Path) -> None:
    blank = [None] * ROWS
    sweep = swept(tmp_path / "sweep.csv", train_error=blank, point_1=blank)
    assert sweep.table[["train_error", "point_1"]].isna().all(axis=None)
    assert str(sweep.table["point_1"].dtype) == "float64"


@pytest.mark.parametrize("column", columns.SWEEP)
def test_a_sweep_that_lacks_a_column_is_refused(column: str, tmp_path: Path) -> None:
    file = tmp_path / "sweep.csv"
    swept(file).table.drop(columns=column).to_csv(file, index=False)
    assert f"expected the columns ['{column}']" in refused(lambda: SweepResults(file).table, file.name)


@pytest.mark.parametrize("column", [name for name in columns.SWEEP if name not in TEXTS])
def test_a_sweep_with_text_for_a_number_is_refused(column: str, tmp_path: Path) -> None:
    file = tmp_path / "sweep.csv"
    torn = swept(file).table.astype({column: object})
    torn.loc[1, column] = "torn"
    torn.to_csv(file, index=False)
    said = refused(lambda: SweepResults(file).seeds, file.name)
    assert f"expected numbers in the column {column}" in said


def test_a_sweep_with_a_blank_seed_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sweep.csv"
    torn = swept(file).table.astype({"seed": object})
    torn.loc[1, "seed"] = None
    torn.to_csv(file, index=False)
    assert "seed" in refused(lambda: SweepResults(file).seeds, file.name)


def test_a_sweep_without_a_row_or_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sweep.csv"
    assert "expected a table" in refused(lambda: SweepResults(file).keys, file.name)
    swept(file).table[:0].to_csv(file, index=False)
    assert "expected a row for each seed and value, found no row" in refused(
        lambda: SweepResults(file).seeds, file.name
    )
