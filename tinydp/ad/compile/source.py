"""From a program to the source of a module with one function, that Numba compiles and people read."""

import re
from typing import Any, NamedTuple

import numpy as np

from ..values import is_condition
from . import write_loops
from .arguments import as_argument
from .blocks import LOOPS, Block
from .functions import AND, FROM_KERNELS, FROM_MATH, HELPERS, NOT
from .prune import pruned
from .texts import Text, in_memory
from .trace import Program, Sym
from .writer import Writer


class Source(NamedTuple):
    """A function in text, and its last arguments: arrays of the user's surroundings, and of positions."""

    text: str
    constants: list


HEADER = '''"""{title}"""

from math import ({math})

import numpy as np
from numba import njit

from tinydp.ad.compile.kernels import ({kernels})


'''
DECORATOR = '@njit(cache=True, nogil=True, error_model="numpy")\n'
DECORATOR_INSIDE = '@njit(nogil=True, error_model="numpy")\n'
KERNELS = (*FROM_KERNELS, *HELPERS)
LOOPS.update(write_loops.LOOPS)


def write_function(name: str, title: str, program: Program, names: list[str],
                   guards: list[tuple[Sym, bool]], unchecked: int | None = None) -> Source:
    """The program as the source of a module with one function; `names` are those of its inputs.

    The last outputs are the conditions of `guards`: the function returns whether all of them turned out
    as they did when it was traced, and whether all results but the first `unchecked` are finite.
    """
    w = Writer()
    program = pruned(program)
    parameters = []
    for x, wanted in zip(program.inputs, names, strict=True):
        parameter = w.fresh(wanted)
        parameters.append(parameter)
        w.parameters.add(parameter)
        x.name = x.name or parameter
        w.bind(x, in_memory(parameter, x.shape) if x.shape else Text(parameter))
    Block(w, program, {}).write()
    results = []
    taken = set(parameters)
    returned: list[Any] = program.outputs[: len(program.outputs) - len(guards)]
    for x in returned:
        value = w.get(x)
        if isinstance(value, Text):
            results.append(f"float({value.text})" if type(x) is int else value.text)
            continue
        text = value.as_memory(np.shape(x))
        if text is None or w.names_in(value) & taken or not isinstance(x, Sym):
            text = w.allocate("result", np.shape(x), "b" if is_condition(x) else "f")
            value = in_memory(text, np.shape(x))             # an array of its own
            w.copy(w.get(x), value)
        taken |= w.names_in(value)
        results.append(text)
    checks = []
    if unchecked is not None:
        checks = [f"all_finite({text})" if np.shape(x) or getattr(x, "shape", ()) else f"isfinite({text})"
                  for x, text in zip(returned[unchecked:], results[unchecked:], strict=True)]
    kept = [w.get(x).within(AND) if truth else f"not {w.get(x).within(NOT)}" for x, truth in guards]
    results += [w.condition("finite", checks), w.condition("as_traced", list(dict.fromkeys(kept)))]
    w.line(f"return {', '.join(results)}")
    parameters += [name for name, _ in (*w.constants.values(), *w.indices.values())]
    body = "\n".join([*w.functions, *w.top, *w.lines])
    used = set(re.findall(r"\b[a-z_]\w*(?=\()", body))
    maths = ", ".join(sorted(set(FROM_MATH.values()) & used)) or "pi"
    kernels = ", ".join(sorted(set(KERNELS) & used)) or "exp"
    text = HEADER.format(title=title, math=maths, kernels=kernels)
    text += "".join(f"{DECORATOR_INSIDE}{function}\n\n\n" for function in w.functions)
    head = Writer()
    head.depth = 0
    head.wrapped(f"def {name}(", parameters, "):")
    text += DECORATOR + "\n".join([*head.lines, *w.top, *w.lines]) + "\n"
    constants = [as_argument(x) for _, x in w.constants.values()]
    return Source(text, [*constants, *(x for _, x in w.indices.values())])
