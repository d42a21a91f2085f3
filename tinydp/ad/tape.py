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
This file knows no rule and no NumPy function; the rules are a table, in `rules/`.
"""

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
        """All keyword arguments."""
        return self.b if type(self.a) is tuple else {}


class Var(Node):
    """What the program holds while it is recorded: the node itself, with arithmetic on.

    `operators.py` gives it Python's operators and NumPy's protocols.
    """

    __slots__ = ()


class Tape(list):
    """The list of nodes in the order of their computation; inputs are not listed."""

    __slots__ = ("age", "constants", "origins")

    def __init__(self) -> None:
        self.age = next(_ages)
        self.constants: dict[int, Any] = {}      # copies of constant arrays, see values.py
        self.origins: dict[int, Any] = {}        # whether numbers are NumPy's, see origin.py

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
        """Take the nodes from `start` on off the tape, as a tape of their own: the inside of a loop."""
        part = type(self)()
        part.extend(self[start:])
        del self[start:]
        return part

    def end(self) -> None:
        """Close the tape: from now on an operation on one of its values raises."""
        self.__class__ = EndedTape

    def reopen(self) -> None:
        """Take nodes again: a step that is repeated during the sweep."""
        self.__class__ = Tape

    def sweep(self, seeds: list[tuple[Var, Any]], keep: bool = False) -> None:
        """Pull the cotangents of the results, (y, g) pairs, back into the `.g` of the inputs.

        Nodes are freed as they are passed, unless `keep`; `seeds` is used up.
        """
        nodes = list(self) if keep else self
        while seeds:
            y, g = seeds.pop()
            y.g = g if y.g is None else y.g + g
        for _ in range(len(nodes)):
            y = nodes.pop()
            g = y.g
            if g is None:                        # the result does not depend on this node,
                if y.op.loop:                    # but perhaps on something inside of it
                    y.op.pull(y, None)
                continue
            y.g = None
            kind = type(g)
            if kind is not float and isinstance(g, float):
                g, kind = float(g), float        # NumPy's scalars compute three times slower
            if kind is float:                    # the fast lane: one or two numbers
                a = y.a
                b = y.b
                try:
                    if type(a) is Var:
                        u = a.value
                        if type(u) is not float:
                            pass
                        elif type(b) is Var:
                            rule_a, rule_b = y.op.rules
                            c = rule_a(g, y.value, u, b.value)
                            d = rule_b(g, y.value, u, b.value)
                            if isinstance(c, float) and isinstance(d, float) and type(b.value) is float:
                                b.g = d if b.g is None else b.g + d
                                a.g = c if a.g is None else a.g + c
                                continue
                        elif b is None or ((isinstance(b, float) or type(b) is int) and b):
                            rule = y.op.rules[0]
                            c = rule(g, y.value, u) if b is None else rule(g, y.value, u, b)
                            if isinstance(c, float):
                                a.g = c if a.g is None else a.g + c
                                continue
                    elif type(b) is Var and (isinstance(a, float) or type(a) is int) and a:
                        u = b.value
                        c = y.op.rules[1](g, y.value, a, u)
                        if isinstance(c, float) and type(u) is float:
                            b.g = c if b.g is None else b.g + c
                            continue
                except ArithmeticError:          # Python's floats raise where NumPy's are infinite
                    pass
            for a, c in y.op.pull(y, g):         # all else: arrays, a path that ends, what does not fit
                a.g = c if a.g is None else a.g + c
            a = b = None                         # or they would keep all before them alive


class EndedTape(Tape):
    """A tape whose differentiation is over. Appending to it is refused (`operators.py`)."""

    __slots__ = ()


def binary(op: Any, compute: Any, singular: Any) -> tuple[Any, Any]:
    """The methods `a op b` and, reflected, `b op a`, for an operator such as `*`.

    This is the hot path of a scalar program, hence the node made in place. Two values of one tape,
    or one and a number, need no more; anything else goes through `op`, which knows constant
    arrays and outer tapes. Where Python's numbers raise, as in 1 / 0, `singular` gives the value.
    """

    def forward(a, b):
        kind = type(b)
        tape = a.tape
        made_by = op
        try:
            if kind is Var:
                if b.tape is not tape:
                    return op(a, b)
                value = compute(a.value, b.value)
            elif kind is float or kind is int:
                value = compute(a.value, b)
                if not b:
                    made_by = op.met(b)          # a factor of zero cuts the path
            elif isinstance(b, float):           # of NumPy, and slower
                value = compute(a.value, b if type(a.value) is Var else float(b))
                made_by = op.met(b)
            else:
                return op(a, b)
        except ArithmeticError:
            value = singular(compute, a, b)
        y = Var()
        y.value = value
        y.tape = tape
        y.op = made_by
        y.a = a
        y.b = b
        y.g = None
        tape.append(y)
        return y

    def reflected(b, a):
        if not isinstance(a, float) and type(a) is not int:
            return op(a, b)
        try:
            value = compute(a if type(b.value) is Var or type(a) is int else float(a), b.value)
        except ArithmeticError:
            value = singular(compute, a, b)
        return b.tape.record(op if a else op.met(a), value, a, b)

    return forward, reflected
