"""Weights and data of the user's in files: safetensors, npz, npy and CSV."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from grokflow.artifacts.tensors import read_arrays
from grokflow.errors import ArtifactError, ConfigError, kind_of_value, nearest
from grokflow.library.rates import numbers_of
from grokflow.library.series import read_csv

INPUTS, TARGETS = "inputs", "targets"
VALIDATION = "validation_"

ARRAYS = (INPUTS, TARGETS, VALIDATION + INPUTS, VALIDATION + TARGETS)
"""Names of the arrays in a file of data; those of the validation set may be missing."""

SPLIT = "split"
"""The column of a CSV that says which rows are `train` and which `validation`."""


OF_NUMPY = b"\x93NUMPY", b"PK"
"""How a .npy and a .npz file begin; of what begins otherwise NumPy says that one might trust it."""


class TrainAndValidation(NamedTuple):
    """Inputs and targets of both sets."""

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray] | None


def read_weights(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    """A state dict in a .safetensors or .npz file, or a weight vector in a .npy file.

    Raises
    ------
    ArtifactError : when the file is missing, damaged or of another kind.
    """
    if path.suffix == ".safetensors":
        return read_arrays(path)
    if path.suffix in (".npz", ".npy"):
        return _numpy(path)
    raise ArtifactError(
        path,
        expected="weights in a .safetensors, .npz or .npy file",
        found=f"'{path.suffix}'" if path.exists() else "no such file",
        mend="Of a .pt file: safetensors.torch.save_file(model.state_dict(), 'a.safetensors').",
    )


def read_data(path: Path, target: str = "target") -> TrainAndValidation:
    """Inputs and targets in a file.

    A .npz or .safetensors file has the arrays `inputs` and `targets`, and may have `validation_inputs` and
    `validation_targets`. A .csv file has the column `target` and columns of inputs, and may have `split`.

    Raises
    ------
    ArtifactError : when the file is missing or damaged, or lacks something.
    """
    if path.suffix == ".safetensors":
        return from_arrays(read_arrays(path), path)
    if path.suffix == ".npz":
        found = _numpy(path)
        if isinstance(found, np.ndarray):
            raise ArtifactError(
                path,
                expected="arrays with names",
                found=f"one without a name, of the shape {found.shape}",
                mend="Write them by numpy.savez('data.npz', inputs=inputs, targets=targets).",
            )
        return from_arrays(found, path)
    if path.suffix == ".csv":
        return _from_csv(read_csv(path), path, target)
    expected = "data in a .npz, .safetensors or .csv file, or file.py:name"
    found_instead = f"'{path.suffix}'" if path.exists() else "no such file"
    raise ArtifactError(path, expected=expected, found=found_instead)


def from_arrays(arrays: Mapping[str, Any], where: object) -> TrainAndValidation:
    """Data from arrays by their names.

    Raises
    ------
    ConfigError : when one is missing or unknown.
    """
    for name in arrays:
        if name not in ARRAYS:
            mend = nearest(name, ARRAYS)
            raise ConfigError(where, expected=f"the arrays {', '.join(ARRAYS)}", found=f"'{name}'", mend=mend)
    missing = [name for name in (INPUTS, TARGETS) if name not in arrays]
    if len([name for name in ARRAYS[2:] if name in arrays]) == 1:
        missing += [name for name in ARRAYS[2:] if name not in arrays]
    if missing:
        found = ", ".join(arrays) or "nothing"
        raise ConfigError(where, expected=f"the array '{missing[0]}'", found=found)
    validation = (arrays[ARRAYS[2]], arrays[ARRAYS[3]]) if ARRAYS[2] in arrays else None
    return TrainAndValidation((arrays[INPUTS], arrays[TARGETS]), validation)


def from_object(value: Any, where: object) -> TrainAndValidation:
    """Data from what a user's file gives: two or four arrays, or a dictionary.

    Raises
    ------
    ConfigError : when it is nothing of these.
    """
    if isinstance(value, Mapping):
        return from_arrays(value, where)
    if isinstance(value, tuple | list) and len(value) in (2, 4):
        parts = tuple(value)
        return TrainAndValidation(parts[:2], parts[2:] if len(parts) == 4 else None)
    raise ConfigError(
        where,
        expected="(inputs, targets), or (inputs, targets, validation_inputs, validation_targets), or a "
        "function of none that returns them",
        found=kind_of_value(value),
    )


def _numpy(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    expected = "arrays that NumPy wrote"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(path, expected=expected, found=error.strerror) from None
    if not content.startswith(OF_NUMPY):
        raise ArtifactError(path, expected=expected, found=f"{len(content)} bytes of another kind")
    try:
        found = np.load(io.BytesIO(content), allow_pickle=False)
        return found if isinstance(found, np.ndarray) else {name: found[name] for name in found.files}
    except Exception as error:  # of damaged bytes NumPy, zipfile and zlib raise a dozen kinds
        said = (str(error) or type(error).__name__).splitlines()[0]
        damaged = f"{len(content)} bytes that do not parse ({said})"
        raise ArtifactError(path, expected=expected, found=damaged) from None


def _from_csv(table: pd.DataFrame, path: Path, target: str) -> TrainAndValidation:
    columns = list(map(str, table.columns))
    if target not in columns:
        mend = nearest(target, columns) or "Name it by --target."
        raise ConfigError(path, expected=f"a column '{target}'", found=", ".join(columns), mend=mend)
    inputs = [column for column in columns if column not in (target, SPLIT)]
    if not inputs:
        raise ConfigError(path, expected="columns of inputs beside the target", found="none")

    every = {column: _numbers(table[column], f"{path}: column '{column}'") for column in (target, *inputs)}
    numbers = pd.DataFrame(every, index=table.index)

    def both(rows: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        return numbers.loc[rows, inputs].to_numpy(), numbers.loc[rows, target].to_numpy()

    if SPLIT not in columns:
        return TrainAndValidation(both(pd.Series(True, index=table.index)), None)
    if unknown := sorted(set(table[SPLIT].astype(str)) - {"train", "validation"}):
        expected = "train or validation"
        raise ConfigError(f"{path}: column '{SPLIT}'", expected=expected, found=f"'{unknown[0]}'")
    validation = table[SPLIT] == "validation"
    return TrainAndValidation(both(~validation), both(validation) if validation.any() else None)


def _numbers(column: pd.Series, where: str) -> np.ndarray:
    """A column with a finite number in every row; whole numbers stay whole."""
    try:
        values = numbers_of(column, where)
    except ConfigError as error:
        raise ConfigError(where, expected="a finite number in every row", found=error.found) from None
    if np.isnan(values).any():
        raise ConfigError(where, expected="a finite number in every row", found="a blank")
    return column.to_numpy() if column.dtype.kind in "iu" else values
