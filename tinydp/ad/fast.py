"""The same in fewer steps: how plain numbers are recorded and swept. Skip this file on a first reading.

`Tape.record` and `Tape.sweep` say what is done. Most operations of a simulator are on one or two Python
numbers, and for these a call and a pair a share cost more than the arithmetic: here the node is made in
place, and the shares are added where they are found. Whatever is not so plain, an array, a number of NumPy's,
a rule that returns something else or raises, is left to what `tape.py` does. Tests run programs, and wrong
rules, both ways.
"""

from typing import Any

from .tape import EndedTape, Node, Tape, Var


def sweep(tape: Tape, seeds: list[tuple[Var, Any]], keep: bool = False) -> None:
    """What `tape.sweep` does, sooner where nodes are of numbers, and nobody watches."""
    if type(tape) is not Tape and type(tape) is not EndedTape:
        tape.sweep(seeds, keep)
        return
    nodes = list(tape) if keep else tape
    while seeds:
        y, g = seeds.pop()
        y.g = g if y.g is None else y.g + g
    for _ in range(len(nodes)):
        y = nodes.pop()
        g = y.g
        if g is None and not y.op.loop:
            continue
        y.g = None
        if isinstance(g, float) and shared(y, g):
            continue
        for x, share in y.op.pull(y, g):
            x.g = share if x.g is None else x.g + share
        x = share = None                         # or they would keep all before them alive


def shared(y: Node, g: float) -> bool:
    """Whether node `y` is of plain numbers, whose shares of `g` have been added."""
    a, b, value = y.a, y.b, y.value
    if type(g) is not float:
        g = float(g)                             # NumPy's scalars compute three times slower
    try:
        if type(a) is Var:
            u = a.value
            if type(u) is not float:
                return False
            if type(b) is Var:
                v = b.value
                pull_a, pull_b = y.op.rules
                c = pull_a(g, value, u, v)
                d = pull_b(g, value, u, v)
                if isinstance(c, float) and isinstance(d, float) and type(v) is float:
                    b.g = d if b.g is None else b.g + d
                    a.g = c if a.g is None else a.g + c
                    return True
            elif b is None or ((isinstance(b, float) or type(b) is int) and b):
                pull_a = y.op.rules[0]
                c = pull_a(g, value, u) if b is None else pull_a(g, value, u, b)
                if isinstance(c, float):
                    a.g = c if a.g is None else a.g + c
                    return True
        elif type(b) is Var and (isinstance(a, float) or type(a) is int) and a:
            v = b.value
            d = y.op.rules[1](g, value, a, v)
            if isinstance(d, float) and type(v) is float:
                b.g = d if b.g is None else b.g + d
                return True
    except ArithmeticError:                      # Python's numbers raise where NumPy's are infinite
        pass
    return False


def binary(op: Any, compute: Any, singular: Any) -> tuple[Any, Any]:
    """The methods `a op b` and, reflected, `b op a`, for an operator such as `*`.

    Two values of one tape,
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
