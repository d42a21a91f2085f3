"""Splitting long functions: the time to compile one grows faster than its length.

A stretch of statements becomes a function of its own, which is given what it reads and returns the numbers
that are read later; buffers are passed, and written to.

    >>> from .numba import text_of
    >>> from .expressions import Apply
    >>> x, *xs = [Local(label, "f") for label in "xabcd"]
    >>> chain = [Let([y], [Apply("sin", (of,), "f")]) for of, y in zip([x, *xs], xs)]
    >>> f = Function("f", [x], chain, [xs[-1]])
    >>> print(text_of(split([f], longest=3, part=4)))
    def part(x):
        a = sin(x)
        b = sin(a)
        return b
    <BLANKLINE>
    def part_1(b):
        c = sin(b)
        d = sin(c)
        return d
    <BLANKLINE>
    def f(x):
        b = part(x)
        d = part_1(b)
        return d

Stretches end where few numbers are alive.
"""

from collections.abc import Iterable
from typing import Any

from .expressions import Buffer, Local, size, variables_of
from .statements import (
    Again,
    Alloc,
    Call,
    Comment,
    For,
    Forever,
    Function,
    Leave,
    Let,
    See,
    Store,
    expressions,
    inside,
    reads,
    targets,
    writes,
)

LONGEST_LIST = 200                               # operations in a list of statements that stays as it is
PART_OF_FUNCTION = 1500                          # ... and in the parts of a longer one
FEWEST_OUTLINED = 100                            # for which a function is worth a call


def split(functions: list[Function], longest: int = LONGEST_LIST, part: int = PART_OF_FUNCTION
          ) -> list[Function]:
    """The same functions, none of them long; callees first."""
    found: list[Function] = []
    for f in functions:
        splitter = Splitter(longest, part)
        body = splitter.short(f.body, set(f.parameters), {y for x in f.results for y in variables_of(x)})
        found += [*splitter.made, Function(f.label, f.parameters, body, f.results)] if splitter.made else [f]
    return found


def weight(statement: Any) -> int:
    """How much there is to compile, about the number of operations."""
    if isinstance(statement, (Comment, Alloc, See)):
        return 0
    own = sum(size(x) for x in expressions(statement)) + 1
    return own + sum(weight(each) for part in inside(statement) for each in part)


def movable(statement: Any) -> bool:
    """Whether a statement can stand in another function: it leaves no loop and makes no buffer."""
    if isinstance(statement, (Again, Leave, Forever, Alloc, See)):
        return False
    if isinstance(statement, Call) and any(isinstance(x, Buffer) for x in statement.results):
        return False
    within = [each for part in inside(statement) for each in part]
    return all(map(movable, within))


def exposed(statements: Iterable) -> dict[Any, None]:
    """What statements may read before they set it, in order; buffers that they write to among it."""
    found: dict[Any, None] = {}

    def walk(statements: Iterable, made: set) -> set:
        """Note what they read beside what is made; returns what is made after them."""
        for s in statements:
            used = [leaf for x in expressions(s) for leaf in variables_of(x)]
            if isinstance(s, (Store, Call)):
                used += [x for x in targets(s) if isinstance(x, Buffer)]
            found.update((x, None) for x in used if x not in made)
            made.update(targets(s))
            ends = [walk(part, set(made)) for part in inside(s)]
            made.update(set.intersection(*ends) if ends else ())     # by both sides of a choice
        return made

    walk(statements, set())
    return found


class Splitter:
    """Splits one function."""

    def __init__(self, longest: int, part: int):
        self.longest, self.part = longest, part
        self.made: list[Function] = []

    def short(self, statements: list, before: set, after: set) -> list:
        """A list of statements, or a shorter one that does the same.

        `before` has what is set before it; `after` what is read after it.
        """
        statements = self.with_short_loops(statements, before, after)
        if sum(map(weight, statements)) <= self.longest:
            return statements
        alive, known = alive_after(statements, after), set(before)
        found, k = list[Any](), 0
        while k < len(statements):
            end = self.end_of_part(statements, k, alive) if movable(statements[k]) else k + 1
            stretch = statements[k:end]
            found += self.called(stretch, known, alive[end - 1])
            known.update(x for s in stretch for x in writes(s))
            k = end
        return found

    def with_short_loops(self, statements: list, before: set, after: set) -> list:
        """The same statements with short bodies of loops."""
        found, alive, known = list[Any](), list[set](), set(before)
        for k, s in enumerate(statements):
            if isinstance(s, (For, Forever)) and weight(s) > self.longest:
                alive = alive or alive_after(statements, after)
                body = self.short(s.body, known | set(targets(s)), alive[k] | set(exposed(s.body)))
                found.append(For(s.index, s.count, body, s.reverse) if isinstance(s, For) else Forever(body))
            else:
                found.append(s)
            known.update(writes(s))
        return found

    def end_of_part(self, statements: list, start: int, alive: list[set]) -> int:
        """Where a stretch of movable statements ends: within its size, where the fewest numbers are alive."""
        total, end, fewest = 0, start + 1, None
        made: set[Local] = set()
        for k in range(start, len(statements)):
            total += weight(statements[k])
            if not movable(statements[k]) or (total > self.part and k > start):
                break
            made.update(x for x in writes(statements[k]) if isinstance(x, Local))
            count = len(made & alive[k])
            if fewest is None or count <= fewest or 2 * total <= self.part:
                end, fewest = k + 1, count
        return end

    def called(self, stretch: list, known: set, alive: set) -> list:
        """The stretch as a call of a function of its own, if it is long enough and may be moved."""
        if sum(map(weight, stretch)) < min(FEWEST_OUTLINED, self.part // 2) or not all(map(movable, stretch)):
            return stretch
        results = dict.fromkeys(x for s in stretch for x in writes(s) if isinstance(x, Local) and x in alive)
        given = dict.fromkeys(x for x in exposed(stretch) if isinstance(x, Buffer) or x in known)
        given.update((x, None) for x in results if x in known)
        function = Function("part", list(given), stretch, list(results))
        self.made.append(function)
        return [Call(function, list(given), list(results), [x for x in given if isinstance(x, Buffer)])]


def alive_after(statements: list, after: set) -> list[set]:
    """What may be read after each statement."""
    alive, found = set(after), list[set]()
    for s in reversed(statements):
        found.append(set(alive))
        if isinstance(s, Let):                   # set anew: what it was is not read any more
            alive.difference_update(s.locals)
        alive.update(exposed([s]) if inside(s) else reads(s))
    return found[::-1]
