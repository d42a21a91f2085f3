"""The tape: what a program computed, step by step, and the sweep back over it.

A program runs forwards on `Var`s, which behave like the numbers or arrays that they hold.
Each operation appends one node, so the tape is in the order of computation. The sweep walks
it backwards. Arriving at `y = op(a, b)` with the cotangent `g` (how much the final result
changes per unit of `y`), it adds to each operand its share, `rule(g, y, a, b)`: that is the
chain rule, and it is all there is to reverse-mode differentiation.

    >>> tape = Tape()
    >>> x = tape.input(3.0)
    >>> y = x * x + 2 * x
    >>> [(node.op.name, node.value) for node in tape]
    [('multiply', 9.0), ('multiply', 6.0), ('add', 15.0)]
    >>> tape.sweep([(y, 1.0)])
    >>> x.g                                       # d(x^2 + 2x)/dx = 2x + 2
    8.0

Throughout: `x` an operand or input, `y` an output, `g` the cotangent arriving at `y`.
This file knows no rule and no NumPy function; the rules are a table, in `rules/`. Numbers and plain arrays
are recorded and swept by `fast.py`, which does the same in fewer steps and may be skipped.
"""

from collections.abc import Iterable
from itertools import count
from typing import Any

_ages = count()                          # tells an inner tape from an outer one: it is younger


class Node:
    """One recorded operation, `value = op(a, b)`.

    An operand is a `Var` or a constant; a function of one operand has no `b`. An operation with
    more operands or with options keeps all its positional arguments as a tuple in `a` and its
    keyword arguments as a dict in `b`. An input has no `op`.
    """

    __slots__ = ("a", "b", "g", "op", "tape", "value")

    value: Any                           # a float, an array, or a Var of an outer tape
    tape: "Tape"
    op: Any                              # has .name, .rules (one an operand), .pull and .loop
    a: Any
    b: Any
    g: Any                               # the cotangent gathered so far; None is nothing yet

    @property
    def args(self) -> tuple:
        """All positional arguments."""
        if type(self.a) is tuple:
            return self.a
        return (self.a,) if self.b is None else (self.a, self.b)

    @property
    def kwargs(self) -> dict:
        """All keyword arguments, and under a key of their own the residuals (`parts.py`)."""
        return self.b if type(self.a) is tuple else {}


class Var(Node):
    """What the program holds while it is recorded: the node itself, with arithmetic on.

    `Node` is what the sweep needs. `operators.py` gives a `Var` Python's operators and NumPy's protocols.
    """

    __slots__ = ()


class Tape(list):
    """The list of nodes in the order of their computation; inputs are not listed."""

    __slots__ = ("age", "constants", "origins")

    def __init__(self) -> None:
        self.age = next(_ages)
        self.constants: dict[int, Any] = {}      # copies of constant arrays, by `id`: values.py
        self.origins: dict[int, Any] = {}        # whether numbers are NumPy's, by `id`: origin.py

    def input(self, value: Any) -> Var:
        """A variable to differentiate by."""
        x = Var()
        x.value = value
        x.tape = self
        x.op = x.a = x.b = x.g = None
        return x

    def record(self, op: Any, value: Any, a: Any, b: Any = None) -> Var:
        """Append `value = op(a, b)`."""
        y = Var()
        y.value = value
        y.tape = self
        y.op = op
        y.a = a
        y.b = b
        y.g = None
        self.append(y)
        return y

    def cut(self, start: int) -> "Tape":
        """Take the nodes from `start` on off the tape, as one of their own: a loop's inside (`loops.py`)."""
        part = type(self)()
        part.extend(self[start:])
        del self[start:]
        return part

    def end(self) -> None:
        """Close the tape: from now on an operation on one of its values raises."""
        self.__class__ = EndedTape

    def reopen(self) -> None:
        """Take nodes again: of steps that are repeated during the sweep (`reopened` in `watch.py`)."""
        self.__class__ = Tape

    def sweep(self, seeds: list[tuple[Var, Any]], keep: bool = False) -> None:
        """Pull the cotangents of the results, (y, g) pairs, back into the `.g` of the inputs.

        Nodes are freed as they are passed, unless `keep`; and so are cotangents, so `seeds` is used up.
        """
        while seeds:
            y, g = seeds.pop()
            y.g = g if y.g is None else y.g + g
        for k in reversed(range(len(self))):
            y = self[k] if keep else self.pop()
            g, y.g = y.g, None
            if g is not None or y.op.loop:       # of a loop, a step's value may be used, not the result
                for x, share in self.pull(k, y, g):
                    x.g = share if x.g is None else x.g + share      # += might change another node's array

    def pull(self, k: int, y: Any, g: Any) -> Iterable[tuple[Var, Any]]:
        """The share of each operand of node `k`, `y`, in what `g` brings it. (`watch.py` needs the `k`.)"""
        return y.op.pull(y, g)


class EndedTape(Tape):
    """A tape whose differentiation is over. Appending to it is refused (`operators.py`)."""

    __slots__ = ()
