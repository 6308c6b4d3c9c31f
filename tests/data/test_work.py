"""How much work a training is, and how many pairs a table has without making it."""

from __future__ import annotations

import pytest
from runs import tiny_run

from grokflow.config import Dataset, Model
from grokflow.data import count_pairs, make_dataset, operations, training_work
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


def test_work_is_about_that_of_the_matrix_products_of_all_steps() -> None:
    """Width 8, MLP width 12: queries, keys, values, outputs, and into and out of the MLP."""
    run = tiny_run(precision="float32", dataset=Dataset(operation="a+b", modulus=10, train_fraction=0.25))
    assert training_work(run) == pytest.approx(6 * 6 * 25 * (4 * 8 * 8 + 2 * 8 * 12))


@pytest.mark.parametrize(
    ("changes", "factor"),
    [
        ({"epochs": 12}, 2),
        ({"precision": "float64"}, 2),
        ({"model": Model(layers=3, width=8, mlp_width=12, heads=2)}, 3),
        ({"model": Model(layers=1, width=16, mlp_width=24, heads=2)}, 4),
        ({"seed": 5}, 1),
    ],
)
def test_work_grows_with_what_takes_longer(changes: dict, factor: float) -> None:
    run = tiny_run(precision="float32")
    assert training_work(run.model_copy(update=changes)) == pytest.approx(factor * training_work(run))
