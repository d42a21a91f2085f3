"""The manners of a `Var`: an ordinary citizen of Python and NumPy, firm in what it refuses.

Operators and NumPy functions record themselves; comparisons give plain booleans; formatting
formats the value. Whatever would lose the derivative in silence raises, and names the line
and the code to write instead.

    >>> import numpy as np
    >>> from tinydp import grad
    >>> def relu_of_sum(x):
    ...     total = np.sum(x * [1.0, 2.0])
    ...     return total if total > 0 else 0.0 * total
    >>> grad(relu_of_sum)(np.array([3.0, 4.0]))
    array([1., 2.])
"""

import math
import operator
import sys
from collections.abc import Callable, Iterator
from functools import partialmethod
from typing import Any, NoReturn

import numpy as np

from .advice.calling import argument_of, instead_of_power, wrapped
from .advice.foreign import instead_of_call, instead_of_column, with_arrays
from .advice.methods import at_advice, instead_of_increase, instead_of_index, instead_of_method
from .advice.naming import Advice
from .advice.rewriting import (
    called,
    instead_of_change,
    instead_of_changing,
    instead_of_conversion,
    instead_of_math,
    instead_of_scipy,
    instead_of_setting,
    instead_of_writing,
    rewritten_fill,
    without_out,
)
from .asking import checked_replacement, is_array
from .errors import (
    ConversionError,
    DtypeError,
    EndedTapeError,
    MutationError,
    UnknownFunctionError,
    user_place,
    user_space,
)
from .fast import binary, inline, unary
from .folds import advice_for_method, full_name, method_of
from .integers import astype, getitem, refuse_index, rounded_by
from .neighbours import of_ufunc
from .origin import from_numpy
from .primitives import Primitive, sweeping
from .registry import PRIMITIVES, registered
from .tape import EndedTape, Var
from .values import abstract, plain, settle, shape

# ---------------------------------------------------------------------------- arithmetic

class NotReal(ArithmeticError):
    """A power of Python's numbers that is complex."""


def _power(a: Any, b: Any) -> Any:
    y = a ** b
    if type(y) is complex:
        raise NotReal
    return y


def _singular(compute: Callable, a: Any, b: Any) -> Any:
    """The value of an operation for which Python's numbers raised just now.

    A number that came from NumPy is infinite or nan there, as in the plain program, and NumPy warns.
    """
    values = [float(plain(x)) for x in (a, b)]
    if any(type(x) is Var and type(x.value) is Var for x in (a, b)):
        raise                                    # the differentiation around decided  # noqa: PLE0704
    if sweeping.get() or from_numpy(a) or from_numpy(b):
        return float(compute(*map(np.float64, values)))
    if isinstance(sys.exc_info()[1], NotReal):
        raise DtypeError(f"({values[0]!r}) ** {values[1]!r} is complex; tinydp differentiates real numbers.",
                         instead_of_power(user_place().expression)) from None
    raise                                        # what they raised  # noqa: PLE0704


def _floor_divide(a: Any, b: Any) -> Any:
    """a // b, which has no derivative: a plain number."""
    if shape(a) or shape(b):
        return PRIMITIVES[np.floor_divide](a, b)
    return operator.floordiv(*[np.float64(plain(x)) if type(x) is Var and not abstract(x) and from_numpy(x)
                               else plain(x) for x in (a, b)])


def _product(a: Any, b: Any) -> Any:
    y = np.matmul(a, b)
    return y if type(y) is np.ndarray else settle(y)             # that of two vectors is a number


def _record_negative(x: Var) -> Var:
    return x.tape.record(PRIMITIVES[operator.neg], -x.value, x)


def _record_absolute(x: Var) -> Var:
    return x.tape.record(PRIMITIVES[operator.abs], abs(x.value), x)


# Python's name for the operator -> the operation, and how to compute it on plain numbers
_FAST = {"add": operator.add, "sub": operator.sub, "mul": operator.mul,
         "truediv": operator.truediv, "mod": operator.mod, "pow": _power, "matmul": _product}
_COMPARISONS = ("lt", "le", "eq", "ne", "gt", "ge")
_IN_PLACE = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "mod": "%", "pow": "**",
             "matmul": "@", "floordiv": "//"}


def _comparison(compare: Callable) -> Callable:
    return lambda a, b: compare(plain(a), plain(b))


def _in_place(name: str, symbol: str) -> Callable:
    combine = getattr(operator, name)

    def method(a: Var, b: Any) -> Any:
        if shape(a) != () or is_array(a):        # `y = x; x += 1` would change y in NumPy
            new = instead_of_change(user_place().statement) or f"x = x {symbol} ..."
            raise MutationError(
                f"{symbol}= changes a traced array in place, and other names may refer to it.",
                Advice("write {} instead.", new))
        return combine(a, b)

    return method


def _methods() -> Iterator[tuple[str, Any]]:
    """All of Python's operators, by their special names."""
    for name, compute in _FAST.items():
        primitive = registered(getattr(operator, name))
        primitive.methods = forward, reflected = binary(primitive, compute, _singular)
        inline(name, primitive.rules)
        yield f"__{name}__", forward
        yield f"__r{name}__", reflected
    yield "__floordiv__", _floor_divide
    yield "__rfloordiv__", lambda a, b: _floor_divide(b, a)
    for name, symbol in _IN_PLACE.items():
        yield f"__i{name}__", _in_place(name, symbol)
    for name in _COMPARISONS:
        yield f"__{name}__", _comparison(getattr(operator, name))
    yield "__neg__", _record_negative
    yield "__pos__", lambda x: x
    yield "__abs__", _record_absolute
    yield "__bool__", lambda x: bool(plain(x))
    yield "__divmod__", lambda a, b: (a // b, a % b)
    yield "__rdivmod__", lambda b, a: (a // b, a % b)
    yield "__round__", lambda x, digits=None: round(plain(x), digits)
    yield "__hash__", None                       # equal by value, so no key of a dict or cache


# ---------------------------------------------------------------------------- NumPy

def _array_ufunc(self: Var, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
    primitive = PRIMITIVES.get(ufunc)
    if primitive is not None and method == "__call__" and not kwargs:
        if len(args) == 1 and type(primitive) is Primitive:
            return unary(primitive, self)         # one call less on a hot path
        return primitive(*args)
    if kwargs.get("out") is not None:
        raise MutationError(
            "a traced value was written into a plain array, which would lose its derivative.",
            without_out(ufunc.__name__, user_place().expression))
    if primitive is not None and method == "__call__":
        return primitive(*args, **kwargs)
    if method == "at":
        raise MutationError(
            *at_advice(ufunc.__name__, user_place().expression))
    if known := method_of(ufunc, method):
        return checked_replacement(full_name(ufunc, method), known, args, kwargs)
    if method == "__call__" and ufunc.__name__ == "clip":
        return np.clip(*args, **kwargs)          # the method of a plain array calls what has no public name
    if method == "__call__" and (known := of_ufunc(ufunc)) is not None:
        return known(*args, **kwargs)
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    if method != "__call__":
        raise UnknownFunctionError(f"np.{name} has no gradient rule, and was called with a traced value.",
                                   advice_for_method(ufunc.__name__, method))
    if getattr(np, ufunc.__name__, None) is ufunc:
        raise _unknown(f"np.{name}")
    expression = user_place().expression         # it is SciPy's, or the user's, and does not know its module
    error = _unknown(called(expression, name))
    raise UnknownFunctionError(error.what, instead_of_scipy(expression, error.advice))


def _array_function(self: Var, function: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
    if kwargs.get("out") is not None or function is np.copyto:
        raise MutationError(
            "a traced value was written into a plain array, which would lose its derivative.",
            without_out(function.__name__, "") if "out" in kwargs
            else rewritten_fill(user_place().expression))
    if function is np.where and args and type(args[0]) is int and args[0] in (-1, -2):
        raise DtypeError(
            f"the condition of np.where is {args[0]}: ~ of {args[0] == -2}, which is not its opposite.",
            "write np.logical_not(condition), or swap the branches.")
    if function in PRIMITIVES:
        return PRIMITIVES[function](*args, **kwargs)
    module = getattr(function, "__module__", "numpy").replace("numpy", "np", 1)
    raise _unknown(f"{module}.{function.__name__}")


def _unknown(name: str) -> UnknownFunctionError:
    place = user_place()
    if advice := instead_of_call(place.expression):
        return UnknownFunctionError(
            f"{name} has no gradient rule, and was called with a traced value.", advice, place)
    constant = wrapped(place.expression, "dp.stop_gradient({})", lambda k: k == 0)
    return UnknownFunctionError(
        f"{name} has no gradient rule, and was called with a traced value.",
        Advice("write it with other NumPy functions, or register a rule: {}; for a constant, pass {}.",
               f"dp.defvjp({name}, lambda g, y, x: ...)", constant or "dp.stop_gradient(x)"), place)


# x.sum() is np.sum(x): NumPy's functions with the array first, for all but these.
# Methods are set one by one, since a __getattr__ would slow down every y.value.
_CHANGING = frozenset(("sort", "partition", "resize", "put", "fill", "setfield", "setflags",
                       "byteswap"))
_LEAVING = frozenset(("item", "tolist", "tobytes", "tofile", "dump", "dumps", "view"))


def _array_methods() -> Iterator[tuple[str, Any]]:
    for name in dir(np.ndarray):
        function = getattr(np, name, None)
        if name in _CHANGING:
            yield name, _refuse_changing(name)
        elif name in _LEAVING:
            yield name, _refuse_leaving(name)
        elif not name.startswith("_") and callable(function):
            yield name, partialmethod(function)


def _refuse_changing(name: str) -> Callable:
    def method(self: Var, *args: Any, **kwargs: Any) -> NoReturn:
        raise MutationError(f".{name}() would change a traced array in place.",
                            instead_of_changing(user_place().expression))
    return method


def _refuse_leaving(name: str) -> Callable:
    def method(self: Var, *args: Any, **kwargs: Any) -> NoReturn:
        place = user_place()
        if name == "item" and not shape(self) and place.expression.endswith(".item()"):
            x = place.expression.removesuffix(".item()")
            raise ConversionError(
                ".item() gives plain numbers, and the derivative would end there.",
                Advice("write {} instead, or {} for a number without derivative.", x, f"dp.value({x})"),
                place)
        raise ConversionError(
            f".{name}() gives plain numbers, and the derivative would end there.",
            Advice(f"leave .{name}() out, or write {{}} for numbers without derivative.",
                   f"dp.value(x).{name}()"))
    return method


def _reshape(self: Any, *shape: Any, **kwargs: Any) -> Any:
    if not shape:
        np.empty(1).reshape(*shape, **kwargs)    # raises: np.reshape would take shape= by name
    return np.reshape(self, shape[0] if len(shape) == 1 else shape, **kwargs)


def _transpose(self: Any, *axes: Any) -> Any:
    return np.transpose(self, (axes[0] if len(axes) == 1 else axes) if axes else None)


# Two methods whose parameters are not those of the function.
OTHER_PARAMETERS: dict[str, Callable] = {
    "clip": lambda self, min=None, max=None, *out, **kwargs: np.clip(self, min, max, *out, **kwargs),
    "swapaxes": lambda self, axis1, axis2, /: np.swapaxes(self, axis1, axis2),
}


def _len(self: Var) -> int:
    if not shape(self):
        raise TypeError("a traced number has no len()")
    return shape(self)[0]


def _iter(self: Any) -> Iterator[Any]:
    return map(self.__getitem__, range(len(self)))       # which tells what it runs along: see `along.py`


# ---------------------------------------------------------------------------- refusals

_MADE_PLAIN = "a traced value was made part of a plain array, and the derivative would end there."


def _to_float(self: Var) -> NoReturn:
    place = user_place()
    if place.storing:
        raise MutationError(
            "a traced value was written into a plain array, which would lose its derivative.",
            instead_of_increase(place.statement) or instead_of_writing(place.statement), place)
    if advice := instead_of_method(place.expression):
        raise ConversionError(_MADE_PLAIN, advice, place)
    if found := instead_of_math(place.expression):
        name, new, arguments = found
        plainly = f"math.{name}({', '.join(f'dp.value({x})' for x in arguments)})"
        raise ConversionError(
            f"math.{name} needs a plain number, and the derivative would end there.",
            Advice("write {} instead, or {} for a number without derivative.", new, plainly) if new else
            Advice("write {} for a number without derivative.", plainly), place)
    if advice := instead_of_call(place.expression):
        raise ConversionError(_MADE_PLAIN, advice, place)
    error = _plain_number_error("float(x)", place)
    if not place.expression:                     # it may be a call of `math`: there is no source to tell
        error = ConversionError(
            error.what, f"write np.sin for math.sin and the like; else {error.advice}", place)
    raise error


def _plain_number_error(what: str, place: Any = None) -> ConversionError:
    place = place or user_place()
    inside = argument_of(what.partition("(")[0], place.expression)
    if inside:
        return ConversionError(
            f"{what} needs a plain number, and the derivative would end there.",
            Advice("write {} instead: traced values compute like floats; or {} for a number without "
                   "derivative.",
                   inside, what.replace("x", f"dp.value({inside})")), place)
    return ConversionError(
        f"{what} needs a plain number, and the derivative would end there.",
        Advice("leave it out: traced values compute like floats; or write {} for a number without "
               "derivative.", what.replace("x", "dp.value(x)")), place)


def _refusal(what: str) -> Callable:
    def method(self: Var, *args: Any) -> NoReturn:
        raise _plain_number_error(what)
    return method


def _to_array(self: Var, *args: Any, **kwargs: Any) -> NoReturn:
    place = user_place()
    if place.storing:
        if advice := instead_of_column(place.statement, user_space()):
            raise MutationError("a table of another library holds plain numbers.", advice, place)
        raise MutationError(
            "a traced value was written into a plain array, which would lose its derivative.",
            instead_of_increase(place.statement) or instead_of_writing(place.statement), place)
    advice = instead_of_method(place.expression) or instead_of_call(place.expression)
    if not advice and (new := with_arrays(place.expression, user_space())):
        advice = Advice("write {}: another library's array takes the values for plain ones.", new)
    if not advice and instead_of_index(place.expression):
        refuse_index(self)
    raise ConversionError(
        _MADE_PLAIN,
        advice or instead_of_conversion(place.expression) or
        Advice("write {} around a list of traced values, {} around one of lists; leave np.asarray(x) out, "
               "or use {}.", "np.stack([...])", "np.stack([np.stack(row) for row in rows])", "dp.value(x)"),
        place)


def _setitem(self: Var, index: Any, item: Any) -> NoReturn:
    place = user_place()
    raise MutationError(
        "a traced array cannot be changed in place: the tape may need its old content.",
        instead_of_increase(place.statement) or instead_of_setting(place.statement), place)


def _refuse_shape(self: Var, new: Any) -> NoReturn:
    place = user_place()
    name, _, sides = place.statement.partition(".shape = ")
    raise MutationError("the shape of a traced array cannot be set: other names may refer to it.",
                        Advice("write {}.", f"{name} = np.reshape({name}, {sides})" if sides else
                               "x = np.reshape(x, shape)"), place)


def _pickle(self: Var, protocol: Any = None) -> NoReturn:
    raise ConversionError("a traced value cannot be pickled: it belongs to a tape.",
                          Advice("pickle {}.", "dp.value(x)"))


def _refuse_append(self: Any, node: Any) -> NoReturn:
    raise EndedTapeError(
        "a traced value was used after the differentiation that made it had ended, "
        "or inside a gradient rule that it is no argument of.",
        Advice("return it from the differentiated function (has_aux=True hands extra results out), or keep "
               "{}.", "dp.value(x)"))


# ---------------------------------------------------------------------------- put together

_OTHER_MANNERS: dict[str, Any] = {
    "__array_ufunc__": _array_ufunc,
    "__array_function__": _array_function,
    "__getitem__": getitem,
    "__setitem__": _setitem,
    "__len__": _len,
    "__iter__": _iter,
    "__float__": _to_float,
    "__int__": rounded_by(int),
    "__index__": refuse_index,
    "__floor__": rounded_by(math.floor),
    "__ceil__": rounded_by(math.ceil),
    "__trunc__": rounded_by(math.trunc),
    "__complex__": _refusal("complex(x)"),
    "__array__": _to_array,
    "__reduce_ex__": _pickle,
    "__copy__": lambda self: self,               # it never changes
    "__deepcopy__": lambda self, memo: self,
    "__repr__": lambda self: f"Var({plain(self)!r})",
    "__str__": lambda self: str(plain(self)),
    "__format__": lambda self, spec: format(plain(self), spec),
    "shape": property(lambda self: shape(self.value), _refuse_shape),
    "flat": property(lambda self: np.ravel(self)),
    "ndim": property(lambda self: len(shape(self.value))),
    "size": property(lambda self: math.prod(shape(self.value))),
    "dtype": property(lambda self: np.dtype(np.float64)),
    "T": property(np.transpose),
    "mT": property(lambda self: np.swapaxes(self, -1, -2)),
    "real": property(lambda self: self),
    "imag": property(lambda self: np.zeros_like(self)),
    "compress": lambda self, condition, axis=None: np.compress(condition, self, axis=axis),
    "reshape": _reshape,
    "transpose": _transpose,
    "flatten": np.ravel,
    "astype": astype,
    **OTHER_PARAMETERS,
    "copy": lambda self, order="C": np.copy(self, order),        # np.copy itself keeps the order of x
}

for _name, _method in (*_methods(), *_array_methods(), *_OTHER_MANNERS.items()):
    setattr(Var, _name, _method)
EndedTape.append = _refuse_append                # type: ignore[method-assign]
