"""Fisher's test against an enumeration of all tables; Holm's correction against a worked example."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest

from grokflow.statistics import Proportion, compare_proportions, holm


def enumerated(mine: Proportion, reference: Proportion) -> Fraction:
    """The chance of a table no likelier than this one, when which of all seeds hold is drawn by lot."""
    seeds, holding = mine.judged + reference.judged, mine.holding + reference.holding

    def chance(k: int) -> Fraction:
        ways = math.comb(mine.judged, k) * math.comb(reference.judged, holding - k)
        return Fraction(ways, math.comb(seeds, holding))

    possible = range(max(0, holding - reference.judged), min(mine.judged, holding) + 1)
    return sum((chance(k) for k in possible if chance(k) <= chance(mine.holding)), start=Fraction(0))


@pytest.mark.parametrize(("mine", "reference"), list(itertools.product([1, 3, 8], [1, 8, 20])))
def test_the_test_is_exact(mine, reference):
    for theirs in range(0, reference + 1, 3):
        smallest = min(
            enumerated(Proportion(k, mine), Proportion(theirs, reference)) for k in range(mine + 1)
        )
        for k in range(mine + 1):
            found = compare_proportions(Proportion(k, mine), Proportion(theirs, reference))
            assert found.p == pytest.approx(
                float(enumerated(Proportion(k, mine), Proportion(theirs, reference)))
            )
            assert found.smallest_p == pytest.approx(float(smallest))


def test_three_seeds_cannot_differ_from_half_of_64():
    # 3 of 3 against 32 of 64: the least that three seeds could have given
    found = compare_proportions(Proportion(3, 3), Proportion(32, 64))
    assert found.p == pytest.approx(found.smallest_p)
    assert found.smallest_p > 0.05


def test_three_seeds_can_differ_from_all_of_64():
    # 0 of 3 against 64 of 64 is one table of C(67, 3) = 47 905
    assert compare_proportions(Proportion(0, 3), Proportion(64, 64)).p == pytest.approx(1 / 47905)


def test_no_seed_differs_from_nothing():
    found = compare_proportions(Proportion(0, 0), Proportion(64, 64))
    assert (found.p, found.smallest_p) == (1, 1)


def test_holm_by_hand():
    # in order 0.005·4 = 0.02, 0.01·3 = 0.03, 0.03·2 = 0.06, and 0.04·1 may not be below the one before
    found = holm({"d": 0.04, "a": 0.005, "unknown": math.nan, "c": 0.03, "b": 0.01})
    assert list(found) == ["d", "a", "unknown", "c", "b"]
    assert math.isnan(found.pop("unknown"))
    assert found == pytest.approx({"a": 0.02, "b": 0.03, "c": 0.06, "d": 0.06})


def test_holm_never_exceeds_1_and_corrects_nothing_alone():
    assert holm({"a": 0.7, "b": 0.9}) == {"a": 1, "b": 1}
    assert holm({"a": 0.04, "b": math.nan})["a"] == 0.04
    assert holm({}) == {}
