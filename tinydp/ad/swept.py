"""A tape that is kept to be looked at: all that the sweep did, and the programs inside of its nodes.

A loop's node holds the nodes of its steps, and a checkpoint's those of its second run. They are tapes of this
kind, too, so that what is said of a tape can be said of each of them.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from .loops import LoopOperation, RepeatedLoop
from .parts import dense
from .steps import StepStart
from .tape import Node, Var
from .transforms import Checkpoint
from .values import is_on
from .watch import WatchedTape, next_tape


class Opened(NamedTuple):
    """The program inside of a node."""

    tape: Any                            # a `SweptTape` of the kind of the one around
    steps: list[StepStart]               # of a loop
    given: list[tuple[Var, Var]]         # inputs of its own, and which operands of the node they stand for
    again: bool                          # it was computed again on the way back


class SweptTape(WatchedTape):
    """A tape that was run and swept once, with all that happened. Things are kept by the id of the node."""

    __slots__ = ("adjoints", "inputs", "insides", "results", "seeds", "shares", "used")

    def __init__(self) -> None:
        super().__init__()
        self.inputs: list[tuple[str, Var]] = []
        self.results: list[Var] = []
        self.seeds: list[tuple[Var, Any]] = []   # what the sweep began with, in that order
        self.adjoints: dict[int, Any] = {}
        self.shares: dict[int, list] = {}        # (operand, amount), in the order in which they were added
        self.insides: dict[int, Opened] = {}
        self.used: dict[int, tuple] = {}         # by loops: their operands, then what the steps took besides

    def clear(self) -> None:
        """Nothing is dropped when the differentiation is over: it is there to be looked at."""

    def input(self, value: Any) -> Var:
        x = super().input(value)
        self.inputs.append(("", x))
        return x

    def operands(self, node: Node) -> tuple:
        """All that a node is computed from; a loop also from what its steps take from around it."""
        return self.used.get(id(node), node.args)

    def nodes(self) -> Iterator[Node]:
        """All nodes, those inside of a node before it."""
        for node in self:
            if id(node) in self.insides:
                yield from self.insides[id(node)].tape.nodes()
            yield node

    # -- the sweep

    def sweep(self, seeds: list[tuple[Var, Any]], keep: bool = False) -> None:
        self.seeds = [(y, dense(g)) for y, g in reversed(seeds)]
        super().sweep(seeds, keep)

    def pull(self, k: int, y: Any, g: Any) -> Iterator[tuple[Var, Any]]:
        if isinstance(y.op, LoopOperation):
            self._pull_loop(y, g)
        elif isinstance(y.op, Checkpoint):
            yield from self._pull_checkpoint(k, y, g)
        else:
            yield from super().pull(k, y, g)

    def _pull_loop(self, y: Node, g: Any) -> None:
        if g is not None:
            self.adjoints[id(y)] = dense(g)
        inside = y.op.inside(y)
        y.op.sweep(inside, g)
        part: SweptTape = inside.part
        self.insides[id(y)] = Opened(part, inside.steps, [], isinstance(y.op, RepeatedLoop))
        own = set(map(id, part))
        used = [*y.args, *(x for node in part for x in part.operands(node)), *inside.results]
        self.used[id(y)] = tuple({id(x): x for x in used if is_on(y.tape, x) and id(x) not in own}.values())
        self.shares[id(y)] = part.brought()

    def _pull_checkpoint(self, k: int, y: Node, g: Any) -> list[tuple[Var, Any]]:
        inside = type(self)()
        with next_tape(inside):
            shares = list(super().pull(k, y, g))
        traced = [x for x in y.args if is_on(y.tape, x)]
        given = [(x, operand) for (_, x), operand in zip(inside.inputs, traced, strict=False)]
        self.insides[id(y)] = Opened(inside, [], given, again=True)
        return shares

    def brought(self) -> list[tuple[Var, Any]]:
        """What the sweep of this tape, the inside of a loop, has added to what is around the loop."""
        own = set(map(id, self))
        added = [*self.seeds, *(share for node in reversed(self) for share in self.shares.get(id(node), ()))]
        sums: dict[int, tuple[Var, Any]] = {}
        for x, c in added:
            if id(x) not in own:
                sums[id(x)] = (x, sums[id(x)][1] + c if id(x) in sums else c)
        return list(sums.values())

    def saw_cotangent(self, k: int, node: Any, g: Any) -> None:
        self.adjoints[id(node)] = g

    def saw_share(self, k: int, node: Any, x: Var, c: Any) -> None:
        self.shares.setdefault(id(node), []).append((x, dense(c)))
