"""An operation on single elements as an expression, of numbers, integers or conditions.

    >>> from .expressions import Local
    >>> from .trace import traced
    >>> (op,) = traced(lambda x: x**2.0, 1.0).ops
    >>> expression(op, [Local("x", "f"), Const(2.0)])
    Apply(name='square', args=(x,), kind='f')
"""

from typing import Any

from ..errors import NotCompiledError
from .emitter import as_condition, as_integer, as_number
from .expressions import Apply, Const
from .operations import CONDITIONS, LOGICAL, OF_INTEGERS
from .program import Op


def expression(op: Op, args: list) -> Apply:
    """An elementwise operation of these operands. A calculation with conditions is one with numbers."""
    name, kind = op.name, op.outs[0].kind
    if kind == "i":
        return _of_integers(op, args)
    natural = "b" if name in CONDITIONS or (name == "where" and all(x.kind == "b" for x in args[1:])) else "f"
    if kind != natural:
        raise NotCompiledError(f"{name} of conditions cannot be compiled.",
                               "write np.where(condition, 1.0, 0.0) to calculate with a condition.")
    if name in LOGICAL:
        args = [*map(as_condition, args)]
    elif name == "where":
        args = [as_condition(args[0]), *(args[1:] if kind == "b" else map(as_number, args[1:]))]
    elif name in CONDITIONS and any(x.kind == "i" for x in args) and not any(x.kind == "f" for x in args):
        args = [*map(as_integer, args)]
    else:
        args = [*map(as_number, args)]
    if name in ("power", "float_power"):
        return power(args[0], args[1], bool(op.outs[0].shape), op.args[1])
    return Apply(name, tuple(args), kind)


def _of_integers(op: Op, args: list) -> Any:
    """An elementwise operation whose result is an integer."""
    name = op.name
    if name not in OF_INTEGERS or (name == "power" and type(op.args[1]) is not int):
        raise NotCompiledError(f"{name} of integers cannot be compiled.",
                               "write it with + - * // and %, or with real numbers: i * 1.0.")
    if name == "where":
        return Apply(name, (as_condition(args[0]), *map(as_integer, args[1:])), "i")
    args = [*map(as_integer, args)]
    if name == "power":
        return _power_of_integer(args[0], op.args[1])
    if name in ("positive", "floor", "ceil", "trunc"):
        return args[0]
    same = {"absolute": "abs", "mod": "remainder", "fmax": "maximum", "fmin": "minimum"}
    return Apply(same.get(name, name), tuple(args), "i")


def _power_of_integer(x: Any, exponent: int) -> Any:
    y: Any = Const(1)
    for bit in bin(exponent)[2:]:
        y = Apply("multiply", (y, y), "i")
        y = Apply("multiply", (y, x), "i") if bit == "1" else y
    return y


def power(x: Any, exponent: Any, of_array: bool, given: Any) -> Apply:
    """A power. Products lose a digit with each factor, so there are few of them.

    NumPy takes a root, but of arrays only; it is not the same at -0.0 and -inf.
    """
    if type(given) not in (int, float):
        return Apply("power", (x, exponent), "f")
    if given == 2:
        return Apply("square", (x,), "f")
    if given == -1:
        return Apply("reciprocal", (x,), "f")
    if given == 0.5 and of_array:
        return Apply("sqrt", (x,), "f")
    return Apply("power", (x, Const(given) if type(given) is int and given in (3, 4) else exponent), "f")
