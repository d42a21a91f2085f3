"""A tape to look at: as a table, as a graph (DOT), as a page that plays it step by step.

    >>> import numpy as np
    >>> def f(x, w):
    ...     hidden = np.sin(x * w)
    ...     return hidden + x
    >>> print(record(f, 0.5, 2.0))                        # doctest: +ELLIPSIS
    node  op        of        value   adjoint  at
    x     input                 0.5    2.0806
    w     input                   2  0.270151
    #0    multiply  x, w          1  0.540302  ...: hidden = np.sin(x * w)
    #1    sin       #0     0.841471         1  ...: hidden = np.sin(x * w)
    #2    add       #1, x   1.34147         1  ...: return hidden + x
"""

import inspect
import os
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np

from . import tree
from .errors import Place, place_of
from .parts import RESIDUALS, dense
from .swept import SweptTape
from .tape import Node, Var
from .tracebacks import called_by_the_user
from .transforms import Inputs
from .twins import twin
from .values import plain, shape, zeros_like
from .watch import close_tape, open_tape, shown


class Share(NamedTuple):
    """What the rule of one node adds to the adjoint of one of its operands.

        >>> record(lambda x: x * 5.0, 3.0).rows[1].shares
        (Share(to='x', amount=5.0),)
    """

    to: str                              # the name of the operand
    amount: Any


class ShownNode(NamedTuple):
    """One node of a recorded tape, as it is shown. `value` and `adjoint` have the shape of the node's value.

        >>> row = record(lambda x: x * 5.0, 3.0).rows[1]
        >>> row.name, row.op, row.operands, row.value, row.adjoint
        ('#0', 'multiply', ('x', '5'), 15.0, 1.0)
    """

    name: str                            # an argument's name, or `#` and the node's number
    op: str
    operands: tuple[str, ...]            # names of nodes, and constants as they print; see `record`
    value: Any
    adjoint: Any                         # zero where the result does not depend on it
    place: Place | None                  # None for an input
    shares: tuple[Share, ...]            # in the order in which the sweep adds them


@called_by_the_user
def record(f: Callable, *args: Any, **kwargs: Any) -> "RecordedTape":
    """Run `f` once on a tape that is kept for looking, and sweep it back; returns that tape.

    Every number and array in `args` becomes an input; the adjoints are those of the result, or
    of the sum of all numbers in it. `print(tape)` is a table; `tape.to_dot()` a graph for
    Graphviz; `tape.to_html(path)` a page on which to step through both passes; `tape.rows` the
    data behind them. A loop is one node; its operands are those that it was given, and then what
    its steps use from around it. Raises what `grad` raises on bad arguments.

        >>> tape = record(lambda x: x * x, 3.0)
        >>> [row.name for row in tape.rows], tape.rows[0].adjoint
        (['x', '#0'], 6.0)
        >>> from tinydp import scan
        >>> def grown(rate, start):
        ...     return scan(lambda money, _: (money * rate, None), start, length=9)[0]
        >>> loop = record(grown, 1.05, 100.0).rows[2]
        >>> loop.op, loop.operands
        ('scan', ('start', 'rate'))
    """
    tape = cast(RecordedTape, open_tape(RecordedTape))
    try:
        inputs = Inputs(tape, args, range(len(args)))
        names = argument_names(f, args)
        tape.inputs = list(zip(names, inputs.variables, strict=True))
        result = twin(f)(*inputs.args, **kwargs)
    finally:
        close_tape(tape)
    results = [leaf for leaf in tree.flatten(result)[0] if type(leaf) is Var]
    tape.results = [y for y in results if y.tape is tape]
    tape.sweep([(y, np.ones(shape(y)) if shape(y) else 1.0) for y in reversed(tape.results)], keep=True)
    tape.adjoints.update((id(x), dense(x.g)) for x in inputs.variables if x.g is not None)
    return tape


class RecordedTape(SweptTape):
    """What `record` returns: a tape to print, to draw and to play.

        >>> tape = record(np.sin, 0.0)
        >>> len(tape), tape.rows[-1].op                   # nodes; their rows, after those of the inputs
        (1, 'sin')
    """

    __slots__ = ()

    @property
    def rows(self) -> list[ShownNode]:
        """The inputs, then all nodes in the order of their computation."""
        names = self.names()
        places: list[Place | None] = [None] * len(self.inputs)
        places += [place_of(spot) for spot in self.spots]
        nodes: list[Node] = [*(x for _, x in self.inputs), *self]
        return [self.row(node, names, place) for node, place in zip(nodes, places, strict=True)]

    def names(self) -> dict[int, str]:
        """What to call each input and node, by its id: `x`, `#3`, and `#3.5` for a node inside of that."""
        names = {id(x): name for name, x in self.inputs}

        def name(tape: SweptTape, before: str) -> None:
            for k, node in enumerate(tape):
                names[id(node)] = f"{before}{k}"
                if inside := tape.insides.get(id(node)):
                    names.update((id(x), names[id(given)]) for x, given in inside.given)
                    name(inside.tape, f"{before}{k}.")

        name(self, "#")
        return names

    def row(self, node: Node, names: dict[int, str], place: Place | None) -> ShownNode:
        """One node as it is shown."""
        adjoint = self.adjoints.get(id(node))
        args = self.operands(node) if node.op else ()
        options = [f"{name}={shown(x)}" for name, x in node.kwargs.items() if name != RESIDUALS]
        return ShownNode(
            name=names[id(node)],
            op=node.op.name if node.op else "input",
            operands=(*(names.get(id(x)) or shown(plain(x)) for x in args), *options),
            value=plain(node.value),
            adjoint=plain(zeros_like(node.value) if adjoint is None else adjoint),
            place=place,
            shares=tuple(Share(names[id(x)], plain(c)) for x, c in self.shares.get(id(node), ())),
        )

    def __str__(self) -> str:
        table = [("node", "op", "of", "value", "adjoint", "at")]
        for row in self.rows:
            at = f"{os.path.basename(row.place.file)}:{row.place.line}: {row.place.text}" if row.place else ""
            table.append((row.name, row.op, ", ".join(row.operands), brief(row.value),
                          brief(row.adjoint), at))
        widths = [max(len(line[i]) for line in table) for i in range(5)]
        form = "  ".join(f"{{:{side}{width}}}" for side, width in zip("<<<>>", widths, strict=True))
        return "\n".join(f"{form.format(*line)}  {line[5]}".rstrip() for line in table)

    def to_dot(self) -> str:
        """The tape as a graph in the DOT language: `dot -Tsvg` draws it.

            >>> print(record(lambda x: 2 * x, 3.0).to_dot())
            digraph tape {
              rankdir=LR; node [shape=box, fontname="Helvetica"];
              "x" [label="x = 3", style=rounded];
              "#0" [label="multiply\\n6", peripheries=2];
              "x" -> "#0";
            }
        """
        nodes = [*(x for _, x in self.inputs), *self]
        results = {id(y) for y in self.results}
        names, lines = {}, ['rankdir=LR; node [shape=box, fontname="Helvetica"];']
        for row, node in zip(self.rows, nodes, strict=True):
            name = names[id(node)] = _escaped(row.name)
            head = f"{name} = " if row.op == "input" else _escaped(row.op) + "\\n"
            style = ", style=rounded" * (row.op == "input") + ", peripheries=2" * (id(node) in results)
            lines.append(f'"{name}" [label="{head}{_escaped(brief(row.value))}"{style}];')
        lines += [f'"{names[id(x)]}" -> "{names[id(node)]}";'
                  for node in self for x in self.operands(node) if id(x) in names]
        return "digraph tape {\n" + "".join(f"  {line}\n" for line in lines) + "}"

    def to_html(self, path: str | os.PathLike) -> None:
        """Write one self-contained page that plays the forward pass and the sweep, node by node.

        It quotes the lines of your program that made the tape, and the rules that were used. A loop
        and a checkpoint can be opened, up to 20,000 nodes in each. With `#step=17` after its address
        it opens at that step, with `#step=0&open=all` all that can be is open. Made for tapes of up to
        some thousand nodes. Raises `OSError` if the file cannot be written.
        """
        from .player import write_page  # noqa: PLC0415  (it builds on this file)

        write_page(self, path)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from .notebook import tape_html  # noqa: PLC0415

        return tape_html(self)


def brief(x: Any) -> str:
    """A value in one short cell of a table."""
    if isinstance(x, tuple):
        return f"({', '.join(map(brief, x))})"
    if isinstance(x, np.ndarray):
        inside = " ".join(f"{number:.4g}" for number in x.ravel()[:3]) + " ..." * (x.size > 3)
        return f"{'x'.join(map(str, x.shape))} [{inside}]"
    return f"{x:.6g}" if isinstance(x, float) else str(x)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def argument_names(f: Callable, args: tuple) -> list[str]:
    """A name for each leaf of the arguments, such as `x` or `params[0].weight`."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):              # some builtins have none to show
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "args")
    names += [f"{rest}[{i}]" for i in range(len(args) - len(names))]
    return [name + path for name, x in zip(names, args, strict=False) for path, _ in tree.leaves(x)]
