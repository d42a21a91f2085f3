"""Calls of `grad` and the like that cannot be what was meant, and the calls that were."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .advice.calling import by_position, curried, has_option, positions_of, with_arguments, with_option
from .advice.naming import Advice
from .advice.returns import last_value_of, returned_by
from .errors import NoInputError, UsageError, user_place


def require_function(name: str, f: Any) -> None:
    """Raise `UsageError` unless `f` is a function; most often it is the result of one."""
    if not callable(f):
        place = user_place()
        new = curried(place.expression)
        raise UsageError(
            f"{name} needs a function, not {f!r:.60}.",
            Advice("write {}: the function itself, and then its arguments.", new)
            if new
            else "pass the function itself, without calling it.",
            place,
        )


def as_argnums(f: Callable, argnums: Any) -> Any:
    """One position, or a tuple of positions; raises `UsageError` for all else."""
    if isinstance(argnums, (int, np.integer)):
        return argnums
    several = isinstance(argnums, (tuple, list, range)) and len(argnums)
    if several and all(isinstance(k, (int, np.integer)) for k in argnums):
        return tuple(argnums)
    place = user_place()
    if not has_option(place.expression, "argnums") and not isinstance(argnums, str):
        raise given_too_early("argnums", argnums, place)
    new = positions_of(f, argnums) or (str(int(argnums)) if isinstance(argnums, float) else "")
    raise UsageError(
        f"argnums={argnums!r:.60}: arguments are chosen by their positions, which begin with 0.",
        Advice("write {}.", with_option(place.expression, "argnums", new, 1))
        if new
        else "write argnums=1 for the second, or argnums=(0, 1) for two.",
        place,
    )


def given_too_early(name: str, x: Any, place: Any = None) -> UsageError:
    """`grad(f, x)`: what the gradient is to be taken at came where an option is."""
    place = place or user_place()
    new = curried(place.expression)
    return UsageError(
        f"{name} came as {x!r:.60}; the arguments of f go to the function that is returned.",
        Advice("write {}.", new) if new else "write grad(f)(x).",
        place,
    )


def nothing_given(usual: str) -> UsageError:
    place = user_place()
    new = with_arguments(place.expression, place.statement)
    return UsageError(
        "there is nothing to differentiate at: the arguments are passed in the same call.",
        Advice("write {}.", new or usual),
        place,
    )


def only_named(kwargs: dict) -> NoInputError:
    place = user_place()
    new = by_position(place.expression)
    return NoInputError(
        "there is no positional argument to differentiate by.",
        Advice("write {}: what you differentiate by is passed by its position.", new)
        if new
        else "pass what you differentiate by as a positional argument.",
        place,
    )


def instead_of_result(f: Callable, y: Any) -> str:
    """What to return instead of something that is no number."""
    if y is None:
        last = last_value_of(f)
        return f"add a return statement: return {last}" if last else "add a return statement."
    if isinstance(y, tuple) and len(y) == 2:
        place = user_place()
        new = with_option(place.expression.rpartition(")(")[0] + ")", "has_aux", "True")
        return Advice(
            "return one number; or write {}, if the first of the pair is it, and the other goes along.",
            new or "dp.grad(f, has_aux=True)",
        )
    line, code = returned_by(f)
    if isinstance(y, (list, tuple)) and code:
        return Advice(
            f"return one number, such as {{}} in line {line}; for all of them, use dp.jacobian.",
            f"sum({code})",
        )
    return "return one number (has_aux=True for more)."
