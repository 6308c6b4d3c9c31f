"""Atomic, durable writes and checksums. Every file that grokflow leaves behind is written here."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from grokflow.errors import ArtifactError


def write_bytes(path: str | Path, content: bytes) -> None:
    """Replace `path` by `content` so that a reader sees the old file or the new one, never a part.

    The order is: temporary file in the same folder, fsync, rename, fsync of the folder. After an
    error the old file stands and the temporary one is gone.

    Raises
    ------
    ArtifactError : when the file system does not take it (full, over quota, read-only, failing).
    """
    path = Path(path)
    try:
        _replace(path, content)
    except OSError as error:
        raise ArtifactError(
            path,
            expected="a file system that takes this file",
            found=error.strerror or error,
            mend="What was there before stands. Mend the cause and run the same command again.",
        ) from None


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)  # mkstemp gives 0600, which hides results from colleagues
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def refuse_links_out(root: str | Path) -> None:
    """Refuse a folder in which a symbolic link leads out of it; `root` itself may be a link.

    Raises
    ------
    ArtifactError : with the first such link.
    """
    inside = os.path.realpath(root)  # Path.resolve fails on a link to itself
    for folder, folders, names in os.walk(root):
        for path in (Path(folder) / name for name in (*folders, *names)):
            if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(inside):
                raise ArtifactError(
                    path,
                    expected="nothing that leads out of the results",
                    found=f"a link to {os.path.realpath(path)}",
                    mend="Remove it. To keep results elsewhere, let the whole folder be a link.",
                )


def write_text(path: str | Path, text: str) -> None:
    """`write_bytes` of UTF-8 text."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str | Path, value: Any) -> None:
    """`write_bytes` of indented JSON with a closing newline."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def checksum(content: bytes) -> str:
    """SHA-256 of `content`, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def digest(value: Any) -> str:
    """The first 16 hexadecimal digits of the checksum of a JSON-able value, keys in sorted order."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return checksum(canonical.encode())[:16]
