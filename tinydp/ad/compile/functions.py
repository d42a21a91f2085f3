"""Which functions a compiled program can use, and how each is written in the source.

Most are elementwise: an operator, or a function of `math`, of NumPy or of `kernels.py`. Some are
made of others: see `expansions.py`. The rest have loops of their own: see `blocks.py`.
"""

from collections.abc import Callable

import numpy as np

# operator: (text, how tightly it binds); for operands that bind less, parentheses are written
ATOM, POWER, SIGN, PRODUCT, SUM, COMPARED, NOT, AND, OR, CHOICE = range(9, -1, -1)
INFIX = {
    "add": ("+", SUM), "subtract": ("-", SUM), "multiply": ("*", PRODUCT), "divide": ("/", PRODUCT),
    "power": ("**", POWER), "float_power": ("**", POWER), "floor_divide": ("//", PRODUCT),
    "less": ("<", COMPARED), "less_equal": ("<=", COMPARED), "greater": (">", COMPARED),
    "greater_equal": (">=", COMPARED), "equal": ("==", COMPARED), "not_equal": ("!=", COMPARED),
    "logical_and": ("and", AND), "logical_or": ("or", OR), "logical_xor": ("!=", COMPARED),
}
FROM_MATH = {
    "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "arctan2": "atan2", "sinh": "sinh", "cosh": "cosh", "arcsinh": "asinh", "arccosh": "acosh",
    "arctanh": "atanh", "expm1": "expm1", "log": "log", "log1p": "log1p", "log10": "log10",
    "log2": "log2", "sqrt": "sqrt", "hypot": "hypot", "copysign": "copysign",
    "isnan": "isnan", "isinf": "isinf", "isfinite": "isfinite",
    "deg2rad": "radians", "radians": "radians", "rad2deg": "degrees", "degrees": "degrees",
}
FROM_KERNELS = ("exp", "tanh", "maximum", "minimum", "fmax", "fmin", "clip", "sign", "logaddexp", "mod")
HELPERS = ("all_finite", "cos_into", "dot", "empty_array", "grown", "guess", "matmul", "matmul_nt",
           "matmul_tn", "matvec", "narrowed", "passed", "sin_into", "vecmat")    # and more in kernels.py
FROM_NUMPY = {name: f"np.{name}" for name in (
    "fmod", "exp2", "cbrt", "rint", "signbit", "floor", "ceil", "trunc")}
WRITTEN_OUT = {                                 # by their operands
    "negative": ("-{}", SIGN), "positive": ("{}", ATOM), "abs": ("abs({})", ATOM),
    "absolute": ("abs({})", ATOM), "fabs": ("abs({})", ATOM), "square": ("{0} * {0}", PRODUCT),
    "reciprocal": ("1.0 / {}", PRODUCT), "logical_not": ("not {}", NOT),
}
CONDITIONS = frozenset((                        # whose result is true or false
    "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "logical_and", "logical_or",
    "logical_xor", "logical_not", "isnan", "isinf", "isfinite", "signbit", "any", "all"))
REDUCTIONS = ("sum", "mean", "max", "min", "amax", "amin", "prod", "any", "all")
VIEWS = ("getitem", "reshape", "ravel", "squeeze", "expand_dims", "transpose", "swapaxes", "moveaxis",
          "broadcast_to", "flip", "fliplr", "flipud", "copy", "real", "conjugate")
FILLED = ("stack", "concatenate", "scatter")
RUNNING = ("cumsum", "cumprod")
ELEMENTWISE = frozenset((
    *INFIX, *FROM_MATH, *FROM_KERNELS, *FROM_NUMPY, *WRITTEN_OUT, "where", "remainder"))
WHOLE = ("sin", "cos")                          # of an array: by a kernel for the whole array
KNOWN = frozenset((*ELEMENTWISE, *REDUCTIONS, *VIEWS, *FILLED, *RUNNING, "matmul"))


def is_known(name: str) -> bool:
    """Whether there is a way to write this function down."""
    return name in KNOWN


def is_elementwise(name: str) -> bool:
    """Whether a function works element by element, and is written as an expression."""
    return name in ELEMENTWISE


MOVING_AXES: dict[str, Callable] = {
    "transpose": np.transpose, "swapaxes": np.swapaxes, "moveaxis": np.moveaxis,
}


def axes_moved(name: str, n: int, rest: tuple, options: dict) -> list[int]:
    """The axes of an old array of `n` axes in the order of the new one."""
    moved = MOVING_AXES[name](np.empty(tuple(range(1, n + 1))), *rest, **options)
    return [side - 1 for side in moved.shape]
