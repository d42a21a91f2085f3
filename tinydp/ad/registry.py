"""The registry: which functions the tape can record, and how a rule is added to the table.

    >>> import numpy as np
    >>> from tinydp import defvjp, grad, primitive
    >>> @primitive
    ... def area(width, height):
    ...     return width * height
    >>> defvjp(area, lambda g, y, width, height: g * height,
    ...              lambda g, y, width, height: g * width)
    >>> grad(area, argnums=(0, 1))(3.0, 4.0)
    (4.0, 3.0)
"""

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from .asking import checked_replacement
from .binding import check_arity, parameters_of
from .errors import RuleError, SteepGradientWarning, user_spot
from .primitives import FlatPrimitive, Primitive, ProductAtZero, Rule, witness
from .values import abstract, plain

# NumPy function (or one of Python's operators) -> what to call when an argument is traced.
PRIMITIVES: dict[Callable, Callable] = {}


def defvjp(f: Callable, *rules: Rule | None, also: Callable | None = None) -> None:
    """Register the gradient rules of `f`: a NumPy function, or one made by `primitive`.

    `rules[i](g, y, *args, **kwargs)` returns the cotangent of positional argument `i`; it may
    have the shape of the result where the argument was broadcast. `None`, or no rule, means
    that `f` has no derivative in that argument. `also` is one of Python's operators that does
    the same as `f`. Raises `RuleError` if a rule's parameters do not fit those of `f`.

        >>> from tinydp import grad
        >>> defvjp(np.spacing, lambda g, y, x: 0.0 * g)
        >>> grad(np.spacing)(1.0)
        0.0
    """
    known = f if isinstance(f, Primitive) else PRIMITIVES.get(f)
    if not isinstance(known, Primitive) or isinstance(known, FlatPrimitive):
        if not callable(f):
            raise RuleError(f"{f!r} is not a function.", "pass a NumPy function or a primitive.")
        known = Primitive(f)
    for rule in rules:
        if rule is not None:
            check_arity(known.name, known.fn, rule)
    known.rules, known.each = rules, None
    known.__dict__.pop("options", None)
    if known is not f:
        PRIMITIVES[f] = known
    if also:
        PRIMITIVES[also] = known
        known.operator = also


def defvjp_each(f: Primitive, rule: Rule) -> None:
    """Register the rule of every argument of `f(*arrays, **kwargs)`.

    `rule(g, y, *args, **kwargs)` returns a function from `i` to the cotangent of argument `i`, so
    that what all of them need is computed once.
    """
    f.each = rule


def defpartials(f: Callable, *partials: Rule | None, also: Callable | None = None) -> None:
    """Register a function whose derivative is infinite or undefined somewhere.

    A partial is the derivative alone, `partial(y, *args)`, and the rule its product with `g`. An infinite
    gradient is announced by a `SteepGradientWarning`.
    """
    defvjp(f, *(p and steep(f.__name__, p) for p in partials), also=also)
    singular(f)


def steep(name: str, partial: Rule) -> Rule:
    """The rule `g * partial(y, *args)`, of the same options, which warns if that is infinite."""

    def rule(g, y, *args, **options):
        c = g * partial(y, *args, **options)
        warn_if_steep(name, c)
        return c

    first = inspect.Parameter("g", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    rule.__signature__ = inspect.Signature([first, *parameters_of(partial)])     # type: ignore[attr-defined]
    return rule


def warn_if_steep(name: str, c: Any) -> None:
    """Say that a cotangent is infinite, since the derivative of this function is."""
    if not abstract(c) and np.isinf(plain(c)).any():
        spot = user_spot()
        warnings.warn_explicit(
            f"the derivative of {name} is infinite here (so is the gradient); keep away from "
            "that point, or take the other branch there with np.where.",
            SteepGradientWarning, spot.code.co_filename, spot.line,
        )


def products(*functions: Callable) -> None:
    """Declare functions linear in each argument: no path leads through a constant factor of zero."""
    for primitive in map(registered, functions):
        primitive.at_zero = ProductAtZero(primitive)


def movers(*functions: Callable) -> None:
    """Declare functions that only move or sum elements, each of which keeps apart what led to it."""
    for primitive in map(registered, functions):
        primitive.mover = True


def pointwise(*functions: Callable) -> None:
    """Declare functions that work element by element, though they are no ufuncs."""
    for primitive in map(registered, functions):
        primitive.elementwise = True


def singular(*functions: Callable) -> None:
    """Declare functions whose derivative is infinite or undefined somewhere."""
    for primitive in map(registered, functions):
        primitive.steep = True


def registered(f: Callable) -> Primitive:
    """The primitive that the registry has for a function."""
    return f if isinstance(f, Primitive) else cast(Primitive, PRIMITIVES[f])


def flat(*functions: Callable) -> None:
    """Register functions whose derivative is zero wherever it exists, such as floor."""
    for f in functions:
        PRIMITIVES[f] = FlatPrimitive(f)


def alias(f: Callable, alike: str = "") -> Callable[[Callable], Callable]:
    """Decorator: for traced arguments, `f` is computed by the decorated function instead.

    NumPy is asked first (`asking.py`), unless a hot call gives no other parameters than those named in
    `alike`: then the decorated function calls what refuses as `f` does.
    """
    names = frozenset(alike.split())

    def register(replacement: Callable) -> Callable:
        @functools.wraps(replacement)
        def seen(*args: Any, **kwargs: Any) -> Any:
            if see := witness.get():
                see(args, kwargs)
            if len(args) <= len(names) and (not kwargs or kwargs.keys() <= names):
                return replacement(*args, **kwargs)
            return checked_replacement(f, replacement, args, kwargs)

        PRIMITIVES[f] = seen
        return replacement

    return register
