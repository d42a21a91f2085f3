"""A choice between two functions by name: `cond`.

Plain `if` does the same; this is for those who want one operation, wherever it stands in a compiled program.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .advice.calling import wrapped
from .advice.naming import Advice
from .drafts import settled
from .errors import UsageError, user_place
from .twins import twin
from .values import plain, shape
from .watch import tracer


def cond(pred: Any, f: Callable, g: Callable, *args: Any) -> Any:
    """`f(*args)` if `pred` is true, else `g(*args)`. Only the chosen one is run, and differentiated.

    `pred` is a condition or a number, of shape () or with one element. `args` are numbers, arrays, nested
    structures of them. In a compiled program both are traced, and have to return the same structure of
    the same shapes; the machine code runs one of them. They may use traced values from their surroundings.

    Raises `UsageError`, a `TypeError`, unless both are functions, `ValueError` if `pred` has several
    elements, and, where it is compiled, `LoopError` if the two return different structures or shapes.

        >>> from tinydp import grad
        >>> safe_log = lambda x: cond(x > 0.0, np.log, lambda x: 0.0 * x, x)
        >>> grad(safe_log)(2.0), grad(safe_log)(-2.0)
        (0.5, 0.0)
    """
    each: Any
    for each in (f, g):
        if not callable(each):
            place = user_place()
            new = wrapped(place.expression, "lambda: {}", lambda k: k in (1, 2))
            raise UsageError(f"cond chooses between two functions, not {type(each).__name__}.",
                             Advice("write {}.", new or "dp.cond(pred, lambda: a, lambda: b)"), place)
    pred, f, g = settled(pred), twin(f), twin(g)
    if math.prod(shape(pred)) != 1:
        raise ValueError(f"cond asks one condition, not an array of shape {shape(pred)}: np.any(pred), "
                         "np.all(pred), or np.where(pred, a, b) for each element its own.")
    compiling = tracer()
    if compiling is not None:
        return compiling.cond(pred, f, g, args)
    return f(*args) if np.all(plain(pred)) else g(*args)
