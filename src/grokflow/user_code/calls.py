"""How a user's function may be called, as its signature says: nothing runs."""

from __future__ import annotations

import inspect
from typing import Any

from grokflow.errors import kind_of_value


def takes(function: Any, arguments: int) -> bool:
    """Whether it can be called with so many arguments; True where it does not say."""
    try:
        inspect.signature(function).bind(*range(arguments))
    except TypeError:
        return False
    except ValueError:  # one written in C has no signature
        return True
    return True


def signature_of(function: Any) -> str:
    """It with its arguments, such as `f(run, other)`; what it is where it is no function."""
    if not callable(function):
        return kind_of_value(function)
    name = getattr(function, "__name__", type(function).__name__)
    try:
        return f"{name}({', '.join(inspect.signature(function).parameters)})"
    except ValueError:
        return str(name)
