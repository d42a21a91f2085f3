"""How a `Var` becomes an integer, and how it is indexed.

An integer that was made of a traced value is a plain one: it is constant almost everywhere, so it has no
derivative, and neither has an index. What the index selects has its own.

    >>> from tinydp import grad
    >>> grad(lambda x: x[int(x[0])] ** 2)(np.array([1.3, 5.0, 7.0]))
    array([ 0., 10.,  0.])
"""

import ast
import operator
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from .advice.naming import Advice
from .advice.syntax import parsed
from .errors import ConversionError, DtypeError, user_place
from .origin import from_numpy
from .registry import PRIMITIVES
from .rules.gathers import ROUNDED, element, is_computed, plain_index
from .tape import Var
from .values import abstract, is_condition, plain, shape

_GETITEM = PRIMITIVES[operator.getitem]
_BOUNDS = frozenset((int, type(None)))


def rounded_by(function: Callable) -> Callable:
    """The method that `int`, `math.floor` or the like calls."""
    return lambda self: function(plain(self))


def refuse_index(self: Var) -> NoReturn:
    """A traced value is a real number, and as an index Python and NumPy take integers."""
    place = user_place()
    found = parsed(place.expression)
    if isinstance(found, ast.Subscript) and isinstance(found.slice, (ast.Name, ast.BinOp, ast.Call)):
        new = f"{ast.unparse(found.value)}[np.rint({ast.unparse(found.slice)}).astype(int)]"
        raise ConversionError("a traced value was used as an index, which has to be an integer.",
                              Advice("write {}; what it selects has a derivative, the index none.", new),
                              place)
    raise ConversionError("a traced value was used as an index, which has to be an integer.", ROUNDED, place)


def astype(self: Var, dtype: Any, *args: Any, **kwargs: Any) -> Any:
    """`x.astype(dtype)`: a plain array, if that is one of integers or conditions."""
    np.empty(0).astype(dtype, *args, **kwargs)   # refuses what NumPy refuses
    if np.dtype(dtype).kind in "iub":            # constant almost everywhere
        known = plain(self)
        return known.astype(dtype) if abstract(self) else np.asarray(known).astype(dtype, *args, **kwargs)[()]
    if np.dtype(dtype) != np.float64:
        raise DtypeError(f".astype({dtype!r}) of a traced array: traced values are float64.",
                         "leave it out, or use dp.value(x).astype(...) for plain numbers.")
    return self


def getitem(self: Var, index: Any) -> Any:
    if type(self.value) is np.ndarray and (type(index) is int or _is_basic(index)):
        y = self.value[index]                    # the common case, without ado
        return self.tape.record(_GETITEM, y if type(y) is np.ndarray else float(y), self, index)
    index = plain_index(index)
    parts = index if type(index) is tuple else (index,)
    if is_computed(index):
        return element(self, index)
    if shape(self) == () and not all(map(_indexes_a_number, parts)):
        raise (IndexError("invalid index to scalar variable.") if from_numpy(self) else
               TypeError("a traced number cannot be indexed"))
    return PRIMITIVES[operator.getitem](self, index)


def _is_basic(index: Any) -> bool:
    """Whether an index is a slice, or several parts that are slices and integers, all of them known."""
    if type(index) is slice:
        return _BOUNDS.issuperset((type(index.start), type(index.stop), type(index.step)))
    return type(index) is tuple and bool(index) and all(
        type(i) is int or (type(i) is slice and _is_basic(i)) for i in index)


def _indexes_a_number(i: Any) -> bool:
    """Whether it is a part of an index that NumPy's numbers take: `x[None]`, `x[...]`, `x[x > 0]`."""
    return i is None or i is Ellipsis or (is_condition(i) and not shape(i))
