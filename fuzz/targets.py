"""What is fuzzed: one function a reader, which returns for any bytes or raises what nobody should meet."""

from __future__ import annotations

import contextlib
import io
import json
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import yaml

from grokflow.artifacts import tensors as tensor_files
from grokflow.config import SGD, Dataset, Model, ResolvedRun
from grokflow.config.read import merge, read
from grokflow.data import make_dataset
from grokflow.errors import ArtifactError, ConfigError, GrokflowError
from grokflow.loading import load_config
from grokflow.model import checkpoints, make_task
from grokflow.model.layout import Layout, Parameter
from grokflow.paths import curve_files as curves
from grokflow.paths.geometry import Curve
from grokflow.training.engine import Trainer, training_job
from grokflow.training.rows import Row

ROOT = Path(__file__).parents[1]
CONFIGS = (
    "config.yaml",
    "config/quick.yaml",
    "config/gpu.yaml",
    "tests/workflow/tiny.yaml",
    "faults/tiny.yaml",
)
VALID = read([ROOT / "config/quick.yaml"])

WILD = (
    "null", "true", "''", "[]", "{}", "-1", "0", ".nan", "-.inf", "1e400", "1e308", "9" * 400, "9" * 5000,
    "0x" + "f" * 5000, "-0b1", "1:1:1", "1" + ":59" * 200 + ".5", "2001-01-01", "2001-99-99", "=", "<<",
    "<<: *a", "&a", "*a", "? [a]\n: b", "!!bool x", "!!int ''", "!!float ''", "!!timestamp x", "!!binary x",
    "!!set {a, b}", "!!omap [a: b]", "!!pairs [a: b]", "!!python/name:os.system", "!x y", '"\\ud800"',
    '"\\0"', '"\\U00110000"', '"\\UFFFFFFFF"', "|\n  a", "---", "mode_connectivity@epoch_" + "9" * 5000,
    "[from, to]",
    "{from: 0, to: 1e308}", "{from: 0.1, to: 3.0, scale: log}", "draws: 3", "a^1000", "a^1000^1000", "a/b",
    "a/b if b odd else a-b", "S6", "A7",
)  # fmt: skip
"""Pieces of YAML at its edges and the schema's."""

LAYOUT = Layout((Parameter("embedding", (5, 3), 1.0), Parameter("layer_0.bias", (4,), 0.0)))
RUN = ResolvedRun(
    dataset=Dataset(operation="a+b", modulus=3, train_fraction=0.5),
    model=Model(layers=1, width=2, mlp_width=2, heads=1),
    optimizer=SGD(name="sgd", learning_rate=0.1),
    seed=0,
    epochs=2,
    stop_after_point_2=None,
    checkpoint_every=2,
    log_every=2,
    precision="float64",
    threads=1,
    device="cpu",
)
TASK = make_task(RUN.model, RUN.dataset, make_dataset(RUN.dataset), "cpu")
WEIGHTS = np.linspace(-1.0, 1.0, LAYOUT.size, dtype=np.float32)
EPOCH, DIGEST = 700, "0123456789abcdef"


def no_crash(attempt: Any, kind: type[GrokflowError], where: str) -> Any:
    """What `attempt` returns, or None when it refuses properly.

    Raises
    ------
    AssertionError : when the message says nothing, names neither file nor key, or cannot be printed.
    """
    try:
        return attempt()
    except kind as error:
        message = str(error)
        message.encode("utf-8")
        assert re.match(rf"{re.escape(where)}\S*.*: expected \S", message), message
        return None


def config(content: bytes, folder: Path) -> None:
    """A text with `datasets` is a configuration of its own; any other is laid over a valid one."""
    path, empty = folder / "fuzzed.yaml", folder / "empty.yaml"
    path.write_bytes(content)
    value = no_crash(lambda: read([path]), ConfigError, str(path))
    if value is not None:
        empty.write_text("{}", encoding="utf-8")
        laid = value if "datasets" in value else merge(VALID, value)
        no_crash(lambda: loaded(empty, laid), ConfigError, str(empty))


def loaded(path: Path, overrides: Any = None) -> Any:
    return load_config([path], overrides)


def checkpoint(content: bytes, folder: Path) -> None:
    """What is accepted is a file that was written, to the bit; then again as if the checksum held."""
    path = folder / "state.safetensors"
    path.write_bytes(content)
    found = no_crash(lambda: tensor_files.read_tensors(path), ArtifactError, str(path))
    assert found is None or bits(found) in _written(folder), "a wrong number"
    as_if_whole(path)


def as_if_whole(path: Path) -> None:
    """Every reader of a file of tensors, as if its checksum held: what a forged file would meet."""
    original = tensor_files._checksum
    with mock.patch.object(tensor_files, "_checksum", lambda *content: _Agrees(original(*content))):
        no_crash(lambda: tensor_files.read_tensors(path), ArtifactError, str(path))
        folder, own = path.parent, checkpoints.checkpoint_path(path.parent, EPOCH)
        shutil.copy(path, own)
        read = no_crash(
            lambda: checkpoints.read_checkpoint(folder, EPOCH, LAYOUT, DIGEST), ArtifactError, str(own)
        )
        assert read is None or read.shape == (LAYOUT.size,), "another shape"
        curve = no_crash(lambda: curves.read_curve(path, LAYOUT), ArtifactError, str(path))
        assert curve is None or curve.controls.shape == (len(curve.names), LAYOUT.size), "another shape"
        job = training_job(path.parent, "a fuzzed state", [RUN], "cpu")
        job.folder = path.parent
        training = Trainer([Row(RUN)], [TASK], job, "cpu")
        with contextlib.redirect_stdout(io.StringIO()):
            state = job.load(training)
            if state is not None:
                training.restore(state)


class _Agrees(str):
    """A checksum that any other equals."""

    __hash__ = str.__hash__

    def __ne__(self, other: object) -> bool:
        return False


def bits(found: tuple[dict[str, np.ndarray], dict[str, str]]) -> Any:
    """All of a file of tensors, comparable."""
    tensors, metadata = found
    content = {name: (x.dtype.str, x.shape, x.tobytes()) for name, x in tensors.items()}
    return sorted(content.items()), metadata


def written(folder: Path) -> Iterator[Path]:
    """A checkpoint, a curve, a path that was skipped, and a saved state."""
    path = checkpoints.checkpoint_path(folder, EPOCH)
    checkpoints.write_checkpoint(folder, EPOCH, LAYOUT, WEIGHTS, DIGEST)
    yield path
    curves.write_curve(path, Curve("segment", np.stack([WEIGHTS, -WEIGHTS]), ("a", "b")), LAYOUT)
    yield path
    tensor_files.write_tensors(path, {}, {"skipped": "no point 2"})
    yield path
    tensors = {"history": np.zeros((3, 2)), "mask": np.array([True]), "none": np.zeros((0, 4), np.int64)}
    tensor_files.write_tensors(path, tensors, {"progress": json.dumps({"epoch": 3})})
    yield path
    row = Row(RUN, epoch=1)
    tensors = {f"0/{name}": table for name, table in row.tables().items()}
    tensors["0/weights"] = TASK.model.layout.initial(0)
    progress = {"epoch": 1, "rows": [row.progress()], "begun": [0], "waiting": []}
    tensor_files.write_tensors(path, tensors, {"progress": json.dumps(progress)})
    yield path


_KNOWN: list[Any] = []


def _written(folder: Path) -> list[Any]:
    if not _KNOWN:
        _KNOWN.extend(bits(tensor_files.read_tensors(path)) for path in written(folder))
    return _KNOWN


def config_seeds(folder: Path) -> Iterator[bytes]:
    """Every entry of the project's configurations, and the small ones whole."""
    for name in CONFIGS:
        content = (ROOT / name).read_bytes()
        if len(content) < 3000:
            yield content
        for section, entries in read([ROOT / name]).items():
            for key, entry in entries.items() if isinstance(entries, dict) else ():
                yield yaml.safe_dump({section: {key: entry}}, default_flow_style=None).encode()
    yield from (b"results: " + piece.encode() for piece in WILD)


def checkpoint_seeds(folder: Path) -> Iterator[bytes]:
    """Each kind of file of tensors."""
    for path in written(folder):
        yield path.read_bytes()


def mutated_config(content: bytes, chance: random.Random) -> bytes:
    """A word or a line put somewhere else, taken out or replaced by something at the edges."""
    text = content.decode("utf-8", "replace")
    words = list(re.finditer(r"[^\s{}\[\],]+" if chance.random() < 0.8 else r"[^\n]+\n?", text))
    if not words:
        return chance.choice(WILD).encode()
    at, other = chance.choice(words), chance.choice(words).group()
    new = chance.choice((other, "", at.group() + other, *(chance.choice(WILD) for _ in range(3))))
    return (text[: at.start()] + new + text[at.end() :]).encode("utf-8", "replace")


def mutated_checkpoint(content: bytes, chance: random.Random) -> bytes:
    """A number or a word of the header replaced, its length made right."""
    length = int.from_bytes(content[:8], "little")
    header, data = content[8 : 8 + length].decode("utf-8", "replace"), content[8 + length :]
    words = list(re.finditer(r"-?\d+|\w+|[\[{][^\[\]{}]*[\]}]", header))
    if not words:
        return content
    at, other = chance.choice(words), chance.choice(words).group()
    wild = (
        "0", "-1", str(2**63), str(2**64 - 1), str(2**64), "1e9", "null", "[]", "{}", "BF16", "F8_E4M3",
        "BOOL", "U64", '[[1,\\"a\\"],[\\"b\\",2]]', "[" * 990, "0,18446744073709551615",
    )  # fmt: skip
    new = chance.choice((other, "", *(chance.choice(wild) for _ in range(3))))
    header_bytes = (header[: at.start()] + new + header[at.end() :]).encode("utf-8", "replace")
    return len(header_bytes).to_bytes(8, "little") + header_bytes + data


TARGETS = {
    "config": (config, config_seeds, mutated_config),
    "checkpoint": (checkpoint, checkpoint_seeds, mutated_checkpoint),
}
"""For each target what it does with bytes, its seeds, and a mutation that keeps the format."""
