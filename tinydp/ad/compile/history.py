"""A carry that is an array, all of whose values are kept: each step writes the next row of one array.

The backward pass reads what was carried, a row a step. So what a step hands on is written where it is kept,
and where the next step reads it: nothing is copied. A carry that only follows another one, as in
`before, now = now, after`, is the row before, and needs no rows of its own.

    >>> import numpy as np
    >>> import tinydp as dp
    >>> from .lower import lowered
    >>> from .numba import text_of
    >>> from .trace import traced
    >>> def f(x):
    ...     def step(carry, _):
    ...         before, now = carry
    ...         after = 2.0 * now - before
    ...         return (now, after), before
    ...     return np.sum(dp.scan(step, (x, x), length=5)[1])
    >>> text = text_of(lowered(traced(f, np.ones(3)), "f").functions)
    >>> print(*[line for line in text.splitlines() if "#" not in line], sep="\\n")
    def f(x):
        after_all = np.empty((7, 3))
        carry_before = after_all[:5]
        for i in range(3):
            after_all[1, i] = x[i]
        for i in range(3):
            after_all[0, i] = x[i]
        for step in range(5):
            for i in range(3):
                after_all[2 + step, i] = 2.0 * after_all[1 + step, i] - after_all[step, i]
        t = 0.0
        for i in range(5):
            for j in range(3):
                t += carry_before[i, j]
        return t
"""

from typing import Any

from .emitter import Emitter
from .expressions import Local, Memory
from .parts import Carry, Loop, Stack
from .program import Value
from .views import View, affine


class History:
    """Carries that follow each other, in one array of `steps` rows and one more for each of them.

    `chain` begins with the carry that is computed; the next one becomes what that was, and so on. In the
    step k, the carry j of d is in the row k + d - 1 - j, and what is computed goes to the row k + d. Where
    the steps go back, from the last one on, the rows are in the other order: k + 1 + j, and k.
    """

    def __init__(self, to: Emitter, chain: list[Carry], steps: int, reverse: bool, label: str):
        self.to, self.chain, self.steps, self.reverse = to, chain, steps, reverse
        first, made = chain[0].input, chain[0].output
        name = to.local(made if made.label or made.of else first, label)
        name = Local(f"{name.label}_all", first.kind) if name.of is None else name
        self.rows = to.allocate(name, (steps + len(chain), *first.shape), first.kind)
        assert self.rows.memory is not None
        self.buffer = self.rows.memory.buffer
        self.buffer.role = "shared"
        for j, c in enumerate(chain):
            to.copy(to.get(c.init), self.row(steps - 1 if reverse else 0, j))

    def offset(self, j: int) -> int:
        """How many rows the carry j, or -1 for what is computed, is after that of the step's number."""
        return j + 1 if self.reverse else len(self.chain) - 1 - j

    def row(self, step: Any, j: int) -> View:
        """The carry j before a step."""
        at, (_, *sides) = affine(step, self.offset(j), 1), self.rows.shape
        return View(tuple(sides), self.rows.kind, lambda index: self.rows.at((at, *index)),
                    Memory(self.buffer, (at,), tuple(sides)))

    def bind(self, step: Local) -> None:
        """In a step, the carries are rows."""
        for j, c in enumerate(self.chain):
            self.to.bind(c.input, self.row(step, j))

    def store(self, step: Local) -> None:
        """Write down what a step hands on, unless it was written there when it was made."""
        value, place = self.to.get(self.chain[0].output), self.row(step, -1)
        if getattr(value, "memory", None) != place.memory:
            self.to.copy(value, place)

    def bind_after(self, stacks: list[Stack]) -> None:
        """After all steps: the last rows, and the rows before each step, or after it."""
        for j, c in enumerate(self.chain):
            self.to.bind(c.last, self.row(-1 if self.reverse else self.steps, j))
        rows = [self.chain[0].output, *(c.input for c in self.chain)]
        for output, stack in stacks:
            j, name = rows.index(output) - 1, self.to.local(output, "carry")
            if name.of is None:
                name = Local(f"{name.label}_{'after' if j < 0 else 'before'}", output.kind)
            self.to.bind(stack, self.to.rows_from(self.buffer, self.offset(j), self.steps, name))


def kept_chains(block: Any, loop: Loop, steps: Any) -> list[tuple[list[Carry], list[Stack]]]:
    """Chains of carries, each with the stacks of its rows that somebody reads: at least one.

    A stack that is a result of the program has memory of its own.
    """
    if type(steps) is not int or not steps:
        return []
    read = [s for s in loop.stacks if block.users(s.stack) and s.stack not in block.outputs]
    arrays = [c for c in loop.carries if c.input.shape]
    inputs = {c.input for c in arrays}
    found, used = [], set[Value]()
    for c in arrays:
        if type(c.output) is not Value or c.output in inputs or c.output in used:
            continue
        chain = [c]
        while follower := next((x for x in arrays if x.output is chain[-1].input), None):
            chain.append(follower)
        rows = {c.output, *(x.input for x in chain)}
        if stacks := [s for s in read if type(s.output) is Value and s.output in rows]:
            found.append((chain, stacks))
            used.add(c.output)
    return found
