"""What a notebook computes is, to the bit, what the workflow computes with the same settings."""

from __future__ import annotations

import re
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from joined import ends, in_small_batches, outcome_of, resolved
from matplotlib.text import Text
from runs import Trained

import grokflow
from grokflow import Checkpoint, Fit, PairTable, Training
from grokflow.artifacts.provenance import check_files, read_provenance
from grokflow.config import ResolvedRun
from grokflow.dynamics import periods
from grokflow.figures import FIGURE_KINDS
from grokflow.library.threads import silent
from grokflow.model import Transformer
from grokflow.model.invariance import audit, audited_pairs
from grokflow.paths.measuring import measure
from grokflow.training.progress import ProgressLines

FIT = {"optimizer": "sgd", "epochs": 3, "learning_rate": 0.05, "momentum": 0.9}


@pytest.fixture(scope="module")
def dataset() -> PairTable:
    return grokflow.make_dataset("a*b", modulus=11, b_from=1, train_fraction=0.8)


@pytest.fixture(scope="module")
def training(dataset: PairTable) -> Training:
    """The run `grokked`, trained as a notebook would."""
    model = grokflow.make_model(dataset, layers=1, width=16, mlp_width=32, heads=2)
    return grokflow.train(
        model,
        dataset,
        optimizer="adamw",
        learning_rate=0.02,
        weight_decay=1.0,
        batch_size=128,
        epochs=400,
        stop_after_point_2=10,
        checkpoint_every=20,
        log_every=10,
        precision="float64",
        device="cpu",
    )


def test_a_training_leaves_the_files_of_the_workflow(training: Training, grokked: Trained) -> None:
    for name in ("history.csv", "epochs.csv"):
        assert (training.folder / name).read_bytes() == (grokked.folder / name).read_bytes(), name
    names = {path.name for path in grokked.checkpoints.iterdir()}
    assert {path.name for path in (training.folder / "checkpoints").iterdir()} == names
    for point in ("initial", "point_1", "point_2", "final"):
        epoch = grokked.points()[point]["epoch"]
        found = training.at(point)
        assert found.epoch == epoch
        assert np.array_equal(found.weights, grokked.weights(epoch).numpy())
    assert training.points["point_2"] == grokked.points()["point_2"]
    expected = periods(grokked.epoch_rows, grokked.rows)
    pd.testing.assert_frame_equal(grokflow.find_periods(training).table, expected, check_dtype=False)


def test_a_training_leaves_a_record_of_itself(training: Training) -> None:
    record = read_provenance(training.folder / "provenance.json")
    assert ResolvedRun.model_validate(record["config"]["run"]) == training.run
    assert {"history.csv", "points.json", "checkpoints/epoch_000000.safetensors"} <= set(record["files"])
    check_files([training.folder / "history.csv", training.folder / "checkpoints"])


@pytest.mark.parametrize(
    "kind", [name for name, each in FIGURE_KINDS.items() if each.subject in ("run", "runs")]
)
def test_a_training_draws_every_kind_of_figure_of_a_run(training: Training, kind: str) -> None:
    if kind in ("ray", "invariance"):  # of tables that `grokflow.invariance` makes
        with pytest.raises(
            grokflow.ConfigError, match=f"expected one of accuracy_and_table, .*, found '{kind}'"
        ):
            training.plot(kind)
    else:
        assert training.plot(kind)._repr_png_()[1:4] == b"PNG"


def test_the_periods_of_a_training_are_drawn_as_the_training_is(training: Training) -> None:
    """Its points are those of points.json, which the minibatch errors of epochs.csv would put elsewhere."""
    found = grokflow.find_periods(training)
    for kind in ("collapses", "periods"):
        assert found.plot(kind)._repr_png_() == training.plot(kind)._repr_png_()
    (axes,) = grokflow.find_periods(training, name="mine/first").plot().figure.get_axes()
    assert axes.get_title(loc="left") == "mine∕first: no collapse"
    with pytest.raises(grokflow.ConfigError, match=r"kind: expected one of .*, found 'colapses'"):
        found.plot("colapses")


@pytest.fixture(scope="module")
def in_batches(grokked: Trained) -> ResolvedRun:
    return in_small_batches(grokked.run)


@pytest.mark.parametrize("kind", ["segment", "polyline", "bezier"])
def test_a_path_has_the_numbers_of_the_workflow(
    kind: str, training: Training, grokked: Trained, in_batches: ResolvedRun
) -> None:
    settings = {} if kind == "segment" else {"bends": 2}
    fit = {} if kind == "segment" else {"fit": Fit(**FIT)}
    path = resolved(in_batches, kind, points=9, weight_decay=0.001, **settings)
    outcome = outcome_of(path, grokked, grokked)
    table = measure(path, outcome, grokked.dataset, "cpu")
    found = grokflow.connect(
        training.at("point_1"),
        training.at("point_2"),
        kind=kind,
        points=9,
        weight_decay=0.001,
        batch_size=32,
        device="cpu",
        **settings,
        **fit,
    )
    assert np.array_equal(found.curve.controls, outcome.curve.controls)
    assert found.curve.names == outcome.curve.names
    pd.testing.assert_frame_equal(found.metrics, table, check_exact=True)
    pd.testing.assert_frame_equal(found.fit, outcome.history, check_exact=True)
    assert found.record["from"] == ends(path, grokked, grokked)[0].description
    assert found.converged == (None if kind == "segment" else False)


def test_weights_alone_are_measured_as_the_ends_of_a_path(training: Training) -> None:
    both = [training.at("point_1"), training.at("point_2")]
    path = grokflow.connect(*both, points=2, device="cpu")
    found = grokflow.measure(both, device="cpu")
    pd.testing.assert_frame_equal(found, path.metrics[found.columns], check_exact=True)


@pytest.mark.parametrize(
    ("table", "width", "setting", "values"),
    [
        ({"operation": "a+b"}, 8, "operation of its dataset", ("a*b", "a+b")),
        ({"split_seed": 3}, 8, "split_seed of its dataset", (0, 3)),
        ({}, 4, "width of its model", (8, 4)),
    ],
)
def test_points_of_trainings_that_differ_need_to_be_told_what_measures_them(
    table: dict, width: int, setting: str, values: tuple
) -> None:
    def message(name: str, first: str) -> str:
        return f"{name}: {setting}: expected {values[0]}, as that of {first}, found {values[1]}. Give "

    ends = []
    for settings, size in (({}, 8), (table, width)):
        dataset = grokflow.make_dataset(
            **{"operation": "a*b", "modulus": 5, "train_fraction": 0.6, **settings}
        )
        model = grokflow.make_model(dataset, width=size, mlp_width=8, heads=1)
        ends.append(grokflow.train(model, dataset, epochs=1, learning_rate=0.1, device="cpu").at("final"))
    with pytest.raises(grokflow.ConfigError) as raised:
        grokflow.connect(*ends, points=2, device="cpu")
    assert str(raised.value).startswith(message("b", "a"))
    with pytest.raises(grokflow.ConfigError) as raised:
        grokflow.measure(ends, device="cpu")
    assert str(raised.value).startswith(message("weights[1]", "weights[0]"))
    if width == 8:
        given = ends[0].training.dataset
        found = grokflow.connect(*ends, data=given, points=2, device="cpu").metrics
        alone = grokflow.measure(ends[1].weights, model=ends[0].training.model, data=given, device="cpu")
        assert found["train_loss"].iloc[-1] == pytest.approx(alone["train_loss"].item(), rel=1e-5)


def test_the_audit_is_the_workflows(training: Training, grokked: Trained) -> None:
    point = training.at("point_1")
    found = grokflow.audit_invariance(point, device="cpu", pairs=20)
    settings = grokflow.config.InvarianceSettings(pairs=20)
    verdicts, rays = audit(grokked.task.model, point.weights, audited_pairs(grokked.task, 20), settings)
    assert found.table.drop(columns=["point", "epoch"]).to_dict("records") == verdicts
    assert found.rays.drop(columns=["point", "epoch"]).to_dict("records") == rays
    assert set(found.table["point"]) == {"point_1"}
    assert found.groups == [row["group"] for row in verdicts if row["invariant"]]


def test_the_picture_of_an_audit_names_the_seed_of_a_training_alone(training: Training) -> None:
    of_training = grokflow.audit_invariance(training.at("point_1"), device="cpu", pairs=5)
    given = {"model": training.model, "data": training.dataset}
    of_weights = grokflow.audit_invariance(training.at("final").weights, **given, device="cpu", pairs=5)
    said = {"seed 4": replace(of_training, seed=4), "seed 0": of_training, None: of_weights}
    for seed, found in said.items():
        texts = [text.get_text() for text in found.plot().figure.findobj(Text)]
        (note,) = (" ".join(text.split()) for text in texts if "A cell:" in text)
        ending = f"are scaled, {seed}." if seed else "are scaled."
        assert ending in note
        assert ("seed" in note) == (seed is not None)


def test_an_interrupted_training_goes_on_in_its_folder(dataset: PairTable, tmp_path: Path) -> None:
    model = grokflow.make_model(dataset, width=8, mlp_width=8, heads=1)
    settings = {"learning_rate": 0.1, "device": "cpu", "folder": tmp_path}
    grokflow.train(model, dataset, epochs=3, **settings)
    longer = grokflow.train(model, dataset, epochs=5, **settings)
    again = grokflow.train(model, dataset, epochs=5, learning_rate=0.1, device="cpu")
    pd.testing.assert_frame_equal(longer.epochs, again.epochs, check_exact=True)
    assert longer.epochs["epoch"].tolist() == [1, 2, 3, 4, 5]


def test_a_folder_of_another_training_is_refused(dataset: PairTable, tmp_path: Path) -> None:
    model = grokflow.make_model(dataset, width=4, mlp_width=4, heads=1)
    settings = {"learning_rate": 0.1, "device": "cpu", "folder": tmp_path}
    first = grokflow.train(model, dataset, epochs=2, **settings)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    message = (
        f"{tmp_path}: expected an empty folder, or one of the same training, found another training. Give "
    )
    for other in ({"seed": 1}, {"learning_rate": 0.2}, {"precision": "float64"}):
        with pytest.raises(grokflow.ConfigError, match=re.escape(message)):
            grokflow.train(model, dataset, epochs=3, **{**settings, **other})
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
    assert repr(first) == "Training(2 epochs: point 1 not reached, point 2 not reached)"
    assert len(grokflow.train(model, dataset, epochs=2, log_every=1, **settings).history) == 3
    (tmp_path / "provenance.json").unlink()  # as when the process is killed before it writes it
    assert len(grokflow.train(model, dataset, epochs=4, **settings).epochs) == 4


@pytest.mark.parametrize("own", ["checkpoints/best.pt", "history.csv", "provenance.json", "dataset.csv"])
def test_files_of_the_users_are_not_replaced(dataset: PairTable, tmp_path: Path, own: str) -> None:
    file = tmp_path / own
    file.parent.mkdir(exist_ok=True)
    file.write_text("mine")
    (tmp_path / "notes.txt").write_text("mine, too")
    model = grokflow.make_model(dataset, width=4, mlp_width=4, heads=1)
    settings = {"epochs": 1, "learning_rate": 0.1, "device": "cpu"}
    message = f"found files of other origin ({own.partition('/')[0]})."
    with pytest.raises(grokflow.ConfigError, match=re.escape(message)):
        grokflow.train(model, dataset, **settings, folder=tmp_path)
    with pytest.raises(grokflow.ConfigError, match="found a file"):
        grokflow.train(model, dataset, **settings, folder=file)
    assert file.read_text() == "mine"
    file.unlink()
    if file.parent != tmp_path:
        file.parent.rmdir()
    found = grokflow.train(model, dataset, **settings, folder=tmp_path)
    assert found.epochs["epoch"].tolist() == [1]


@pytest.fixture
def ctrl_c_after_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is pressed when two epochs were trained, and not again."""
    trained, epochs = ProgressLines.trained, iter(range(1, 1000))

    def press(progress: ProgressLines) -> None:
        trained(progress)
        if next(epochs) == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(ProgressLines, "trained", press)


@pytest.mark.usefixtures("ctrl_c_after_2")
def test_ctrl_c_says_where_the_training_goes_on(
    dataset: PairTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = grokflow.make_model(dataset, width=4, mlp_width=4, heads=1)
    settings = {"epochs": 5, "learning_rate": 0.1, "device": "cpu"}
    with pytest.raises(KeyboardInterrupt) as ended:
        grokflow.train(model, dataset, **settings, folder=tmp_path, log=True)
    assert str(ended.value) == f"saved in {tmp_path}; the same call goes on"
    found = grokflow.train(model, dataset, **settings, folder=tmp_path, log=True)
    assert "Going on from epoch 2." in capsys.readouterr().out
    again = grokflow.train(model, dataset, **settings)
    pd.testing.assert_frame_equal(found.epochs, again.epochs, check_exact=True)


@pytest.mark.usefixtures("ctrl_c_after_2")
@pytest.mark.parametrize("log", [False, True])
def test_ctrl_c_without_a_folder_promises_nothing(dataset: PairTable, log: bool, capsys: Any) -> None:
    model = grokflow.make_model(dataset, width=4, mlp_width=4, heads=1)
    with pytest.raises(KeyboardInterrupt, match=r"^nothing is kept without folder=$"):
        grokflow.train(model, dataset, epochs=5, learning_rate=0.1, device="cpu", log=log)
    assert "goes on" not in capsys.readouterr().out


def test_trainings_run_in_threads_and_the_main_one_is_heard(dataset: PairTable, capsys: Any) -> None:
    model = grokflow.make_model(dataset, width=4, mlp_width=4, heads=1)
    output, entered, heard = sys.stdout, Event(), Event()

    def train(seed: int) -> Training:
        settings = {"learning_rate": 0.1, "device": "cpu", "seed": seed}
        with silent():
            entered.set()
            assert heard.wait(60)
            print("not heard")
            return grokflow.train(model, dataset, epochs=2, **settings)

    with ThreadPoolExecutor(2) as threads:
        found = [threads.submit(train, seed) for seed in (0, 1)]
        assert entered.wait(60)
        print("heard")
        heard.set()
        in_thread, _ = (each.result() for each in found)
    assert sys.stdout is output
    assert capsys.readouterr().out == "heard\n"
    here = grokflow.train(model, dataset, epochs=2, learning_rate=0.1, device="cpu")
    pd.testing.assert_frame_equal(in_thread.epochs, here.epochs, check_exact=True)


def test_a_folder_of_its_own_lives_as_long_as_the_result(dataset: PairTable) -> None:
    model = grokflow.make_model(dataset, width=4, mlp_width=4, heads=1)
    found = grokflow.train(model, dataset, epochs=1, learning_rate=0.1, device="cpu")
    folder = found.folder
    assert folder.exists()
    del found
    assert not folder.exists()


def test_a_model_and_points_are_what_they_are_called(training: Training) -> None:
    assert isinstance(training.model, Transformer)
    assert isinstance(training.at("point_1"), Checkpoint)
    assert training.at(20).point == "epoch_20"
    assert (
        repr(training.at("point_1")) == f"Checkpoint(point_1: seed 0, epoch {training.at('point_1').epoch})"
    )
    assert len(training.at("initial").weights) == training.layout.size


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ("point_3", "point: expected one of .*, or an epoch, found 'point_3'. Did you mean 'point_2'"),
        (17, "expected one that has a checkpoint: 0, 20, .*, 149, found 17"),
    ],
)
def test_a_point_that_is_not_there_is_told(training: Training, point: str | int, message: str) -> None:
    with pytest.raises(grokflow.ConfigError, match=message):
        training.at(point)


def test_a_point_that_was_not_reached_is_told(dataset: PairTable) -> None:
    model = grokflow.make_model(dataset, width=4, mlp_width=4, heads=1)
    found = grokflow.train(model, dataset, epochs=1, learning_rate=0.1, device="cpu")
    with pytest.raises(grokflow.ConfigError, match="expected a point that was reached, found train err"):
        found.at("point_1")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rat": 0.1}, "^learning_rat: expected a known key"),
        ({"optimizer": "adam"}, "^optimizer: expected sgd or adamw, found 'adam'. Did you mean 'adamw'"),
        ({"optimizer": "code"}, "^optimizer: expected sgd or adamw, found 'code'"),
        (
            {"optimizer": "net.py:RMS"},
            r"^optimizer: expected sgd or adamw, found 'net.py:RMS'\. An optimizer of your own is trained by "
            r"make mine \(docs/how-to/own-question.md\)\.$",
        ),
        ({"epochs": 0}, "^epochs: expected greater than or equal to 1"),
        ({"momentum": 2.0}, "momentum: expected less than 1"),
        ({"device": "gpu"}, "device: expected one of auto, cpu, cuda, found 'gpu'"),
        ({"threads": 0}, "threads: expected a number of at least 1, found 0"),
    ],
)
def test_a_setting_that_is_none_is_told(dataset: PairTable, settings: dict, message: str) -> None:
    model = grokflow.make_model(dataset, width=4, mlp_width=4, heads=1)
    with pytest.raises(grokflow.ConfigError, match=message):
        grokflow.train(model, dataset, **{"epochs": 1, "learning_rate": 0.1, **settings})


def test_a_model_for_other_tokens_is_told(dataset: PairTable) -> None:
    """Its weights would be read with the layout of another."""
    other = grokflow.make_dataset("a+b", modulus=5, train_fraction=0.6)
    message = "model: expected one for the dataset's 11 tokens, 2 an example, found one for 5 tokens, 2 an"
    with pytest.raises(grokflow.ConfigError, match=message):
        grokflow.train(grokflow.make_model(other), dataset, epochs=1, learning_rate=0.1, device="cpu")
    with pytest.raises(grokflow.ConfigError, match=r"model: expected a transformer .*, found a Linear"):
        grokflow.train(torch.nn.Linear(2, 2), dataset, epochs=1, learning_rate=0.1)  # type: ignore[arg-type]


def test_a_training_in_the_place_of_a_point_is_told(training: Training) -> None:
    message = r"a: expected a vector, .*found a Training\. Give a point of it, such as training.at\('final'\)"
    with pytest.raises(grokflow.ConfigError, match=message):
        grokflow.connect(training, training.at("final"))  # type: ignore[arg-type]


def test_what_is_no_dataset_is_told(training: Training) -> None:
    message = r"dataset: expected a PairTable, as grokflow.make_dataset makes it, found a Linear"
    with pytest.raises(grokflow.ConfigError, match=message):
        grokflow.make_model(torch.nn.Linear(2, 2))  # type: ignore[arg-type]
    with pytest.raises(grokflow.ConfigError, match=message):
        grokflow.train(training.model, torch.nn.Linear(2, 2), epochs=1, learning_rate=0.1)  # type: ignore[arg-type]
    with pytest.raises(grokflow.ConfigError, match=r"^dataset: expected either modulus or group, found nei"):
        grokflow.make_dataset("a*b")


def test_an_edited_table_is_told(tmp_path: Path) -> None:
    """A state that was saved in the folder would go on with other data."""
    dataset = grokflow.make_dataset("a*b", modulus=5, train_fraction=0.6)
    model = grokflow.make_model(dataset, width=4, mlp_width=4, heads=1)
    settings = {"epochs": 1, "learning_rate": 0.1, "device": "cpu", "folder": tmp_path}
    grokflow.train(model, dataset, **settings)
    dataset.table.loc[0, "c"] = 1 - dataset.table.loc[0, "c"]
    with pytest.raises(grokflow.ConfigError, match=r"dataset.table: expected the table and split of dataset"):
        grokflow.train(model, dataset, **settings)


def test_threads_of_the_notebook_stay_as_they_are(dataset: PairTable) -> None:
    model = grokflow.make_model(dataset, width=4, mlp_width=4, heads=1)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        training = grokflow.train(model, dataset, epochs=1, learning_rate=0.1, device="cpu")
        assert torch.get_num_threads() == 2
        grokflow.audit_invariance(training.at("final"), device="cpu")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
