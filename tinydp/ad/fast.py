"""The same in fewer steps: how plain numbers and arrays are recorded and swept. Skip this file at first.

`Tape.record` and `Tape.sweep` say what is done. Most operations of a simulator are on one or two Python
numbers, and for these a call and a pair a share cost more than the arithmetic: here the node is made in
place, and the shares are added where they are found; so they are for small arrays of float64. Whatever is not
so plain, a number of NumPy's, a tape around, a cotangent with a mask, a rule that returns something else or
raises, is left to what `tape.py` and `primitives.py` do. Tests run programs, and wrong rules, both ways.
"""

from typing import Any

import numpy as np

from .broadcasting import fitted
from .selected import Cotangent, Selected
from .tape import EndedTape, Node, Tape, Var
from .values import FLOAT64, snapshot

NO_OPTIONS: dict = {}
INLINE: dict[str, Any] = {}              # the rules of + and *, which the sweep of numbers has inline


def inline(name: str, rules: Any) -> None:
    """Note the rules of an operator; where an operation has others by now, those are called."""
    INLINE[name] = rules


def sweep(tape: Tape, seeds: list[tuple[Var, Any]], keep: bool = False) -> None:
    """What `tape.sweep` does, sooner for numbers and arrays, if nobody watches."""
    if type(tape) is not Tape and type(tape) is not EndedTape:
        tape.sweep(seeds, keep)
        return
    nodes = list(tape) if keep else tape
    of_sum, of_product = INLINE["add"], INLINE["mul"]
    while seeds:
        y, g = seeds.pop()
        y.g = g if y.g is None else y.g + g
    for _ in range(len(nodes)):
        y = nodes.pop()
        g = y.g
        if g is None and not y.op.loop:
            continue
        y.g = None
        kind = type(g)
        if kind is not float and isinstance(g, float):
            g, kind = float(g), float            # NumPy's scalars compute three times slower
        if kind is float:
            a = y.a
            b = y.b
            try:
                if type(a) is Var:
                    u = a.value
                    if type(u) is not float:
                        pass
                    elif type(b) is Var:
                        v = b.value
                        rules = y.op.rules
                        if rules is of_product:  # as the rules have it, without their calls
                            c, d = g * v, g * u
                        elif rules is of_sum:
                            c = d = g
                        else:
                            pull_a, pull_b = rules
                            c = pull_a(g, y.value, u, v)
                            d = pull_b(g, y.value, u, v)
                        if isinstance(c, float) and isinstance(d, float) and type(v) is float:
                            b.g = d if b.g is None else b.g + d
                            a.g = c if a.g is None else a.g + c
                            continue
                    elif b is None or ((isinstance(b, float) or type(b) is int) and b):
                        rules = y.op.rules
                        if rules is of_product:
                            c = g * b
                        else:
                            pull_a = rules[0]
                            c = pull_a(g, y.value, u) if b is None else pull_a(g, y.value, u, b)
                        if isinstance(c, float):
                            a.g = c if a.g is None else a.g + c
                            continue
                elif type(b) is Var and (isinstance(a, float) or type(a) is int) and a:
                    v = b.value
                    d = y.op.rules[1](g, y.value, a, v)
                    if isinstance(d, float) and type(v) is float:
                        b.g = d if b.g is None else b.g + d
                        continue
            except ArithmeticError:              # Python's floats raise where NumPy's are infinite
                pass
        x = y.a.value if type(y.a) is Var else None
        if type(y.a) is not tuple and not y.op.product and (kind is np.ndarray or (
                kind is float and type(x) is np.ndarray)):
            pull_array(y, g)
        else:
            for a, c in y.op.pull(y, g):
                a.g = c if a.g is None else a.g + c
        a = b = u = v = c = d = x = None         # or they would keep all before them alive


def pull_array(node: Node, g: Any) -> None:
    """`Primitive.pull` for one or two operands, and a cotangent without a mask; adds the shares.

    The first check of `fitted` stands here again: without it, the calls cost a tenth of an array's sweep.
    """
    op, y, a, b = node.op, node.value, node.a, node.b
    u = a.value if type(a) is Var else a
    v = b.value if type(b) is Var else b
    values = (u,) if b is None else (u, v)
    rules = op.rules
    try:
        c = rules[0](g, y, *values) if type(a) is Var else None
        d = rules[1](g, y, *values) if type(b) is Var else None
    except ArithmeticError:                      # some are Python's numbers
        for x, c in op.pull(node, g):
            x.g = c if x.g is None else x.g + c
        return
    if type(a) is Var:
        if type(c) is np.ndarray and type(u) is np.ndarray and c.dtype is FLOAT64 and c.shape == u.shape:
            a.g = c if a.g is None else a.g + c
        else:
            add_fitted(node, 0, g, c, values)
    if type(b) is Var:
        if type(d) is np.ndarray and type(v) is np.ndarray and d.dtype is FLOAT64 and d.shape == v.shape:
            b.g = d if b.g is None else b.g + d
        else:
            add_fitted(node, 1, g, d, values)


def add_fitted(node: Node, i: int, g: Any, c: Any, values: tuple) -> None:
    """Add what the rule of argument `i` made of `g`, in the shape of that argument."""
    op, y, operands = node.op, node.value, (node.a, node.b)
    if type(c) is complex:
        c = op.applied(i, g, y, values, NO_OPTIONS)
    if type(c) is np.ndarray:
        c = fitted(c, values[i], y, op.name, i)
        operands[i].g = c if operands[i].g is None else operands[i].g + c
        return
    if isinstance(c, Cotangent) and type(c) is not Selected:     # parts, added up later
        operands[i].g = c if operands[i].g is None else operands[i].g + c
        return
    for x, share in op.shares(i, c, y, values, operands):
        x.g = share if x.g is None else x.g + share


def recorded_fast(op: Any, args: tuple) -> Any:
    """`op(*args)`, recorded, for one or two arguments of the common kinds; `NotImplemented` for others."""
    if len(args) == 1:
        return unary(op, args[0]) if type(args[0]) is Var and op.rules else NotImplemented
    if len(args) != 2:
        return NotImplemented
    a, b = args
    if len(op.rules) == 2 and None not in op.rules:
        if type(a) is Var and type(a.value) is not Var:
            if type(b) is Var and a.tape is b.tape and type(b.value) is not Var:
                y = op.fn(a.value, b.value)
                if type(y) is np.ndarray and y.ndim and y.dtype is FLOAT64:
                    return a.tape.record(op, y, a, b)
                return _noted(op, a.tape, y, a, b)
            if type(b) is np.ndarray and type(a.value) is np.ndarray and b.dtype is FLOAT64:
                return _noted(op.met(b), a.tape, op.fn(a.value, b), a, snapshot(a.tape, b))
        elif type(b) is Var and type(a) is np.ndarray and type(b.value) is np.ndarray and a.dtype is FLOAT64:
            return _noted(op.met(a), b.tape, op.fn(a, b.value), snapshot(b.tape, a), b)
    if op.methods:                               # a number of NumPy's, which is slow
        if type(b) is np.float64 and type(a) is Var:
            return op.methods[0](a, b)
        if type(a) is np.float64 and type(b) is Var:
            return op.methods[1](b, a)
    return NotImplemented


def recorded_several(op: Any, args: tuple, kwargs: dict) -> Any:
    """The same for any number of arguments, such as those of `stack`, and whole numbers as options."""
    each, rules = op.each, op.rules
    if kwargs and (op.options is None or op.parameters or not op.options.issuperset(kwargs)
                   or any(type(x) is not int for x in kwargs.values())):
        return NotImplemented
    tape, values = None, []
    for i, x in enumerate(args):
        kind = type(x)
        ruled = each or (i < len(rules) and rules[i] is not None)
        if kind is Var:
            if tape is None:
                tape = x.tape
            value = x.value
            if not ruled or x.tape is not tape or type(value) not in (np.ndarray, float):
                return NotImplemented
            values.append(value)
        elif kind is float or (kind is np.ndarray and (x.dtype is FLOAT64 or (
                x.dtype.kind == "b" and not ruled))):
            values.append(x)
        else:
            return NotImplemented
    if tape is None or not (each or len(args) <= len(rules)):
        return NotImplemented
    operands = tuple([snapshot(tape, x) if type(x) is np.ndarray else x for x in args])
    y = op.fn(*values, **kwargs)
    if op.at_zero:
        op = op.met(*operands)
    if type(y) is np.ndarray and y.ndim and y.dtype is FLOAT64:
        return tape.record(op, y, operands, kwargs)
    return op.record(tape, y, operands, kwargs)


def unary(op: Any, x: Var) -> Any:
    """The same for one traced argument."""
    if op.rules[0] is None:
        op.refuse(0)
    value = x.value
    kind = type(value)
    y = op.fn(value) if kind is float or kind is np.ndarray else op(value)
    if type(y) is np.ndarray and y.ndim and y.dtype is FLOAT64:
        return x.tape.record(op, y, x)
    if type(y) is np.float64 and not op.operator:
        return x.tape.record(op, float(y), x)
    return _noted(op, x.tape, y, x)


def _noted(op: Any, tape: Tape, value: Any, a: Any, b: Any = None) -> Any:
    """A node for `op(a, b)`: as it is for an array, by `op.record` for what has to be settled first."""
    if type(value) is np.ndarray and value.ndim and value.dtype is FLOAT64:
        return tape.record(op, value, a, b)
    return op.record(tape, value, (a,) if b is None else (a, b), {})       # its shares may have to be fitted


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
            elif kind is np.ndarray and b.dtype is FLOAT64 and type(a.value) is np.ndarray:
                value = compute(a.value, b)
                made_by = op.met(b)
                b = snapshot(tape, b)
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
