"""The tables a∘b, checked by their algebra and against tables written out by hand."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokflow.data.operations import POWER_ET_AL, Group, Modular, order, table
from grokflow.errors import ConfigError

Permutation = tuple[int, ...]


def values(operation: str, **algebra) -> dict[tuple[int, int], int]:
    """{(a, b): a∘b} for the pairs that have a value."""
    found = table(operation, **algebra)
    listed = zip(found.a.tolist(), found.b.tolist(), found.c.tolist(), strict=True)
    return {(a, b): c for a, b, c in listed}


def quotient(a: int, b: int, p: int) -> int:
    """The only c with c·b = a modulo p, by trying all."""
    (c,) = (c for c in range(p) if c * b % p == a % p)
    return c


MODULAR: dict[str, Callable[[int, int, int], int]] = {
    "a+b": lambda a, b, p: (a + b) % p,
    "a-b": lambda a, b, p: (a - b) % p,
    "a*b": lambda a, b, p: (a * b) % p,
    "a/b": quotient,
    "a/b if b odd else a-b": lambda a, b, p: quotient(a, b, p) if b % 2 == 1 else (a - b) % p,
    "a^2+b^2": lambda a, b, p: (a * a + b * b) % p,
    "a^2+a*b+b^2": lambda a, b, p: (a * a + a * b + b * b) % p,
    "a^2+a*b+b^2+a": lambda a, b, p: (a * a + a * b + b * b + a) % p,
    "a^3+a*b": lambda a, b, p: (a * a * a + a * b) % p,
    "a^3+a*b^2+b": lambda a, b, p: (a * a * a + a * b * b + b) % p,
}


def composed(x: Permutation, y: Permutation) -> Permutation:
    """x·y: y first, then x."""
    return tuple(x[i] for i in y)


def inverted(x: Permutation) -> Permutation:
    return tuple(x.index(i) for i in range(len(x)))


GROUP: dict[str, Callable[[Permutation, Permutation], Permutation]] = {
    "a*b": composed,
    "a*b*a": lambda a, b: composed(composed(a, b), a),
    "a*b*a^-1": lambda a, b: composed(composed(a, b), inverted(a)),
    "a/b": lambda a, b: composed(a, inverted(b)),
}


def test_every_operation_of_power_et_al_is_checked_here() -> None:
    assert len(POWER_ET_AL) == 12
    assert {o for o, kind in POWER_ET_AL.items() if kind == "modular"} <= set(MODULAR)
    assert {o for o, kind in POWER_ET_AL.items() if kind == "group"} <= set(GROUP)


@pytest.mark.parametrize("modulus", [2, 3, 7, 13])
@pytest.mark.parametrize("operation", MODULAR)
def test_modular_operation_is_what_it_says(operation: str, modulus: int) -> None:
    divisible = range(1 if operation == "a/b" else 0, modulus)
    expected = {(a, b): MODULAR[operation](a, b, modulus) for a in range(modulus) for b in divisible}
    assert values(operation, modulus=modulus) == expected


@pytest.mark.parametrize("group", ["S3", "S4"])
@pytest.mark.parametrize("operation", GROUP)
def test_group_operation_is_what_it_says(operation: str, group: str) -> None:
    elements = list(itertools.permutations(range(int(group[1]))))
    number = {element: i for i, element in enumerate(elements)}
    expected = {(number[a], number[b]): number[GROUP[operation](a, b)] for a in elements for b in elements}
    assert values(operation, group=group) == expected


def square(operation: str, **algebra) -> list[list[int]]:
    n = order(**algebra)
    return table(operation, **algebra).c.reshape(n, -1).tolist()


@pytest.mark.parametrize(
    ("operation", "algebra", "by_hand"),
    [
        ("a*b", {"modulus": 3}, [[0, 0, 0], [0, 1, 2], [0, 2, 1]]),
        ("a-b", {"modulus": 3}, [[0, 2, 1], [1, 0, 2], [2, 1, 0]]),
        (
            "a/b",  # b from 1; the inverses of 1, 2, 3, 4 are 1, 3, 2, 4
            {"modulus": 5},
            [[0, 0, 0, 0], [1, 3, 2, 4], [2, 1, 4, 3], [3, 4, 1, 2], [4, 2, 3, 1]],
        ),
        ("a^2+a*b+b^2", {"modulus": 3}, [[0, 1, 1], [1, 0, 1], [1, 1, 0]]),
        ("a^3+a*b", {"modulus": 3}, [[0, 0, 0], [1, 2, 0], [2, 1, 0]]),
        (
            "a*b",  # elements 012, 021, 102, 120, 201, 210
            {"group": "S3"},
            [
                [0, 1, 2, 3, 4, 5],
                [1, 0, 4, 5, 2, 3],
                [2, 3, 0, 1, 5, 4],
                [3, 2, 5, 4, 0, 1],
                [4, 5, 1, 0, 3, 2],
                [5, 4, 3, 2, 1, 0],
            ],
        ),
        ("a*b", {"group": "C3"}, [[0, 1, 2], [1, 2, 0], [2, 0, 1]]),
        ("a*b", {"group": "A3"}, [[0, 1, 2], [1, 2, 0], [2, 0, 1]]),
    ],
)
def test_small_tables_written_out_by_hand(operation: str, algebra: dict, by_hand: list) -> None:
    assert square(operation, **algebra) == by_hand


@pytest.mark.parametrize(
    ("operation", "same"),
    [
        ("a+b*a", "a+(b*a)"),
        ("a-b-a", "(a-b)-a"),
        ("a/b/b", "(a/b)/b"),
        ("a-b*a^2", "a-(b*(a^2))"),
        ("-a^2", "0-(a*a)"),
        ("2*a^-1", "2/a"),
        ("a*b^-2", "a/b/b"),
        ("-3*a", "4*a"),
        ("a^0+b", "1+b"),
        ("a if b even else b", "b if b odd else a"),
        ("a + b", "a+b"),
        ("a*b  if b  odd else a", "a if b even else a*b"),
    ],
)
def test_precedence_is_that_of_print(operation: str, same: str) -> None:
    assert values(operation, modulus=7) == values(same, modulus=7)


def test_a_large_power_takes_a_few_products(monkeypatch: pytest.MonkeyPatch) -> None:
    products, multiply = [], Modular.multiply

    def counted(*operands: np.ndarray) -> np.ndarray:
        products.append(1)
        return multiply(*operands)

    monkeypatch.setattr(Modular, "multiply", counted)
    assert values("a^1000", modulus=7) == {(a, b): pow(a, 1000, 7) for a in range(7) for b in range(7)}
    assert len(products) < 20


@pytest.mark.parametrize("modulus", [2, 3, 7, 31, 97])
def test_quotient_times_divisor_is_the_dividend(modulus: int) -> None:
    found = table("a/b", modulus=modulus)
    assert (found.c * found.b % modulus == found.a).all()
    assert len(found.a) == modulus * (modulus - 1)


def test_division_by_zero_is_left_out_of_the_table() -> None:
    assert set(table("a/b", modulus=7).b.tolist()) == set(range(1, 7))
    assert set(table("1/(a-b)", modulus=5).b.tolist()) == set(range(5))
    assert all(a != b for a, b in values("1/(a-b)", modulus=5))
    assert all(b != 0 for a, b in values("a+b^-1-a", modulus=5))
    assert all(b != 0 for a, b in values("(a/b)^0", modulus=5))


def test_conditional_keeps_zero_because_zero_is_even() -> None:
    found = values("a/b if b odd else a-b", modulus=7)
    assert len(found) == 49
    assert [found[3, b] for b in range(7)] == [
        3,
        3,
        1,
        1,
        6,
        2,
        4,
    ]  # 3, 3/1, 3-2, 3/3, 3-4, 3/5, 3-6


def test_an_untaken_branch_without_a_value_does_no_harm() -> None:
    assert set(values("a if b odd else 1/0", modulus=7)) == {(a, b) for a in range(7) for b in (1, 3, 5)}


def test_multiplication_with_b_from_1_is_paper_ms_table() -> None:
    found = table("a*b", modulus=97, b_from=1)
    assert len(found.a) == 9312
    assert found.b.min() == 1
    assert (found.c == found.a * found.b % 97).all()


@pytest.mark.parametrize(("a_from", "b_from"), [(0, 0), (0, 1), (0, 4), (1, 0), (4, 0), (1, 1), (2, 4)])
def test_smaller_a_and_smaller_b_are_left_out_and_nothing_else(a_from: int, b_from: int) -> None:
    everything = values("a^2+b", modulus=5)
    kept = {(a, b): c for (a, b), c in everything.items() if a >= a_from and b >= b_from}
    assert values("a^2+b", modulus=5, a_from=a_from, b_from=b_from) == kept


def test_multiplication_without_zero_is_a_group() -> None:
    """Without a = 0 and b = 0 every row and every column holds each of 1, …, 96 once."""
    found = table("a*b", modulus=97, a_from=1, b_from=1)
    square = found.c.reshape(96, 96)
    for line in (*square, *square.T):
        assert sorted(line.tolist()) == list(range(1, 97))


def test_pairs_are_ordered_with_a_slowest() -> None:
    found = table("a+b", modulus=4)
    pairs = list(zip(found.a.tolist(), found.b.tolist(), strict=True))
    assert pairs == list(itertools.product(range(4), range(4)))


def test_a_table_without_any_pair_is_refused() -> None:
    for nothing in (
        {"operation": "a/0", "modulus": 7},
        {"operation": "a+b", "modulus": 7, "a_from": 7},
        {"operation": "a+b", "modulus": 7, "b_from": 7},
    ):
        with pytest.raises(ConfigError, match="at least one pair"):
            table(**nothing)


@pytest.mark.parametrize(
    ("modulus", "prime"), [(4, 3), (6, 5), (9, 7), (91, 89), (96, 97), (100, 101), (1000, 997)]
)
@pytest.mark.parametrize("operation", ["a/b", "a*b^-1", "a/b if b odd else a-b", "a-1/b+b^2"])
def test_division_modulo_a_composite_names_the_nearest_prime(
    operation: str, modulus: int, prime: int
) -> None:
    with pytest.raises(ConfigError, match=rf"found {modulus} \(composite.* prime is {prime}\."):
        table(operation, modulus=modulus)


@pytest.mark.parametrize("operation", ["a+b", "a*b", "a^3+a*b^2+b", "a-b"])
def test_without_division_a_composite_modulus_will_do(operation: str) -> None:
    expected = {(a, b): MODULAR[operation](a, b, 6) for a in range(6) for b in range(6)}
    assert values(operation, modulus=6) == expected


GROUPS = {
    "S5": 120,
    "A5": 60,
    "D5": 10,
    "C5": 5,
    "S2": 2,
    "D3": 6,
    "D30": 60,
    "C30": 30,
}


@pytest.mark.parametrize(("name", "size"), GROUPS.items())
def test_group_has_as_many_elements_as_it_should(name: str, size: int) -> None:
    assert order(group=name) == size


@pytest.mark.parametrize("group", ["D2", "A2", "S7", "D101", "C1"])
def test_a_degree_that_the_family_cannot_have_is_refused(group: str) -> None:
    with pytest.raises(ConfigError, match="a degree from"):
        order(group=group)


@pytest.mark.parametrize("name", ["S5", "A5", "D5", "C5"])
def test_group_laws_hold(name: str) -> None:
    group = Group(name)
    n, everyone = group.order, np.arange(group.order)
    x, y, z = np.random.default_rng(0).integers(n, size=(3, 5000))
    product = group.multiply
    assert (product(product(x, y), z) == product(x, product(y, z))).all()
    assert (product(everyone, np.zeros_like(everyone)) == everyone).all()
    assert (product(np.zeros_like(everyone), everyone) == everyone).all()
    assert (product(everyone, group.inverse(everyone)) == 0).all()
    assert (product(group.inverse(everyone), everyone) == 0).all()
    rows = product(everyone[:, None], everyone)
    assert (np.sort(rows, axis=0) == everyone[:, None]).all()
    assert (np.sort(rows, axis=1) == everyone).all()


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("S5", {1: 1, 2: 25, 3: 20, 4: 30, 5: 24, 6: 20}),
        ("A5", {1: 1, 2: 15, 3: 20, 5: 24}),
        ("D5", {1: 1, 2: 5, 5: 4}),
        ("C5", {1: 1, 5: 4}),
    ],
)
def test_elements_have_the_orders_that_tell_the_group(name: str, counts: dict[int, int]) -> None:
    group = Group(name)

    def order_of(x: int) -> int:
        power, exponent = x, 1
        while power != 0:
            power, exponent = int(group.multiply(power, x)), exponent + 1
        return exponent

    assert Counter(map(order_of, range(group.order))) == counts


@pytest.mark.parametrize(("name", "commutes"), [("S5", False), ("A5", False), ("D5", False), ("C5", True)])
def test_only_the_cyclic_group_commutes(name: str, commutes: bool) -> None:
    rows = np.array(square("a*b", group=name))
    assert (rows == rows.T).all() == commutes


@pytest.mark.parametrize(
    "name",
    ["", "S", "5", "S0", "S1", "S7", "A7", "Q8", "s5", "S5 ", "S-5", "S05", "D201", "C1", "S5S5"],
)
def test_an_impossible_group_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="group"):
        table("a*b", group=name)


NONSENSE = [
    "",
    " ",
    "(",
    ")",
    "()",
    "a b",
    "a,b",
    "a.b",
    "a[0]",
    "a**b",
    "a^b",
    "a^1.5",
    "a^1001",
    "a^-1001",
    "a^(1+1)",
    "c+1",
    "A+b",
    "a+1.5",
    "a+'x'",
    "a+1j",
    "a+None",
    "a%b",
    "a//b",
    "a@b",
    "a<b",
    "a and b",
    "a if b else a",
    "a if a<b else b",
    "odd(b)",
    "lambda: a",
    "[a for a in b]",
    "f'{a}'",
    "(a:=b)",
    "a\x00",
    "\ud800",
    "import os",
    '__import__("os")',
    'eval("a")',
    "().__class__",
    "*a",
    "...",
    "9" * 5000,
    "(" * 5000 + "a" + ")" * 5000,
    "a" + "+a" * 100_000,
    "-" * 100_000 + "a",
]


@pytest.mark.parametrize("algebra", [{"modulus": 7}, {"group": "S3"}], ids=["modular", "group"])
@pytest.mark.parametrize(
    "operation", NONSENSE, ids=lambda text: repr(text[:20]).encode("ascii", "replace").decode()
)
def test_nonsense_is_refused_with_a_message(operation: str, algebra: dict) -> None:
    with pytest.raises(ConfigError, match=r"operation: expected (an expression|at most 200 characters)"):
        table(operation, **algebra)


@pytest.mark.parametrize(
    "operation",
    [
        "a" + "+a" * 1500,  # parses, and is too deep to walk
        "-" * 500 + "a",
        "a^" + "-" * 900 + "1",
        "a^" * 900 + "2",
        "a^({[]})",
        "a^{[]: 1}",
    ],
    ids=lambda text: text[:12],
)
def test_deep_nesting_and_odd_exponents_are_refused_with_a_message(operation: str) -> None:
    with pytest.raises(ConfigError):
        table(operation, modulus=7)


@pytest.mark.parametrize("operation", ["a+True", "a if odd(b, x=1) else b", "a if odd(a/b) else b"])
def test_what_the_grammar_does_not_have_is_refused(operation: str) -> None:
    with pytest.raises(ConfigError):
        table(operation, modulus=7)


@pytest.mark.parametrize("operation", ["a+b", "a-b", "-a", "a*2", "1"])
def test_a_group_has_neither_sums_nor_numbers(operation: str) -> None:
    with pytest.raises(ConfigError, match="operation"):
        table(operation, group="S3")


@pytest.mark.parametrize("operation", ["a*b+a+", "a*c", "a+"])
def test_an_operation_that_may_be_another_one_is_answered_with_none(operation: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        table(operation, modulus=7)
    assert "Did you mean" not in str(refusal.value)


def test_a_sum_over_a_group_is_told_what_a_group_has() -> None:
    with pytest.raises(ConfigError, match=r"found 'a \+ b'\. A group has \* / \^ alone"):
        table("a+b", group="S3")


def test_a_file_without_its_function_is_told_how_it_is_named() -> None:
    with pytest.raises(
        ConfigError, match=r"found 'op.py'\. Name the function in the file, too: op.py:name\."
    ):
        table("op.py", modulus=7)


def test_a_misspelt_operation_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"Did you mean 'a\^2\+a\*b\+b\^2'\?"):
        table("a^2+a*b+b^^2", modulus=7)


@given(st.text(max_size=30) | st.text("ab+-*/^ ()0123456789ifelsodvn.,'\"[]{}=:@%<\\\n", max_size=30))
def test_any_text_is_a_table_or_a_config_error(text: str) -> None:
    try:
        found = table(text, modulus=5)
    except ConfigError:
        return
    assert len(found.a) > 0
    assert found.c.min() >= 0
    assert found.c.max() < 5


Expression = tuple[str, Callable[[int, int], int | None]]
"""An expression as text, and a∘b modulo 5 by plain arithmetic: None where it has no value."""


def binary(symbol: str, left: Expression, right: Expression) -> Expression:
    def of(a: int, b: int) -> int | None:
        x, y = left[1](a, b), right[1](a, b)
        if x is None or y is None or (symbol == "/" and y == 0):
            return None
        return {"+": x + y, "-": x - y, "*": x * y, "/": quotient(x, y or 1, 5)}[symbol] % 5

    return f"({left[0]}){symbol}({right[0]})", of


def power(base: Expression, exponent: int) -> Expression:
    def of(a: int, b: int) -> int | None:
        x = base[1](a, b)
        if x is None or (exponent < 0 and x == 0):
            return None
        return (x if exponent >= 0 else quotient(1, x, 5)) ** abs(exponent) % 5

    return f"({base[0]})^{exponent}", of


def negated(inner: Expression) -> Expression:
    def of(a: int, b: int) -> int | None:
        x = inner[1](a, b)
        return None if x is None else -x % 5

    return f"-({inner[0]})", of


def conditional(body: Expression, name: str, parity: str, other: Expression) -> Expression:
    def of(a: int, b: int) -> int | None:
        odd = (a if name == "a" else b) % 2 == 1
        return (body if odd == (parity == "odd") else other)[1](a, b)

    return f"(({body[0]}) if {name} {parity} else ({other[0]}))", of


leaves = st.sampled_from([("a", lambda a, b: a), ("b", lambda a, b: b)]) | st.integers(0, 12).map(
    lambda n: (str(n), lambda a, b: n % 5)
)
expressions = st.recursive(
    leaves,
    lambda inner: (
        st.builds(binary, st.sampled_from("+-*/"), inner, inner)
        | st.builds(power, inner, st.integers(-3, 4))
        | st.builds(negated, inner)
        | st.builds(conditional, inner, st.sampled_from("ab"), st.sampled_from(["odd", "even"]), inner)
    ),
    max_leaves=8,
)


@given(expressions)
def test_any_expression_means_plain_arithmetic(expression: Expression) -> None:
    text, of = expression
    every = {(a, b): of(a, b) for a in range(5) for b in range(5)}
    expected = {pair: c for pair, c in every.items() if c is not None}
    if expected:
        assert values(text, modulus=5) == expected
    else:
        with pytest.raises(ConfigError, match="at least one pair"):
            table(text, modulus=5)
