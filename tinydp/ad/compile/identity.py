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

In the same way `type(c) is bool` would be false in silence, while `isinstance(c, bool)` is told the truth.
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
from ..advice.syntax import parsed
from ..errors import BranchError, Place, Spot, place_of
from ..twins import twin
from ..values import abstract, is_condition
from .manners import _bool


class Comparison(NamedTuple):
    """A comparison by identity: with True or False, or of two values."""

    with_: bool | None
    before: tuple[dis.Instruction, ...]          # the instructions up to it, which make what is compared

    @property
    def how(self) -> list[str]:
        """The last of these, to be read."""
        return [f"{x.opname} {x.argrepr}" for x in self.before[-1:]]


class OfClass(NamedTuple):
    """A comparison of a class: `type(x) is bool`, or `in (int, bool)`."""

    before: tuple[dis.Instruction, ...]          # what makes x
    others: tuple[dis.Instruction, ...]          # ... and what it is compared with


@functools.cache
def comparisons(code: CodeType) -> dict[int, Comparison | OfClass]:
    """The comparisons in a function, by where they are; not those in functions within it."""
    instructions = [*dis.get_instructions(code)]
    found: dict[int, Comparison | OfClass] = {}
    for k, (last, x) in enumerate(itertools.pairwise(instructions), 1):
        asked = _of_class(instructions[:k]) if _compares(x) else None
        if asked is not None:
            found[x.offset] = asked
        elif x.opname == "IS_OP" and last.opname == "LOAD_CONST":
            if type(last.argval) is bool:        # and not None
                found[x.offset] = Comparison(last.argval, tuple(instructions[:k - 1]))
        elif x.opname == "IS_OP" and not _is_member(instructions[k - 2: k]):
            found[x.offset] = Comparison(None, tuple(instructions[:k]))
    return found


def _is_member(last: list[dis.Instruction]) -> bool:
    """Whether something global is compared with, such as `Mode.ON`: no condition."""
    return [x.opname for x in last] == ["LOAD_GLOBAL", "LOAD_ATTR"] or last[-1].opname == "LOAD_GLOBAL"


def _compares(x: dis.Instruction) -> bool:
    return x.opname in ("IS_OP", "CONTAINS_OP") or (x.opname == "COMPARE_OP" and x.argrepr in ("==", "!="))


def _of_class(before: list[dis.Instruction]) -> OfClass | None:
    """What is compared, if one side is `type(x)`, and the other may be the class of conditions."""
    names = ("LOAD_GLOBAL", "LOAD_ATTR", "LOAD_FAST", "LOAD_DEREF", "LOAD_NAME", "BUILD_TUPLE", "BUILD_LIST")
    k = next((k for k in reversed(range(len(before))) if before[k].opname not in names), 0)
    if before[k].opname != "CALL":
        return None
    start = next((j for j in reversed(range(k)) if before[j].opname == "LOAD_GLOBAL"
                  and before[j].argval == "type"), None)
    if start is None:
        return None
    others = before[k + 1:] or before[max(start - 2, 0): start]      # `bool is type(x)`, or np.bool_
    if not any(x.argval in ("bool", "bool_") or x.opname not in ("LOAD_GLOBAL", "LOAD_ATTR") for x in others):
        return None
    made = [x for x in before[start + 1: k] if x.opname != "PRECALL"]
    return OfClass(tuple(made), tuple(others))


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    yield code
    for x in code.co_consts:
        if isinstance(x, CodeType):
            yield from _with_inner(x)


@contextlib.contextmanager
def refused_comparisons(functions: Iterable[Any]) -> Iterator[None]:
    """A context in which such a comparison of a condition of a program raises `BranchError`."""
    run = [x for f in functions for x in (f, twin(f))]
    codes = {code for f in run for code in _with_inner(f.__code__) if comparisons(code)}
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
        self.new: set[FrameType] = set()         # ... in the instruction before

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
            self.new.add(frame.f_back)
        return self.returns

    def inside(self, frame: FrameType, event: str, arg: Any) -> Any:
        """... and this for each instruction of ours."""
        if event == "return":
            self.returned.pop(frame, None)
            if frame.f_back is not None:
                self.returned[frame.f_back] = arg
                self.new.add(frame.f_back)
        is_new = frame in self.new
        self.new.discard(frame)
        found = comparisons(frame.f_code).get(frame.f_lasti) if event == "opcode" else None
        if isinstance(found, OfClass):
            if self.is_class_refused(frame, found):
                raise _error_of_class(place_of(Spot(frame.f_code, frame.f_lasti, frame.f_lineno)))
        elif found is not None and self.is_refused(frame, found, is_new):
            raise _error(place_of(Spot(frame.f_code, frame.f_lasti, frame.f_lineno)), found)
        return self.inside

    def is_class_refused(self, frame: FrameType, found: OfClass) -> bool:
        """Whether it is a condition whose class is asked for, and in plain Python it would be that one."""
        try:
            x = _value(frame, [*found.before])
        except LookupError:
            x = self.returned.get(frame)
        if not _is_condition(x):
            return False
        others = []
        for k in range(len(found.others)):
            with contextlib.suppress(LookupError):
                others.append(_value(frame, [*found.others[: k + 1]]))
        return any(other is type(x.example) for other in others)

    def is_refused(self, frame: FrameType, found: Comparison, is_new: bool) -> bool:
        """Whether what is compared is a condition."""
        if found.with_ is None:
            return _are_conditions(*self.operands(frame, found, is_new))
        return any(map(_is_condition, self.candidates(frame, found)))

    def operands(self, frame: FrameType, found: Comparison, is_new: bool) -> tuple:
        """The two values that are compared. What cannot be looked up was returned, `is_new` just now."""
        before, last = [*found.before], self.returned.get(frame)
        try:
            right = _value(frame, before)
        except LookupError:
            return (last, last) if is_new else (None, None)
        try:
            return _value(frame, before), right
        except LookupError:
            return last, right

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
    return abstract(x) and is_condition(x)


def _are_conditions(a: Any, b: Any) -> bool:
    """Whether one is a condition, and the other may be the same in plain Python: another, True or False."""
    return any(_is_condition(x) and (_is_condition(y) or type(y) is bool) for x, y in ((a, b), (b, a)))


def _value(frame: FrameType, before: list[dis.Instruction]) -> Any:
    """What the last of some instructions made, if that can be looked up; a `LookupError` if not."""
    last = before.pop()
    name = last.argval
    if last.opname == "COPY":
        return _value(frame, before)
    if last.opname == "LOAD_CONST":
        return name
    if last.opname in ("LOAD_FAST", "LOAD_DEREF", "LOAD_NAME", "STORE_FAST", "STORE_DEREF", "LOAD_GLOBAL"):
        for names in (frame.f_locals, frame.f_globals, frame.f_builtins):
            if name in names:
                return names[name]
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
    what = "another one" if found.with_ is None else found.with_
    return BranchError(
        f"a condition of a compiled program was asked whether it is {what} itself, and not whether it "
        "is true: it never is, since it is not known yet.", _advice(place, found), place)


def _advice(place: Place, found: Comparison) -> str:
    """What to write instead of `x is True`; that of a `match` is an `if`."""
    asked = parsed(place.expression)
    if not isinstance(asked, ast.Compare):
        return "write `if c:` and `else:` instead of `match c:`, with the condition as c."
    is_same = isinstance(asked.ops[0], ast.Is)
    if found.with_ is None:
        asked = ast.Compare(asked.left, [ast.Eq() if is_same else ast.NotEq()], asked.comparators)
        return f"write {ast.unparse(asked)}."
    x = ast.unparse(asked.left)
    is_plain = isinstance(asked.left, (ast.Name, ast.Attribute, ast.Subscript, ast.Call))
    is_true = is_same is found.with_
    return f"write {(x if is_plain else f'({x})') if is_true else f'not {x}' if is_plain else f'not ({x})'}."


def _error_of_class(place: Place) -> BranchError:
    """What to write instead of `type(c) is bool`."""
    advice, asked = "write isinstance(c, bool), with the condition as c.", parsed(place.expression)
    if isinstance(asked, ast.Compare):
        a, b = asked.left, asked.comparators[0]
        call, other = (a, b) if isinstance(a, ast.Call) else (b, a)
        text = f"isinstance({ast.unparse(call.args[0])}, {ast.unparse(other)})"      # type: ignore[attr-defined]
        is_one = isinstance(asked.ops[0], (ast.Is, ast.Eq, ast.In))
        advice = f"write {text}." if is_one else f"write not {text}."
    return BranchError(
        "a condition of a compiled program was asked whether its class is one that it has in plain Python: "
        "type(c) has another answer, since the condition is not known yet.", advice, place)
