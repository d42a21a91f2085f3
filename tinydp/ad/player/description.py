"""What a page shows of a recorded tape, ready for JSON: numbers that are shown are text already.

    >>> from tinydp import record
    >>> data = described(record(lambda x: x * x + x, 3.0))
    >>> [row["op"] for row in data["rows"]]
    ['input', 'multiply', 'add']
    >>> data["rows"][1]["shares"]                # operand, amount, its adjoint before and after
    [[0, '3', '1', '4'], [1, '3', '4', '7']]

A node is named by its index in `rows`: the inputs, the nodes of the tape, and then those inside of these
nodes, and so on. What is drawn at once is a *scene*: the tape, or one step of a loop, with all that it takes
from around it. InsideSteps that are built alike share the shape of their scenes.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..custom import Custom
from ..errors import Spot, place_of
from ..loops import LoopOperation
from ..show import RecordedTape, brief
from ..swept import Opened
from ..tape import Node, Var
from ..transforms import Checkpoint
from ..values import plain, shape
from .layout import ROW_HEIGHT, layout
from .rules import written
from .sources import SourceLines

MOST = 20_000                            # nodes inside of a node; with more, a page does not open it


class PageNode(NamedTuple):
    """A node, and the tape that knows what happened to it; for an input, no spot."""

    node: Node
    tape: RecordedTape
    spot: Spot | None


class InsideSteps(NamedTuple):
    """The program inside of a node, step by step."""

    owner: int                           # the row of the node
    inside: Opened
    spans: list[tuple[str, range]]       # of each step the name and the rows


def described(tape: RecordedTape) -> dict[str, Any]:
    """All that the page shows."""
    return Description(tape).data()


class Description:
    """Collects it."""

    def __init__(self, tape: RecordedTape):
        self.tape, self.names = tape, tape.names()
        self.entries = [PageNode(x, tape, None) for _, x in tape.inputs]
        self.entries += _entries(tape)
        self.top = len(self.entries)
        self.insides: list[InsideSteps] = []
        self.aliases: dict[int, Var] = {}        # inputs of a checkpoint's second run -> its operands
        self._open(range(len(tape.inputs), self.top))
        self.index = {id(entry.node): i for i, entry in enumerate(self.entries)}
        self.index.update((inner, self.index[id(x)]) for inner, x in self.aliases.items())
        self.sources = SourceLines()
        self.ops: dict[Any, int] = {}

    def _open(self, rows: range) -> None:
        """Add the rows of what is inside of these rows, and inside of those."""
        for i in rows:
            node, tape, _ = self.entries[i]
            inside = tape.insides.get(id(node))
            if inside is None or not len(inside.tape) or sum(1 for _ in inside.tape.nodes()) > MOST:
                continue
            first = len(self.entries)
            self.entries += _entries(inside.tape)
            self.insides.append(InsideSteps(i, inside, list(_spans(inside, first))))
            self.aliases.update((id(x), self.aliases.get(id(given), given)) for x, given in inside.given)
            self._open(range(first, first + len(inside.tape)))

    def data(self) -> dict[str, Any]:
        """All of it."""
        sums, n_inputs = Sums(self.tape, self.index), len(self.tape.inputs)
        heads = [self._head(entry.node) for entry in self.entries]
        width = min(170, max(104, 18 + round(7.3 * max(map(len, heads), default=0))))
        scenes = Scenes(self, width)
        scenes.add(range(n_inputs, self.top), range(n_inputs))
        insides = [{
            "owner": owner,
            "steps": [{"label": label, "scene": scenes.add(own)} for label, own in spans],
            "again": inside.again,
            "seeds": sums.inner_seeds[id(self.entries[owner].node)],
        } for owner, inside, spans in self.insides]
        rows = [self._row(entry, sums) for entry in self.entries]
        return {
            "inputs": n_inputs,
            "top": self.top,
            "results": sorted({self.index[id(y)] for y in self.tape.results}),
            "seeds": sums.seeds,
            "rows": rows,
            "insides": insides,
            "scenes": scenes.scenes,
            "shapes": scenes.shapes,
            "size": [width, ROW_HEIGHT],
            "rules": [written(op, n) for op, n in self.ops],
            "places": list(self.sources.places),
            "files": self.sources.excerpts(),
        }

    def _head(self, node: Node) -> str:
        name = self.names[id(node)]
        return f"{node.op.name} {name}" if node.op else name

    def traced(self, i: int) -> dict[int, int]:
        """The operands of a row that are rows, by their positions."""
        node, tape, _ = self.entries[i]
        return {k: self.index[id(x)] for k, x in enumerate(tape.operands(node)) if id(x) in self.index}

    def _row(self, entry: PageNode, sums: "Sums") -> dict[str, Any]:
        node, tape, spot = entry
        row = tape.row(node, self.names, place_of(spot) if spot else None)
        args = tape.operands(node) if node.op else ()
        inside = tape.insides.get(id(node))
        return {
            "name": row.name,
            "op": row.op,
            "rules": self.ops.setdefault((node.op, len(args)), len(self.ops)) if node.op else None,
            "of": [self.index.get(id(x), text) for x, text in zip(args, row.operands, strict=False)],
            "options": row.operands[len(args):],
            "value": brief(row.value),
            "adjoint": brief(row.adjoint),
            "reached": id(node) in tape.adjoints,
            "at": self.sources.place(spot) if spot else None,
            "text": row.place.text if row.place else "",
            "shares": sums.shares.get(id(node), []),
            "stretched": _stretched(node, self.index),
            "opaque": isinstance(node.op, Custom) and not isinstance(node.op, Checkpoint),
            "size": sum(1 for _ in inside.tape.nodes()) if inside else 0,
        }


class Scenes:
    """What is drawn at once, and its shapes."""

    def __init__(self, rows: Description, width: int):
        self.rows, self.width = rows, width
        self.scenes: list[dict] = []
        self.shapes: list[dict] = []
        self.known: dict[tuple, int] = {}        # steps that are built alike share a shape

    def add(self, own: range, given: Iterable[int] = ()) -> int:
        """The number of a new scene: these rows, below those given and all that they use from around."""
        traced = [self.rows.traced(i) for i in own]
        used = [x for operands in traced for x in operands.values() if x not in own]
        outer = list(dict.fromkeys([*given, *used]))
        local = {x: k for k, x in enumerate((*outer, *own))}
        links = [[(k, local[x]) for k, x in operands.items()] for operands in traced]
        key = len(outer), tuple(map(tuple, links))
        if key not in self.known:
            self.known[key] = len(self.shapes)
            self.shapes.append(self._shape(len(outer), links))
        self.scenes.append({"outer": outer, "first": own.start, "last": own.stop, "shape": self.known[key]})
        return len(self.scenes) - 1

    def _shape(self, n: int, links: list[list[tuple[int, int]]]) -> dict:
        """The layout of `n` nodes from around and those below them, each with its operands (k, number)."""
        operands = [*([] for _ in range(n)), *links]
        boxes, edges = layout([[x for _, x in links] for links in operands], n, self.width)
        return {"boxes": boxes, "edges": [{**e, "k": operands[e["to"]][e["k"]][0]} for e in edges]}


def _entries(tape: RecordedTape) -> list[PageNode]:
    return [PageNode(node, tape, spot) for node, spot in zip(tape, tape.spots, strict=True)]


def _spans(inside: Opened, first: int) -> Iterator[tuple[str, range]]:
    """The name and the rows of each step that left nodes; what comes before the first is the start."""
    n = len(inside.tape)
    starts = [("the start", 0), *((step.label, step.start) for step in inside.steps)]
    ends = [start for _, start in starts[1:]] + [n]
    for (label, start), end in zip(starts, ends, strict=True):
        if start < end:
            yield label if inside.steps else "", range(first + start, first + end)


def _stretched(node: Node, index: dict[int, int]) -> list[int]:
    """The operands that broadcasting stretched: the registry sums their shares to their shape."""
    return [k for k, x in enumerate(node.args) if getattr(node.op, "elementwise", False)
            and id(x) in index and shape(x) != shape(node.value)]


# ---------------------------------------------------------------------------- running adjoints

class Sums:
    """What arrives where in the sweep, in its order, as text: the amount, the sum before and after."""

    def __init__(self, tape: RecordedTape, index: dict[int, int]):
        self.index = index
        self.sums: dict[int, Any] = {}           # the adjoint gathered so far, by the row
        self.shares: dict[int, list] = {}        # of each node: which operand, and what arrives there
        self.inner_seeds: dict[int, list] = {}   # of a node with an inside: the row, and what arrives there
        self.seeds = self._begin(tape)
        self._sweep(tape)

    def _begin(self, tape: RecordedTape) -> list:
        return [[self.index.get(id(y)), *self._add(y, g)] for y, g in tape.seeds]

    def _sweep(self, tape: RecordedTape) -> None:
        for node in reversed(tape):
            if id(node) in tape.insides:
                self._sweep_inside(tape, node)
            else:
                self._share_out(tape, node)

    def _sweep_inside(self, tape: RecordedTape, node: Node) -> None:
        """What the inside adds, and then in one sum what the node does."""
        before = dict(self.sums)
        inside = tape.insides[id(node)].tape
        self.inner_seeds[id(node)] = self._begin(inside)
        self._sweep(inside)
        after, self.sums = self.sums, before
        self._share_out(tape, node)
        if isinstance(node.op, LoopOperation):   # whose steps add one by one, which may be rounded otherwise
            self.sums = after

    def _share_out(self, tape: RecordedTape, node: Node) -> None:
        operands = list(enumerate(tape.operands(node)))
        found = self.shares[id(node)] = []
        for x, c in tape.shares.get(id(node), ()):
            k = next(k for k, other in operands if other is x)
            operands = [(i, other) for i, other in operands if i != k]           # it may come twice
            found.append([k, *self._add(x, c)])

    def _row(self, x: Var) -> int:
        return self.index.get(id(x), -id(x))     # of an inside that is not shown

    def _add(self, x: Var, amount: Any) -> list[str]:
        """Add to the adjoint of `x`: the amount, the sum before and after."""
        row, amount = self._row(x), plain(amount)
        before = self.sums.get(row)
        self.sums[row] = amount if before is None else _plus(before, amount)
        return [brief(amount), "0" if before is None else brief(before), brief(self.sums[row])]


def _plus(a: Any, b: Any) -> Any:
    return tuple(map(_plus, a, b)) if isinstance(a, tuple) else a + b
