"""A tree of ways through a step becomes one list of values again.

Bottom up: where two ways end in the same operation, that is done once, after they met, and a choice is made
between its operands: f(a) or f(b) is f of a or b. What else differs is chosen itself: a `phi`, see `phis.py`.
So n clamps, one after the other, make 2^n ways, but n choices.

    >>> import numpy as np
    >>> from .paths import explored
    >>> from .proxy import Proxy
    >>> from .record import Builder
    >>> from .trace import Trace
    >>> with Trace().writing(Builder()) as builder:
    ...     x, y = (Proxy(builder, builder.input(0.5, label)) for label in "xy")
    ...     tree, _ = explored(builder, lambda: [(np.sin(x if x > 0.0 else y) * y).value])
    ...     values, fine = rejoined(builder, tree)
    >>> print(builder.program(values))
    given x: f, y: f
    t: b = greater(x, 0.0)
    t_1: f = phi(t, x, y)
    t_2: f = sin(t_1)
    t_3: f = multiply(t_2, y)
    return t_3
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..errors import LoopError, place_of
from ..registry import registered
from .kinds import constant
from .paths import Fork, LeafForTheTape
from .program import Op, Value, example_of, known, like
from .record import Builder
from .repeats import computed_with
from .switches import PHI

_where, _multiply = registered(np.where), registered(np.multiply)


def rejoined(builder: Builder, tree: Any, forms: Any = ()) -> tuple[list, Any]:
    """The values of all leaves as one list; and a condition, whether the way taken led to some.

    A leaf is a list of values and constants, or is left to the tape: then any values will do.
    `forms` has the structures of the leaves, as text. Raises `LoopError` if these differ, or shapes.
    """
    columns = [*zip(*leaves_with_values(tree), strict=False)]
    shapes = [sorted({str(np.shape(example_of(x))) for x in column}) for column in columns]
    if len(forms) > 1 or any(len(different) > 1 for different in shapes):
        what = ("structures: " + ", ".join(forms) if len(forms) > 1 else
                "shapes: " + ", ".join(next(x for x in shapes if len(x) > 1)))
        raise LoopError(f"the ways through a step return different {what}.",
                        "return the same structure and the same shapes on each way.", place_of(tree.spot))
    values, fine = _joined(builder, tree, numbers_among(columns))
    assert values is not None                    # `explored` raises if no way leads to values
    return values, fine


def leaves_with_values(tree: Any) -> Iterator[list]:
    """The leaves that have values."""
    if isinstance(tree, Fork):
        yield from leaves_with_values(tree.then)
        yield from leaves_with_values(tree.otherwise)
    elif not isinstance(tree, LeafForTheTape):
        yield tree


def _kind(x: Any) -> str:
    return x.kind if type(x) is Value else np.asarray(x).dtype.kind


def numbers_among(columns: list) -> dict[int, str]:
    """Which columns have values of several kinds, and the kind of number that all of them can be."""
    kinds = [{_kind(x) for x in column} for column in columns]
    return {k: "f" if "f" in found else "i" for k, found in enumerate(kinds) if len(found) > 1}


def number_of_kind(record: Callable, x: Any, kind: str) -> Any:
    """A value or a constant as a number of the kind `i` or `f`, written down by `record(prim, args)`.

    A condition becomes 0 or 1.
    """
    if _kind(x) in (kind, "f"):
        return x
    one, zero = (1, 0) if kind == "i" else (1.0, 0.0)
    if type(x) is not Value:
        return type(one)(x) if np.ndim(x) == 0 else np.where(x, one, zero) if _kind(x) == "b" else x * one
    return record(_where, (x, one, zero)) if x.kind == "b" else record(_multiply, (x, one))


def _joined(builder: Builder, tree: Any, numbers: dict[int, str]) -> tuple[list | None, Any]:
    """`rejoined` of a part of the tree: no values where it is left to the tape.

    The values at the places `numbers` become ones of these kinds.
    """
    if isinstance(tree, LeafForTheTape):
        return None, False
    if not isinstance(tree, Fork):
        for k, kind in numbers.items():
            tree[k] = number_of_kind(lambda prim, args: builder.record(prim, args, {})[0], tree[k], kind)
        return tree, True
    (a, a_fine), (b, b_fine) = (_joined(builder, side, numbers) for side in (tree.then, tree.otherwise))
    join = Join(builder, tree)
    fine = join(a_fine, b_fine)
    if a is None or b is None:
        return b if a is None else a, fine       # on the other way `fine` is false, and nobody looks
    return [join(*pair) for pair in zip(a, b, strict=True)], fine


class Join:
    """Makes one value of two, of which a condition chooses one.

    It goes up from the two as long as the same operation made both, in `parts`; where it ends, there is a
    phi, or the two are one. Going down again, each operation is done once. A stack stands for the recursion,
    which would be as deep as a step is long, and what was made of a pair is kept for whoever asks again.
    """

    def __init__(self, builder: Builder, fork: Fork):
        self.builder, self.fork = builder, fork
        self.made: dict[Any, Any] = {}
        self.found: dict[Any, list | None] = {}  # the parts of pairs

    def __call__(self, a: Any, b: Any) -> Any:
        stack = [(a, b)]
        while stack:
            pair, key = stack[-1], _key(stack[-1])
            if key in self.made:
                stack.pop()
                continue
            if key not in self.found:
                self.found[key] = self.parts(*pair)
            missing = [part for part in self.found[key] or () if _key(part) not in self.made]
            if missing:
                stack += missing
                continue
            stack.pop()
            self.made[key] = self.one(*pair, self.found[key])
        return self.made[_key((a, b))]

    def one(self, a: Any, b: Any, parts: list | None) -> Any:
        """The value for a pair, once those for the pairs of its operands are made."""
        if known(a) == known(b):
            return a
        if parts is None:
            if a is True and b is False:
                return self.fork.condition
            return self.record(PHI, (self.fork.condition, a, b), {}, None)[0]
        like = a if type(a) is Value else b
        op, k = self.maker(like)
        y = self.record(op.prim, tuple([self.made[_key(part)] for part in parts]), op.options, op)[k]
        y.label = y.label or like.label
        return y

    def record(self, prim: Any, args: tuple, options: dict, source: Op | None) -> list[Value]:
        """Write an operation down, at the line of `source`, or of the condition."""
        spot, back = (source.spot, source.back) if source else (self.fork.spot, False)
        return self.builder.record(prim, args, options, spot, back)

    def maker(self, x: Value) -> tuple[Op, int]:
        """The operation that makes a value, and which of its results that is."""
        op = self.builder.maker[x]
        return op, op.outs.index(x)

    def parts(self, a: Any, b: Any) -> list[tuple] | None:
        """The pairs of operands, if the same operation makes both, and it should be done after they met."""
        made = self.builder.maker
        if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
            return self.parts_of_stack(a, b)
        if type(a) is not Value or type(b) is not Value or a is b or a not in made or b not in made:
            return None
        (p, i), (q, j) = self.maker(a), self.maker(b)
        if (p.name, i, len(p.args)) != (q.name, j, len(q.args)) or _options(p) != _options(q):
            return None
        if a.shape and (a in q.operands or b in p.operands):
            return None                          # one goes on from the other: choosing operands copies more
        if max(map(self.builder.number, (a, b))) <= self.builder.number(self.fork.condition):
            return None                          # both were there before: nothing is saved
        pairs = [*zip(p.args, q.args, strict=True)]
        return pairs if all(self.may_be_one(p, *triple) for triple in enumerate(pairs)) else None

    def parts_of_stack(self, a: Any, b: Any) -> list[tuple] | None:
        """The same where one is a stack, and the other an array of constants: that is a stack of its rows."""
        x, rows = (b, a) if isinstance(a, np.ndarray) else (a, b)
        op = self.builder.maker.get(x) if type(x) is Value else None
        if op is None or op.name != "stack" or op.options.keys() - {"axis"}:
            return None
        parts = zip(np.moveaxis(rows, op.options.get("axis", 0), 0), op.args, strict=True)
        return [(constant(row), y) if rows is a else (y, constant(row)) for row, y in parts]

    def may_be_one(self, op: Op, j: int, pair: tuple) -> bool:
        """Whether the operation may get either of two operands at the place `j`.

        Not if it is an axis, an index or the like, which no value can be; nor if they are arrays, of the
        program around or constants, larger than the result: to choose one would copy all of it.
        """
        a, b = pair
        if known(a) == known(b):
            return True
        if like(a) != like(b) or not (op.prim is PHI or computed_with(op, j)):
            return False
        if any(type(x) is Value and x in self.builder.maker for x in (a, b)):
            return True
        size = max([math.prod(x.shape) for x in op.outs])
        return math.prod(np.shape(a) if type(a) is not Value else a.shape) <= size


def _options(op: Op) -> Any:
    return known([*op.options.items()])


def _key(pair: tuple) -> tuple:
    return known(pair[0]), known(pair[1])
