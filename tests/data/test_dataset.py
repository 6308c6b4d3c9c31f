"""The table of a dataset, its split, its tokens, and its file."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grokflow.artifacts.tables import write_table
from grokflow.config import Dataset, plain
from grokflow.data.dataset import make_dataset, read_dataset, tokenization
from grokflow.data.operations import table
from grokflow.errors import ArtifactError

SMALL = Dataset(operation="a/b", modulus=5, train_fraction=0.6, split_seed=3)


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    group = draw(st.sampled_from([None, "S3", "C5", "D4"]))
    operations = ["a*b", "a*b*a"] if group else ["a+b", "a*b", "a^2+a*b+b^2"]
    return Dataset(
        operation=draw(st.sampled_from(operations)),
        modulus=None if group else draw(st.integers(3, 13)),
        group=group,
        a_from=draw(st.integers(0, 2)),
        b_from=draw(st.integers(0, 2)),
        tokens=draw(st.sampled_from(["a b", "a o b ="])),
        train_fraction=draw(st.floats(0.01, 0.99)),
        split_seed=draw(st.integers(0, 2**63 - 1)),
    )


def pairs(frame: pd.DataFrame, split: str) -> set[tuple[int, int]]:
    rows = frame[frame["split"] == split]
    return set(zip(rows["a"].tolist(), rows["b"].tolist(), strict=True))


def full_table(dataset: Dataset) -> dict[tuple[int, int], int]:
    algebra = {"modulus": dataset.modulus, "group": dataset.group}
    found = table(dataset.operation, **algebra, a_from=dataset.a_from, b_from=dataset.b_from)
    listed = zip(found.a.tolist(), found.b.tolist(), found.c.tolist(), strict=True)
    return {(a, b): c for a, b, c in listed}


@given(datasets())
@settings(max_examples=40)
def test_split_is_complete_disjoint_and_of_the_right_size(dataset: Dataset) -> None:
    frame, expected = make_dataset(dataset), full_table(dataset)
    assert {(r.a, r.b): r.c for r in frame.itertuples()} == expected
    assert len(frame) == len(expected)
    train, validation = pairs(frame, "train"), pairs(frame, "validation")
    assert train | validation == set(expected)
    assert not train & validation
    assert len(train) == math.floor(dataset.train_fraction * len(expected))


@given(datasets())
@settings(max_examples=40)
def test_split_is_determined_by_its_seed(dataset: Dataset) -> None:
    frame = make_dataset(dataset)
    pd.testing.assert_frame_equal(frame, make_dataset(dataset))
    other = dataset.model_copy(update={"tokens": "a b"})
    pd.testing.assert_frame_equal(frame, make_dataset(other))


def test_a_dataset_that_leaves_out_no_a_is_recorded_as_before_there_was_the_key() -> None:
    assert plain(SMALL) == {
        "operation": "a/b",
        "modulus": 5,
        "group": None,
        "b_from": 0,
        "tokens": "a b",
        "train_fraction": 0.6,
        "split_seed": 3,
    }
    without_zero = SMALL.model_copy(update={"a_from": 1})
    assert plain(without_zero) == {**plain(SMALL), "a_from": 1}
    assert Dataset.model_validate(plain(without_zero)) == without_zero


def test_different_seeds_split_differently() -> None:
    splits = [
        frozenset(pairs(make_dataset(SMALL.model_copy(update={"split_seed": seed})), "train"))
        for seed in range(40)
    ]
    assert len(set(splits)) == 40


def test_every_pair_is_as_likely_to_train() -> None:
    """Over 200 seeds each of 20 pairs trains 120 ± 7 times; five deviations allowed."""
    seeds = [SMALL.model_copy(update={"split_seed": seed}) for seed in range(200)]
    trains = sum((make_dataset(dataset)["split"] == "train").to_numpy(int) for dataset in seeds)
    assert np.abs(trains - 120).max() <= 5 * math.sqrt(200 * 0.6 * 0.4)


def test_a_larger_train_fraction_keeps_the_train_pairs_of_a_smaller_one() -> None:
    sizes = [SMALL.model_copy(update={"train_fraction": f}) for f in (0.2, 0.5, 0.9)]
    small, medium, large = (pairs(make_dataset(dataset), "train") for dataset in sizes)
    assert small < medium < large


def test_paper_m_trains_on_3724_of_9312_pairs() -> None:
    frame = make_dataset(Dataset(operation="a*b", modulus=97, b_from=1, train_fraction=0.4))
    assert frame["split"].value_counts().to_dict() == {"validation": 5588, "train": 3724}


@pytest.mark.parametrize(
    ("modulus", "fraction"),
    [
        (10, "0.3"),
        (20, "0.55"),
        (10, "0.29"),  # 0.29 · 100 is 28.999… in floating point
    ],
)
def test_train_size_is_the_fraction_as_written(modulus: int, fraction: str) -> None:
    dataset = Dataset(operation="a+b", modulus=modulus, train_fraction=float(fraction))
    expected = math.floor(Fraction(fraction) * modulus**2)
    assert len(pairs(make_dataset(dataset), "train")) == expected


@given(datasets())
@settings(max_examples=40)
def test_tokens_stand_where_their_alphabet_says(dataset: Dataset) -> None:
    frame, code = make_dataset(dataset), tokenization(dataset)
    a, b = frame["a"].to_numpy(), frame["b"].to_numpy()
    tokens = code.tokens(a, b)
    assert tokens.shape == (len(frame), len(dataset.tokens.split()))
    for column, alphabet in zip(tokens.T, code.alphabet, strict=True):
        assert set(column.tolist()) <= set(alphabet)
    elements = {"S3": 6, "C5": 5, "D4": 8}.get(dataset.group or "", dataset.modulus)
    if dataset.tokens == "a b":
        assert code.vocabulary == elements
        assert tokens.tolist() == np.stack([a, b], axis=1).tolist()
    else:
        assert code.vocabulary == elements + 2
        expected = [[x, elements, y, elements + 1] for x, y in zip(a, b, strict=True)]
        assert tokens.tolist() == expected


@given(dataset=datasets())
@settings(max_examples=30)
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, dataset: Dataset) -> None:
    path, frame = tmp_path_factory.mktemp("dataset") / "dataset.csv", make_dataset(dataset)
    write_table(path, frame)
    found = read_dataset(path, dataset)
    assert found.to_dict("records") == frame.to_dict("records")
    assert all(found[name].dtype == np.int64 for name in "abc")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "small.csv"
    write_table(path, make_dataset(SMALL))
    return path


def test_file_is_plain_csv_with_a_row_for_each_pair(written: Path) -> None:
    lines = written.read_text().splitlines()
    assert lines[0] == "a,b,c,split"
    assert lines[1] in ("0,1,0,train", "0,1,0,validation")
    assert len(lines) == 1 + 20


def assert_refused(path: Path, dataset: Dataset = SMALL) -> None:
    with pytest.raises(ArtifactError, match=path.name):
        read_dataset(path, dataset)


def test_a_truncated_file_is_refused_wherever_it_ends(written: Path) -> None:
    content = written.read_bytes()
    for length in range(0, len(content) - 1, 3):  # without the closing newline nothing is lost
        written.write_bytes(content[:length])
        assert_refused(written)


def test_a_file_with_a_flipped_bit_is_refused_or_reads_the_same(written: Path) -> None:
    content, frame = bytearray(written.read_bytes()), make_dataset(SMALL)
    random = np.random.default_rng(0)
    refused = 0
    for place in random.integers(len(content), size=100):
        altered = content.copy()
        altered[place] ^= 1 << random.integers(8)
        written.write_bytes(altered)
        try:
            found = read_dataset(written, SMALL)
        except ArtifactError:
            refused += 1
            continue
        assert found.to_dict("records") == frame.to_dict("records")
        assert all(found[name].dtype == np.int64 for name in "abc")
    assert refused > 90


def change(row: int, column: str, value: object):
    def changed(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.astype(object)
        frame.loc[row, column] = value
        return frame

    return changed


ALTERATIONS = {
    "another result": change(0, "c", 1),
    "another operand": change(7, "a", 4),
    "the split of one pair": change(3, "split", "test"),
    "an empty cell": change(3, "c", None),
    "text for a number": change(3, "c", "two"),
    "a huge number": change(3, "c", 10**30),
    "a row too few": lambda frame: frame.iloc[:-1],
    "a row twice": lambda frame: pd.concat([frame, frame.iloc[-1:]]),
    "rows in another order": lambda frame: frame.iloc[::-1],
    "columns in another order": lambda frame: frame[["b", "a", "c", "split"]],
    "a column too few": lambda frame: frame[["a", "b", "c"]],
    "a column more": lambda frame: frame.assign(d=0),
    "no rows": lambda frame: frame.iloc[:0],
}


@pytest.mark.parametrize("what", ALTERATIONS)
def test_an_altered_table_is_refused(written: Path, what: str) -> None:
    write_table(written, ALTERATIONS[what](make_dataset(SMALL)))
    assert_refused(written)


def test_whole_numbers_written_with_a_point_are_refused_or_read_as_whole(written: Path) -> None:
    write_table(written, make_dataset(SMALL).astype({"a": float}))
    try:
        found = read_dataset(written, SMALL)
    except ArtifactError:
        return
    assert found["a"].dtype == np.int64


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"a,b,c,split\n", b"\x00" * 100, b"\xff\xfe\x00", b'"', b"a\n1,2,3\n"]
)
def test_a_file_that_is_no_table_is_refused(written: Path, content: bytes) -> None:
    written.write_bytes(content)
    assert_refused(written)


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    assert_refused(tmp_path / "nothing.csv")
    assert_refused(tmp_path)


@pytest.mark.parametrize(
    "other",
    [{"split_seed": 4}, {"train_fraction": 0.5}, {"operation": "b/a"}, {"modulus": 7}, {"a_from": 1}],
)
def test_the_table_of_another_config_is_refused(written: Path, other: dict) -> None:
    assert_refused(written, SMALL.model_copy(update=other))
