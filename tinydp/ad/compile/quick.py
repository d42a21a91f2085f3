"""The quick way from a user's arguments to machine code, and back: a Python function written for one form.

Once a program was run twice in a row for arguments of one form, a function is written that takes such
arguments apart, runs the program and puts the results together. It looks at all that the long way looks at:
classes, lengths, names, what is fixed, the surroundings; the door to the machine code looks at shapes and
dtypes (`entry.py`). If anything is not as it was, it returns None, and the call goes the long way.

    >>> from .calls import Compiled
    >>> f = Compiled(lambda pair, k: {"y": pair[0] * k}, ())
    >>> call = f._taken_apart(((2.0, None), 3), {})
    >>> print(quick_source(f, call, f.built(*call.args), None)[0])
    def quick(args, kwargs):
        if kwargs or len(args) != 2 or tape_kind() is not Tape or comparing():
            return None
        x0, x1 = args
        if type(x0) is not tuple:
            return None
        if len(x0) != 2:
            return None
        x2, x3 = x0
        if not (type(x2) is float and x3 is None and type(x1) is int and -LARGEST <= x1 <= LARGEST):
            return None
        try:
            found = run(x2, x1)
        except TO_THE_LONG_WAY:
            return None
        if not (found[-1] and found[-2]):
            return wrong()
        compiled._last = args, kwargs
        return ({'y': found[0]},)
"""

import itertools
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import tree
from ..tape import Tape
from ..watch import comparing, tape_kind
from .arguments import LARGEST_ARGUMENT

MOST_QUICK = 4                                         # forms of arguments that are quick at a time
TO_THE_LONG_WAY = (TypeError, ArithmeticError, LookupError, AttributeError, ValueError)
_EQUAL = (int, str, bytes)                       # what is the same program's if it is of one class and equal
_IDENTICAL = (bool, types.NoneType, float, complex, type, types.FunctionType, types.BuiltinFunctionType,
              np.ufunc)                          # ... and if it is the same object


class NoQuickWay(Exception):
    """There is no quick way for such arguments."""


class HasQuickWays:
    """What `Compiled` can do about its quick ways."""

    made: Any

    def _quicken(self, program: Any, call: Any, positions: tuple | None) -> None:
        """Write a quick way for such calls, if the last one like this was run by the same program."""
        made, form = self.made, call.form
        before = made.run_last.get((form, positions), self)
        if before is None or program.comparison.due:
            return                               # None: there is one, or there can be none
        made.run_last[form, positions] = None if before is program else program
        if before is not program:
            return

        def drop(quick: Any) -> None:
            keep_ways(made, positions, [x for x in made.quick.get(positions, ()) if x is not quick])
            made.run_last.pop((vars(quick)["form"], positions), None)

        # where other branches take turns it is dropped, so that no program runs in vain twice a call
        quick = quick_way(self, call, program, positions, lambda: drop(quick))
        if quick is not None:
            vars(quick)["form"] = form
            keep_ways(made, positions, [quick, *made.quick.get(positions, ())])
            for other in made.quick[positions][MOST_QUICK:]:
                drop(other)


def keep_ways(made: Any, positions: tuple | None, ways: list) -> None:
    """From now on, these are the quick ways to a value (positions None) or gradients."""
    made.quick[positions] = ways
    if positions is None:
        made.quick_values = ways


def quick_way(compiled: Any, call: Any, program: Any, positions: tuple | None, wrong: Callable
              ) -> Callable | None:
    """The quick way for calls of this form, or for the value and the gradient by `positions`; None without.

    `wrong` is called if the program is that of other branches.
    """
    if type(program.run) is not types.BuiltinFunctionType:
        return None                              # it does not look at shapes, as `entry.py` does
    try:
        text, names = quick_source(compiled, call, program, positions)
    except NoQuickWay:
        return None
    names |= {"wrong": wrong}
    exec(compile(text, "<the quick way>", "exec"), names)
    return names["quick"]


def quick_source(compiled: Any, call: Any, program: Any, positions: tuple | None) -> tuple[str, dict]:
    """What is written for calls of this form, and the objects in it by name."""
    writer = QuickWriter(compiled, call)
    run = ", ".join([*writer.leaves, *(writer.object(x) for x in program.constants)])
    if positions is None:
        outline = program.unflatten([*range(program.results)])
        result = f"({writer.like(outline, lambda k: f'found[{k}]')},)"
    else:
        result = writer.gradient(call, positions)
    writer.names |= {"run": program.run, "around": program.around, "program": program}
    looks = (["around.same()"] * bool(program.around.readings)
             + ["program.is_current()"] * bool(program.watched))
    look = f"""\
        if not ({' and '.join(looks)}):
            return None
""" if looks else ""
    tail = f"""\
    try:
{look}        found = run({run})
    except TO_THE_LONG_WAY:
        return None
    if not (found[-1] and found[-2]):
        return wrong()
    compiled._last = args, kwargs
    return {result}"""
    return "\n".join([*writer.lines, tail]), writer.names


class QuickWriter:
    """Writes how arguments are taken apart; `leaves` are the names of their numbers and arrays."""

    def __init__(self, compiled: Any, call: Any):
        if call.kwargs:
            raise NoQuickWay
        self.names: dict[str, Any] = {
            "tape_kind": tape_kind, "Tape": Tape, "comparing": comparing.get, "compiled": compiled,
            "TO_THE_LONG_WAY": TO_THE_LONG_WAY, "LARGEST": LARGEST_ARGUMENT, "ndarray": np.ndarray,
            "globals_": getattr(compiled.f, "__globals__", None),
            **{f"cell_{name}": cell for name, cell in compiled.captured.cells.items()}}
        self.fresh = (f"x{k}" for k in itertools.count())
        self.lines = ["def quick(args, kwargs):",
                      f"    if kwargs or len(args) != {len(call.args)} or tape_kind() is not Tape "
                      "or comparing():",
                      "        return None"]
        self.leaves: list[str] = []
        self.conditions: list[str] = []
        self.values = iter(call.leaves)
        self.roots = [next(self.fresh) for _ in call.args]
        self.unpack(self.roots, "args")
        for k, (name, x) in enumerate(zip(self.roots, call.args, strict=True)):
            if k in compiled._fixed_positions:
                self.fixed(name, x)
            else:
                self.take(name, x)
        for name, place in compiled.captured.places(call.captured).items():
            self.leaves.append(f"found_{name}")
            self.lines.append(f"    found_{name} = {place}")
            self.conditions.append(f"type(found_{name}) is ndarray")
        self.look()

    def object(self, x: Any) -> str:
        """The name of an object."""
        name = f"o{len(self.names)}"
        self.names[name] = x
        return name

    def look(self) -> None:
        """Look at what is required so far."""
        if self.conditions:
            self.lines += [f"    if not ({' and '.join(self.conditions)}):", "        return None"]
            self.conditions = []

    def unpack(self, names: list[str], what: str) -> None:
        if names:
            self.lines.append(f"    {', '.join(names)}{',' * (len(names) == 1)} = {what}")

    # -- arguments

    def take(self, name: str, x: Any) -> None:
        """Take one apart; its numbers and arrays become `leaves`."""
        kind = tree.KINDS[type(x)]
        if kind is tree.STATIC:
            self.fixed(name, x)
        elif kind is not None:
            self.container(name, x, kind)
        elif type(x) is np.ndarray and next(self.values) is x:
            self.conditions.append(f"type({name}) is ndarray")
            self.leaves.append(name)
        elif type(x) is float:
            next(self.values)
            self.conditions.append(f"type({name}) is float")
            self.leaves.append(name)
        elif type(x) is int:
            if next(self.values) is not x:
                raise NoQuickWay
            self.conditions.append(f"type({name}) is int and -LARGEST <= {name} <= LARGEST")
            self.leaves.append(name)
        elif type(x) is bool:
            self.fixed(name, x)
        else:
            raise NoQuickWay

    def container(self, name: str, x: Any, kind: tree.Container) -> None:
        """Take a container apart."""
        self.look()
        if kind.static or (kind.keys and type(x) is not dict):
            raise NoQuickWay
        own = type(x).__name__ if type(x) in (list, tuple, dict) else self.object(type(x))
        below = kind.children(x)
        names = [next(self.fresh) for _ in below]
        self.lines += [f"    if type({name}) is not {own}:", "        return None"]
        parts = name
        if type(x) is not tuple and type(x) is not list:
            parts = f"{name}s"
            self.lines.append(f"    {parts} = {self.object(kind.children)}({name})")
        self.lines += [f"    if len({parts}) != {len(below)}:", "        return None"]
        if kind.keys:
            keys = [next(self.fresh) for _ in below]
            self.unpack(keys, name)
            for key, known in zip(keys, x, strict=True):
                self.fixed(key, known)
            self.look()
        self.unpack(names, parts)
        for child, inner in zip(names, below, strict=True):
            self.take(child, inner)

    def fixed(self, name: str, x: Any) -> None:
        """Require that it is the same."""
        if type(x) in _EQUAL:
            self.conditions.append(f"type({name}) is {self.object(type(x))} and {name} == {x!r}")
        elif isinstance(x, _IDENTICAL):
            self.conditions.append(f"{name} is {x!r}" if x is None or type(x) is bool
                                   else f"{name} is {self.object(x)}")
        else:
            raise NoQuickWay                          # it may be another one though it is the same object

    # -- results

    def gradient(self, call: Any, positions: tuple) -> str:
        """The value, and the gradients by these arguments."""
        count = itertools.count()
        inner = []
        for k in positions:
            x = call.args[k]
            inner.append(self.like(x, lambda leaf: f"found[{1 + next(count)}]" if _is_real(leaf) else ""))
        return f"(found[0], ({', '.join(inner)},))"

    def like(self, x: Any, leaf: Callable[[Any], str]) -> str:
        """An expression for a structure like `x`, with `leaf(y)` in place of each leaf y."""
        kind = tree.KINDS[type(x)]
        if kind is None:
            text = leaf(x)
            if not text:
                raise NoQuickWay
            return text
        if kind is tree.STATIC:
            return repr(x) if x is None else self.object(x)
        parts = [self.like(child, leaf) for child in kind.children(x)]
        inner = ", ".join(parts)
        if type(x) is list:
            return f"[{inner}]"
        if type(x) is tuple:
            return f"({inner}{',' * (len(parts) == 1)})"
        if type(x) is dict and all(type(key) is str for key in x):
            return "{" + ", ".join(f"{key!r}: {part}" for key, part in zip(x, parts, strict=True)) + "}"
        if kind.static or isinstance(x, (list, dict)):
            raise NoQuickWay                          # they are made of the one that was given
        return f"{self.object(kind.rebuild)}(None, [{inner}])"


def _is_real(x: Any) -> bool:
    return type(x) is float or (type(x) is np.ndarray and x.dtype == np.float64 and x.ndim > 0)
