"""Arrays on disk: safetensors with a checksum over their content. Never pickle.

Only this module reads or writes tensors. A file holds named arrays in their natural shapes, so any
tool opens it, and text metadata, among it the checksum of all names, types, shapes and bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from grokflow.artifacts.files import checksum, write_bytes
from grokflow.errors import ArtifactError

METADATA = "grokflow"
"""The one metadata key of a file; its value is a JSON object of texts."""


def write_tensors(path: str | Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write named arrays with text metadata, atomically."""
    tensors = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    signed = {**metadata, "checksum": _checksum(tensors, metadata)}
    # One key: safetensors writes several in random order, and the same content must be the same bytes.
    write_bytes(path, save(tensors, {METADATA: json.dumps(signed, sort_keys=True)}))


def read_tensors(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read what `write_tensors` wrote: arrays and metadata.

    Raises
    ------
    ArtifactError : when the file is missing, truncated or altered.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ArtifactError(path, expected="a readable file", found=error.strerror) from None
    try:
        tensors = load(content)
        metadata = _metadata(content)
        written = metadata.pop("checksum", None)
        altered = written != _checksum(tensors, metadata)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ArtifactError(
            path,
            expected="a complete safetensors file",
            found=f"{len(content)} bytes that do not parse ({error})",
            mend="Delete it; the same command makes it again.",
        ) from None
    if altered:
        raise ArtifactError(
            path,
            expected=f"content with the checksum {written}",
            found="other content: the file was altered",
            mend="Delete it; the same command makes it again.",
        )
    return tensors, metadata


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """The named arrays of any safetensors file; one of grokflow's is checked as `read_tensors` does.

    Raises
    ------
    ArtifactError : when the file is missing, no safetensors file, or of a type that NumPy does not have.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ArtifactError(path, expected="a readable file", found=error.strerror) from None
    try:
        tensors: dict[str, np.ndarray] = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ArtifactError(
            path,
            expected="a safetensors file of float32 or float64",
            found=f"{len(content)} bytes that do not parse ({error})",
            mend="Write it by safetensors.torch.save_file; bfloat16 as float32.",
        ) from None
    if METADATA in _header(content):
        read_tensors(path)
    return tensors


def _header(content: bytes) -> dict[str, str]:
    length = int.from_bytes(content[:8], "little")
    return dict(json.loads(content[8 : 8 + length]).get("__metadata__") or {})


def _metadata(content: bytes) -> dict[str, str]:
    return dict(json.loads(_header(content)[METADATA]))


def _checksum(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> str:
    parts = [repr(sorted(metadata.items())).encode()]
    for name in sorted(tensors):
        array = tensors[name]
        parts += [f"{name}{array.dtype.str}{array.shape}".encode(), array.tobytes()]
    return checksum(b"\0".join(parts))
