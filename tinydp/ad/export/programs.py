"""From a function and its example arguments to a program with named arguments and results.

    >>> def step(state, force):
    ...     return {"state": {"x": state["x"] + 0.1 * state["v"], "v": state["v"] + 0.1 * force}}
    >>> made = exported("step", step, ({"x": np.zeros(3), "v": np.zeros(3)}, 1.0))
    >>> [str(x) for x in made.inputs], [x.name for x in made.results], made.feeds
    (['state.x: f(3,)', 'state.v: f(3,)', 'force: f'], ['state.x', 'state.v'], ['state.x', 'state.v'])
"""

import inspect
import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..binding import parameters_of
from ..compile.build import _whole, traced_call
from ..compile.calls import Compiled
from ..compile.expand import apart
from ..compile.lower import Lowered, lowered
from ..compile.names import identifier
from ..compile.passes import finished, optimised
from ..compile.program import Program, Value
from ..errors import BranchError, NotCompiledError, StructureError, place_of
from . import Shape

BY_LAPACK = ("svd", "svdvals", "qr", "expm")     # what a page does not have


class NamedLeaf(NamedTuple):
    """An argument or a result: its name, shape, and kind: "f" real, "i" integer, "b" true or false.

    The first side is None where the program finds it out.
    """

    name: str
    shape: tuple
    kind: str

    def __str__(self) -> str:
        return f"{self.name}: {self.kind}{self.shape or ''}"


class Exported(NamedTuple):
    """A program that is ready to be printed."""

    name: str
    module: Lowered
    inputs: list[NamedLeaf]
    results: list[NamedLeaf]
    feeds: list[str]                             # results that have the names of arguments
    source: str                                  # where the function is
    example: tuple[list, list] | None            # arguments and results of plain Python


def exported(name: str, f: Callable, examples: tuple, check: bool = False) -> Exported:
    """The program of a function for such arguments; with `check`, also what plain Python makes of them.

    Raises `NotCompiledError` for what a page cannot do, with the user's line.
    """
    is_given = not any(isinstance(x, Shape) for x in tree.flatten(examples)[0])
    args = tree.map(lambda x: x.example() if isinstance(x, Shape) else x, examples)
    compiled = Compiled(f, ())
    call = compiled._taken_apart(args, {})
    made = traced_call(compiled, call, call.leaves)
    if made.truths and not is_given:
        raise BranchError(f"{name} decides by the value of an argument, of which only a shape was given.",
                          "choose with dp.cond or np.where, or give an example.")
    with np.errstate(all="ignore"):
        program = finished(optimised(apart(_whole(made, None, False, False))))
    refuse_lapack(name, program)
    module = lowered(program, identifier(name))
    named = [path for path, x in dotted(_by_name(f, compiled.filled(call, itertools.repeat(MARK))[0]))
             if x is MARK]
    inputs = [NamedLeaf(path, x.shape, x.kind) for path, x in zip(named, program.inputs, strict=True)]
    structure = made.unflatten([*range(made.results)])
    results = [NamedLeaf(path or "result", *_outline(value, place)) for (path, _), value, place in
               zip(dotted(structure), program.outputs, module.functions[-1].results, strict=False)]
    example = None
    if check and is_given:
        example = [np.asarray(x) for x in call.leaves], [np.asarray(x) for x in tree.flatten(f(*args))[0]]
    return Exported(name, module, inputs, results, fed(name, inputs, results), where(f), example)


MARK = object()


def _by_name(f: Callable, args: list) -> dict[str, Any]:
    """The arguments by the names of the parameters."""
    parameters = [p.name for p in parameters_of(f) if p.kind is not p.VAR_POSITIONAL]
    return dict(zip(parameters, args, strict=False)) | {
        f"args.{k}": x for k, x in enumerate(args[len(parameters):])}


def dotted(structure: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All leaves with their names, as `params.0.weight`.

        >>> [*dotted({"params": [{"weight": 1.0}], "t": 2.0})]
        [('params.0.weight', 1.0), ('t', 2.0)]
    """
    below = tree.children(structure)
    if below is None:
        yield path, structure
        return
    for step, child in zip(tree.steps(structure), below, strict=True):
        name = step.strip(".[]'\"")
        yield from dotted(child, f"{path}.{name}" if path else name)


def _outline(value: Any, place: Any) -> tuple[tuple, str]:
    """The shape and kind of a result."""
    shape = tuple([n if type(n) is int else None for n in place.shape])
    return shape, value.kind if type(value) is Value else place.buffer.kind if shape else place.kind


def fed(name: str, inputs: list[NamedLeaf], results: list[NamedLeaf]) -> list[str]:
    """The results that can be the next arguments: they are called so.

    Raises `StructureError` where what has the name of an argument is not like it.
    """
    given = {x.name: x for x in inputs}
    top = {x.name.partition(".")[0] for x in inputs}
    found = []
    for x in results:
        if x.name.partition(".")[0] in top:
            if given.get(x.name) != x:
                raise StructureError(
                    f"the result {x} of {name} has the name of an argument, which is not like it: "
                    f"{given.get(x.name, 'it has no such part')}.",
                    "return it as the argument is, or under another name.")
            found.append(x.name)
    missing = {x.name for x in inputs if x.name.partition(".")[0] in {y.partition(".")[0] for y in found}}
    if missing - {*found}:
        raise StructureError(f"{name} returns an argument without its part {', '.join(missing - {*found})}.",
                             "return all of it, or under another name.")
    return found


def refuse_lapack(name: str, program: Program) -> None:
    """Raise for an operation that only LAPACK can do."""
    for op in program.ops:
        if op.name in BY_LAPACK:
            place = place_of(op.spot) if op.spot else None
            raise NotCompiledError(
                f"{name} cannot be exported: {op.name} is done by LAPACK, which a page has not.",
                "solve, inv, det, cholesky and eigh can be exported.", place)
        for body in op.bodies:
            refuse_lapack(name, body)


def where(f: Callable) -> str:
    """Where a function stands."""
    code = getattr(inspect.unwrap(f), "__code__", None)
    return f"{os.path.basename(code.co_filename)}:{code.co_firstlineno}" if code else ""
