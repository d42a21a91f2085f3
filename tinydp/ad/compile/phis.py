"""From choices between values to choices between programs.

Where two ways through a step meet again, a value is one or the other: a `phi`. Those of one condition become
one `switch`, and what only one side needs is computed in it. If that is little, and cheap, it is computed on
either way, and chosen by `where`.

    >>> import numpy as np
    >>> from ..registry import registered
    >>> from .record import Builder
    >>> builder = Builder()
    >>> x, w = builder.input(1.0, "x"), builder.input(2.0, "w")
    >>> (c,) = builder.record(registered(np.greater), (x, 0.0), {})
    >>> (s,) = builder.record(registered(np.sin), (x,), {})
    >>> (n,) = builder.record(registered(np.negative), (x,), {})
    >>> y, z = [builder.record(PHI, (c, a, b), {})[0] for a, b in ((s, w), (x, n))]
    >>> print(without_phis(builder.program([y, z])))
    given x: f, w: f
    t: b = greater(x, 0.0)
    t_3: f, t_4: f = switch(t, x, w)
        given x_1: f, w_1: f
        t_1: f = sin(x_1)
        return t_1, x_1
        given x_2: f, w_2: f
        t_2: f = negative(x_2)
        return w_2, t_2
    return t_3, t_4

Where a value is computed follows from who needs it: the place that all of these share. So nothing is computed
twice, and what a switch does not choose is computed only if somebody else needs it, or it is cheap.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..registry import registered
from .program import Op, Program, Value, replaced, values_in
from .residuals import is_cheap
from .switches import PHI, SWITCH

MOST_SPECULATED = 4                              # cheap operations of a side that are speculated
TOO_MUCH = MOST_SPECULATED + 1                   # what no side may have in it that is speculated
_where = registered(np.where)


class Choice:
    """The phis of one condition, that do not depend on each other."""

    def __init__(self) -> None:
        self.phis: list[Op] = []
        self.is_cheap = False

    @property
    def condition(self) -> Value:
        return self.phis[0].args[0]


OpOrChoice = Any                         # an operation, or a choice
Home = tuple                             # where a node is computed: ((choice, True), (inner choice, False))


def without_phis(program: Program) -> Program:
    """The program with switches, or `where`, for its phis."""
    if not any(op.prim is PHI for op in program.ops):
        return program
    return Scheduling(program).program()


class Scheduling:
    """Which operation is done where."""

    def __init__(self, source: Program):
        self.source = source
        self.node_of: dict[Value, OpOrChoice] = {}
        self.order: list[OpOrChoice] = []        # each after what it needs
        self.home: dict[OpOrChoice, Home] = {}
        self.choose()
        self.sort()
        self.place()
        self.dissolve_cheap()

    def program(self) -> Program:
        """The new program."""
        return Program(self.source.inputs, self.ops(()), self.source.outputs)

    def choose(self) -> None:
        """Put phis of one condition together, if they are on the same level.

        The level of a value is how many phis are on the longest path to it. What a phi needs is on a lower
        one. So phis of one level do not need each other, and to put them together makes no circle.
        """
        level: dict[Value, int] = {}
        choices: dict[tuple, Choice] = {}
        for op in self.source.ops:
            n = max([level.get(x, 0) for x in op.operands], default=0)
            node: OpOrChoice = op
            if op.prim is PHI:
                n += 1
                node = choices.setdefault((op.args[0], n), Choice())
                node.phis.append(op)
            for x in op.outs:
                level[x], self.node_of[x] = n, node

    def needs(self, node: OpOrChoice) -> Iterator[Value]:
        """What a node reads."""
        for op in node.phis if isinstance(node, Choice) else [node]:
            yield from op.operands

    def sort(self) -> None:
        """Find an order, by going from the outputs to what they need."""
        seen: set[OpOrChoice] = set()
        stack = [(self.node_of[x], False) for x in values_in(self.source.outputs)[::-1] if x in self.node_of]
        while stack:
            node, is_done = stack.pop()
            if is_done:
                self.order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack += [(self.node_of[x], False) for x in self.needs(node) if x in self.node_of]

    def place(self) -> None:
        """A node's home is what the homes of all that need it share; whoever needs it is placed before."""
        wanted: dict[OpOrChoice, Home] = {}

        def want(x: Any, home: Home) -> None:
            node = self.node_of.get(x) if type(x) is Value else None
            if node is not None:
                wanted[node] = _shared(wanted.get(node, home), home)

        for x in self.source.outputs:
            want(x, ())
        for node in reversed(self.order):
            home = self.home[node] = wanted[node]
            if isinstance(node, Choice):
                want(node.condition, home)
                for _, a, b in (op.args for op in node.phis):
                    want(a, (*home, (node, True)))
                    want(b, (*home, (node, False)))
            else:
                for x in node.operands:
                    want(x, home)

    def dissolve_cheap(self) -> None:
        """Choices with little in them are not worth a switch: their sides move to where the choice is.

        From the innermost on, since what became of these counts in the sides around.
        """
        inside: dict[Home, list[OpOrChoice]] = {}
        for node in self.order:
            inside.setdefault(self.home[node], []).append(node)
        for home in sorted(inside, key=len, reverse=True):
            for node in [x for x in inside[home] if isinstance(x, Choice)]:
                sides = [inside.get((*home, (node, side)), []) for side in (True, False)]
                if all(sum(map(_work, nodes)) <= MOST_SPECULATED for nodes in sides):
                    node.is_cheap = True
                    inside[home] += [*sides[0], *sides[1]]
                    self.home.update(dict.fromkeys([*sides[0], *sides[1]], home))

    def ops(self, home: Home) -> list[Op]:
        """The operations of one place, in order."""
        found: list[Op] = []
        for node in self.order:
            if self.home[node] != home:
                continue
            if not isinstance(node, Choice):
                found.append(node)
            elif node.is_cheap:
                found += [Op(_where, op.args, {}, op.outs, op.spot, op.back) for op in node.phis]
            else:
                found.append(self.switch(node, home))
        return found

    def switch(self, choice: Choice, home: Home) -> Op:
        """The phis of a choice as one operation."""
        sides = {"then": (True, 1), "otherwise": (False, 2)}
        bodies = {side: Program([], self.ops((*home, (choice, truth))), [op.args[k] for op in choice.phis])
                  for side, (truth, k) in sides.items()}
        captured = [*dict.fromkeys(x for body in bodies.values() for x in free(body))]
        options = {side: _closed(body, captured) for side, body in bodies.items()}
        outs = [x for op in choice.phis for x in op.outs]
        return Op(SWITCH, (choice.condition, *captured), options, outs, choice.phis[0].spot)


def _shared(a: Home, b: Home) -> Home:
    """What two places have in common."""
    pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False))
    return tuple([x for x, _ in pairs])


def _work(node: OpOrChoice) -> int:
    """How many cheap operations a node is, or `TOO_MUCH`."""
    if isinstance(node, Choice):
        return len(node.phis) if node.is_cheap else TOO_MUCH
    return 1 if is_cheap(node) else TOO_MUCH


def free(body: Program) -> list[Value]:
    """The values that a program uses and does not make."""
    used = [x for op in body.ops for x in op.operands] + values_in(body.outputs)
    return [x for x in dict.fromkeys(used) if x not in body.maker]


def _closed(body: Program, captured: list[Value]) -> Program:
    """The program with inputs of its own for all of these, which may be more than it captures."""
    inner = {x: x.again(x.of) for x in captured}
    return Program([inner[x] for x in captured], [op.given(inner) for op in body.ops],
                   [replaced(x, inner) for x in body.outputs])
