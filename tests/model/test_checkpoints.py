"""Weights on disk: whole and unaltered, or refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save

from grokflow.artifacts.tensors import read_tensors, write_tensors
from grokflow.errors import ArtifactError
from grokflow.model.checkpoints import checkpoint_epochs, checkpoint_path, read_checkpoint, write_checkpoint
from grokflow.model.layout import Layout, Parameter

LAYOUT = Layout((Parameter("embedding", (5, 3), 1.0), Parameter("layer_0.bias", (4,), 0.0)))
CONFIG = "0123456789abcdef"


def vector(dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(0).normal(size=LAYOUT.size).astype(dtype)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    write_checkpoint(tmp_path, 700, LAYOUT, vector(), CONFIG)
    return checkpoint_path(tmp_path, 700)


def assert_refused(path: Path) -> None:
    with pytest.raises(ArtifactError, match=path.name):
        read_checkpoint(path.parent, 700, LAYOUT, CONFIG)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_checkpoint_is_read_back_bit_for_bit(tmp_path: Path, dtype: str) -> None:
    weights = vector(dtype)
    weights[:5] = [0.0, -0.0, np.inf, np.nan, np.finfo(dtype).tiny / 4]
    write_checkpoint(tmp_path, 1234, LAYOUT, weights, CONFIG)
    found = read_checkpoint(tmp_path, 1234, LAYOUT, CONFIG)
    assert found.dtype == weights.dtype
    assert found.tobytes() == weights.tobytes()


def test_any_safetensors_reader_opens_it(written: Path) -> None:
    found = load_file(written)
    assert {name: array.shape for name, array in found.items()} == {
        "embedding": (5, 3),
        "layer_0.bias": (4,),
    }
    assert found["embedding"].tolist() == vector()[:15].reshape(5, 3).tolist()
    assert found["layer_0.bias"].tolist() == vector()[15:].tolist()
    with safe_open(written, framework="numpy") as file:
        metadata = json.loads(file.metadata()["grokflow"])
    assert metadata["epoch"] == "700"
    assert metadata["config"] == CONFIG


def test_the_same_weights_make_the_same_bytes(written: Path, tmp_path: Path) -> None:
    for _ in range(20):
        write_checkpoint(tmp_path / "again", 700, LAYOUT, vector(), CONFIG)
        assert checkpoint_path(tmp_path / "again", 700).read_bytes() == written.read_bytes()


@pytest.mark.parametrize(
    "tensors",
    [
        {},
        {"b": np.arange(3), "a": np.ones((2, 2), dtype=np.float64)},
        {"transposed": np.arange(6.0).reshape(2, 3).T, "none": np.zeros((0, 4))},
        {"λ": np.array([True, False])},
    ],
)
def test_any_tensors_and_metadata_are_read_back(tmp_path: Path, tensors: dict) -> None:
    path, metadata = tmp_path / "any.safetensors", {"why": 'a\n"quoted" ∘ text', "": "empty"}
    write_tensors(path, tensors, metadata)
    found, found_metadata = read_tensors(path)
    assert found_metadata == metadata
    assert {name: array.tolist() for name, array in found.items()} == {
        name: array.tolist() for name, array in tensors.items()
    }
    assert all(found[name].dtype == array.dtype for name, array in tensors.items())


def test_a_flipped_bit_in_any_byte_is_found(written: Path) -> None:
    content, random = written.read_bytes(), np.random.default_rng(0)
    for place in range(len(content)):
        altered = bytearray(content)
        altered[place] ^= 1 << int(random.integers(8))
        written.write_bytes(altered)
        assert_refused(written)


def test_several_flipped_bits_are_found(written: Path) -> None:
    content, random = written.read_bytes(), np.random.default_rng(1)
    for _ in range(200):
        altered = bytearray(content)
        for place in random.choice(len(content), size=random.integers(2, 9), replace=False):
            altered[place] ^= int(random.integers(1, 256))
        written.write_bytes(altered)
        assert_refused(written)


def test_a_truncated_file_is_refused_wherever_it_ends(written: Path) -> None:
    content = written.read_bytes()
    for length in [*range(16), *range(16, len(content), 3), len(content) - 1]:
        written.write_bytes(content[:length])
        assert_refused(written)


DAMAGE = {
    "zeros": lambda content: bytes(len(content)),
    "ones": lambda content: b"\xff" * len(content),
    "text": lambda content: "loss is 0.3, все хорошо\n".encode() * 20,
    "json": lambda content: b'{"embedding": [1, 2, 3]}',
    "only a header": lambda content: (2).to_bytes(8, "little") + b"{}",
    "a header that is a list": lambda content: (2).to_bytes(8, "little") + b"[]",
    "a deep header": lambda content: (9000).to_bytes(8, "little") + b"[" * 9000,
    "a gigantic header": lambda content: (2**62).to_bytes(8, "little") + content[8:],
    "something appended": lambda content: content + b"\0" * 4,
    "twice": lambda content: content * 2,
    "two halves exchanged": lambda content: (
        content[: -4 * LAYOUT.size]
        + content[-2 * LAYOUT.size :]
        + content[-4 * LAYOUT.size : -2 * LAYOUT.size]
    ),
    "a pickle": lambda content: b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94.",
    "metadata whose keys have no order": lambda content: save({}, {"grokflow": '[[1, "a"], ["b", 2]]'}),
    "no metadata": lambda content: save({"embedding": vector()}),
    "no checksum": lambda content: save({"embedding": vector()}, {"config": CONFIG, "epoch": "700"}),
    "a wrong checksum": lambda content: save(
        {"embedding": vector()}, {"config": CONFIG, "epoch": "700", "checksum": "0" * 64}
    ),
    "a type numpy has not": lambda content: (len(BFLOAT)).to_bytes(8, "little") + BFLOAT + b"\0\0",
}
BFLOAT = b'{"__metadata__":{"a":"b"},"x":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}'


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_refused(written: Path, what: str) -> None:
    written.write_bytes(DAMAGE[what](written.read_bytes()))
    assert_refused(written)


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    path = checkpoint_path(tmp_path, 700)
    assert_refused(path)
    path.mkdir()
    assert_refused(path)


def test_a_file_without_read_permission_is_refused(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert_refused(written)


def test_a_checkpoint_of_another_configuration_is_refused(written: Path) -> None:
    with pytest.raises(ArtifactError, match="configuration fedcba9876543210"):
        read_checkpoint(written.parent, 700, LAYOUT, "fedcba9876543210")


def test_a_checkpoint_of_another_epoch_is_refused(written: Path) -> None:
    written.rename(checkpoint_path(written.parent, 701))
    with pytest.raises(ArtifactError, match=r"epoch_000701.*epoch 701, found of 700"):
        read_checkpoint(written.parent, 701, LAYOUT, CONFIG)


@pytest.mark.parametrize(
    ("tensors", "metadata"),
    [
        ({}, {"epoch": "700"}),
        ({"embedding": (3, 5), "layer_0.bias": (4,)}, {"epoch": "700"}),
        ({"embedding": (5, 3), "layer_0.bias": (4,)}, {}),
        ({"embedding": (5, 3), "layer_0.bias": (4,)}, {"epoch": "seven"}),
        ({"embedding": (5, 3), "layer_0.bias": (4,)}, {"epoch": [7]}),
    ],
    ids=["no tensor", "another shape", "no epoch", "an epoch in words", "a list of epochs"],
)
def test_a_whole_file_of_other_content_is_refused(written: Path, tensors: dict, metadata: dict) -> None:
    arrays = {name: np.zeros(shape, np.float32) for name, shape in tensors.items()}
    write_tensors(written, arrays, {"config": CONFIG, **metadata})
    assert_refused(written)


def test_a_whole_file_of_another_kind_is_refused(written: Path) -> None:
    write_tensors(written, {"history": np.zeros((3, 10))}, {"progress": "{}"})
    assert_refused(written)


def test_a_changed_value_changed_epoch_or_changed_name_is_refused(written: Path) -> None:
    content = written.read_bytes()
    for old, new in (
        (rb"\"epoch\": \"700\"", rb"\"epoch\": \"701\""),
        (b'"layer_0.bias"', b'"layer_1.bias"'),
        (b'"F32","shape":[5,3]', b'"F32","shape":[3,5]'),
        (b'"F32","shape":[5,3]', b'"I32","shape":[5,3]'),
    ):
        assert content.count(old) == 1
        written.write_bytes(content.replace(old, new))
        assert_refused(written)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = written.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ArtifactError, match=f"{written.name}.*No space"):
        write_checkpoint(written.parent, 700, LAYOUT, vector() + 1, CONFIG)
    assert written.read_bytes() == before
    assert list(written.parent.iterdir()) == [written]


def test_epochs_are_listed_in_rising_order_and_other_files_are_not(tmp_path: Path) -> None:
    for epoch in (100, 20, 1_234_567, 0):
        write_checkpoint(tmp_path, epoch, LAYOUT, vector(), CONFIG)
    for other in (
        "state.safetensors",
        "epoch_7.txt",
        ".epoch_000007.safetensors.x",
        "epoch_.safetensors",
    ):
        (tmp_path / other).touch()
    assert checkpoint_epochs(tmp_path) == [0, 20, 100, 1_234_567]
    assert checkpoint_path(tmp_path, 20).name == "epoch_000020.safetensors"
