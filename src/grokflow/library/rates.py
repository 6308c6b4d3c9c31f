"""Which columns of a training curve hold errors or accuracies, and whether they are what they are called.

Nothing is taken silently for what it is not: a column in per cent, an accuracy that is called an error, a
loss in its place are refused, with what to say instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from grokflow.errors import ConfigError, with_article

EPOCH = ("epoch", "epochs", "global_step", "trainer_global_step", "step", "steps", "iteration", "iter")
"""Names of the column of epochs or steps, the first that there is."""

SPLITS = {
    "train": ("train", "training", "tr"),
    "validation": ("validation", "val", "valid", "eval", "test", "dev"),
}
RATES = {"accuracy": ("accuracy", "acc", "top1", "acc1"), "error": ("error", "err", "error_rate")}
"""Names of a split and of a rate; a column's name has one of each, in any order."""

LOSS = re.compile(r"loss|nll|cross_?entropy|perplexity|\bppl\b")


def guess_epoch(names: list[str], where: str) -> str:
    plain = {_plain(column): column for column in reversed(names)}
    for candidate in EPOCH:
        if candidate in plain:
            return plain[candidate]
    raise ConfigError(
        where,
        expected="a column of epochs or steps",
        found=", ".join(names),
        mend="Name it by --epoch (epoch=).",
    )


def _plain(column: str) -> str:
    """A column's name in lower case, its words joined by `_`: `Train/Acc` as `train_acc`."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", column)
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def rate_column(
    split: str, given: Mapping[str, str | None], names: list[str], where: str
) -> tuple[str, str] | None:
    """`error` or `accuracy` and the column of a split: as it was asked for, else the only one that fits."""
    asked = [(kind, given[f"{split}_{kind}"]) for kind in ("error", "accuracy")]
    chosen = [(kind, column) for kind, column in asked if column is not None]
    if len(chosen) == 2:
        expected = f"the error or the accuracy of the {split} set"
        raise ConfigError(where, expected=expected, found="both")
    if chosen:
        return chosen[0]
    found = [
        (kind, column)
        for column in names
        for kind, words in RATES.items()
        if _says(_plain(column), SPLITS[split]) and _says(_plain(column), words) and not _is_loss(column)
    ]
    if not found and split == "train":  # Keras: `accuracy` beside `val_accuracy`
        alone = {_plain(column): column for column in names}
        found = [(k, alone[word]) for k, words in RATES.items() for word in words if word in alone]
    if len({column for _, column in found}) > 1:
        listed = ", ".join(f"'{column}'" for _, column in found)
        raise ConfigError(
            where,
            expected=f"one column of the {split} error or accuracy",
            found=listed,
            mend=f"Name the one that is meant: --{split}-accuracy or --{split}-error.",
        )
    return found[0] if found else None


def _says(plain: str, words: tuple[str, ...]) -> bool:
    return any(re.search(rf"(^|_){word}(_|$)", plain) for word in words)


def _is_loss(column: str) -> bool:
    return LOSS.search(_plain(column)) is not None


def numbers_of(column: pd.Series, where: str) -> np.ndarray:
    numbers = pd.to_numeric(column, errors="coerce")
    texts = column[numbers.isna() & column.notna() & ~column.astype(str).str.strip().isin(["", "-"])]
    if len(texts):
        raise ConfigError(where, expected="numbers or blanks", found=f"'{texts.iloc[0]}'")
    values: np.ndarray = numbers.to_numpy(float)
    if np.isinf(values).any():
        raise ConfigError(where, expected="finite numbers or blanks", found="infinity")
    return values


def error_of(
    values: np.ndarray, column: str, kind: str, where: str, percent: bool, check: bool
) -> np.ndarray:
    """The rate in a column as an error from 0 to 1, once it is found to be what it is called."""
    known = values[~np.isnan(values)]
    if len(known) == 0:
        raise ConfigError(where, expected="at least one number", found="none")
    most = 100.0 if percent else 1.0
    found = f"numbers from {known.min():.4g} to {known.max():.4g}"
    if known.min() < 0 or known.max() > most * (1 + 1e-6):
        looks_percent = not percent and known.min() >= 0 and known.max() <= 100 * (1 + 1e-6)
        mend = "If it is in per cent, say so: --percent (percent=True)." if looks_percent else None
        raise ConfigError(where, expected=f"the {kind} from 0 to {most:g}", found=found, mend=mend)
    if check:
        _check_name(column, kind, where)
        if percent and _are_fractions(known):
            mend = "Leave out --percent (percent=True), or see --trust-units (check=False)."
            raise ConfigError(
                where, expected=f"{with_article(kind)} in per cent", found=f"{found}: fractions", mend=mend
            )
        _check_direction(known / most, kind, where)
    fraction = np.clip(values / most, 0.0, 1.0)
    return fraction if kind == "error" else 1.0 - fraction


def check_one_unit(columns: Mapping[str, np.ndarray], where: str, percent: bool, check: bool) -> None:
    """Refuse columns of which some are in per cent and others are not.

    Parameters
    ----------
    columns : the numbers of each by its name.

    Raises
    ------
    ConfigError : with which are in which unit.
    """
    if percent and not check:
        return
    known = {name: values[~np.isnan(values)] for name, values in columns.items()}
    rates = {name: values for name, values in known.items() if len(values) and values.min() >= 0}
    in_percent = [name for name, values in rates.items() if 1 + 1e-6 < values.max() <= 100 * (1 + 1e-6)]
    fractions = [name for name, values in rates.items() if _are_fractions(values)]
    if in_percent and fractions:
        first, other = in_percent[0], fractions[0]
        raise ConfigError(
            where,
            expected="all columns in one unit",
            found=f"'{first}' up to {rates[first].max():.4g} and '{other}' up to {rates[other].max():.4g}",
            mend=f"Bring all columns to one unit: {first} is in per cent, {other} is not. If {other} never "
            "exceeds 1 %, add --percent --trust-units (percent=True, check=False).",
        )


def _are_fractions(values: np.ndarray) -> bool:
    """Whether numbers that may be per cent are fractions of one: 0 and 1 alone would be either."""
    return bool(values.max() <= 1 and len(np.unique(values)) > 2)


def _check_name(column: str, kind: str, where: str) -> None:
    other = {"error": "accuracy", "accuracy": "error"}[kind]
    meant = "loss" if _is_loss(column) else other if _says(_plain(column), RATES[other]) else None
    if meant is None or _says(_plain(column), RATES[kind]):
        return
    mend = "A loss has no collapses here: name a column of the error or accuracy."
    if meant == other:
        mend = (
            f"Name it by --…-{other} (…_{other}=); or, if it is the {kind}, add --trust-units (check=False)."
        )
    raise ConfigError(where, expected=f"the {kind}", found=f"by its name the {meant}", mend=mend)


def _check_direction(values: np.ndarray, kind: str, where: str) -> None:
    """Training makes errors small and accuracies large; where it ends the other way round it was misnamed."""
    other = {"error": "accuracy", "accuracy": "error"}[kind]
    error = values if kind == "error" else 1 - values
    last = float(np.median(error[-max(1, len(error) // 4) :]))
    if len(error) >= 4 and last > 0.5 and error[0] < 0.5:
        first, end = (f"{value:.3g}" for value in (values[0], np.median(values[-max(1, len(error) // 4) :])))
        raise ConfigError(
            where,
            expected=f"the {kind} of a training",
            found=f"what begins at {first} and ends near {end}, as {with_article(other)} does",
            mend=f"Name it as the {other}; or, if training did undo itself, add --trust-units (check=False).",
        )
