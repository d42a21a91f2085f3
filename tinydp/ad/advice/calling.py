"""How one of our own functions is meant to be called, for the user's own call of it.

>>> curried("dp.grad(f, 2.0)")
'dp.grad(f)(2.0)'
>>> curried("dp.compile(f(x, y))")
'dp.compile(f)(x, y)'
>>> in_tuples("dp.jvp(np.sin, 0.5, 1.0)")
'dp.jvp(np.sin, (0.5,), (1.0,))'
>>> by_position("dp.grad(f)(x=2.0)")
'dp.grad(f)(2.0)'
"""

import ast
import inspect
from collections.abc import Callable
from typing import Any

from .naming import Advice
from .syntax import parsed, statements


def curried(expression: str) -> str:
    """`grad(f)(x)` for `grad(f, x)` and for `grad(f(x))`; or nothing."""
    found = parsed(expression)
    if not (isinstance(found, ast.Call) and found.args):
        return ""
    f: ast.expr
    f, *rest = found.args
    if not rest and isinstance(f, ast.Call):
        inner = f
        f, rest = inner.func, [*inner.args]
    if not rest:
        return ""
    return ast.unparse(ast.Call(ast.Call(found.func, [f], found.keywords), rest, []))


def with_option(expression: str, name: str, value: str, place: int | None = None) -> str:
    """The call with `name=value`, instead of what it has there by name or as an argument in this place."""
    found = parsed(expression)
    if not isinstance(found, ast.Call):
        return ""
    args = [x for k, x in enumerate(found.args) if k != place]
    keywords = [x for x in found.keywords if x.arg != name]
    return ast.unparse(ast.Call(found.func, args, [*keywords, ast.keyword(name, ast.Name(value))]))


def has_option(expression: str, name: str) -> bool:
    """Whether a call gives an argument by this name."""
    found = parsed(expression)
    return isinstance(found, ast.Call) and any(x.arg == name for x in found.keywords)


def wrapped(expression: str, around: str, which: Callable[[int], bool]) -> str:
    """The call with some of its arguments put into `around`, a text with {}."""
    found = parsed(expression)
    if not isinstance(found, ast.Call):
        return ""
    args = [ast.Name(around.format(ast.unparse(x))) if which(k) else x for k, x in enumerate(found.args)]
    return ast.unparse(ast.Call(found.func, args, found.keywords))


def argument_of(name: str, expression: str) -> str:
    """`x` of `float(x)`; or nothing."""
    found = parsed(expression)
    is_it = isinstance(found, ast.Call) and ast.unparse(found.func) == name and len(found.args) == 1
    return ast.unparse(found.args[0]) if is_it else ""  # type: ignore[union-attr]


def instead_of_power(expression: str) -> str:
    """What to write where the base of a power is negative."""
    found = parsed(expression)
    usual = "keep the base positive, or use np.cbrt for a cube root."
    if not (isinstance(found, ast.BinOp) and isinstance(found.op, ast.Pow)):
        return usual
    return Advice(
        "keep the base positive, or write {} for a cube root.", f"np.cbrt({ast.unparse(found.left)})"
    )


def in_tuples(expression: str) -> str:
    """`jvp(f, (x,), (t,))` for `jvp(f, x, t)`."""
    found = parsed(expression)
    single = isinstance(found, ast.Call) and [not isinstance(x, ast.Tuple) for x in found.args]
    return wrapped(expression, "({},)", lambda k: k > 0 and bool(single and single[k])) if single else ""


def by_position(expression: str) -> str:
    """The call with the first of its named arguments by its position."""
    found = parsed(expression)
    if not (isinstance(found, ast.Call) and found.keywords and not found.args):
        return ""
    first, *others = found.keywords
    return ast.unparse(ast.Call(found.func, [first.value], others))


def with_arguments(expression: str, statement: str) -> str:
    """`vjp(f, x)` for the `vjp(f)` of a statement that goes on to call it with x."""
    found, tree = parsed(expression), statements(statement)
    for x in ast.walk(tree) if tree and isinstance(found, ast.Call) else ():
        if isinstance(x, ast.Call) and ast.unparse(x.func) == ast.unparse(found):  # type: ignore[arg-type]
            return ast.unparse(ast.Call(found.func, [*found.args, *x.args], []))  # type: ignore[union-attr]
    return ""


def sizes(expression: str) -> str:
    """`MLP((2, 3, 1))` for `MLP(2, 3, 1)`."""
    found = parsed(expression)
    if not isinstance(found, ast.Call):
        return ""
    return ast.unparse(ast.Call(found.func, [ast.Tuple(found.args)], found.keywords))


def positions_of(f: Any, names: Any) -> str:
    """The places of parameters of these names, as they are written for `argnums`; or nothing."""
    try:
        known = [*inspect.signature(f).parameters]
        found = [known.index(name) for name in ([names] if isinstance(names, str) else names)]
    except (TypeError, ValueError):
        return ""
    return str(found[0]) if isinstance(names, str) else repr(tuple(found))
