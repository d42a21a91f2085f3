"""From a program to loops and buffers: numbers become variables, arrays become loops.

Neighbouring operations on arrays of one shape share a loop, and what is used only within it never becomes
an array; a sum joins the loop of what is summed.

    >>> import numpy as np
    >>> from ..registry import registered
    >>> from .numba import text_of
    >>> from .record import Builder
    >>> builder = Builder()
    >>> x, a = builder.input(np.ones(3), "x"), builder.input(2.0, "a")
    >>> (y,) = builder.record(registered(np.multiply), (x, a), {})
    >>> (z,) = builder.record(registered(np.square), (y,), {})
    >>> (total,) = builder.record(registered(np.sum), (z,), {})
    >>> program = builder.program([total])
    >>> print(program)
    given x: f(3,), a: f
    t: f(3,) = multiply(x, a)
    t_1: f(3,) = square(t)
    t_2: f = sum(t_1)
    return t_2
    >>> print(text_of(lowered(program, "f").functions))
    def f(x, a):
        t = 0.0
        for i in range(3):
            t_1 = x[i] * a
            t += t_1 * t_1
        return t

Aliasing is sound by construction: each array is a buffer of its own, written at one place of the program,
before all that reads it; the buffers that a loop carries are written once a step, after all of it.
"""

import math
import os
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

# each says how its operations are lowered
from . import lower_arrays, lower_gathers, lower_linear, lower_loops, lower_switch, lower_while  # noqa: F401
from .blocks import Block
from .check import check
from .emitter import Emitter
from .expressions import Local, Memory
from .program import Program
from .statements import Function
from .views import View, is_static


class Lowered(NamedTuple):
    """The functions of a module, callees first, and the last arguments of the last one."""

    functions: list[Function]
    constants: list[np.ndarray]


def lowered(program: Program, label: str, pools: bool = False) -> Lowered:
    """The program as one function of its inputs and of constant arrays, which returns its outputs.

    With `pools`, many small arrays share memory: to make one takes Numba long.
    """
    to = Emitter(pools, _called(program) + Counter(x.label for x in program.inputs))
    inputs = [to.parameter(x) for x in program.inputs]
    Block(to, program, {}).write()
    results = _results(to, program.outputs)
    parameters = [*inputs, *(buffer for buffer, _ in to.constants)]
    function = Function(label, parameters, [*to.head, *to.body], results)
    if os.environ.get("TINYDP_VERIFY") == "always":
        check(function)
    return Lowered([function], [x for _, x in to.constants])


def _called(program: Program) -> Counter[str]:
    """How many values have a label, of those that are made here or carried: others are these again."""
    found: Counter[str] = Counter()
    for op in program.ops:
        if op.body is None:
            found.update(x.label for x in op.outs)
        else:
            found.update(x.label for x in op.body.inputs[: op.prim.carried(op.options)])
        for body in op.bodies:
            found += _called(body)
    return found


def _results(to: "Emitter", outputs: list) -> list:
    """The results, each an array of its own: no input, no constant, no part of another one."""
    taken: set = set()
    results: list[Any] = []
    for x in outputs:
        value = to.get(x)
        if isinstance(value, View):
            if not _is_own(value.memory, taken):
                value = to.copied(Local("result", value.kind), value)
            memory: Any = value.memory
            taken.add(memory.buffer.root)
            results.append(memory)
        else:
            results.append(value)
    return results


def _is_own(memory: Memory | None, taken: set) -> bool:
    """Whether it is a whole buffer that was made here, and is no other result."""
    if memory is None or memory.prefix or memory.buffer.root in taken:
        return False
    root = memory.buffer.root
    is_part = is_static(root) and is_static(memory) and math.prod(root.shape) != math.prod(memory.shape)
    return root.role in ("scratch", "shared") and not is_part
