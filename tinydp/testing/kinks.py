"""How far it is to the next kink, read from the tape.

A program is recorded again at points beside `x`. As long as it takes the same course there, it has
no kink in between: the same operations on the same operands, the same indices and conditions, the
same constants, and the same side of `abs`, `maximum` and their like (`SIDES`). Comparisons leave
no node, but an `if` shows: other operations follow, or other constants.

    >>> import numpy as np
    >>> def f(x):
    ...     return 2 * x if x > 1 else 3 * x
    >>> reach, like = margins(lambda t: course_of(f, [1.25 + t]), 2.0**-40, 2.0)
    >>> -0.25 < reach[0] < -0.2, reach[1], like
    (True, inf, (True, True))
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..ad import tree
from ..ad.custom import Custom
from ..ad.loops import LoopOperation
from ..ad.parts import RESIDUALS
from ..ad.primitives import Primitive
from ..ad.tape import Tape, Var
from ..ad.transforms import Inputs
from ..ad.values import plain
from ..ad.watch import close_tape, open_tape
from .differences import ANYWHERE
from .domains import SIDES
from .results import UNDEFINED_BESIDE

STRIDE = 8.0                             # from one point to the next, in the search for a kink
BISECTIONS = 7
LAST = 2.0**-40                          # relative changes that are only of the last digits
DOUBLINGS = 6                            # of the smallest distance, until two points take the same course


class Course(NamedTuple):
    """What a run did: its discrete part, and the constants that it met."""

    discrete: tuple
    constants: tuple

    def goes_on_as(self, other: "Course") -> bool:
        """Whether this is the same course at a point that differs in its last digits.

        Then so do constants that depend on the point, as those from `dp.value` do; those of another branch
        are others.
        """
        return self.discrete == other.discrete and all(
            a == b or _nearly(a, b) for a, b in zip(self.constants, other.constants, strict=True))


def course_of(f: Callable, leaves: list) -> Course | None:
    """The course of `f(*leaves)`; None where it is not defined."""
    tape = open_tape(Tape)
    try:
        inputs = Inputs(tape, tuple(leaves), range(len(leaves)))
        y = f(*inputs.args)
    except UNDEFINED_BESIDE:
        return None
    finally:
        close_tape(tape)
    nodes = list(_all_nodes(tape))
    names = {id(node): k for k, node in enumerate([*inputs.variables, *nodes])}
    discrete: list = [len(nodes)]
    constants: list = []

    def note(x: Any) -> None:
        if type(x) is Var:
            discrete.append(names.get(id(x)))
        elif isinstance(x, (list, tuple)):
            for child in x:
                note(child)
        elif isinstance(x, float) or (isinstance(x, np.ndarray) and x.dtype.kind == "f"):
            constants.append(_frozen(x))
        else:
            discrete.append(_frozen(x))

    for node in nodes:
        discrete.append(node.op.name)
        for x in node.args:
            note(x)
        for name, x in node.kwargs.items():
            if name != RESIDUALS:
                note(x)
        discrete.append(side_of(node.op, plain(node.value), [plain(x) for x in node.args], node.kwargs))
    note(y)
    tape.clear()                                 # the tape and its nodes refer to each other
    return Course(tuple(discrete), tuple(constants))


def _all_nodes(tape: Any) -> Iterator[Any]:
    """The nodes of a tape, those inside of a loop before the loop."""
    for node in tape:
        if isinstance(node.op, LoopOperation):
            yield from _all_nodes(node.op.inside(node).part)
        yield node


def same_course(f: Callable, leaves: list) -> Callable:
    """The function that `f` is if it keeps to the course of `f(*leaves)`: its branches, indices, conditions.

    Where `leaves` are at a kink between two courses, this has the derivative of the one taken.

        >>> branch = same_course(lambda x: 2 * x if x > 1 else 3 * x, [1.0])
        >>> float(branch(1.5))
        4.5
    """
    tape = open_tape(Tape)
    try:
        inputs = Inputs(tape, tuple(leaves), range(len(leaves)))
        y = f(*inputs.args)
    finally:
        close_tape(tape)
    steps = [(node, None if isinstance(node.op, LoopOperation) else operation(node)[0])
             for node in _all_nodes(tape)]

    def replay(*xs: Any) -> Any:
        known = {id(x): value for x, value in zip(inputs.variables, xs, strict=True)}

        def now(x: Any) -> Any:
            return known.get(id(x), x) if type(x) is Var else x

        for node, compute in steps:
            if compute is None:                  # a loop: its steps have been made
                known[id(node)] = tuple(map(now, node.op.inside(node).results))
            else:
                known[id(node)] = compute([now(x) for x in node.args])
        return now(y)

    return replay


def operation(node: Any) -> tuple[Callable[[list], Any], list]:
    """What a node computes, as a function of the list of its operands, and their values."""
    values, options = [plain(x) for x in node.args], dict(node.kwargs)
    if not isinstance(node.op, Custom):
        return (lambda xs: node.op.fn(*xs, **options)), values
    saved = options.pop(RESIDUALS)

    def compute(xs: list) -> tuple:
        found = tree.flatten(node.op.fn(*saved.call(xs), **options))[0]
        return tuple(x for k, x in enumerate(found) if k not in saved.constants)

    return compute, values


def has_sides(op: Any) -> bool:
    """Whether it is declared where an operation has its kinks."""
    return type(op) is Primitive and op.fn in SIDES


def side_of(op: Any, y: Any, values: list, options: dict) -> Any:
    """On which side of its kinks an operation is, as something to compare."""
    return _frozen(np.asarray(SIDES[op.fn](y, *values, **options))) if has_sides(op) else None


def _frozen(x: Any) -> Any:
    """Something of the same content that can be compared with `==`."""
    if isinstance(x, np.ndarray):
        return x.shape, x.tobytes()
    return repr(x) if isinstance(x, (float, slice, np.generic)) else x


def _nearly(a: Any, b: Any) -> bool:
    """Whether two frozen floats, or arrays of them, differ in their last digits."""
    if type(a) is not type(b) or (isinstance(a, tuple) and (a[0] != b[0] or len(a[1]) != len(b[1]) or
                                                            len(a[1]) != 8 * math.prod(a[0]))):
        return False
    x, y = (np.frombuffer(c[1]) if isinstance(c, tuple) else np.array(float(c)) for c in (a, b))
    return np.allclose(x, y, rtol=LAST, atol=LAST * np.max(np.abs(x), initial=0.0), equal_nan=True)


def margins(course: Callable[[float], Course | None], finest: float,
            widest: float) -> tuple[tuple[float, float], tuple[bool, bool]]:
    """How far behind and ahead of 0 `course(t)` stays the same; and whether 0 itself is on the same side
    of all kinks as the points right behind, and as those right ahead.

    Looks between the distances `finest` and `widest`. Constants that change from point to point,
    as those from `dp.value` do, say nothing; a course that does so throughout is no help at all, and
    the margin is infinite.
    """
    here = course(0.0)
    reach, like = [], []
    for side in (-1.0, 1.0):
        start, first, second = _two_alike(course, side, finest)
        if first is None or second is None or here is None:
            reach.append(side * math.inf)
            like.append(True)
            continue
        moving = {k for k, (a, b) in enumerate(zip(first.constants, second.constants, strict=True)) if a != b}

        def same(other: Course | None, first: Course = first, moving: set = moving) -> bool:
            return other is not None and other.discrete == first.discrete and all(
                a == b or k in moving for k, (a, b) in
                enumerate(zip(first.constants, other.constants, strict=False)))

        like.append(same(here))

        def holds(t: float, side: float = side, same: Callable = same) -> bool:
            return same(course(side * t))

        reach.append(side * _last(holds, 2 * start, widest))
    return (reach[0], reach[1]), (like[0], like[1])


def _two_alike(course: Callable[[float], Course | None], side: float,
               finest: float) -> tuple[float, Course | None, Course | None]:
    """The smallest distance that takes the same course as twice that, and both courses.

    Where several kinks meet, rounding ties some of them at the nearest points.
    """
    first = course(side * finest)
    for start in (finest * 2.0**k for k in range(DOUBLINGS)):
        second = course(side * 2 * start)
        if first is None or second is None or first.discrete == second.discrete:
            return start, first, second
        first = second
    return finest, None, None


def _last(holds: Callable[[float], bool], start: float, widest: float) -> float:
    """The largest distance up to which something holds; infinite if beyond `widest`."""
    near, far = start, start
    while far < widest:
        far = min(STRIDE * far, widest)
        if not holds(far):
            for _ in range(BISECTIONS):
                middle = math.sqrt(near * far) if far > 2 * near else (near + far) / 2
                near, far = (middle, far) if holds(middle) else (near, middle)
            return near
        near = far
    return ANYWHERE[1]


def ended_derivative(f: Callable, leaves: list, others: list) -> int | None:
    """The number of the first constant that depends on the arguments: it differs between two runs."""
    here, there = course_of(f, leaves), course_of(f, others)
    if here is None or there is None or here.discrete != there.discrete:
        return None
    pairs = enumerate(zip(here.constants, there.constants, strict=True))
    return next((k for k, (a, b) in pairs if a != b), None)
