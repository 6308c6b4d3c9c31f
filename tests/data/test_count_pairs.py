"""How many pairs a table has, without making it."""

from __future__ import annotations

import pytest

from grokflow.config import Dataset
from grokflow.data import count_pairs, make_dataset, operations
from grokflow.errors import ConfigError

TABLES = {
    "a+b modulo 7": Dataset(operation="a+b", modulus=7, train_fraction=0.5),
    "a/b modulo 7": Dataset(operation="a/b", modulus=7, train_fraction=0.5),
    "b from 1": Dataset(operation="a*b", modulus=7, b_from=1, train_fraction=0.5),
    "a and b from 1": Dataset(operation="a*b", modulus=7, a_from=1, b_from=1, train_fraction=0.5),
    "S3": Dataset(operation="a*b", group="S3", train_fraction=0.5),
}


@pytest.mark.parametrize(("name", "pairs"), list(zip(TABLES, (49, 42, 42, 36, 36), strict=True)))
def test_pairs_are_those_of_the_table(name: str, pairs: int) -> None:
    assert count_pairs(TABLES[name]) == len(make_dataset(TABLES[name])) == pairs


def test_splits_of_one_table_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made, table = [], operations.table

    def counted(*given, **named):
        made.append(given)
        return table(*given, **named)

    monkeypatch.setattr(operations, "table", counted)
    one = Dataset(operation="a+b", modulus=23, train_fraction=0.5)
    for seed in range(9):
        changes = {"split_seed": seed, "train_fraction": 0.1 + 0.05 * seed, "tokens": "a o b ="}
        assert count_pairs(one.model_copy(update=changes)) == 529
    assert len(made) <= 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"modulus": 6}, "a prime"), ({"operation": "a*c"}, "'c'"), ({"b_from": 9}, "at least one pair")],
)
def test_a_table_that_cannot_be_has_no_pairs(changes: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        count_pairs(TABLES["a/b modulo 7"].model_copy(update=changes))
