"""Loops that go round a few times a call: LLVM is told to leave them as loops.

LLVM writes the rounds of a short loop one after the other ("unrolls" it), which makes what is inside a
simulator's step faster. To do so takes about ten milliseconds a loop. Where a program has many of them and a
call goes through each once, as where a Python loop is written down round by round, that is a second of
compiling for less than a microsecond of a call.

    >>> from .expressions import Buffer, Const, Load, Local
    >>> from .statements import Store
    >>> i, j, x = Local("i", "i"), Local("j", "i"), Buffer("x", (100, 9), "f")
    >>> inner = For(j, 9, [Store(Load(x, (i, j)), Const(1.0))])
    >>> few, many = For(i, 9, [inner]), For(i, 100, [inner])
    >>> brief_loops([Function("f", [x], [few])], fewest=1) == {few, inner}
    True
    >>> brief_loops([Function("f", [x], [many])], fewest=1) == {many}
    True
"""

import math
from collections import Counter
from typing import Any

from llvmlite import ir

from .statements import Call, For, Forever, Function, inside
from .storage import every

MOST_ROUNDS = 256                                # in a call
FEWEST = 32                                      # loops in a program for which it is worth it


def brief_loops(functions: list[Function], fewest: int = FEWEST) -> set[For]:
    """The loops that go round at most `MOST_ROUNDS` times a call of the last function, if there are many."""
    calls = Counter(s.function for f in functions for s in every(f.body) if isinstance(s, Call))
    found = set[For]()

    def look(statements: list, rounds: float) -> None:
        """What is done so many times a call."""
        for s in statements:
            within = math.inf if isinstance(s, Forever) else rounds
            if isinstance(s, For):
                within = rounds * max(s.count, 0) if type(s.count) is int else math.inf
                if within <= MOST_ROUNDS:
                    found.add(s)
            for each in inside(s):
                look(each, within)
            if isinstance(s, Call) and isinstance(s.function, Function) and calls[s.function] == 1:
                look(s.function.body, rounds)

    look(functions[-1].body, 1)
    return found if len(found) >= fewest else set()


def that_stays(module: ir.Module) -> Any:
    """What is noted at the end of a loop that is to stay one; each loop has a note of its own."""
    note = module.add_metadata([f"loop {len(module.metadata)}"])
    note.operands = note, module.add_metadata(["llvm.loop.unroll.disable"])      # it has to name itself
    return note
