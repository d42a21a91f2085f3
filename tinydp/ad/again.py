"""What is computed twice: forwards, and again in the backward pass. Both times it must be the same.

A `checkpoint`, and a `scan` in segments, keep nothing of their inside. If the second run meets other
data than the first, say the next numbers of a random generator, then its derivative is that of another
function. So a few bytes are kept of the first run, and compared:

    >>> import itertools
    >>> from tinydp import checkpoint, grad
    >>> ticks = itertools.count(1)
    >>> grad(lambda x: checkpoint(lambda x: x * next(ticks))(x))(1.0)      # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    tinydp.ad.errors.MutationError: the inside of <lambda> was something else when it was computed again.
      at ...
      pass what changes as an argument: draw random numbers outside, leave arrays as they are.
"""

import dis
import functools
import marshal
import math
from collections.abc import Iterable, Iterator
from numbers import Real
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from .custom import Custom
from .errors import MutationError, Spot, place_of
from .parts import RESIDUALS, Residuals
from .tape import Node, Var
from .values import abstract, plain

IN_A_FUNCTION = "pass what changes as an argument: draw random numbers outside, leave arrays as they are."
IN_A_LOOP = "pass what changes in xs or the carry: draw random numbers before the loop, count in the carry."


def fingerprint(inputs: Iterable[Var], nodes: Iterable[Node]) -> int:
    """A number that tells programs apart: their operations, operands, constants and options.

    Two runs that begin with the same values and have the same fingerprint are the same to the last bit,
    and so are their derivatives. The values alone do not say that: 0 times anything is 0.
    """
    places: dict[int, int] = {id(x): k for k, x in enumerate(inputs)}
    marks = []
    for node in nodes:
        marks.append((_operation(node, places), *[_mark(x, places) for x in node.args],
                      *[(name, _inside(x) if name == RESIDUALS else _mark(x, places))
                        for name, x in node.kwargs.items()]))
        places[id(node)] = len(places)
    return hash(marshal.dumps(marks, 2))         # hash(-1.0) is hash(-2.0), but not that of these bytes


def outside(nodes: Iterable[Node], results: Iterable[Any]) -> int:
    """A number that tells apart which variables around are used by nodes, and among results.

    A name may be bound anew to another variable of the same value: its derivative is another one.
    """
    made: set[int] = set()
    used: list[int] = []

    def walk(nodes: Iterable[Node]) -> None:
        for node in nodes:
            used.extend(id(x) for x in node.args
                        if type(x) is Var and x.tape is node.tape and id(x) not in made)
            saved: Residuals | None = node.kwargs.get(RESIDUALS)
            walk(saved.nodes_inside() if saved else ())
            made.add(id(node))

    walk(nodes)
    return hash((*used, *(id(x) for x in results if id(x) not in made)))


def _inside(saved: Residuals) -> int:
    """The fingerprint of what a node saves, or saves not, of its inside."""
    return saved.mark() or fingerprint((), saved.nodes_inside())


def _operation(node: Node, places: dict[int, int]) -> Any:
    """What a node computes, and how it is differentiated.

    The name says it, unless a user gave the rules. Such an operation may be made anew in each run, and is the
    same if it has the same value, and rules of the same code that hold the same constants.
    """
    op = node.op
    if not isinstance(op, Custom):
        return op.name
    rules = [_rule(rule, places) for rule in (op.vjp, *op.rules)]
    return op.name, rules, _mark(node.value, places)


def _rule(rule: Any, places: dict[int, int]) -> Any:
    """The code of a rule, and the constants in it and around it."""
    if isinstance(rule, functools.partial):
        return _rule(rule.func, places), [_mark(x, places) for x in _constants(rule.args)]
    if not isinstance(rule, FunctionType):
        return _mark(rule, places)
    held = *_around(rule), *(rule.__defaults__ or ()), *(rule.__kwdefaults__ or {}).values()
    return _mark(rule, places), [_mark(x, places) for x in _constants(held)]


def _around(function: FunctionType) -> Iterator[Any]:
    """What the function reads from the function around it; what it counts there is no part of it."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if name not in _rebound(function.__code__):
            try:
                yield cell.cell_contents
            except ValueError:                   # nothing there yet
                continue


@functools.lru_cache(maxsize=256)
def _rebound(code: CodeType) -> frozenset[str]:
    return frozenset(step.argval for step in dis.get_instructions(code) if step.opname == "STORE_DEREF")


def _constants(held: Iterable[Any]) -> list:
    """Those that stay what they are; a list or a dict may be a record of the calls, or a cache."""
    return [x for x in held if isinstance(x, (Real, str, tuple, np.ndarray, Var, FunctionType))]


def _mark(x: Any, places: dict[int, int]) -> Any:
    """An operand or an option: the place of a traced value, and what a constant is."""
    x = x.item() if isinstance(x, np.generic) else x
    kind = type(x)
    if kind is Var:
        return places.get(id(x), -1)
    if kind is float or kind is int or kind is str or x is None:
        return kind.__name__, x
    if isinstance(x, np.ndarray):
        return x.shape, x.dtype.str, hash(x.tobytes())
    if isinstance(x, (tuple, list)):
        return [_mark(child, places) for child in x]
    if isinstance(x, dict):
        return [(_mark(key, places), _mark(child, places)) for key, child in x.items()]
    if kind is FunctionType:
        return hash(x.__code__)
    return repr(x) if isinstance(x, (slice, bool, complex, type, np.dtype)) else kind.__name__


def require_same(what: str, before: list, now: list, spot: Spot | None, advice: str) -> None:
    """Raise `MutationError` unless what was found before is found again, bit for bit."""
    if len(before) != len(now) or not all(map(_same, before, now)):
        raise MutationError(f"the inside of {what} was something else when it was computed again.", advice,
                            spot and place_of(spot))


def _same(a: Any, b: Any) -> bool:
    a, b = plain(a), plain(b)
    if isinstance(a, float) and isinstance(b, float):        # NumPy's are of that kind, too
        return a == b or (math.isnan(a) and math.isnan(b))
    if not (isinstance(a, (np.ndarray, Real)) and isinstance(b, (np.ndarray, Real))):
        return type(a) is type(b) or abstract(a) or abstract(b)
    a, b = np.asarray(a), np.asarray(b)
    return np.array_equal(a, b, equal_nan=a.dtype.kind == b.dtype.kind == "f")
