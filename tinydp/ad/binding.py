"""Arguments as the rules expect them: arrays by position, options by name, defaults left out."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .asking import answer, is_default, says_nothing
from .errors import MutationError, NotDifferentiableError, RuleError, UnsupportedArgumentError
from .tape import Var
from .values import Abstract, youngest


def bound(op: Any, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """Arrays by position, options by name, as the rules expect them; defaults dropped."""
    if kwargs.get("out") is not None:
        raise MutationError(
            f"{op.name}(..., out=array) would overwrite an array that the tape may need.",
            f"write array = {op.name}(...) instead.",
        )
    given = dict(kwargs)
    if op.parameters:
        if len(args) > len(op.parameters):
            op.fn(*args, **kwargs)               # raises Python's own error, or has *args
            return args, kwargs
        given = dict(zip(op.parameters, args, strict=False)) | given
        arrays = op.parameters[: len(op.rules)]
        args = ()
        for name in arrays:
            if name not in given:
                break
            args += (given.pop(name),)
    known = given.keys() if op.options is None else op.options
    options = {
        name: x for name, x in given.items()
        if x is not np._NoValue and (name in known or not says_nothing(op.fn, name, x))
        and not (x is None and is_default(op.fn, name, x))
    }
    unknown = options.keys() - op.options if op.options is not None else set()
    if unknown and (youngest(args) is not None or any(isinstance(x, Abstract) for x in args)):
        raise UnsupportedArgumentError(
            f"the gradient rule of {op.name} does not know the argument {min(unknown)!r}.",
            "leave it out, or compute the same with other functions (np.where for where=).",
        )
    for name, x in options.items():
        if type(x) is Var:
            raise NotDifferentiableError(
                f"{op.name} is not differentiable in {name!r}, and a traced value came there.",
                "pass dp.stop_gradient(x) if a constant is meant.",
            )
    if any(x is None and name not in options and not is_default(op.fn, name, x)
           for name, x in given.items()):
        answer(op.fn, args, given)               # NumPy may not take None there
    return args, options


def positional(fn: Callable) -> tuple[str, ...]:
    """The names of the positional parameters of a function, if Python can tell."""
    if isinstance(fn, np.ufunc):
        return ()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(p.name for p in parameters_of(fn) if p.kind in kinds)


def options_of(rules: tuple) -> frozenset[str] | None:
    """The options that every one of the rules takes; None if one takes any."""
    names: set[str] = set()
    for rule in rules:
        if rule is None:
            continue
        parameters = parameters_of(rule)
        if not parameters or any(p.kind is p.VAR_KEYWORD for p in parameters):
            return None
        names.update(p.name for p in parameters)
    return frozenset(names)


def parameters_of(f: Callable) -> list[inspect.Parameter]:
    """The parameters of a function, as far as Python can tell."""
    try:
        return list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):              # some builtins have none to show
        return []


def takes(f: Callable, n: int) -> bool:
    """Whether `f` can be called with `n` or more positional arguments, as far as Python can tell."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return True
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(places) >= n or any(p.kind is p.VAR_POSITIONAL for p in parameters)


def fits(rule: Callable, n: int, options: Iterable[str]) -> bool:
    """Whether a rule can be called with `g, y`, so many arguments and these options, if Python knows."""
    try:
        signature = inspect.signature(rule)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(*range(2 + n), **dict.fromkeys(options))
    except TypeError:
        return False
    return True


def check_arity(name: str, fn: Callable, rule: Callable) -> None:
    """A rule must take `g, y` and then the arguments of some call of the function."""
    parameters = parameters_of(fn)
    try:
        signature = inspect.signature(rule)
    except (TypeError, ValueError):
        return
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if not places:                               # older NumPy does not tell the names
        return
    required = sum(p.default is p.empty for p in places)
    options = {p.name: 0 for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty}
    for n in range(required, len(places) + 1):
        try:
            signature.bind(*range(2 + n), **options)
            return
        except TypeError:
            continue
    expected = ", ".join(["g", "y", *(p.name for p in parameters)])
    raise RuleError(f"a rule of {name} takes {signature}, which does not fit the arguments of {name}.",
                    f"its parameters should be ({expected}).")
