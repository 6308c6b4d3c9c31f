"""Arrays on disk: safetensors with a checksum over their content. Never pickle.

Only this module reads or writes tensors. A file holds named arrays in their natural shapes, so any
tool opens it, and text metadata, among it the checksum of all names, types, shapes and bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from grokflow.artifacts.files import checksum, write_bytes
from grokflow.errors import ArtifactError

METADATA = "grokflow"
"""The one metadata key of a file; its value is a JSON object of texts."""

MADE_AGAIN = "Delete it; the same command makes it again."


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
    content = _content(path)
    with _parsing(path, content, expected="a complete safetensors file", mend=MADE_AGAIN):
        tensors: dict[str, np.ndarray] = load(content)
    return tensors, _checked(path, content, tensors)


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """The named arrays of any safetensors file; one of grokflow's is checked as `read_tensors` does.

    Raises
    ------
    ArtifactError : when the file is missing, no safetensors file, or of a type that NumPy does not have.
    """
    content = _content(path)
    mend = "Write it by safetensors.torch.save_file; bfloat16 as float32."
    with _parsing(path, content, expected="a safetensors file of float32 or float64", mend=mend):
        tensors: dict[str, np.ndarray] = load(content)
        of_grokflow = METADATA in _header(content)
    if of_grokflow:
        _checked(path, content, tensors)
    return tensors


def _content(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ArtifactError(path, expected="a readable file", found=error.strerror) from None


@contextmanager
def _parsing(path: str | Path, content: bytes, *, expected: str, mend: str) -> Iterator[None]:
    """Whatever is wrong with the bytes is one error."""
    try:
        yield
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        found = f"{len(content)} bytes that do not parse ({error})"
        raise ArtifactError(path, expected=expected, found=found, mend=mend) from None


def _checked(path: str | Path, content: bytes, tensors: Mapping[str, np.ndarray]) -> dict[str, str]:
    """The metadata of a file of grokflow's, once its checksum is that of its content."""
    with _parsing(path, content, expected="a complete safetensors file", mend=MADE_AGAIN):
        metadata = _metadata(content)
        written = metadata.pop("checksum", None)
        altered = written != _checksum(tensors, metadata)
    if altered:
        raise ArtifactError(
            path,
            expected=f"content with the checksum {written}",
            found="other content: the file was altered",
            mend=MADE_AGAIN,
        )
    return metadata


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
