"""Whatever a reader is given, it reads it rightly or refuses it in our words; the fuzzer notices when not.

The coverage-guided half is `make fuzz`; what is asked of a reader is the same here and there.
"""

from __future__ import annotations

import copy
import datetime
import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from fuzz import __main__ as fuzz
from fuzz import targets
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grokflow.artifacts import tensors as tensor_files
from grokflow.config import read

VALID = read.read([targets.ROOT / "config.yaml"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


# The configuration.

pieces = st.sampled_from(
    [*targets.WILD, "runs", "seeds", ": ", "\n", "\n  ", "- ", "{", "}", "[", "]", ", ", "'", "#"]
)
keys = st.text(max_size=6) | st.none() | st.booleans() | st.integers() | st.floats() | st.dates()
scalars = keys | st.integers(-(10**400), 10**400) | st.binary(max_size=4) | st.datetimes()
values = st.recursive(scalars, lambda x: st.lists(x, max_size=3) | st.dictionaries(keys, x, max_size=3))
schema_keys = st.sampled_from(
    [*VALID, *(key for section in VALID.values() if isinstance(section, dict) for key in section)]
)


@settings(max_examples=200)
@given(content=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_and_any_text_are_a_configuration_or_refused(folder: Path, content: bytes) -> None:
    targets.config(content, folder)


@settings(max_examples=200)
@given(content=st.lists(pieces, max_size=8).map(lambda x: "".join(x).encode()))
def test_any_pieces_of_yaml_are_a_configuration_or_refused(folder: Path, content: bytes) -> None:
    targets.config(content, folder)


@settings(max_examples=150)
@given(value=st.dictionaries(keys | schema_keys, values, max_size=4))
def test_any_structure_is_a_configuration_or_refused(folder: Path, value: Any) -> None:
    targets.config(yaml.safe_dump(value).encode(), folder)


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where every value inside `value` stands."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([place] if place else []), *(p for key, inner in inside for p in places(inner, (*place, key)))]


@settings(max_examples=250)
@given(
    place=st.sampled_from(places(VALID)),
    value=values,
    key=keys,
    act=st.sampled_from(["delete", "replace", "add", "copy"]),
)
@example(
    ("sweeps", "weight_decay", "vary", "optimizer.weight_decay"), {"from": 0, "to": 10**400}, "", "replace"
)
@example(("runs", "original_recipe"), {datetime.date(2001, 1, 1): 1}, None, "replace")
def test_anything_anywhere_in_the_configuration_is_accepted_or_refused(
    folder: Path, place: tuple[Any, ...], value: Any, key: Any, act: str
) -> None:
    mutated = copy.deepcopy(VALID)
    parent = mutated
    for step in place[:-1]:
        parent = parent[step]
    if act == "delete":
        del parent[place[-1]]
    elif act == "replace":
        parent[place[-1]] = value
    elif isinstance(parent, list):
        parent.append(value if act == "add" else parent[place[-1]])
    else:
        parent[key] = value if act == "add" else parent[place[-1]]
    empty = folder / "empty.yaml"
    empty.write_text("{}", encoding="utf-8")
    targets.no_crash(lambda: targets.loaded(empty, mutated), targets.ConfigError, str(empty))


# Files of tensors.


@pytest.fixture(scope="module")
def files(folder: Path) -> list[bytes]:
    return list(targets.checkpoint_seeds(folder))


@settings(max_examples=200)
@given(content=st.binary(max_size=60))
def test_any_bytes_are_no_file_of_tensors(folder: Path, content: bytes) -> None:
    targets.checkpoint(content, folder)


edits = st.tuples(
    st.sampled_from(["flip", "insert", "cut", "copy", "splice"]),
    st.floats(0, 1, exclude_max=True),
    st.floats(0, 1, exclude_max=True),
    st.binary(min_size=1, max_size=9),
)


@settings(max_examples=400)
@given(which=st.integers(0, 3), other=st.integers(0, 3), damage=st.lists(edits, min_size=1, max_size=4))
def test_a_damaged_file_is_refused_or_the_same_to_the_bit(
    folder: Path, files: list[bytes], which: int, other: int, damage: list[tuple[str, float, float, bytes]]
) -> None:
    content = files[which]
    for act, first, last, new in damage:
        start, end = sorted((int(first * len(content)), int(last * len(content))))
        donor = files[other][int(first * len(files[other])) :]
        middle = {
            "flip": bytes(a ^ b for a, b in zip(content[start:], new, strict=False))
            + content[start + len(new) : end],
            "insert": new + content[start:end],
            "cut": b"",
            "copy": content[start:end] * 2,
            "splice": donor[: end - start],
        }[act]
        content = content[:start] + middle + content[max(end, start + len(new)) if act == "flip" else end :]
    targets.checkpoint(content, folder)


numbers = st.sampled_from(
    [-1, 0, 1, 2, 4, 8, 2**31, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30, 1e9, None]
)
dtypes = st.sampled_from(
    ["F32", "F64", "F16", "BF16", "F8_E4M3", "F4", "I64", "U8", "BOOL", "C64", "OBJECT", 7]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=6), x, max_size=3),
)
inner_texts = st.sampled_from(["", "x", "-1", "2", "9" * 30, "9" * 5000, "circle", "[" * 100_000]) | st.text(
    max_size=6
)
metadata = st.dictionaries(st.sampled_from(["epoch", "config", "checksum"]), inner_texts | json_values)
tensor = st.fixed_dictionaries(
    {
        "dtype": dtypes,
        "shape": st.lists(numbers, max_size=3),
        "data_offsets": st.lists(numbers, min_size=1, max_size=3),
    }
)
names = st.sampled_from(["embedding", "layer_0.bias", "0.embedding", "1.embedding", "\0", "../x"]) | st.text(
    max_size=4
)
headers = st.dictionaries(names, tensor | json_values, max_size=3)
pairs = st.lists(st.tuples(st.integers() | st.text(max_size=4) | st.none(), json_values), max_size=3)
deep = st.integers(900, 1100).map(lambda depth: '{"a":' + "[" * depth + "]" * depth + "}")
inner = (metadata | pairs).map(json.dumps) | inner_texts | deep
wrapped = st.builds(lambda header, text: {**header, "__metadata__": {"grokflow": text}}, headers, inner)


@settings(max_examples=300)
@given(
    header=wrapped | headers | json_values,
    twice=st.booleans(),
    data=st.binary(max_size=16),
    off=st.integers(-2, 2),
)
@example({"a": {"dtype": "F32", "shape": [0, 2**64 - 1], "data_offsets": [0, 0]}}, False, b"", 0)
@example({"__metadata__": {"grokflow": '[[1, "a"], ["b", 2]]'}}, False, b"", 0)
@example({"__metadata__": {"grokflow": "[" * 100_000}}, False, b"", 0)
def test_any_header_is_refused(folder: Path, header: Any, twice: bool, data: bytes, off: int) -> None:
    text = json.dumps(header).encode()
    if twice and text.endswith(b"}") and len(text) > 2:
        text = text[:-1] + b"," + text[1:]
    targets.checkpoint(max(0, len(text) + off).to_bytes(8, "little") + text + data, folder)


@settings(max_examples=300)
@given(
    which=st.integers(0, 3),
    change=st.dictionaries(st.integers(0, 3), inner_texts | json_values, max_size=2),
    shape=st.sampled_from([None, (3, 5), (15,), (0,), (5, 3), (4,)]),
    name=names,
)
def test_a_whole_file_of_other_content_is_refused_or_has_the_right_shape(
    folder: Path,
    files: list[bytes],
    which: int,
    change: dict[int, Any],
    shape: tuple[int, ...] | None,
    name: str,
) -> None:
    path = folder / "state.safetensors"
    path.write_bytes(files[which])
    tensors, content = tensor_files.read_tensors(path)
    if shape is not None:
        tensors[name] = np.zeros(shape, np.float32)
    elif name in tensors:
        del tensors[name]
    places = sorted(content)
    tensor_files.write_tensors(
        path, tensors, {**content, **{places[n % len(places)]: x for n, x in change.items()}}
    )
    targets.as_if_whole(path)


# The fuzzer itself.


@pytest.mark.parametrize("target", targets.TARGETS)
def test_its_own_mutations_keep_the_format_and_find_nothing(folder: Path, target: str) -> None:
    run, seeds, mutated = targets.TARGETS[target]
    chance = random.Random(0)
    contents = list(seeds(folder))
    for number in range(150):
        run(mutated(contents[number % len(contents)], chance), folder)


@pytest.mark.parametrize("target", targets.TARGETS)
def test_a_target_notices_a_reader_that_crashes(
    folder: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, seeds, _ = targets.TARGETS[target]
    content = list(seeds(folder))[-1]

    def crash(*_: object) -> None:
        raise IndexError("planted")

    monkeypatch.setattr(read, "_read_one", crash)
    monkeypatch.setattr(tensor_files, "load", crash)
    with pytest.raises(IndexError, match="planted"):
        run(content, folder)


def test_a_target_notices_a_wrong_number(
    folder: Path, files: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    targets.checkpoint(files[0], folder)
    monkeypatch.setattr(tensor_files, "_checksum", lambda *_: targets._Agrees())
    with pytest.raises(AssertionError, match="a wrong number"):
        targets.checkpoint(files[0][:-1] + b"\0", folder)


@pytest.mark.parametrize("message", ["", "refused", "elsewhere: expected this"])
def test_a_message_that_says_nothing_counts_as_a_crash(message: str) -> None:
    def refuse() -> None:
        error = targets.ConfigError("", expected="", found="")
        error.args = (message,)
        raise error

    with pytest.raises(AssertionError):
        targets.no_crash(refuse, targets.ConfigError, "file")


def test_without_atheris_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "atheris", None)
    assert fuzz.main([]) == 2
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "requirements-fuzz.lock" in said
