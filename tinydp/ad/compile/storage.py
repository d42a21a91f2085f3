"""Where the variables and arrays of a program live: in machine code, and in a page.

    >>> from .expressions import Apply, Const, Load
    >>> from .statements import Store
    >>> small, large, result = (Buffer(label, (n,), "f") for label, n in (("s", 9), ("l", 9000), ("r", 3)))
    >>> body = [Alloc(small), Alloc(large), Alloc(result)]
    >>> found = storage(Function("f", [], body, [Memory(result, (), (3,)), Const(1.0)]))
    >>> found.stack, found.scratch, found.results
    ([s(9,)], [l(9000,)], {0: r(3,)})

A variable is a constant if it is set once, before all that reads it; else it has a place in memory:

    >>> t, total, i = Local("t", "f"), Local("total", "f"), Local("i", "i")
    >>> add = Let([total], [Apply("add", (total, t), "f")])
    >>> in_memory(Function("f", [], [Let([t, total], [Const(2.0), Const(0.0)]), For(i, 3, [add])], [total]))
    [total]
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from .expressions import Buffer, Local, Memory, variables_of
from .statements import Alloc, Call, For, Function, Let, expressions, inside, targets

BYTES = {"f": 8, "i": 8, "b": 1}                 # of an element in memory
LARGEST_ON_STACK = 1024                          # bytes, up to which an array lives on the stack
STACK_BYTES = 32 * LARGEST_ON_STACK              # ... and of all of these


class Storage(NamedTuple):
    """The arrays that a program makes, by where they live."""

    results: dict[int, Buffer]                   # in arrays of NumPy's, by the number of the result
    growing: list[Buffer]                        # each in memory of its own: those whose length is found out
    stack: list[Buffer]
    scratch: list[Buffer]                        # one after the other, in one piece of memory


def storage(program: Function) -> Storage:
    """Where the arrays of a program live."""
    made = dict.fromkeys(s.buffer for s in every(program.body) if isinstance(s, Alloc))
    calls = [s for s in every(program.body) if isinstance(s, Call) and s.function == "grown"]
    grown = {x for s in calls for x in s.results}
    growing = [x for x in made if x in grown or not all(type(n) is int for n in x.shape)]
    results = {k: x.buffer.root for k, x in enumerate(program.results)
               if isinstance(x, Memory) and x.buffer.root not in growing}
    found, total = Storage(results, growing, [], []), 0
    for x in made:
        if x not in growing and x not in results.values():
            size = bytes_of(x)
            is_small = size <= LARGEST_ON_STACK and total + size <= STACK_BYTES
            (found.stack if is_small else found.scratch).append(x)
            total += size if is_small else 0
    return found


def bytes_of(x: Buffer) -> int:
    """The size of an array in memory."""
    return BYTES[x.kind] * math.prod(x.shape)


def in_memory(f: Function) -> list[Local]:
    """The variables that are set more than once, or read where they may not have been set before."""
    found, ever = dict[Local, None](), {x for x in f.parameters if isinstance(x, Local)}
    visible = set(ever)

    def walk(statements: list) -> None:
        here = list[Local]()
        for s in statements:
            found.update((leaf, None) for x in expressions(s) for leaf in variables_of(x)
                         if isinstance(leaf, Local) and leaf not in visible)
            new = [x for x in targets(s) if isinstance(x, Local)]
            if not isinstance(s, For):           # whose index is set within only
                found.update((x, None) for x in new if x in ever)
                ever.update(new)
                here += new
            visible.update(new)
            for part in inside(s):
                walk(part)
            if isinstance(s, For):
                visible.difference_update(new)
        visible.difference_update(here)

    walk([*f.body, Let([], f.results)])
    return [*found]


def every(statements: list) -> Iterator[Any]:
    """All statements, those within others as well."""
    for s in statements:
        yield s
        for part in inside(s):
            yield from every(part)
