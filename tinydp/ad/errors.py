"""Every error that tinydp raises on purpose: what happened, where, and what to write instead.

Each message has three parts, and the place is the user's own line, not one of ours:

    >>> import math
    >>> import numpy as np
    >>> import tinydp as dp
    >>> dp.grad(lambda x: math.sin(x))(1.0)               # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    tinydp.ad.errors.ConversionError: math.sin needs a plain number, and the derivative would end there.
      at ...
      write np.sin(x) instead, or math.sin(dp.value(x)) for a number without derivative.
"""

import ast
import dis
import functools
import itertools
import linecache
import os
import re
import sys
import sysconfig
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, NamedTuple

import numpy as np

from .advice.foreign import instead_of_numpys, plainly, with_arrays
from .advice.naming import Advice, in_our_names, names_in
from .advice.syntax import Position, of_file, path_to
from .tracebacks import DEMOS, hide_from_pytest, is_engines, rendered

__all__ = [
    "BranchError", "ClosureError", "ConversionError", "DtypeError", "EndedTapeError", "EventJumpedOver",
    "EventNotReached", "LoopError", "LoopNotEnded", "MutationError", "NoInputError", "NonScalarOutputError",
    "NotCompiledError", "NotConverged", "NotDifferentiableError", "NotFiniteError", "RuleError",
    "SelfCheckError", "SideEffectError", "SingularJacobian", "SteepGradientWarning", "StructureError",
    "TinydpError", "UnknownFunctionError", "UnsupportedArgumentError", "UsageError",
]

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class Spot(NamedTuple):
    """Where a program is, as cheaply as it can be noted down."""

    code: CodeType
    instruction: int
    line: int


class Place(NamedTuple):
    """A line of the user's program, and the expression in it that was being evaluated.

    The expression and the statement are as we would write them, with `np` for NumPy, if `names` tells what
    the user has instead.
    """

    file: str
    line: int
    text: str
    expression: str
    storing: bool                        # it is `something[...] = ...`
    start: tuple[int, int] | None = None         # line and column where the expression begins
    names: dict[str, str] | None = None  # what things are called there, see `naming.py`

    def __str__(self) -> str:
        text = f": {self.text}" if self.text else ""
        return f"{self.file}:{self.line}{text}"

    @property
    def statement(self) -> str:
        """The whole statement, which may have several lines."""
        found = _statement(self.file, *self.start) if self.start else ""
        return in_our_names(found or self.text, self.names or {})


def user_spot() -> Spot:
    """The innermost line that is running and is of no library: neither ours nor NumPy's nor another."""
    return innermost_spot(is_library)


def innermost_spot(skipped: Callable[[str], bool]) -> Spot:
    """The innermost line that is running, in a file that is not to be skipped."""
    return _spot_of(_innermost(sys._getframe(1), skipped))


def _innermost(frame: FrameType, skipped: Callable[[str], bool]) -> FrameType:
    while frame.f_back and (skipped(frame.f_code.co_filename) or _is_made(frame.f_code)):
        frame = frame.f_back
    return frame


def _is_made(code: CodeType) -> bool:
    """Whether it is a method that Python wrote, such as the `__init__` of a dataclass."""
    return code.co_filename == "<string>" and code.co_name.startswith("__")


def _spot_of(frame: FrameType) -> Spot:
    return Spot(frame.f_code, frame.f_lasti, frame.f_lineno)


def position_of(spot: Spot) -> Position:
    """Where the expression of an instruction stands in the source; zeros for what Python does not say."""
    found = next(itertools.islice(spot.code.co_positions(), spot.instruction // 2, None))
    return tuple([x or 0 for x in found])        # type: ignore[return-value]


def place_of(spot: Spot, names: dict[str, str] | None = None) -> Place:
    """The source of a spot, as far as it can be found."""
    code, instruction, line = spot
    text = linecache.getline(code.co_filename, line)
    first, last, start, stop = position_of(spot)
    expression = ""
    if stop:
        lines = [linecache.getline(code.co_filename, k).encode() for k in range(first, last + 1)]
        lines[-1] = lines[-1][:stop]             # before the first is cut: it may be the same
        lines[0] = lines[0][start:]
        expression = b"".join(lines).decode(errors="replace")
    storing = dis.opname[code.co_code[instruction]] == "STORE_SUBSCR"
    begin = (first, start) if stop else None
    return Place(code.co_filename, line, text.strip(), in_our_names(expression, names or {}), storing, begin,
                 names)


def user_place() -> Place:
    """The user's line that is running, with its source and the names of things there."""
    frame = _innermost(sys._getframe(1), is_library)
    return place_of(_spot_of(frame), names_in({**frame.f_globals, **frame.f_locals}))


def user_space() -> dict[str, Any]:
    """What the names stand for where the user's program is."""
    frame = _innermost(sys._getframe(1), is_library)
    return {**frame.f_globals, **frame.f_locals}


def _statement(file: str, line: int, column: int) -> str:
    """The source of the innermost statement without a block that is there; nothing if it cannot be found."""
    source = "".join(linecache.getlines(file))
    tree = of_file(source)
    path = path_to((line, line, column, column + 1), tree) if tree else ()
    around = [x for x in path if isinstance(x, ast.stmt)]
    is_whole = bool(around) and not hasattr(around[-1], "body")
    return ast.get_source_segment(source, around[-1]) or "" if is_whole else ""


_INSTALLED = tuple({sysconfig.get_path(name) + os.sep
                    for name in ("stdlib", "platstdlib", "purelib", "platlib")})


@functools.cache
def is_library(file: str) -> bool:
    """Whether a file is one of ours, of Python's own, or of a package that was installed."""
    installed = file.startswith((*_INSTALLED, "<frozen")) and not file.startswith(DEMOS)
    return is_engines(file) or installed or is_numpy(file) or is_scipy(file)


def is_scipy(file: str) -> bool:
    """Whether a file belongs to SciPy."""
    return f"{os.sep}scipy{os.sep}" in file


def in_scipy() -> bool:
    """Whether it is SciPy that is running, called by the user's program."""
    return is_scipy(innermost_spot(lambda file: file.startswith(_OURS) or is_numpy(file)).code.co_filename)


def is_numpy(file: str) -> bool:
    """Whether a file belongs to NumPy."""
    return f"{os.sep}numpy{os.sep}" in file


class TinydpError(Exception):
    """The base of all: `what` happened, the `place`, and `advice`; all three are text when it is printed.

        >>> error = TinydpError("The wheel is square.", "use a round one.", Place("car.py", 7, "", "", False))
        >>> print(error)
        The wheel is square.
          at car.py:7
          use a round one.
        >>> error.place.line
        7
    """

    def __init__(self, what: str, advice: str = "", place: Place | None = None):
        self.place = place or user_place()
        if isinstance(advice, Advice) and self.place.names is not None:
            advice = advice.in_names(self.place.names)
        self.what, self.advice = what, str(advice)
        super().__init__(what, self.advice, self.place)
        hide_from_pytest(sys._getframe(1))

    def __str__(self) -> str:
        lines = [self.what, f"  at {self.place}"]
        return "\n".join(lines + [f"  {self.advice}"] * bool(self.advice))

    _render_traceback_ = rendered                # what IPython shows


def wrapped_in(error: BaseException) -> TinydpError | None:
    """What `__float__` raised, if a library wrapped it in an error of its own; not a user's `raise from`."""
    cause = error.__cause__ or (error.__context__ if isinstance(error, SystemError) else None)
    if not isinstance(cause, TinydpError):
        return None
    is_numpys = type(error) is ValueError and "array element" in str(error)
    return cause if is_numpys or isinstance(error, SystemError) or is_library(_raised_in(error)) else None


def _raised_in(error: BaseException) -> str:
    """The file whose line raised an error."""
    end = error.__traceback__
    while end is not None and end.tb_next is not None:
        end = end.tb_next
    return end.tb_frame.f_code.co_filename if end else ""


def refused_by(error: TypeError) -> "ConversionError | None":
    """The same as advice, if it is somebody else's function that does not take a traced value."""
    frame, at = None, error.__traceback__
    while at is not None:
        if not is_library(at.tb_frame.f_code.co_filename):
            frame, spot = at.tb_frame, Spot(at.tb_frame.f_code, at.tb_lasti, at.tb_lineno)
        at = at.tb_next
    file = _raised_in(error)
    is_theirs = is_library(file) and not (file.startswith(_OURS) or is_numpy(file))
    if frame is None or not (is_theirs or re.search(r"\b(Var|Proxy)\b", str(error))):
        return None
    space = {**frame.f_globals, **frame.f_locals}
    place = place_of(spot, names_in(space))
    traced = {name for name, x in space.items() if type(x).__name__ in ("Var", "Proxy", "Draft")}
    new = plainly(place.expression, traced) or with_arrays(place.expression, space)
    if not new or new == ast.unparse(ast.parse(f"({place.expression.strip()})", mode="eval")):
        return None
    name = place.expression.partition("(")[0]
    numpys = instead_of_numpys(place.expression, space)
    if numpys:
        return ConversionError(f"{name} does not take a traced value, which is one of NumPy's.",
                               Advice("write {}.", numpys), place)
    cached = new.startswith(name + "(") and hasattr(space.get(name), "cache_info")
    return ConversionError(
        f"{name if place.expression.endswith(')') else 'this'} does not take a traced value: {error}.",
        Advice("write {}, which is not cached.", place.expression.replace(name, f"{name}.__wrapped__", 1))
        if cached else Advice("write {}, which is constant: the derivative ends there.", new), place)


class UsageError(TinydpError, TypeError):
    """One of our functions was not called as it can be."""


class NonScalarOutputError(TinydpError, TypeError):
    """`grad` was asked for the gradient of something that is not one number."""


class NoInputError(TinydpError, ValueError):
    """There is nothing to differentiate by."""


class DtypeError(TinydpError, TypeError):
    """A value is not made of real numbers that float64 can hold."""


class ConversionError(TinydpError, TypeError):
    """A traced value was turned into a plain number or array, which has no derivative."""

    @classmethod
    def unknown(cls, what: str, advice: str, place: Place | None = None) -> "ConversionError":
        """`what` asks for a number, of which a program that is compiled does not know the value yet."""
        return cls(f"{what} needs a number that is known, and in a program that is compiled there is none "
                   "yet.", advice, place)


class MutationError(TinydpError, TypeError):
    """A traced value was changed in place, or what is to be computed again was."""


class UnknownFunctionError(TinydpError, TypeError):
    """A NumPy function without a gradient rule met a traced value."""


class UnsupportedArgumentError(TinydpError, TypeError):
    """The gradient rule of a function does not know this argument."""


class NotDifferentiableError(TinydpError, TypeError):
    """A function was given a traced value where its rule says that it has no derivative."""


class EndedTapeError(TinydpError, RuntimeError):
    """A traced value was used after the differentiation that made it was over."""


class RuleError(TinydpError, ValueError):
    """A gradient rule has the wrong arity, or returned a cotangent of the wrong shape."""


class ClosureError(TinydpError, ValueError):
    """A function with a rule of its own used a traced value that is not one of its arguments."""


class StructureError(TinydpError, ValueError):
    """Two nested structures should have been alike."""

    difference: tuple[str, str, str, bool] | None = None     # where, what in each; whether it is static


class LoopError(TinydpError, ValueError):
    """The step of a loop, or the arrays that it runs along, do not fit together."""


class _WithState:
    """An error that has the last state as `state`."""

    def __init__(self, what: str, advice: str = "", place: Place | None = None, state: Any = None):
        super().__init__(what, advice, place)    # type: ignore[call-arg]
        self.state = state

    def __reduce__(self) -> tuple:
        error: Any = self
        return type(self), (error.what, error.advice, error.place, self.state)


class EventNotReached(_WithState, TinydpError, RuntimeError):
    """`integrate` made all its steps, and the event did not come; `state` is the last state."""

    @classmethod
    def after(cls, max_steps: int, state: Any, height: Any, rose: int | None = None) -> "EventNotReached":
        """So many steps were made, and `until(state)` is still `height`; `rose`: where it rose over zero."""
        found = f"the event did not come within {max_steps} steps: until(state) is"
        advice = "allow more with max_steps=, or look at the error's .state, the last one."
        if isinstance(height, (bool, np.bool_)):
            return cls(f"{found} {height}, a condition and not a number.",
                       "return a number that falls to zero, such as x - 1.0 instead of x < 1.0.", state=state)
        if rose is None:
            return cls(f"{found} still {height:.6g}.", advice, state=state)
        return cls(f"{found} still {height:.6g}; it rose through zero at step {rose}, and an event is where "
                   "it falls.", f"return its negative for one on the way up; else {advice}", state=state)


class LoopNotEnded(_WithState, TinydpError, RuntimeError):
    """`while_loop` made all its steps, and its condition still holds; `state` is the last state."""

    @classmethod
    def after(cls, max_steps: int, state: Any) -> "LoopNotEnded":
        """So many steps were made, and the condition holds for `state`."""
        shown = repr(state)
        shown = f": {shown}" if len(shown) <= 60 and "\n" not in shown else ""
        return cls(f"the condition still holds after {max_steps} steps of while_loop{shown}.",
                   "allow more with max_steps=, or look at the error's .state, the last one.", state=state)


class NotConverged(_WithState, TinydpError, RuntimeError):
    """Newton's method, of `root` or `argmin`, found nothing; `state` is where it ended."""

    @classmethod
    def after(cls, name: str, max_steps: int, residual: float, state: Any) -> "NotConverged":
        """At `state` the residual has this norm."""
        what = "the residual" if name == "root" else "the gradient"
        return cls(f"{name} did not converge within {max_steps} steps: {what} is still {residual:.3g}.",
                   "begin nearer, allow more with max_steps= or tolerance=, or look at the error's .state, "
                   "where it ended.", state=state)


class SingularJacobian(_WithState, TinydpError, ArithmeticError):
    """The equations of `root` or `argmin` do not say where to go; `state` is where that is."""

    @classmethod
    def at(cls, name: str, state: Any) -> "SingularJacobian":
        """The matrix of the linear equations has no inverse at `state`."""
        matrix = "the Jacobian" if name == "root" else "the Hessian"
        return cls(
            f"{matrix} has no inverse, in {name}: the equations do not determine all that is looked for.",
            "look at the error's .state, where that is; begin elsewhere, or leave out what nothing needs.",
            state=state)


class EventJumpedOver(TinydpError, ValueError):
    """`integrate` is differentiated, and its event is no root of `until`, but a jump over zero."""

    @classmethod
    def between(cls, above: float, below: float) -> "EventJumpedOver":
        """Just before the event `until` is `above`, just after it `below`."""
        return cls(f"until jumps from {above:.6g} to {below:.6g} at the event: its time has no derivative.",
                   "return a number that falls to zero, such as 1.0 - x; with np.where(x < 1.0, 1.0, -1.0), "
                   "there or in the state, it jumps.")


class BranchError(TinydpError, TypeError):
    """A program that is being compiled branches where it cannot be followed, as in more than 1,024 ways."""


class NotCompiledError(TinydpError, TypeError):
    """A program uses what `compile` cannot translate."""


class SideEffectError(NotCompiledError):
    """A function or a step that is compiled does not do the same each time: it changes what it reads."""


class SelfCheckError(TinydpError, AssertionError):
    """A compiled program and the tape have different results.

    It is an error of tinydp, unless the function asks for `type(x)` or whether a number `is` another.
    """


class NotFiniteError(TinydpError, ArithmeticError):
    """Under `debug_nans`: a value or a cotangent became infinite or nan."""


class SteepGradientWarning(RuntimeWarning):
    """A gradient is infinite here, as that of sqrt at 0."""
