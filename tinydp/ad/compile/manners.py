"""How proxies behave: the operators and methods of numbers and arrays, and what they refuse."""

import operator
import sys
from collections.abc import Callable
from functools import partialmethod
from typing import Any, NoReturn

import numpy as np

from ..advice.foreign import instead_of_call
from ..advice.methods import (
    instead_of_increase,
    instead_of_index,
    instead_of_int,
    instead_of_key,
    instead_of_method,
    is_call_of,
    is_increased,
)
from ..advice.naming import Advice
from ..advice.rewriting import (
    instead_of_changing,
    instead_of_conversion,
    instead_of_math,
    instead_of_setting,
    instead_of_writing,
)
from ..advice.syntax import parsed
from ..drafts import Draft
from ..errors import (
    BranchError,
    ConversionError,
    DtypeError,
    MutationError,
    NotCompiledError,
    Place,
    user_place,
)
from ..operators import _CHANGING, _IN_PLACE, _LEAVING, OTHER_PARAMETERS, _in_place, _reshape, _transpose
from ..parts import Parts
from ..primitives import Primitive, sweeping
from ..registry import registered
from ..selected import Selected
from ..tape import Var
from ..values import is_condition, is_integer, shape
from .integers import bit_shifted, integer_of, proxy_rounded_by
from .kinds import as_numbers, constant
from .paths import is_engine
from .possible import LOOKED_AT, require_possible
from .powers import are_numpys, are_whole, numpys_power, whole_power
from .proxy import Proxy, call_numpy, logged, write


def _forward(op: Primitive) -> Callable:
    def method(a: Proxy, b: Any) -> Any:
        if type(b) in (Var, Parts, Selected, Draft):
            return NotImplemented
        return _operated(op, a, b)
    return method


def _reflected(op: Primitive) -> Callable:
    def method(b: Proxy, a: Any) -> Any:
        return _operated(op, a, b)
    return method


def _operated(op: Primitive, a: Any, b: Any) -> Any:
    """The result of an operator. A call that decides of which kind a power is cannot be one that is kept."""
    if op.name == "power":
        if are_whole(a, b) and not b < 0:
            return whole_power(a, b)
        if are_numpys(a, b):
            return numpys_power(a, b)
    x = a if isinstance(a, Proxy) else b
    return logged(op, (a, b), lambda: _call(x, op, (a, b), {}))


def _call(x: Proxy, op: Primitive, args: tuple, options: dict) -> Any:
    """The result of an operator of Python's, or of an operation of the tape's, where `x` is an operand.

    A tape has to look where an operator on numbers would raise. Numbers that came from NumPy do not, but a
    tape that looks in vain does no harm. The rules are ours.
    """
    y = write(op, args, options)
    trace = x.builder.trace
    if op.name in LOOKED_AT and not any(map(shape, args)) and trace.is_users and (
            trace.is_in_rule or not sweeping.get()):
        require_possible(op.name, args, y)
    return y


def _bitwise(op: Primitive, symbol: str) -> Callable:
    def method(a: Proxy, b: Any) -> Any:
        if is_integer(a) and is_integer(constant(b)):
            return getattr(np, f"bitwise_{op.name.removeprefix('logical_')}")(a, b)
        if not (is_condition(a) and is_condition(constant(b))):
            raise TypeError(f"{symbol} is for conditions, such as (x > 0) {symbol} (y > 0), not for numbers")
        return write(op, (a, b), {})
    return method


def _bool(self: Proxy) -> bool:
    """Whether it is true: in a step, all ways are tried, see paths.py. Elsewhere, that of the examples is
    taken, and the program checks at each run that it is the right one."""
    if self.shape and self.size == 1:
        return bool(call_numpy(np.all, (self,), {}))
    if self.shape:
        raise BranchError("an array of a compiled program has no single truth value.",
                          "write np.any(x), np.all(x), or np.where(condition, a, b).", user_place())
    if self.builder.oracle is not None:
        condition = self if self.kind == "b" else write(registered(np.not_equal), (self, 0.0), {})
        return condition.builder.oracle.decide(condition.value)      # perhaps it was written further inside
    if self.builder.guards is None:
        raise BranchError("the derivative of a compiled loop cannot take a branch that depends on a value.",
                          "write np.where(condition, a, b), np.maximum or np.clip.", user_place())
    guards, told = self.builder.guards, self.builder.told
    for known, truth in guards:
        if known is self.value:                  # it is asked again
            return truth
    truth = told[len(guards)] if len(guards) < len(told) else bool(self.builder.actual(self.value))
    guards.append((self.value, truth))
    return truth


def _equals(equal: Callable) -> Callable:
    """As `equal`, but a single condition is equal to True if it is true: that asks nothing new."""
    def method(a: Proxy, b: Any) -> Any:
        if b is True and a.kind == "b" and not a.shape:
            return a
        return np.logical_not(a) if b is False and a.kind == "b" and not a.shape else equal(a, b)
    return method


def _hash(x: Proxy) -> int:
    """A condition is a key of a dict as True or False is, which is a decision; a number is none."""
    if x.kind == "b" and not x.shape:
        return hash(_bool(x))
    place = user_place()
    raise ConversionError(
        "a value of a compiled program was used as a key: it is not known yet.",
        instead_of_key(place.expression), place)


def _invert(x: Proxy) -> Any:
    if x.kind == "i":
        return -1 - x                            # type: ignore[operator]
    if not x.shape:                              # ~True is -2, as is that of Python's comparisons
        raise NotCompiledError("~ of a single condition is a number, and always counts as true.",
                               "write np.logical_not(condition).")
    return np.logical_not(x)


def _rounded(x: Proxy, digits: Any = None) -> Any:
    if digits is not None:
        raise NotCompiledError("round(x, digits) cannot be compiled.", "write np.round(x, digits).")
    return integer_of(np.rint(x))


def _seen_as(x: Proxy) -> type:
    """What `isinstance` and `case bool():` are told in the user's code.

    A single condition is what it is in plain Python; the engine, and NumPy, are told what it is here.
    """
    if x.kind != "b" or x.shape:
        return Proxy
    frame = sys._getframe(2)
    while frame.f_back and frame.f_globals.get("__name__") == "abc":     # of an abstract class, such as Real
        frame = frame.f_back
    return Proxy if is_engine(frame.f_code.co_filename) else type(x.example)


def _refuse_number(what: str) -> Callable:
    def method(self: Proxy, *args: Any, **kwargs: Any) -> NoReturn:
        place = user_place()
        if place.storing:
            raise MutationError("a value of a compiled program was written into a plain array.",
                                instead_of_increase(place.statement) or instead_of_writing(place.statement),
                                place)
        if _is_increased(place):
            _refuse_change(self)
        if advice := instead_of_index(place.expression, self.kind == "f"):
            raise ConversionError(INDEXED, advice, place)
        raise ConversionError(
            f"{what} needs a plain number, and in a program that is compiled there is none yet.",
            _instead_of_plain(place.expression), place)
    return method


def _instead_of_plain(expression: str) -> str:
    """What to write instead of an expression that asks for plain numbers."""
    if (advice := instead_of_method(expression)).startswith("write np."):
        return advice
    if (found := instead_of_math(expression)) and found[1]:
        return Advice("write {} instead.", found[1])
    if advice := instead_of_call(expression):
        return advice
    return instead_of_conversion(expression) or (
        "write it with NumPy's functions, and np.stack around a list of values; a number that is fixed "
        "belongs to static= of dp.compile, or to a field of a dataclass with "
        'metadata={"static": True}.')


def _number(kind: type) -> Callable:
    """A condition as 0 or 1 is a branch; other numbers are not known yet, and an array is none."""
    refuse = _refuse_number("float(x)") if kind is float else _refuse_integer
    return lambda x: kind(_bool(x)) if x.kind == "b" and not x.shape else refuse(x)


def _is_increased(place: Place) -> bool:
    """Whether it is `x[i]` in the line `x[i] += v`."""
    return is_increased(place.expression, place.statement)


def _refuse_integer(x: Proxy) -> NoReturn:
    """Python wants an integer that is known: for `int(x)`, or as an index of a plain array or a list."""
    place = user_place()
    if advice := instead_of_int(place.expression):
        raise ConversionError.unknown("int(x)", advice, place)
    if is_call_of("range", parsed(place.expression)):
        raise ConversionError.unknown("range(n)", "make n a static= argument of dp.compile.", place)
    if place.storing or _is_increased(place):
        _refuse_change(x)
    rounded = x.kind == "f"
    advice = instead_of_index(place.expression, rounded) or instead_of_index("table[i]", rounded)
    raise ConversionError(INDEXED, advice, place)


INDEXED = "an array or a list that is not traced was indexed by a value of a compiled program."


def _refuse_change(self: Proxy, *args: Any, **kwargs: Any) -> NoReturn:
    place = user_place()
    raise MutationError("an array of a compiled program cannot be changed in place.",
                        instead_of_increase(place.statement) or instead_of_setting(place.statement), place)


def _refuse_changing(self: Proxy, *args: Any, **kwargs: Any) -> NoReturn:
    place = user_place()
    raise MutationError("an array of a compiled program cannot be changed in place.",
                        instead_of_changing(place.expression), place)


def _astype(self: Proxy, dtype: Any, *args: Any, **kwargs: Any) -> Any:
    np.empty(0).astype(dtype, *args, **kwargs)   # refuses what NumPy refuses
    if np.dtype(dtype) == np.float64:
        return as_numbers(self)
    if np.dtype(dtype) == np.bool_:
        return write(registered(np.not_equal), (self, 0.0), {})
    if np.dtype(dtype) == np.int64:
        return integer_of(self)
    raise DtypeError(f".astype({dtype!r}) in a compiled program, whose numbers are float64 and int64.",
                     "leave it out, or write .astype(int).")


def _set_manners() -> None:
    operators: dict[str, Callable] = {
        "add": operator.add, "sub": operator.sub, "mul": operator.mul, "mod": operator.mod,
        "truediv": operator.truediv, "pow": operator.pow, "matmul": operator.matmul,
        "floordiv": np.floor_divide}
    for name, function in operators.items():
        setattr(Proxy, f"__{name}__", _forward(registered(function)))
        setattr(Proxy, f"__r{name}__", _reflected(registered(function)))
    comparisons = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
                   "eq": np.equal, "ne": np.not_equal}
    for name, ufunc in comparisons.items():
        setattr(Proxy, f"__{name}__", _forward(registered(ufunc)))
    Proxy.__eq__ = _equals(Proxy.__eq__)         # type: ignore[method-assign]
    bitwise = {"and": ("&", np.logical_and), "or": ("|", np.logical_or), "xor": ("^", np.logical_xor)}
    for name, (symbol, logical) in bitwise.items():
        method = _bitwise(registered(logical), symbol)
        setattr(Proxy, f"__{name}__", method)
        setattr(Proxy, f"__r{name}__", method)     # in either order
        setattr(Proxy, f"__i{name}__", _in_place(f"__{name}__", symbol))
    for name, symbol in _IN_PLACE.items():
        setattr(Proxy, f"__i{name}__", _in_place(name, symbol))
    for name in dir(np.ndarray):
        numpys: Any = getattr(np, name, None)
        if name in _CHANGING:
            setattr(Proxy, name, _refuse_changing)
        elif name in _LEAVING:
            setattr(Proxy, name, _refuse_number(f".{name}()"))
        elif not name.startswith("_") and callable(numpys) and not hasattr(Proxy, name):
            setattr(Proxy, name, partialmethod(numpys))
    others: dict[str, Any] = {
        "__neg__": lambda x: write(registered(np.negative), (x,), {}),
        "__pos__": lambda x: x,
        "__abs__": lambda x: np.abs(x),
        "__divmod__": lambda a, b: (a // b, a % b),
        "__rdivmod__": lambda b, a: (a // b, a % b),
        "__round__": _rounded,
        "__invert__": _invert,
        "__floor__": proxy_rounded_by(np.floor),
        "__ceil__": proxy_rounded_by(np.ceil),
        "__trunc__": proxy_rounded_by(np.trunc),
        "__lshift__": bit_shifted(np.multiply),
        "__rshift__": bit_shifted(np.floor_divide),
        "__hash__": _hash,
        "__bool__": _bool,
        "seen_as": _seen_as,
        "__float__": _number(float),
        "__int__": _number(int),
        "__index__": _number(int),
        "__array__": _refuse_number("a plain array"),
        "call": _call,
        "__setitem__": _refuse_change,
        "__copy__": lambda x: x,                 # it never changes
        "__deepcopy__": lambda x, memo: x,
        "__reduce_ex__": _refuse_number("pickle.dumps(x)"),
        "__format__": lambda x, spec: format(x.example, spec),
        "__str__": lambda x: str(x.example),
        "real": property(lambda x: x),
        "imag": property(lambda x: np.zeros_like(x)),
        "compress": lambda x, condition, axis=None: np.compress(condition, x, axis=axis),
        "reshape": _reshape,
        "transpose": _transpose,
        "flatten": lambda x, order="C": np.ravel(x, order=order),
        "copy": lambda x, order="C": np.copy(x, order),
        "astype": _astype,
        **OTHER_PARAMETERS,
    }
    for name, method in others.items():
        setattr(Proxy, name, method)


_set_manners()

