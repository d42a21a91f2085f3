"""Which operations a program may have when it is lowered, and of what sort each is.

Elementwise ones become expressions, and their arrays share loops; reductions join such a loop. Views
change only indices. The rest is lowered one by one, see `lower_arrays.py`; loops are in `lower_loops.py`.
"""

from typing import Any

import numpy as np

CONDITIONS = frozenset((                         # whose result is true or false
    "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "logical_and", "logical_or",
    "logical_xor", "logical_not", "isnan", "isinf", "isfinite", "signbit"))
LOGICAL = frozenset(("logical_and", "logical_or", "logical_xor", "logical_not"))     # ... of conditions
ELEMENTWISE = CONDITIONS | frozenset((
    "add", "subtract", "multiply", "divide", "power", "float_power", "floor_divide", "remainder", "mod",
    "fmod", "negative", "positive", "abs", "absolute", "fabs", "square", "reciprocal", "sqrt", "cbrt",
    "sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "tanh", "arcsinh",
    "arccosh", "arctanh", "exp", "exp2", "expm1", "log", "log1p", "log10", "log2", "logaddexp", "hypot",
    "copysign", "sign", "maximum", "minimum", "fmax", "fmin", "clip", "rint", "floor", "ceil", "trunc",
    "deg2rad", "radians", "rad2deg", "degrees", "where"))
CHECKS = frozenset((                             # ... that may fail, or depend on what may
    "in_range", "beyond", "to_integer", "nonzero", "fits", "exactly", "done"))
BITWISE = frozenset(("bitwise_and", "bitwise_or", "bitwise_xor"))                # ... of integers alone
OF_INTEGERS = BITWISE | frozenset((              # ... whose result is an integer, of integers
    "add", "subtract", "multiply", "floor_divide", "remainder", "mod", "negative", "positive", "abs",
    "absolute", "square", "sign", "maximum", "minimum", "fmax", "fmin", "clip", "floor", "ceil", "trunc",
    "power", "where"))
ELEMENTWISE |= CHECKS | BITWISE
WHOLE = frozenset(("sin", "cos"))                # of an array: by a kernel for the whole array
FLAT = ("all_finite", "cos_into", "sin_into")    # kernels that take arrays of any shape as vectors
SEVERAL = frozenset((                            # of which processors take several elements at once
    "exp", "tanh", "sqrt", "divide", "power", "float_power", "reciprocal"))
SCALED = {                                       # products with a number
    "radians": 0.017453292519943295, "deg2rad": 0.017453292519943295,
    "degrees": 57.29577951308232, "rad2deg": 57.29577951308232}
REDUCTIONS = {                                   # the first total, and the operation that adds to it
    "sum": (0.0, "add"), "mean": (0.0, "add"), "prod": (1.0, "multiply"),
    "max": (float("-inf"), "maximum"), "amax": (float("-inf"), "maximum"),
    "min": (float("inf"), "minimum"), "amin": (float("inf"), "minimum"),
    "any": (False, "logical_or"), "all": (True, "logical_and")}
MOVING = frozenset(("transpose", "swapaxes", "moveaxis"))
FLIPS = frozenset(("flip", "fliplr", "flipud"))
SAME = frozenset(("copy", "real", "conjugate"))
SHAPING = frozenset(("reshape", "ravel", "squeeze", "expand_dims"))
VIEWS = MOVING | FLIPS | SAME | SHAPING | {"getitem", "gather", "broadcast_to"}
BY_ELEMENT = frozenset(("getitem", "stack", "concatenate", "scatter", "broadcast_to", "flip", "cumsum"))
RUNNING = frozenset(("cumsum", "cumprod"))
LINEAR = frozenset((                            # by LAPACK, of stacks of matrices: see lower_linear.py
    "lu_factor", "lu_solve", "det", "slogdet", "cholesky", "eigh", "eigvalsh", "svd", "svdvals", "qr",
    "solve_triangular", "expm", "of_full_rank"))
OTHERS = frozenset(("stack", "concatenate", "scatter", "cumsum", "cumprod", "matmul", "all_finite",
                    "scatter_at", "argsort", "argmax", "argmin", "searchsorted"))
KNOWN = ELEMENTWISE | REDUCTIONS.keys() | VIEWS | LINEAR | OTHERS


def axes_moved(op: Any) -> list[int]:
    """The axes of the operand in the order of the result, of an operation that is `MOVING` them."""
    sides = range(1, op.outs[0].ndim + 1)        # which tell the axes apart
    return [side - 1 for side in op.prim.fn(np.empty(tuple(sides)), *op.args[1:], **op.options).shape]


def can_be_lowered(name: str) -> bool:
    """Whether there is a way to lower this operation."""
    return name in KNOWN
