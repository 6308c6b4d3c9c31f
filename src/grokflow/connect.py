"""Join two weight vectors of your own model by a path: fit it, measure along it, draw it.

Run with `python -m grokflow.connect a.safetensors b.safetensors --model my.py:MLP --data data.npz --out
folder`. Into the folder go curve.safetensors (the control points), path.json, metrics.csv, fit.csv and the
picture (path.png, path.svg). The function `grokflow.connect` does the same in Python.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import yaml
from torch import nn
from torch.nn.functional import mse_loss

from grokflow.errors import (
    ConfigError,
    GrokflowError,
    Problems,
    fault_in,
    kind_of_value,
    nearest,
    refuses_bad_input,
)
from grokflow.library import Connection, connect
from grokflow.library.connecting import Kind
from grokflow.library.files import TrainAndValidation, from_object, read_data, read_weights
from grokflow.model import ModelFunction
from grokflow.user_code import find

LOSSES: dict[str, Callable[..., Any] | None] = {"cross-entropy": None, "mse": mse_loss}
"""Losses that have a name; any other is file.py:name."""


ARGUMENTS = (
    "bends", "points", "weight_decay", "batch_size", "epochs", "learning_rate", "seed", "loss", "error",
    "data", "validation",
)  # fmt: skip
"""What has the same name as an argument of the function, or of its `fit`, and as an option."""


@refuses_bad_input
def main(arguments: list[str] | None = None) -> int:
    """The command `python -m grokflow.connect`; returns its exit status."""
    asked = _parser().parse_args(arguments)
    found = run(asked)
    found.save(asked.out)
    print(as_text(found))
    print(f"Written to {asked.out}: curve.safetensors, path.json, metrics.csv, fit.csv, path.png, path.svg.")
    return 0


def run(asked: argparse.Namespace) -> Connection:
    """What the arguments ask for.

    Raises
    ------
    GrokflowError : when a file or a name is not what it should be, or they do not fit one another.
    """
    try:
        return _run(asked)
    except ConfigError as error:
        raise Problems(_by_options(str(error)).splitlines()) from None
    except GrokflowError:
        raise
    except Exception as error:
        raise fault_in(error, _files(asked)) or error from error


def _run(asked: argparse.Namespace) -> Connection:
    """As `run`, but a fault in the user's code is the error that it raised."""
    fit = {"epochs": asked.epochs, "learning_rate": asked.learning_rate, "optimizer": asked.optimizer}
    fit = {name: value for name, value in fit.items() if value is not None}
    if asked.kind == "segment":
        _check_straight({"bends": asked.bends, **fit})
    weights = [read_weights(path) for path in (asked.a, asked.b)]
    model = made_model(own(asked.model, "--model"), settings_of(asked.settings), asked.model)
    data = _data(asked.data, asked.target)
    validation = data.validation
    if asked.validation:
        if validation is not None:
            expected, found = "validation data once", f"some in {asked.data}, too"
            raise ConfigError("--validation", expected=expected, found=found)
        validation = _data(asked.validation, asked.target).train
    return connect(
        weights[0],
        weights[1],
        model=model,
        data=data.train,
        validation=validation,
        loss=_loss(asked.loss),
        error=own(asked.error, "--error") if asked.error else None,
        kind=asked.kind,
        bends=asked.bends,
        points=asked.points,
        weight_decay=asked.weight_decay,
        batch_size=asked.batch_size,
        fit=fit or None,
        seed=asked.seed,
        names=short_names(asked.a, asked.b),
        precision=asked.precision,
        device=asked.device,
        log=True,
    )


def _by_options(message: str) -> str:
    """A message of `grokflow.connect` with its arguments called as the command calls them."""
    named = re.compile(rf"^(?:fit\.)?({'|'.join(ARGUMENTS)})(?=: )", re.MULTILINE)
    return named.sub(lambda found: f"--{found[1].replace('_', '-')}", message)


def _check_straight(of_bends: Mapping[str, Any]) -> None:
    """Refuse what only bends could use, because a segment has none."""
    for name, value in of_bends.items():
        if value is not None:
            raise ConfigError(
                f"--{name.replace('_', '-')}",
                expected="no such option of a segment, which is straight",
                found=value,
                mend="Give --kind polyline or --kind bezier.",
            )


def _files(asked: argparse.Namespace) -> list[str]:
    """The user's own files of code, with what they import."""
    options = (asked.model, asked.data, asked.validation, asked.loss, asked.error)
    return [file for text in options if text and ".py:" in text for file in find(text).files]


def short_names(a: Path, b: Path) -> tuple[str, str]:
    """The names of two files, with their folders' where they are the same."""
    if a.name != b.name:
        return a.name, b.name
    folders = a.absolute().parent.name, b.absolute().parent.name
    return (
        (f"{folders[0]}/{a.name}", f"{folders[1]}/{b.name}") if folders[0] != folders[1] else (str(a), str(b))
    )


def own(text: str, option: str) -> Any:
    """What `file.py:name` stands for, the file relative to the working directory.

    Raises
    ------
    ConfigError : when there is no such file or name, or the file does not run.
    """
    if ".py:" not in text:
        raise ConfigError(option, expected="file.py:name", found=f"'{text}'")
    return find(text, ".", option).load()


def made_model(found: Any, settings: Mapping[str, Any], where: str) -> nn.Module | ModelFunction:
    """A model from a class, from a function that makes one, or the model itself.

    Raises
    ------
    ConfigError : when it cannot be made, or is none.
    """
    if inspect.isclass(found) or (callable(found) and not isinstance(found, nn.Module)):
        try:
            inspect.signature(found).bind(**settings)
        except (TypeError, ValueError) as error:
            mend = "Give what it asks for: --settings name=value …"
            raise ConfigError(where, expected="a model made of --settings", found=error, mend=mend) from None
        found = called(found, where, "a model that can be made", **settings)
    elif settings:
        raise ConfigError(where, expected="a class or a function, to be given --settings", found="a model")
    if not isinstance(found, nn.Module | ModelFunction):
        expected = "a torch.nn.Module, or what has `layout` and `logits`"
        raise ConfigError(where, expected=expected, found=kind_of_value(found))
    return found


def called(function: Callable[..., Any], where: str, expected: str, **arguments: Any) -> Any:
    """What a function or class of the user's gives; `where` is its file.py:name.

    Raises
    ------
    ConfigError : when it fails, with the line of the user's file.
    """
    try:
        return function(**arguments)
    except GrokflowError:
        raise
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        known = fault_in(error, find(where).files)
        raise known or ConfigError(where, expected=expected, found=found) from error


def settings_of(texts: list[str]) -> dict[str, Any]:
    """`width=64` as a name with its value, which is written as in YAML.

    Raises
    ------
    ConfigError : when there is no `=`, or the value does not parse.
    """
    settings = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and name.isidentifier()):
            raise ConfigError("--settings", expected="name=value", found=f"'{text}'")
        try:
            settings[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ConfigError("--settings", expected=f"a value of '{name}'", found=f"'{value}'") from None
    return settings


def as_text(found: Connection) -> str:
    """The path in a few lines."""
    first, middle, last = (found.metrics.iloc[row] for row in (0, len(found.metrics) // 2, -1))
    rows = [
        f"t = {row['t']:g}: train loss {row['train_loss']:.4g}{_errors(row)}" for row in (first, middle, last)
    ]
    losses, t = found.metrics["train_loss_l2"], found.metrics["t"]
    finite = np.isfinite(losses)
    highest = losses[finite].idxmax()
    rows.append(f"Highest train loss {losses[highest]:.4g}, at t = {t[highest]:.3g}.")
    if not finite.all():
        where = t[~finite]
        rows.append(
            f"The train loss is NaN or infinite at {len(where)} of {len(t)} values of t, from t = "
            f"{where.min():.3g} to t = {where.max():.3g}."
        )
    if found.converged is False:
        rows.append(f"The fit did not settle within its {len(found.fit)} epochs: raise --epochs.")
    elif found.converged:
        rows.append(f"The fit settled within {len(found.fit)} epochs.")
    return "\n".join(rows)


def _errors(row: Any) -> str:
    said = [f"{split} error {row[f'{split}_error']:.4g}" for split in ("train", "validation")]
    return "".join(f", {each}" for each in said if "nan" not in each)


def _data(text: str, target: str) -> TrainAndValidation:
    if ".py:" not in text:
        return read_data(Path(text), target)
    found = own(text, "--data")
    if callable(found):
        found = called(found, text, "a function of none that returns inputs and targets")
    return from_object(found, text)


def _loss(text: str) -> Callable[..., Any] | None:
    if text in LOSSES or ".py:" in text:
        return LOSSES[text] if text in LOSSES else own(text, "--loss")
    expected = f"{', '.join(LOSSES)} or file.py:name"
    raise ConfigError("--loss", expected=expected, found=f"'{text}'", mend=nearest(text, LOSSES))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m grokflow.connect", description=__doc__)
    add = parser.add_argument
    add(
        "a", type=Path, help="the weights at t = 0: .safetensors or .npz of a state dict, or .npy of a vector"
    )
    add("b", type=Path, help="the weights at t = 1")
    add("--model", required=True, metavar="FILE.py:NAME", help="a torch.nn.Module, or what makes one")
    add("--settings", nargs="+", default=[], metavar="NAME=VALUE", help="what the model is made with")
    data_help = (
        "inputs and targets: a .npz or .safetensors file with the arrays inputs, targets and perhaps "
        "validation_inputs, validation_targets; a .csv file with the column target, perhaps split (train, "
        "validation), the others inputs; or FILE.py:NAME of these arrays or of a function that returns them"
    )
    add("--data", required=True, metavar="DATA", help=data_help)
    add("--validation", metavar="DATA", help="data to measure on, too")
    add("--target", default="target", metavar="COLUMN", help="of a .csv file; default: %(default)s")
    add("--loss", default="cross-entropy", help="cross-entropy (default), mse or FILE.py:NAME")
    add(
        "--error",
        metavar="FILE.py:NAME",
        help="says which outputs are wrong; default: 1 − accuracy of classes",
    )
    add("--kind", default="segment", choices=get_args(Kind), help="default: %(default)s")
    add("--bends", type=int, help="of a polyline or bezier; default: 1")
    add("--points", type=int, default=61, help="values of t that are measured; default: %(default)s")
    add("--weight-decay", type=float, default=0.0, help="λ of the loss on the path; default: %(default)s")
    add("--batch-size", type=int, default=512, help="default: %(default)s")
    add("--epochs", type=int, help="most epochs of the fit; default: 1000")
    add("--learning-rate", type=float, help="of the fit; default: 0.003 of adam, 0.015 of sgd")
    add("--optimizer", choices=("adam", "sgd"), help="of the fit; default: adam")
    add("--seed", type=int, default=0, help="of the fit's random draws; default: %(default)s")
    add("--precision", choices=("float32", "float64"), help="default: that of the weights")
    add("--device", default="auto", choices=("auto", "cpu", "cuda"), help="default: %(default)s")
    add("--out", type=Path, required=True, metavar="FOLDER", help="where the files go")
    return parser


if __name__ == "__main__":
    sys.exit(main())
