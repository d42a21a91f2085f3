"""A program as text, for people.

    >>> import numpy as np
    >>> from ..registry import registered
    >>> from .program import Op, Program, Value
    >>> x, y = Value(np.zeros(3), "x"), Value(np.zeros(3))
    >>> for line in lines(Program([x], [Op(registered(np.sin), (x,), {}, [y])], [y])):
    ...     print(line)
    given x: f(3,)
    t: f(3,) = sin(x)
    return t
"""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from .names import Names
from .program import Op, Program, Value, all_values, like


def lines(program: Program, indent: str = "", names: dict | None = None) -> Iterator[str]:
    """The program as text, for people."""
    names = value_names(program) if names is None else names

    def text(x: Any) -> str:
        if type(x) is Value:
            return names[x]
        if isinstance(x, np.ndarray) and x.size > 4:
            return f"constant{x.shape}"
        if isinstance(x, (tuple, list)):
            return f"({', '.join(map(text, x))}{',' * (len(x) == 1)})"
        if isinstance(x, slice):
            return ":".join("" if part is None else str(part) for part in (x.start, x.stop, x.step)[:2 + (
                x.step is not None)])
        return repr(x).replace("\n", "")

    def typed(xs: list) -> str:
        return ", ".join(f"{names[x]}: {like(x)}" for x in xs)

    yield f"{indent}given {typed(program.inputs)}".rstrip()
    for op in program.ops:
        options = [f"{name}={text(x)}" for name, x in op.options.items()
                   if type(x) is not Program and not (op.bodies and x is False)]
        line = f"{indent}{typed(op.outs)} = {op.name}({', '.join([*map(text, op.args), *options])})"
        yield f"{line}{' ' * max(2, 60 - len(line))}# {place(op)}" if place(op) else line
        for body in op.bodies:
            yield from lines(body, indent + "    ", names)
    yield f"{indent}return {', '.join(map(text, program.outputs))}"


def place(op: Op) -> str:
    """The user's line of an operation, if it is in a file: `pendulum.py:72`."""
    if op.spot is None or op.spot.code.co_filename.startswith("<"):
        return ""
    back = "back through " if op.back else ""
    return f"{back}{os.path.basename(op.spot.code.co_filename)}:{op.spot.line}"


def value_names(program: Program) -> dict[Value, str]:
    """A name for each value, in its loops as well, which no other has: its label, or `t`.

    A cotangent without a label is called after the value whose cotangent it is; if that is not here, `g`.
    """
    names: dict[Value, str] = {}
    fresh = Names().fresh
    values = [*all_values(program)]
    for x in values:
        if x.label or x.of is None:
            names[x] = fresh(x.label or "t")
    called = {x.label for x in names if x.label}

    def name(x: Value) -> str:
        if x not in names:
            of = x.of
            assert of is not None
            known = name(of) if of in here else of.label if of.label not in called else ""
            names[x] = fresh(f"g_{known}" if known else "g")
        return names[x]

    here = set(values)
    for x in values:
        name(x)
    return names
