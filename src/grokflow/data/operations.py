"""The tables a∘b: an expression in a and b over the integers modulo n, or over a finite group.

An operation is written as a paper prints it (`a^2+a*b+b^2`, `a*b*a^-1`, `a/b if b odd else a-b`)
and evaluated on every pair at once. Source: Power et al. (2022), appendix A.1.1.
"""

from __future__ import annotations

import ast
import functools
import itertools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from grokflow.errors import ConfigError, nearest

POWER_ET_AL = {
    "a+b": "modular",
    "a-b": "modular",
    "a/b": "modular",
    "a/b if b odd else a-b": "modular",
    "a^2+b^2": "modular",
    "a^2+a*b+b^2": "modular",
    "a^2+a*b+b^2+a": "modular",
    "a^3+a*b": "modular",
    "a^3+a*b^2+b": "modular",
    "a*b": "group",
    "a*b*a^-1": "group",
    "a*b*a": "group",
}
"""The twelve operations of Power et al. (2022). Any other expression of the same grammar works too;
`a*b` is also the modular product of paper M."""

LONGEST = 200
"""Characters of an operation; longer ones could nest deeper than Python can follow."""

UNDEFINED = -1
"""Stands in a table where the operation has no value (a division by zero)."""


@dataclass(frozen=True)
class Modular:
    """The integers modulo `modulus`."""

    modulus: int

    @property
    def order(self) -> int:
        return self.modulus

    def inverse(self, x: np.ndarray) -> np.ndarray:
        """x⁻¹ modulo a prime, `UNDEFINED` at 0."""
        inverses = [UNDEFINED] + [pow(x, -1, self.modulus) for x in range(1, self.modulus)]
        return np.array(inverses)[x]

    def add(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x + y) % self.modulus

    def negate(self, x: np.ndarray) -> np.ndarray:
        return -x % self.modulus

    def multiply(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x * y) % self.modulus

    def constant(self, value: int) -> int:
        return value % self.modulus


class Group:
    """A finite group of permutations: `S5` symmetric, `A5` alternating, `D5` dihedral, `C5` cyclic.

    Elements are numbered in the lexicographic order of their permutations, so 0 is the identity.
    The product x·y is the permutation that applies y first.
    """

    def __init__(self, name: str) -> None:
        match = re.fullmatch(r"([SADC])([1-9]\d*)", name)
        if match is None:
            raise ConfigError(
                "group",
                expected="S5 (symmetric), A5 (alternating), D5 (dihedral), C5 (cyclic), or another degree",
                found=repr(name),
            )
        family, degree = match[1], int(match[2])
        smallest, largest = {"S": (2, 6), "A": (3, 6), "D": (3, 100), "C": (2, 100)}[family]
        if not smallest <= degree <= largest:
            raise ConfigError(
                "group",
                expected=f"a degree from {smallest} to {largest} for {family}",
                found=name,
            )
        rotations = [tuple((i + k) % degree for i in range(degree)) for k in range(degree)]
        elements = {
            "S": lambda: list(itertools.permutations(range(degree))),
            "A": lambda: [x for x in itertools.permutations(range(degree)) if _is_even(x)],
            "C": lambda: rotations,
            "D": lambda: rotations + [tuple(reversed(x)) for x in rotations],
        }[family]()
        ordered = sorted(set(elements))
        number = {element: i for i, element in enumerate(ordered)}
        self.order = len(ordered)
        self.cayley_table = np.array([[number[tuple(x[i] for i in y)] for y in ordered] for x in ordered])

    def multiply(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self.cayley_table[x, y]

    def inverse(self, x: np.ndarray) -> np.ndarray:
        return np.argmax(self.cayley_table == 0, axis=1)[x]


def _is_even(permutation: tuple[int, ...]) -> bool:
    return sum(x > y for x, y in itertools.combinations(permutation, 2)) % 2 == 0


@dataclass(frozen=True)
class Table:
    """Every pair (a, b) for which a∘b has a value: three integer arrays of shape (pairs,), a slowest."""

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray


def table(
    operation: str,
    *,
    modulus: int | None = None,
    group: str | None = None,
    a_from: int = 0,
    b_from: int = 0,
) -> Table:
    """The table of `operation` over the integers modulo `modulus` or over `group`.

    Pairs without a value (a divisor 0) are left out, and so are those with a < `a_from` or b < `b_from`.

    >>> table("a/b", modulus=5).c[:4].tolist()      # 0/1, 0/2, 0/3, 0/4: b = 0 is left out
    [0, 0, 0, 0]
    """
    algebra = _algebra(modulus, group)
    expression = _parse(operation)
    if isinstance(algebra, Modular) and _divides(expression) and not _is_prime(algebra.modulus):
        raise ConfigError(
            "modulus",
            expected=f"a prime, because the operation {operation!r} divides",
            found=f"{algebra.modulus} (composite: not every element has an inverse)",
            mend=f"The nearest prime is {_nearest_prime(algebra.modulus)}.",
        )
    a, b = (x.ravel() for x in np.indices((algebra.order, algebra.order)))
    c = _Evaluation(operation, algebra, {"a": a, "b": b}).of(expression)
    kept = (c != UNDEFINED) & (a >= a_from) & (b >= b_from)
    if not kept.any():
        raise ConfigError("operation", expected="at least one pair with a value", found=operation)
    return Table(a[kept], b[kept], c[kept])


def order(*, modulus: int | None = None, group: str | None = None) -> int:
    """The number of elements that operands and results are drawn from."""
    return _algebra(modulus, group).order


@functools.cache
def _algebra(modulus: int | None, group: str | None) -> Modular | Group:
    return Group(group) if group is not None else Modular(modulus or 0)


def _parse(operation: str) -> ast.expr:
    # `^` is power in print but exclusive-or in Python; `b odd` is not Python at all.
    if len(operation) > LONGEST:
        raise ConfigError(
            "operation", expected=f"at most {LONGEST} characters", found=f"{len(operation)} characters"
        )
    source = re.sub(r"\b([ab])\s+(odd|even)\b", r"\2(\1)", operation).replace("^", "**")
    try:
        return ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _not_an_operation(operation, operation) from None


def _not_an_operation(operation: str, part: str, mend: str | None = None) -> ConfigError:
    if mend is None:
        # 0.85: an operation that is only as close as a*b+a+ is to a*b*a may be another one.
        mend = nearest(operation, POWER_ET_AL, least=0.85)
    if operation.endswith(".py"):
        mend = f"Name the function in the file, too: {operation}:name."
    return ConfigError(
        "operation",
        expected="an expression of a, b, integers, + - * / ^, and `… if b odd else …`",
        found=repr(part)
        + ("" if part.replace(" ", "") == operation.replace(" ", "") else f" in {operation!r}"),
        mend=mend,
    )


def _divides(expression: ast.expr) -> bool:
    return any(
        isinstance(node, ast.Div)
        or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and _exponent(node) < 0)
        for node in ast.walk(expression)
    )


def _exponent(node: ast.BinOp) -> int:
    try:
        value = ast.literal_eval(node.right)
    except (ValueError, TypeError):
        value = None
    if type(value) is not int or abs(value) > 1000:
        operation = ast.unparse(node).replace("**", "^")
        raise _not_an_operation(operation, ast.unparse(node.right))
    return value


class _Evaluation:
    """One walk over the expression; every node becomes an array over all pairs."""

    def __init__(self, operation: str, algebra: Modular | Group, names: dict[str, np.ndarray]):
        self.operation = operation
        self.algebra = algebra
        self.names = names

    def of(self, node: ast.expr) -> np.ndarray:
        match node:
            case ast.Name(id=name) if name in self.names:
                return self.names[name]
            case ast.Constant(value=int(value)) if type(value) is int and isinstance(self.algebra, Modular):
                return np.full_like(self.names["a"], self.algebra.constant(value))
            case ast.BinOp(op=ast.Pow()):
                return self.power(self.of(node.left), _exponent(node))
            case ast.BinOp(op=ast.Mult(), left=left, right=right):
                return self.defined(self.algebra.multiply, self.of(left), self.of(right))
            case ast.BinOp(op=ast.Div(), left=left, right=right):
                return self.defined(self.algebra.multiply, self.of(left), self.inverse(self.of(right)))
            case ast.IfExp(
                test=ast.Call(
                    func=ast.Name(id=("odd" | "even") as parity), args=[ast.Name(id=name)], keywords=[]
                ),
                body=body,
                orelse=other,
            ) if name in self.names:
                chosen = self.names[name] % 2 == (parity == "odd")
                return np.where(chosen, self.of(body), self.of(other))
        if isinstance(self.algebra, Modular):
            ring = self.algebra
            match node:
                case ast.BinOp(op=ast.Add(), left=left, right=right):
                    return self.defined(ring.add, self.of(left), self.of(right))
                case ast.BinOp(op=ast.Sub(), left=left, right=right):
                    return self.defined(ring.add, self.of(left), self.negative(right))
                case ast.UnaryOp(op=ast.USub(), operand=operand):
                    return self.negative(operand)
        mend = None
        if isinstance(self.algebra, Group) and isinstance(node, ast.BinOp | ast.UnaryOp | ast.Constant):
            mend = "A group has * / ^ alone, with a, b and whole exponents."
        raise _not_an_operation(self.operation, ast.unparse(node).replace("**", "^"), mend)

    def negative(self, node: ast.expr) -> np.ndarray:
        assert isinstance(self.algebra, Modular)
        return self.defined(self.algebra.negate, self.of(node))

    def inverse(self, x: np.ndarray) -> np.ndarray:
        return self.defined(self.algebra.inverse, x)

    def power(self, x: np.ndarray, exponent: int) -> np.ndarray:
        if exponent < 0:
            x = self.inverse(x)
        one = np.full_like(x, 0 if isinstance(self.algebra, Group) else self.algebra.constant(1))
        result = np.where(x == UNDEFINED, UNDEFINED, one)
        exponent = abs(exponent)
        while exponent:  # by squaring: a^1000 of a large table is otherwise a minute
            if exponent % 2:
                result = self.defined(self.algebra.multiply, result, x)
            x, exponent = self.defined(self.algebra.multiply, x, x), exponent // 2
        return result

    @staticmethod
    def defined(function: Callable[..., np.ndarray], *operands: np.ndarray) -> np.ndarray:
        """`function` where every operand has a value, `UNDEFINED` elsewhere."""
        undefined = np.any([x == UNDEFINED for x in operands], axis=0)
        return np.where(undefined, UNDEFINED, function(*(np.where(undefined, 0, x) for x in operands)))


def _is_prime(n: int) -> bool:
    return n > 1 and all(n % d for d in range(2, math.isqrt(n) + 1))


def _nearest_prime(n: int) -> int:
    return min((m for m in range(2, 2 * n + 3) if _is_prime(m)), key=lambda m: (abs(m - n), m))
