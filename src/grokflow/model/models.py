"""From a model of the configuration to its layout and its function: a transformer, or the user's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torch import nn

from grokflow.config import AnyModel, Dataset, UserModel
from grokflow.data import Tokenization, tokenization
from grokflow.errors import ConfigError, fault_in, kind_of_value, nearest
from grokflow.model.layout import Layout, layout_of
from grokflow.model.module import made_by
from grokflow.model.protocol import ModelFunction
from grokflow.model.transformer import Transformer
from grokflow.user_code import parse

BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
"""Kinds of arguments that can be given by their names, as settings are."""


def make_layout(model: AnyModel, dataset: Dataset) -> Layout:
    """The layout of a model of the configuration on the tokens of its dataset."""
    if isinstance(model, UserModel):
        return make_model(model, dataset).layout
    code = tokenization(dataset)
    return layout_of(model, len(code.alphabet), code.vocabulary)


def make_model(model: AnyModel, dataset: Dataset) -> ModelFunction:
    """A model of the configuration on the tokens of its dataset.

    Raises
    ------
    ConfigError : when a class or function of the user's fails, or makes no model.
    """
    code = tokenization(dataset)
    if isinstance(model, UserModel):
        return _user_model(model, code)
    return Transformer(model, code.alphabet, code.vocabulary)


def _user_model(model: UserModel, tokens: Tokenization) -> ModelFunction:
    code = parse(model.code)
    make = _with_arguments(code.load(), code.shown, model.settings, tokens)
    try:
        made = made_by(make)
    except ConfigError:
        raise
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        raise fault_in(error, code.files) or ConfigError(
            code.shown, expected="a model that can be made with its settings", found=found
        ) from error
    for name, kind in (("layout", Layout), ("logits", Callable)):
        if not isinstance(getattr(made, name, None), kind):  # type: ignore[arg-type]
            expected = "what makes a model: a torch.nn.Module, or an object with `layout` and `logits`"
            found = "None" if made is None else f"{kind_of_value(made)} without `{name}`"
            mend = "Is there a `return`?" if made is None else None
            raise ConfigError(code.shown, expected=expected, found=found, mend=mend)
    return made


def _with_arguments(
    called: Any, shown: str, settings: dict[str, Any], tokens: Tokenization
) -> Callable[[], Any]:
    """The call that makes the model: with its settings, and with what it asks for of the tokens by name.

    Raises
    ------
    ConfigError : when it takes no such setting, or needs another.
    """
    offered = {
        "vocabulary": tokens.vocabulary,
        "positions": len(tokens.alphabet),
        "alphabet": tokens.alphabet,
    }
    try:
        parameters = inspect.signature(called).parameters
        ready = isinstance(called, nn.Module)  # which can be called, but is made already
    except (TypeError, ValueError):
        ready = True
    if ready:
        expected = "a class or function that makes the model"
        raise ConfigError(shown, expected=expected, found=kind_of_value(called))
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    asked = {name: value for name, value in offered.items() if takes_any or name in parameters}
    arguments = {**asked, **settings}
    named = [name for name, p in parameters.items() if p.kind in BY_NAME]
    expected = f"a class or function that takes its settings and, of {', '.join(offered)}, what it needs"
    if unknown := [] if takes_any else [name for name in settings if name not in named]:
        mend = nearest(unknown[0], [name for name in named if name not in arguments])
        found = f"the setting '{unknown[0]}', which it does not take"
        raise ConfigError(shown, expected=expected, found=found, mend=mend)
    needed = [name for name in named if parameters[name].default is inspect.Parameter.empty]
    if missing := [name for name in needed if name not in arguments]:
        mend = f"Give it: settings: {{{missing[0]}: …}}."
        raise ConfigError(shown, expected=expected, found=f"no '{missing[0]}', which it needs", mend=mend)
    return lambda: called(**arguments)
