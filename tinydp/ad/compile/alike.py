"""Loops that are alike, compiled once: a Python loop over arrays of other lengths makes hundreds of them.

Loops that differ in nothing but their variables, their arrays, and how often they go round become one
function, which is given these.

    >>> from .expressions import Apply, Const
    >>> from .numba import text_of
    >>> x, y, z, i = Buffer("x", (9,), "f"), Buffer("y", (7,), "f"), Buffer("z", (5,), "f"), Local("i", "i")
    >>> def doubled(x, y, n):
    ...     return For(i, n, [Store(Load(y, (i,)), Apply("multiply", (Const(2.0), Load(x, (i,))), "f"))])
    >>> f = Function("f", [x, y, z], [doubled(x, y, 7), doubled(y, z, 5)])
    >>> print(text_of(with_shared_loops([f], long=0, fewest=2)))
    def loop(x, y, count):
        for i in range(count):
            y[i] = 2.0 * x[i]
    <BLANKLINE>
    def f(x, y, z):
        loop(x, y, 7)
        loop(y, z, 5)

That is done in long functions, and not within loops: there a call would cost more than it saves.
"""

from collections import Counter, defaultdict
from typing import Any

from .expressions import Affine, Apply, Buffer, Const, Load, Local, Memory
from .split import exposed, weight
from .statements import Call, Comment, For, Function, If, Let, Store, writes

LONG_FUNCTION = 1500                             # operations in the loops of a function for which it is done
FEWEST_ALIKE = 8                                 # loops that are alike


def with_shared_loops(functions: list[Function], long: int = LONG_FUNCTION, fewest: int = FEWEST_ALIKE
           ) -> list[Function]:
    """The same functions, their loops that are alike as calls of one; callees first."""
    found: list[Function] = []
    for f in functions:
        loops = [s for s in f.body if isinstance(s, For)]
        is_long = len(loops) >= fewest and sum(map(weight, loops)) >= long
        found += _with_calls(f, fewest) if is_long else [f]
    return found


def _with_calls(f: Function, fewest: int) -> list[Function]:
    """A function, and before it those that it calls now."""
    given = [exposed([s]) for s in [*f.body, Let([], f.results)]]
    readers = Counter(x for each in given for x in each)
    groups: dict[tuple, list[Alike]] = defaultdict(list)
    for k, s in enumerate(f.body):
        if isinstance(s, For):
            try:
                one = Alike(k, s, given[k], readers)
            except Unlike:
                continue
            groups[one.form].append(one)
    made, body = list[Function](), [*f.body]
    for group in groups.values():
        if len(group) >= fewest:
            made.append(function := _function(group))
            for one in group:
                into = [x for x in one.leaves if isinstance(x, Buffer)]
                body[one.place] = Call(function, [*one.leaves, *_other(group, one)], one.results, into)
    return [*made, Function(f.label, f.parameters, body, f.results)]


def _other(group: "list[Alike]", one: "Alike") -> list:
    """How often the loops of one go round, of those that do not do so equally often in all of the group."""
    return [Const(n) for n, *others in zip(one.counts, *(x.counts for x in group), strict=True)
            if len(set(others)) > 1]


def _function(group: "list[Alike]") -> Function:
    """What does all of a group: the first of them, with parameters for what differs."""
    first = group[0]
    counts = [n[0] if len(set(n)) == 1 else Local("count", "i")
              for n in zip(*(x.counts for x in group), strict=True)]
    parameters = [*first.leaves, *(n for n in counts if isinstance(n, Local))]
    return Function("loop", parameters, [_going_round(first.loop, iter(counts))], first.results)


def _going_round(s: Any, counts: Any) -> Any:
    """A statement whose loops go round so often."""
    if isinstance(s, For):
        count = next(counts) if type(s.count) is int else s.count
        return For(s.index, count, [_going_round(x, counts) for x in s.body], s.reverse)
    if isinstance(s, If):
        then, otherwise = ([_going_round(x, counts) for x in part] for part in (s.then, s.otherwise))
        return If(s.condition, then, otherwise)
    return s


class Unlike(Exception):
    """A loop stays where it is."""


class Alike:
    """A loop, and all in which it may differ from others of one `form`.

    These are the `leaves` that it is given, the `results` among them that are read later, and the `counts`.
    """

    def __init__(self, place: int, loop: For, given: dict, readers: Counter):
        self.place, self.loop = place, loop
        self.counts: list[int] = []
        self._numbers: dict[Any, int] = {}
        self.leaves = [*given]
        self.results = [x for x in dict.fromkeys(writes(loop)) if isinstance(x, Local)
                        and readers[x] > (x in given)]           # others read it, too
        if not all(x in given for x in self.results):
            raise Unlike
        ends = tuple(map(self._number, self.results))
        self.form = (tuple(map(self._leaf, self.leaves)), ends, self._statement(loop))

    def _number(self, x: Any) -> int:
        return self._numbers.setdefault(x, len(self._numbers))

    def _leaf(self, x: Any) -> tuple:
        """What a variable or an array is, but for its length, and its number."""
        if isinstance(x, Local):
            return x.kind, self._number(x)
        if not all(type(n) is int for n in x.shape):
            raise Unlike
        return x.kind, x.shape[1:], self._number(x), self._number(x.root)

    def _statement(self, s: Any) -> tuple:
        if isinstance(s, Comment):
            return ()
        if isinstance(s, For):
            is_known = type(s.count) is int
            if is_known:
                self.counts.append(s.count)
            count = None if is_known else self._expression(s.count)
            return "for", self._leaf(s.index), count, s.reverse, *map(self._statement, s.body)
        if isinstance(s, Let):
            return "let", *map(self._leaf, s.locals), *map(self._expression, s.values)
        if isinstance(s, Store):
            return "store", self._expression(s.place), self._expression(s.value)
        if isinstance(s, If):
            parts = [tuple(map(self._statement, part)) for part in (s.then, s.otherwise)]
            return "if", self._expression(s.condition), *parts
        raise Unlike

    def _expression(self, x: Any) -> tuple:
        if isinstance(x, Const) or type(x) is int:
            return "number", repr(x)
        if isinstance(x, Affine):
            return "affine", x.start, x.stride, self._expression(x.of)
        if isinstance(x, Load):
            return "load", self._leaf(x.buffer), *map(self._expression, x.index)
        if isinstance(x, Apply):
            return "apply", x.name, x.kind, *map(self._expression, x.args)
        if isinstance(x, (Local, Buffer)):
            return self._leaf(x)
        assert isinstance(x, Memory)
        raise Unlike
