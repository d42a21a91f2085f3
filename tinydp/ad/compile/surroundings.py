"""What a function finds around it: is it still what it was when the function was traced?

A compiled program holds what `f` read in its surroundings: globals, variables of enclosing functions,
defaults, attributes, what is in dictionaries and lists. All of it that can be seen in the code of `f`, and
of the functions that it calls, is noted when `f` is traced, and looked at in each call, about 20
nanoseconds a name.

    >>> settings = {"gain": 3.0}
    >>> around = Surroundings.of(lambda x: settings["gain"] * x)
    >>> around.changed()
    False
    >>> settings["gain"] = 5.0
    >>> around.changed()
    True
"""

import contextvars
import dis
import functools
import os
import pickle
import random
import sys
import sysconfig
import types
import weakref
from collections import deque
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .contents import are_the_same, content, has_content, is_row_of_numbers, is_still

MOST_NAMES = 1000                        # names; what is beyond is not looked at
DEEPEST_NESTING = 6                      # objects in objects


class Reading(NamedTuple):
    """One thing that was read: where, and what it was."""

    owner: Any
    way: str                             # how to get it from the owner, as Python: "[{0}]", ".cell_contents"
    name: Any
    value: Any


class Surroundings:
    """What some functions found around them, to be compared with what is there now."""

    def __init__(self, roots: tuple, readings: dict, given: frozenset = frozenset()):
        self.roots, self.readings, self.given = roots, readings, given
        self.same = _written(list(readings.values()))
        found = [np.random.mtrand._rand, random._inst, *(x.value for x in readings.values())]
        self.generators = [(x, state(x)) for x in found
                           if isinstance(x, (np.random.Generator, np.random.RandomState, random.Random))]

    @classmethod
    def of(cls, *roots: Any, given: frozenset = frozenset()) -> "Surroundings":
        """What functions, and objects with functions, find now; but not what the first is `given` (keys)."""
        return cls(roots, dict(_walk(roots, given)), given)

    def functions(self) -> list[types.FunctionType]:
        """Those of the user's that may run: the roots, and what was found from there on."""
        return [x for x in (*self.roots, *(each.value for each in self.readings.values()))
                if isinstance(x, types.FunctionType) and not _is_library(x.__code__.co_filename)]

    def drew(self) -> Any:
        """A generator of random numbers that went on, by name, while the functions were run; or None."""
        return next((type(x).__name__ for x, before in self.generators if state(x) != before), None)

    def drop_changed(self, seen: Container[int] = ()) -> None:
        """Do not look any more at what the functions themselves changed, while they were run.

        Nor at arrays that somebody else looks at: `seen` has their identities. But a dictionary may make what
        it is asked for: that was read, too.
        """
        now = dict(_walk(self.roots, self.given))
        made = {key: x for key, x in now.items() if key not in self.readings and (
            isinstance(x.owner, dict) and hasattr(type(x.owner), "__missing__"))}
        self.readings = {key: x for key, x in self.readings.items()
                         if key in now and _alike(x.value, now[key].value)
                         and not (x.way == CONTENT and id(x.owner) in seen)} | made
        self.same = _written(list(self.readings.values()))

    def changed(self) -> bool:
        """Whether something is not what it was; the same number, bound again, is."""
        try:
            if self.same():
                return False
        except (LookupError, AttributeError, ValueError, TypeError):     # it is not there any more
            return True
        now = dict(_walk(self.roots, self.given))
        if not all(key in now and _alike(x.value, now[key].value) for key, x in self.readings.items()):
            return True
        self.readings = {key: now[key] for key in self.readings}
        self.same = _written(list(self.readings.values()))
        return False


def _written(readings: list[Reading]) -> Callable[[], bool]:
    """The function that compares all readings: one expression, since it is evaluated in each call."""
    names: dict[str, Any] = {"is_still": is_still, "are_the_same": are_the_same}
    terms = ["True"]
    for k, (owner, way, name, value) in enumerate(readings):
        if way != FIXED:
            names |= {f"o{k}": owner, f"n{k}": name, f"v{k}": value}
            got = way.format(owner=f"o{k}", name=f"n{k}", attribute=name, value=f"v{k}")
            terms.append(got if way in (CONTENT, ROW) else f"{got} == v{k}" if way == LENGTH else
                         f"{got} is v{k}")
    return eval(f"lambda: {' and '.join(terms)}", names)


ITEM, ATTRIBUTE, OF_CLASS = "{owner}[{name}]", "{owner}.{attribute}", "{owner}.__dict__[{name}]"
OF_LIST, OF_DICT = "list.__getitem__({owner}, {name})", "dict.__getitem__({owner}, {name})"
OF_OBJECTS, OF_CONTEXT, OF_REFERENCE = "{owner}.item({name})", "{owner}.get({name})", "{owner}()"
LENGTH, CONTENT, ROW = "len({owner})", "is_still({owner}, {value})", "are_the_same({owner}, {value})"
ENDS = LENGTH, CONTENT, ROW              # which lead to nothing more
FIXED = ""                               # it cannot be another one, and only leads to more


def state(x: Any) -> Any:
    """Where a generator of random numbers is in its sequence."""
    if isinstance(x, random.Random):
        return x.getstate()
    return pickle.dumps(x.get_state() if isinstance(x, np.random.RandomState) else x.bit_generator.state)


def _alike(a: Any, b: Any) -> bool:
    """Whether a function cannot tell them apart: the same object, or equal numbers and texts."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(_alike, a, b))
    if isinstance(a, (int, float, complex, str, bytes, np.generic)):
        return repr(a) == repr(b)
    if isinstance(a, (frozenset, dict)):
        return bool(a == b)
    return type(a) is np.ndarray and has_content(a) and has_content(b) and content(a) == content(b)


# ---------------------------------------------------------------------------- walking

def _walk(roots: tuple, given: frozenset) -> Iterator[tuple[Any, Reading]]:
    """All that is read, from the roots on, with a key for each; but not what the first root is `given`."""
    queue: deque[tuple[Any, int]] = deque((x, 0) for x in roots)
    seen: set[int] = set()
    count = 0
    while queue:
        x, depth = queue.popleft()
        if id(x) in seen or depth > DEEPEST_NESTING:
            continue
        seen.add(id(x))
        for reading in _readings(x):
            key = id(reading.owner), reading.way, reading.name
            if key in given and x is roots[0]:
                continue
            if reading.way not in ENDS:
                queue.append((reading.value, depth + 1))
            yield key, reading
            count += 1
            if count == MOST_NAMES:
                return


_ATOMS = (types.ModuleType, str, bytes, int, float, complex, np.generic, type(None))


def _readings(x: Any) -> Iterator[Reading]:
    """What is read of one object, if it is of a kind that may change or lead to more."""
    kind = type(x)
    if isinstance(x, types.FunctionType):
        if not _is_library(x.__code__.co_filename):
            yield from _of_function(x)
    elif isinstance(x, types.MethodType):
        yield from (Reading(x, FIXED, name, getattr(x, name)) for name in ("__func__", "__self__"))
    elif isinstance(x, functools.partial):
        yield from (Reading(x, FIXED, name, getattr(x, name)) for name in ("func", "args", "keywords"))
    elif has_content(x):
        yield Reading(x, CONTENT, None, content(x))
    elif isinstance(x, np.ndarray):
        if x.dtype == object:
            yield from (Reading(x, OF_OBJECTS, k, x.item(k)) for k in range(x.size))
    elif isinstance(x, tuple):
        yield from (Reading(x, FIXED, k, child) for k, child in enumerate(x))
    elif is_row_of_numbers(x) and kind in (list, deque):
        yield Reading(x, ROW, None, tuple(x))
    elif isinstance(x, (list, deque, dict, types.MappingProxyType)):
        yield from _of_collection(x)
    elif isinstance(x, contextvars.ContextVar):
        yield Reading(x, OF_CONTEXT, None, x.get(None))
    elif isinstance(x, weakref.ref):
        yield Reading(x, OF_REFERENCE, None, x())
    elif isinstance(x, type):
        yield from _of_class(x)
    elif not isinstance(x, _ATOMS):
        yield from _of_object(x)


def _of_collection(x: Any) -> Iterator[Reading]:
    """What is in a list or a dictionary, be they of a class of the user's."""
    yield Reading(x, LENGTH, None, len(x))
    if isinstance(x, (dict, types.MappingProxyType)):
        way = OF_DICT if isinstance(x, dict) else ITEM
        yield from (Reading(x, way, name, child) for name, child in list(x.items()))
    else:
        way = OF_LIST if isinstance(x, list) else ITEM
        yield from (Reading(x, way, k, child) for k, child in enumerate(x))
    if type(x) not in (list, deque, dict, types.MappingProxyType):
        yield from _of_object(x)


def _of_module(names: dict) -> Iterator[Reading]:
    """What is in a module, or in the globals, of which it cannot be seen which name is read."""
    yield from (Reading(names, ITEM, name, x) for name, x in list(names.items())
                if not name.startswith("__") and not _is_known(x))


def _of_function(f: types.FunctionType) -> Iterator[Reading]:
    for name in ("__defaults__", "__kwdefaults__"):
        if getattr(f, name):
            yield Reading(f, ATTRIBUTE, name, getattr(f, name))
    yield from (Reading(vars(f), ITEM, name, x) for name, x in list(vars(f).items()))
    for module in _imported(f.__code__):         # within the function: sys.modules has it by now
        if module in sys.modules and not _is_of_library(module):
            yield from _of_module(vars(sys.modules[module]))
    for name, attributes in _names(f.__code__):
        if name in f.__code__.co_freevars:
            cell = (f.__closure__ or ())[f.__code__.co_freevars.index(name)]
            try:
                value = cell.cell_contents
            except ValueError:                   # not set yet
                continue
            yield Reading(cell, ATTRIBUTE, "cell_contents", value)
        elif name in f.__globals__:
            value = f.__globals__[name]
            if not _is_known(value):
                yield Reading(f.__globals__, ITEM, name, value)
        else:
            if name == "globals":
                yield from _of_module(f.__globals__)
            continue
        for attribute in attributes:             # constants of a module: physics.GRAVITY
            if not isinstance(value, types.ModuleType) or attribute not in vars(value):
                break
            if _is_of_library(value.__name__) and value is not os:
                break
            value, owner = vars(value)[attribute], vars(value)
            if not _is_known(value):
                yield Reading(owner, ITEM, attribute, value)
        if value is os.getenv:
            yield Reading(os.environ, CONTENT, None, content(os.environ))
        elif isinstance(value, types.ModuleType) and not _is_of_library(value.__name__):
            yield from _of_module(vars(value))   # getattr(physics, "GRAVITY")


def _is_known(x: Any) -> bool:
    """Whether it is what nobody binds anew: a module, a class, a function of a library."""
    if isinstance(x, types.FunctionType):
        return _is_library(x.__code__.co_filename)
    return isinstance(x, (types.ModuleType, types.BuiltinFunctionType, np.ufunc)) or (
        isinstance(x, type) and _is_of_library(x.__module__))


def _of_class(kind: type) -> Iterator[Reading]:
    for part in kind.__mro__:
        if not _is_of_library(part.__module__):
            for name, x in list(vars(part).items()):
                if isinstance(x, types.FunctionType):
                    yield Reading(part, FIXED, name, x)
                elif isinstance(x, (property, staticmethod, classmethod)):
                    yield Reading(part, FIXED, name, x.fget if isinstance(x, property) else x.__func__)
                elif not (name.startswith("_") and name.endswith("_")) and not hasattr(x, "__get__"):
                    yield Reading(part, OF_CLASS, name, x)
    module = type(kind).__module__               # of its own class; in C, that may be anything
    if type(kind) is not type and isinstance(module, str) and not _is_of_library(module):
        yield from _of_class(type(kind))


def _of_object(x: Any) -> Iterator[Reading]:
    kind = type(x)
    own = getattr(x, "__dict__", None)
    if kind.__module__.startswith(f"{ENGINE}ad."):       # what was compiled, or has a rule of its own
        yield from (Reading(x, ATTRIBUTE, name, own[name]) for name in ("f", "fn") if own and name in own)
        return
    yield from _of_class(kind)
    if isinstance(own, dict):
        yield Reading(own, LENGTH, None, len(own))
        yield from (Reading(own, ITEM, name, child) for name, child in list(own.items()))
    for part in kind.__mro__:
        slots = vars(part).get("__slots__", ())
        yield from (Reading(x, ATTRIBUTE, name, getattr(x, name))
                    for name in ((slots,) if isinstance(slots, str) else tuple(slots))
                    if not name.startswith("__") and hasattr(x, name))


@functools.cache
def _names(code: types.CodeType) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The names around a function that its code reads, each with the attributes that follow it."""
    found: dict[tuple[str, tuple[str, ...]], None] = {}
    chain: list[str] = []
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_ATTR", "LOAD_METHOD") and chain:
            chain.append(instruction.argval)
            continue
        if chain:
            found[chain[0], tuple(chain[1:])] = None
        around = instruction.opname in ("LOAD_GLOBAL", "LOAD_DEREF", "LOAD_NAME")
        chain = [instruction.argval] if around else []
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            found |= dict.fromkeys(x for x in _names(inner) if x[0] not in code.co_cellvars)
    return tuple(found)


@functools.cache
def _imported(code: types.CodeType) -> frozenset[str]:
    """The modules that a function, and functions within it, import while they run."""
    found = {x.argval for x in dis.get_instructions(code) if x.opname == "IMPORT_NAME"}
    return frozenset(found.union(*(_imported(x) for x in code.co_consts if isinstance(x, types.CodeType))))


ENGINE = __name__.partition(".")[0] + "."


@functools.cache
def _is_library(file: str) -> bool:
    """Whether a file belongs to Python, to a package that was installed, or to this one."""
    folders = sysconfig.get_paths()["stdlib"], str(Path(__file__).parents[2])
    inside = file.startswith((*(x + os.sep for x in folders), "<frozen"))
    return inside or f"{os.sep}site-packages{os.sep}" in file


def _is_of_library(module: str) -> bool:
    if module.partition(".")[0] in (*sys.stdlib_module_names, "numpy") or module.startswith(ENGINE):
        return module != "__main__"
    return _is_library(getattr(sys.modules.get(module), "__file__", None) or "")
