"""Conditions of which it is asked whether they *are* True: refused, where that is seen.

`c is True`, and `match c: case True`, ask who somebody is, and nobody is told of that: a condition that is
not known yet is not True, so the other way would be taken in silence. Only the code says what happens. If
there is such a comparison in a function that may run while a program is traced (`surroundings.py` knows
these), Python is asked to tell of each instruction of that function. So what is compared can be looked up: it
is a variable, or an attribute or an element of one, or what was returned last.

    >>> def clipped(x):
    ...     low = x < 0.0
    ...     return 0.0 if low is True else x
    >>> [found.how for found in comparisons(clipped.__code__).values()]
    [['LOAD_FAST low']]
    >>> import tinydp as dp
    >>> dp.compile(clipped)(1.0)                               # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tinydp.ad.errors.BranchError: a condition of a compiled program was asked whether it is True itself, ...
"""

import ast
import contextlib
import dis
import functools
import itertools
import sys
from collections.abc import Iterable, Iterator
from types import CodeType, FrameType
from typing import Any, NamedTuple

from .. import tree
from ..advice.rewriting import parsed
from ..errors import BranchError, Place, Spot, place_of
from ..values import plain
from .manners import _bool
from .proxy import Proxy


class Comparison(NamedTuple):
    """A comparison with True or False by identity."""

    with_: bool
    before: tuple[dis.Instruction, ...]          # the instructions up to it, which make what is compared

    @property
    def how(self) -> list[str]:
        """The last of these, to be read."""
        return [f"{x.opname} {x.argrepr}" for x in self.before[-1:]]


@functools.cache
def comparisons(code: CodeType) -> dict[int, Comparison]:
    """The comparisons in a function, by where they are; not those in functions within it."""
    instructions = [*dis.get_instructions(code)]
    return {x.offset: Comparison(const.argval, tuple(instructions[:k - 1]))
            for k, (const, x) in enumerate(itertools.pairwise(instructions), 1)
            if x.opname == "IS_OP" and const.opname.startswith("LOAD_") and type(const.argval) is bool}


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    yield code
    for x in code.co_consts:
        if isinstance(x, CodeType):
            yield from _with_inner(x)


@contextlib.contextmanager
def refused(functions: Iterable[Any]) -> Iterator[None]:
    """A context in which such a comparison of a condition of a program raises `BranchError`."""
    codes = {code for f in functions for code in _with_inner(f.__code__) if comparisons(code)}
    if not codes:                                # as a rule; else tracing takes about twice as long
        yield
        return
    before = sys.gettrace()
    sys.settrace(Watch(codes).called)
    try:
        yield
    finally:
        sys.settrace(before)


class Watch:
    """What Python tells of calls of these functions, and of those that they call."""

    def __init__(self, codes: set[CodeType]):
        self.codes = codes
        self.returned: dict[FrameType, Any] = {} # by the last function that each called

    def called(self, frame: FrameType, event: str, arg: Any) -> Any:
        """Python's `settrace` calls this for each function that is called."""
        if frame.f_code in self.codes:
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
            return self.inside
        if frame.f_code is _bool.__code__:       # of `(a and b) is True` a may be left, not its truth
            return None
        if frame.f_back is not None and frame.f_back.f_code in self.codes:
            frame.f_trace_lines = False
            return self.returns
        return None

    def returns(self, frame: FrameType, event: str, arg: Any) -> Any:
        """... and this where a function that one of ours called returns."""
        if event == "return" and frame.f_back is not None:
            self.returned[frame.f_back] = arg
        return self.returns

    def inside(self, frame: FrameType, event: str, arg: Any) -> Any:
        """... and this for each instruction of ours."""
        if event == "return":
            self.returned.pop(frame, None)
            if frame.f_back is not None:
                self.returned[frame.f_back] = arg
        found = comparisons(frame.f_code).get(frame.f_lasti) if event == "opcode" else None
        if found is not None and any(map(_is_condition, self.candidates(frame, found))):
            raise _error(place_of(Spot(frame.f_code, frame.f_lasti, frame.f_lineno)), found)
        return self.inside

    def candidates(self, frame: FrameType, found: Comparison) -> list:
        """What may be compared: the one value that it is; or, if the code is not that simple, many."""
        try:
            return [_value(frame, [*found.before])]
        except LookupError:
            pass
        with contextlib.suppress(Exception):     # of a structure of the user's that is none of ours
            return [self.returned.get(frame), *tree.flatten([*frame.f_locals.values()])[0]]
        return [self.returned.get(frame), *frame.f_locals.values()]


def _is_condition(x: Any) -> bool:
    x = plain(x)
    return isinstance(x, Proxy) and x.kind == "b"


def _value(frame: FrameType, before: list[dis.Instruction]) -> Any:
    """What the last of some instructions made, if that can be looked up; a `LookupError` if not."""
    last = before.pop()
    name = last.argval
    if last.opname == "COPY":
        return _value(frame, before)
    if last.opname in ("LOAD_FAST", "LOAD_DEREF", "LOAD_NAME", "STORE_FAST", "STORE_DEREF", "LOAD_GLOBAL"):
        return frame.f_locals[name] if name in frame.f_locals else frame.f_globals[name]
    if last.opname == "LOAD_ATTR":
        owner = _value(frame, before)
        return vars(owner)[name] if name in getattr(owner, "__dict__", ()) else getattr(owner, name)
    if last.opname == "BINARY_SUBSCR" and before[-1].opname == "LOAD_CONST":
        k = before.pop().argval
        owner = _value(frame, before)
        if isinstance(owner, (list, tuple, dict)):
            return owner[k]
    raise LookupError


def _error(place: Place, found: Comparison) -> BranchError:
    return BranchError(
        f"a condition of a compiled program was asked whether it is {found.with_} itself, and not whether it "
        "is true: it never is, since it is not known yet.", _advice(place, found), place)


def _advice(place: Place, found: Comparison) -> str:
    """What to write instead of `x is True`; that of a `match` is an `if`."""
    asked = parsed(place.expression)
    if not isinstance(asked, ast.Compare):
        return "write `if c:` and `else:` instead of `match c:`, with the condition as c."
    x = ast.unparse(asked.left)
    is_plain = isinstance(asked.left, (ast.Name, ast.Attribute, ast.Subscript, ast.Call))
    is_true = isinstance(asked.ops[0], ast.Is) is found.with_
    return f"write {(x if is_plain else f'({x})') if is_true else f'not {x}' if is_plain else f'not ({x})'}."
