"""The table of what an operation is the same as, to the bit: `x * 1.0` is `x`, but `x + 0.0` is not (-0.0).

    >>> from .simplify import simplified
    >>> from .trace import traced
    >>> program = traced(lambda w, x: np.transpose(np.transpose(w)) @ (x[:, None][:, 0] - -np.sin(x)),
    ...                  np.eye(2), np.ones(2))
    >>> len(program)
    8
    >>> print(simplified(program))
    given w: f(2, 2), x: f(2,)
    t: f(2,) = sin(x)
    t_1: f(2,) = add(x, t)
    t_2: f(2,) = matmul(w, t_1)
    return t_2

A rule is asked for an operation whose arguments are simple already. It answers with a `NewOp` that makes the
same with less, with a value that is the same, or with None.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..primitives import Primitive
from ..registry import registered
from .marks import is_mark
from .operations import MOVING, SHAPING, axes_moved
from .program import Op, Value, example_of, like, results_of


class NewOp(NamedTuple):
    """An operation that is not written down yet."""

    prim: Primitive
    args: tuple
    options: dict


Maker = Callable[[Any], "Op | None"]             # which operation makes an argument, if any
Rewrite = Callable[[Op, Maker], Any]
REWRITES: dict[str, Rewrite] = {}

LARGEST_CONSTANT = 64                            # elements that folding may make out of fewer


def simpler(op: Op, maker: Maker) -> Any:
    """The same as the only result of an operation, with less: a `NewOp`, a value, a constant; or None."""
    if is_mark(op.prim) or len(op.outs) > 1:     # a mark is its operand, but not while differentiating
        return None
    if not op.operands:
        return _folded(op)
    rule = REWRITES.get(op.name)
    new = rule(op, maker) if rule else None
    return None if new is None or (type(new) is not NewOp and not _alike(new, op.outs[0])) else new


def _alike(x: Any, y: Any) -> bool:
    return like(x) == like(y)


def _folded(op: Op) -> Any:
    """The result of constants."""
    size = math.prod(op.outs[0].shape)
    if size > max(LARGEST_CONSTANT, *(np.size(x) for x in op.args), 0):
        return None
    try:
        y = results_of(op, list(op.args))[0]
    except (ArithmeticError, ValueError, LookupError):        # to be raised when the program runs
        return None
    return np.array(y) if isinstance(y, np.ndarray) else y


def rule(*names: str) -> Callable[[Rewrite], Rewrite]:
    """Decorator: put a rule into the table."""
    def enter(f: Rewrite) -> Rewrite:
        REWRITES.update(dict.fromkeys(names, f))
        return f

    return enter


def _made_by(x: Any, maker: Maker, *names: str) -> Op | None:
    """The operation that makes `x`, if it is one of these."""
    op = maker(x)
    return op if op is not None and op.name in names else None


def is_everywhere(x: Any, number: float) -> bool:
    """Whether an argument is a constant with this number everywhere; 0.0 and -0.0 are two."""
    if type(x) is Value or np.asarray(x).dtype.kind not in "fiu":
        return False
    x = np.asarray(x)
    if not x.size or x.flat[0] != number:
        return False
    x = x.astype(np.float64)
    return bool(np.all(x == number)
                and (number or np.all(np.signbit(x) == (math.copysign(1.0, number) < 0))))


# ---------------------------------------------------------------------------- arithmetic

_add, _subtract = registered(np.add), registered(np.subtract)


@rule("add")
def _of_add(op: Op, maker: Maker) -> Any:
    a, b = op.args
    if is_everywhere(b, -0.0) or is_everywhere(a, -0.0):
        return a if is_everywhere(b, -0.0) else b
    if minus := _made_by(b, maker, "negative"):
        return NewOp(_subtract, (a, minus.args[0]), {})
    if minus := _made_by(a, maker, "negative"):
        return NewOp(_subtract, (b, minus.args[0]), {})
    return None


@rule("subtract")
def _of_subtract(op: Op, maker: Maker) -> Any:
    a, b = op.args
    if is_everywhere(b, 0.0):
        return a
    minus = _made_by(b, maker, "negative")
    return NewOp(_add, (a, minus.args[0]), {}) if minus else None


@rule("multiply")
def _of_multiply(op: Op, maker: Maker) -> Any:
    a, b = op.args
    return a if is_everywhere(b, 1.0) else b if is_everywhere(a, 1.0) else None


@rule("divide")
def _of_divide(op: Op, maker: Maker) -> Any:
    return op.args[0] if is_everywhere(op.args[1], 1.0) else None


@rule("positive")
def _of_positive(op: Op, maker: Maker) -> Any:
    return op.args[0]


@rule("negative", "logical_not")
def _of_inverse(op: Op, maker: Maker) -> Any:
    inner = _made_by(op.args[0], maker, op.name)
    return inner.args[0] if inner else None


@rule("where")
def _of_where(op: Op, maker: Maker) -> Any:
    c, a, b = op.args
    if a is b or (type(a) is type(b) is float and repr(a) == repr(b)):
        return a
    if type(c) is not Value and np.size(c) == 1:
        return a if np.all(c) else b
    other = _made_by(c, maker, "logical_not")
    return NewOp(op.prim, (other.args[0], b, a), op.options) if other else None


# ---------------------------------------------------------------------------- shapes

_reshape, _transpose = registered(np.reshape), registered(np.transpose)


def _in_order(op: Op) -> bool:
    """Whether elements keep their order: not read as Fortran does."""
    return op.options.get("order", "C") == "C" and len(op.args) <= 2


@rule(*SHAPING)
def _of_reshape(op: Op, maker: Maker) -> Any:
    x, y = op.args[0], op.outs[0]
    if not _in_order(op):
        return None
    if x.shape == y.shape:
        return x
    before = _made_by(x, maker, *SHAPING)
    if before is None or not _in_order(before):
        return None
    x = before.args[0]
    return x if _alike(x, y) else NewOp(_reshape, (x,), {"shape": y.shape})


@rule(*MOVING)
def _of_moved_axes(op: Op, maker: Maker) -> Any:
    axes = axes_moved(op)
    if axes == sorted(axes):
        return op.args[0]
    before = _made_by(op.args[0], maker, *MOVING)
    if before is None:
        return None
    first = axes_moved(before)
    axes = [first[k] for k in axes]
    return before.args[0] if axes == sorted(axes) else NewOp(
        _transpose, (before.args[0],), {"axes": tuple(axes)})


@rule("broadcast_to")
def _of_broadcast(op: Op, maker: Maker) -> Any:
    x, y = op.args[0], op.outs[0]
    if np.shape(x) == y.shape:
        return x
    before = _made_by(x, maker, "broadcast_to")
    return NewOp(op.prim, (before.args[0], *op.args[1:]), op.options) if before else None


@rule("sum")
def _of_sum(op: Op, maker: Maker) -> Any:
    """The sum of one element: NumPy adds it to 0.0."""
    x, y = op.args[0], op.outs[0]
    if len(op.args) > 2 or not op.options.keys() <= {"axis", "keepdims"} or x.kind != "f" or (
            math.prod(x.shape) != math.prod(y.shape) or not math.prod(x.shape)):
        return None
    total = NewOp(_add, (x, 0.0), {})
    return total if x.shape == y.shape else NewOp(_reshape, (total,), {"shape": y.shape})


# ---------------------------------------------------------------------------- rows

@rule("getitem")
def _of_getitem(op: Op, maker: Maker) -> Any:
    """A row of what was stacked, or put together, just before; the column of a product; or all there is."""
    whole, index = op.args
    if type(index) is int:
        return _row(whole, index, op, maker)
    if (before := _made_by(whole, maker, "getitem")) and (window := _window(before, index, whole.shape)):
        return NewOp(op.prim, (before.args[0], window), {})
    if math.prod(np.shape(example_of(whole))) != math.prod(op.outs[0].shape) or not all(
            part is None or part is Ellipsis or type(part) is int
            or (type(part) is slice and (part.step is None or part.step > 0))
            for part in (index if type(index) is tuple else (index,))):
        return None
    return _column(whole, index, maker) or NewOp(_reshape, (whole,), {"shape": op.outs[0].shape})


def spans(index: Any, shape: tuple) -> list[tuple[int, int]] | None:
    """From where to where an index takes slices, along each axis; None if it takes anything else.

        >>> spans((slice(1, -1),), (5, 3)), spans((slice(None, None, 2),), (5,)), spans(3, (5,))
        ([(1, 4), (0, 3)], None, None)
    """
    parts = index if type(index) is tuple else (index,)
    if len(parts) > len(shape) or any(type(part) is not slice for part in parts):
        return None
    found = [part.indices(n) for part, n in zip(parts, shape, strict=False)]
    if any(step != 1 or first >= end for first, end, step in found):
        return None
    return [(first, end) for first, end, _ in found] + [(0, n) for n in shape[len(parts):]]


def _window(op: Op, index: Any, shape: tuple) -> tuple | None:
    """Slices of what an operation takes by slices, as slices of what it takes them from."""
    outer, inner = spans(op.args[1], np.shape(example_of(op.args[0]))), spans(index, shape)
    if outer is None or inner is None:
        return None
    return tuple([slice(start + first, start + end)
                  for (start, _), (first, end) in zip(outer, inner, strict=True)])


def _column(whole: Any, index: Any, maker: Maker) -> Any:
    """The product of a matrix and a vector, if it was computed with the vector as a column."""
    product = _made_by(whole, maker, "matmul")
    if product is None or type(index) is not tuple or index != (Ellipsis, 0):
        return None
    a, b = product.args
    vector = _made_by(b, maker, "expand_dims", "reshape")
    if vector is None or np.ndim(example_of(a)) != 2 or np.ndim(example_of(vector.args[0])) != 1:
        return None
    return NewOp(product.prim, (a, vector.args[0]), {})


@rule("matmul")
def _of_matmul(op: Op, maker: Maker) -> Any:
    """A vector times a matrix that was turned round, as the matrix times the vector."""
    a, b = op.args
    for matrix, vector in ((a, b), (b, a)):
        turned = _made_by(matrix, maker, *MOVING)
        if turned is not None and np.ndim(example_of(vector)) == 1 and axes_moved(turned) == [1, 0]:
            args = (vector, turned.args[0])
            return NewOp(op.prim, args if vector is b else args[::-1], {})
    return None


def _row(whole: Any, k: int, op: Op, maker: Maker) -> Any:
    """The row `whole[k]`, as the operation `op` would take it."""
    made_by = maker(whole)
    if made_by is None:
        return None
    if made_by.name == "stack" and not made_by.options.get("axis", 0):
        return made_by.args[k]
    if made_by.name == "scatter" and all(type(i) is int for i in made_by.options["indices"]):
        return _added_up(made_by, k)
    if made_by.name == "add" and np.shape(made_by.args[0]) == np.shape(made_by.args[1]):
        parts = [_row(x, k, op, maker) for x in made_by.args]
        if all(part is not None for part in parts):
            return NewOp(_add, tuple(parts), {})
    return None


def _added_up(op: Op, k: int) -> Any:
    """The row `k` of what was scattered: zero, to which some parts are added."""
    n, *side = op.options["shape"]
    zero = op.options.get("zero", 0.0)
    total: Any = np.full(side, zero) if side else zero
    for index, g in zip(op.options["indices"], op.args, strict=True):
        if (index - k) % n == 0:
            if np.shape(g) != tuple(side):
                return None
            total = NewOp(_add, (total, g), {})
    return total
