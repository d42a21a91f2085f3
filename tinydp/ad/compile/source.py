"""From a program to the source of a module with one function, that Numba compiles and people read."""

from typing import Any, NamedTuple

from ..values import shape
from . import write_loops
from .arguments import as_argument
from .blocks import LOOPS, Block
from .functions import AND, NOT
from .names import KERNELS, MATHS, Names
from .prune import pruned
from .texts import Text, in_memory, variable
from .trace import Program, Sym
from .writer import Writer, wrapped


class Source(NamedTuple):
    """A function in text, and its last arguments: arrays of the user's surroundings, and of positions."""

    name: str
    parameters: list[str]
    text: str
    constants: list


HEADER = '''"""{title}"""

{math}import numpy as np
from numba import njit
{kernels}

'''
DECORATOR = '@njit(cache=True, nogil=True, error_model="numpy")\n'
DECORATOR_INSIDE = '@njit(nogil=True, error_model="numpy")\n'
LOOPS.update(write_loops.LOOPS)


def write_function(label: str, title: str, program: Program, labels: list[str],
                   guards: list[tuple[Sym, bool]], unchecked: int | None = None) -> Source:
    """The program as the source of a module with one function; `labels` are those of its inputs.

    The last outputs are the conditions of `guards`: the function returns whether all of them turned out
    as they did when it was traced, and whether all results but the first `unchecked` are finite.
    """
    module = Names()
    function = module.fresh(label)
    w = Writer(Names(module))
    program = pruned(program)
    parameters = []
    for x, wanted in zip(program.inputs, labels, strict=True):
        parameter = w.fresh(wanted)
        parameters.append(parameter)
        w.parameters.add(parameter)
        x.name = x.name or parameter
        w.bind(x, in_memory(parameter, x.shape, x.kind) if x.shape else variable(parameter, x.kind))
    Block(w, program, {}).write()
    returned: list[Any] = program.outputs[: len(program.outputs) - len(guards)]
    results = _results(w, returned, set(parameters))
    checks = []
    if unchecked is not None:
        checks = [f"{w.use('all_finite')}({text})" if shape(x) else f"{w.use('isfinite')}({text})"
                  for x, text in zip(returned[unchecked:], results[unchecked:], strict=True)]
    kept = [w.get(x).within(AND) if truth else f"not {w.get(x).within(NOT)}" for x, truth in guards]
    results += [w.condition("finite", checks), w.condition("as_traced", list(dict.fromkeys(kept)))]
    w.line(f"return {', '.join(results)}")
    parameters += [name for name, _ in (*w.constants.values(), *w.tables.values())]
    text = HEADER.format(
        title=title, math=_imported("math", w.used & MATHS, "\n\n"),
        kernels=_imported("tinydp.ad.compile.kernels", w.used & KERNELS, "\n", "\n"))
    text += "".join(f"{DECORATOR_INSIDE}{inside}\n\n\n" for inside in w.functions)
    head = wrapped(0, f"def {function}(", parameters, "):")
    text += DECORATOR + "\n".join([*head, *w.top, *w.lines]) + "\n"
    constants = [as_argument(x) for _, x in w.constants.values()]
    return Source(function, parameters, text, [*constants, *(x for _, x in w.tables.values())])


def _results(w: Writer, returned: list, taken: set[str]) -> list[str]:
    """The results, as they are written; each is an array of its own, not one of those `taken` already."""
    taken |= {name for name, _ in w.constants.values()}
    results = []
    for x in returned:
        value = w.get(x)
        if isinstance(value, Text):
            results.append(f"float({value.text})" if type(x) is int else value.text)
            continue
        if value.whole is None or value.reads & taken or not isinstance(x, Sym):
            value = w.copied("result", value)
        taken |= value.reads
        results.append(value.as_memory(x.shape))
    return results


def _imported(module: str, names: set[str] | frozenset[str], end: str, start: str = "") -> str:
    """The line that imports these, if there are any."""
    return f"{start}from {module} import ({', '.join(sorted(names))}){end}" if names else ""
