"""What the user's program holds while it is traced: it goes wherever a number or an array goes.

A `Proxy` is a value of a program under way, and what is done with it is recorded there. It goes into a `Var`,
too: so the tape's own sweep, run over `Var`s that hold proxies, records the backward pass, and there is no
second table of rules.

    >>> from tinydp import grad
    >>> from .record import Builder
    >>> from .trace import Trace
    >>> builder = Builder()
    >>> with Trace().writing(builder):
    ...     x = builder.input(2.0, "x")
    ...     g = grad(lambda x: x * np.sin(x))(Proxy(builder, x))
    >>> print(builder.program([g.value]))
    given x: f
    x_1: f = alias(x, n=1)
    t: f = sin(x_1)
    t_1: f = cos(x_1)
    t_2: f = multiply(x_1, t_1)
    t_3: f = add(t, t_2)
    return t_3
"""

import dis
import functools
import inspect
import math
import operator
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

import numpy as np

from .. import tree
from ..advice.methods import at_advice
from ..advice.rewriting import called, instead_of_scipy, rewritten_fill, without_out
from ..asking import checked_replacement as checked_by_numpy
from ..asking import compared, known_options, says_nothing
from ..binding import bound
from ..drafts import Draft
from ..errors import MutationError, NotCompiledError, Spot, UnsupportedArgumentError, user_place
from ..folds import advice_for_method, full_name, method_of
from ..neighbours import of_ufunc
from ..primitives import FlatPrimitive, Primitive
from ..registry import PRIMITIVES, registered
from ..rules.gathers import element, is_computed, plain_index
from ..tape import Var
from ..values import Abstract, is_condition, is_integer, plain
from .expansions import _matmul as product_of_stacks
from .expansions import expanded
from .integers import INTEGER_FUNCTIONS as OF_INTEGERS
from .integers import checked_integer, safe_operands
from .kinds import (
    COMPARISONS,
    OF_CONDITIONS,
    as_integers,
    as_numbers,
    constant,
    example,
    is_numpys,
    of_one_kind,
    unchanged,
)
from .operations import REDUCTIONS, can_be_lowered
from .program import Value, example_of
from .raising import MAY_RAISE, require_done
from .record import Builder, innermost, under_way


class Proxy(Abstract):
    """A value of the program that a builder writes down."""

    __slots__ = ("builder", "is_number", "value")

    def __init__(self, builder: Builder, value: Value, is_number: bool = False):
        self.builder, self.value = builder, value
        self.is_number = is_number               # surely, whichever function made it

    def as_number(self) -> "Proxy":
        """The same value, known to be a number, and no array of no axes, in the plain program."""
        return Proxy(self.builder, self.value, True)

    seen_as: Callable

    @property                                    # type: ignore[misc]
    def __class__(self) -> Any:                  # for the user's `isinstance`, see manners.py
        return self.seen_as()

    def made(self) -> tuple:
        op = None if self.is_number else self.builder.maker.get(self.value)
        return (op.prim, tuple(map(example_of, op.args)), op.options) if op else (None, (), {})

    def alike(self) -> np.ndarray:
        return self.builder.trace.twins.alike(self)

    def is_same(self, other: Any) -> Any:
        return self.builder.trace.twins.same(self, other)

    @property
    def example(self) -> Any:
        return self.value.example

    @property
    def kind(self) -> str:
        return self.value.kind

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def dtype(self) -> np.dtype:
        return np.asarray(self.example).dtype

    @property
    def T(self) -> Any:
        return call_numpy(np.transpose, (self,), {})

    @property
    def flat(self) -> Any:
        return call_numpy(np.ravel, (self,), {})

    @property
    def mT(self) -> Any:
        return call_numpy(np.swapaxes, (self, -1, -2), {})

    def __repr__(self) -> str:
        return f"Proxy({self.value.label or '?'}, like {self.example!r})"

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a number has no len()")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return map(self.__getitem__, range(len(self)))   # which tells what it runs along: see `along.py`

    def __getitem__(self, index: Any) -> Any:
        index = plain_index(index)
        if is_computed(index):
            return element(self, index)
        op = registered(operator.getitem)
        return logged(op, (self, index), lambda: write(op, (self, index), {}))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        if any(type(x) is Var or type(x) is Draft for x in args):
            return NotImplemented
        if method == "at":
            raise MutationError(*at_advice(ufunc.__name__, user_place().expression))
        if method != "__call__":
            return _by_method(ufunc, method, args, kwargs)
        if kwargs.get("out") is not None:
            raise MutationError("a value of a compiled program was written into a plain array.",
                                without_out(ufunc.__name__, user_place().expression))
        if OF_CONDITIONS.get(ufunc.__name__) and all(is_condition(x) for x in args):
            ufunc = OF_CONDITIONS[ufunc.__name__]
        function = np.clip if ufunc.__name__ == "clip" else ufunc            # a.clip(x, 1.0)
        if kwargs:
            return call_numpy(function, args, kwargs)
        return logged(function, args, lambda: call_numpy(function, args, {}))

    def __array_function__(self, function: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
        if any(kind is Var or kind is Draft for kind in types):
            return NotImplemented
        if function is np.copyto:
            raise MutationError("a value of a compiled program was written into a plain array.",
                                rewritten_fill(user_place().expression))
        return call_numpy(function, args, kwargs)


# ---------------------------------------------------------------------------- recording

def call_numpy(function: Callable, args: tuple, kwargs: dict) -> Any:
    """A NumPy function, as the registry knows it, with a value of a program among its arguments."""
    return compared(function, args, kwargs, lambda: _written(function, args, kwargs), warns=False)


def _by_method(ufunc: np.ufunc, method: str, args: tuple, kwargs: dict) -> Any:
    """`ufunc.reduce(...)` and the like, by functions that are known."""
    known = method_of(ufunc, method)
    if known is None:
        raise NotCompiledError(f"np.{ufunc.__name__}.{method} cannot be compiled yet.",
                               advice_for_method(ufunc.__name__, method))
    return checked_by_numpy(full_name(ufunc, method), known, args, kwargs)


def _written(function: Callable, args: tuple, kwargs: dict) -> Any:
    name = getattr(function, "__name__", str(function))
    of_shape = _OF_SHAPES.get(function) or OF_INTEGERS.get(function)
    if of_shape is not None:
        return of_shape(*args, **known_options(function, of_shape, kwargs))
    known = PRIMITIVES.get(function) or (of_ufunc(function) if isinstance(function, np.ufunc) else None)
    if known is None:
        raise _unknown(function, name)
    if not isinstance(known, Primitive):
        try:
            return known(*args, **kwargs)       # it is made of others
        except NotCompiledError as error:
            if error.advice != _ADVICE:
                raise
            raise not_compiled(f"np.{name}") from error
    if isinstance(known, FlatPrimitive):
        return write(known, *_of_flat(known, args, kwargs))
    return write(known, *bound(known, args, kwargs))


def _of_flat(op: Primitive, args: tuple, options: dict) -> tuple[tuple, dict]:
    """Arguments and options of a function without derivative; refuses what would be ignored."""
    if op.name in REDUCTIONS:
        args, options = args[:1], dict(zip(op.parameters[1:], args[1:], strict=False)) | options
    options = {name: x for name, x in options.items() if not says_nothing(op.fn, name, x)}
    unknown = options.keys() - (("axis", "keepdims") if op.name in REDUCTIONS else ())
    if unknown and can_be_lowered(op.name) and expanded(op.name, args, options) is None:
        raise UnsupportedArgumentError(
            f"np.{op.name} of a value of a compiled program does not know the argument {min(unknown)!r}.",
            "leave it out, or compute the same with other functions (np.where for where=).")
    return args, options


def logged(op: Any, args: tuple, call: Callable[[], Any]) -> Any:
    """The result of `call()`: of a step that is run on several ways, perhaps that of the run before."""
    builder = under_way()
    if builder is None or builder.oracle is None:
        return call()

    run = builder.run

    def noted() -> tuple[Any, list[Value], list[Value]]:
        start = len(run.order)
        with builder.requiring() as required:
            return call(), required, run.order[start:]

    y, required, done = builder.oracle.log.result(op, args, noted)
    run.note(done)
    for condition in required:
        builder.require(condition)
    return y


def write(op: Primitive, args: tuple, options: dict) -> Any:
    """The result of a call, recorded as it is, or as what it is made of; or not, if it is an argument."""
    arrays = next(x.builder.trace for x in (*args, *options.values()) if isinstance(x, Proxy)).arrays
    arrays.see(args, options)
    if op.name == "matmul":
        np.matmul(*map(_one_row, args, (-2, -1)))            # refuses what does not fit, as others may not
    others = expanded(op.name, args, options)
    if others is not None:
        _require_known(op, others, args, options)
        if op.name not in KEPT_WHOLE:
            return others(*args, **options)
        if op.name != "unsure":                  # which takes a mask
            args = tuple([as_numbers(constant(x)) for x in args])
        return recorded(op, tuple([arrays.kept(constant(x)) for x in args]), options)[0]
    if not can_be_lowered(op.name):
        raise not_compiled(op.name)
    if op.name == "getitem":
        args = (args[0], arrays.kept_index(args[1]))
    else:
        op, args = of_one_kind(op, args)
        args = safe_operands(op, tuple([arrays.kept(constant(x)) for x in args]))
    if "index" in options:
        options = options | {"index": arrays.kept_index(options["index"])}
    if op.name in REDUCTIONS and (args[1] if len(args) > 1 else options.get("axis")) == ():
        return as_integers(args[0]) if REDUCTIONS[op.name][1] in ("add", "multiply") else args[0]
    same = unchanged(op.name, args)
    if same is not None:
        return same
    if op.name == "matmul" and any(map(is_integer, args)) and all(
            is_integer(x) or is_condition(x) for x in args):
        return product_of_stacks(*map(as_integers, args))
    if op.name == "matmul" and any(is_condition(x) for x in args):
        product = np.matmul(*map(as_numbers, args))
        return product != 0.0 if all(is_condition(x) for x in args) else product
    if op.name == "matmul" and [x.ndim for x in args] == [2, 2] and args[0].shape[1] == 1:
        op = registered(np.multiply)             # of a column and a row: element by element
    y, *more = recorded(op, args, options)
    if more:
        return tree.rebuild(_form(op), [y, *more])
    y = checked_integer(op, args, y)
    if op.name in COMPARISONS and not any(map(is_numpys, args)):
        y.value.example = constant(y.example)    # of Python's floats, it is Python's bool
    return y


@functools.cache
def _form(op: Primitive) -> tuple:
    """The structure of several results, by names that NumPy gave them."""
    return op.fn(np.eye(1))


def _require_known(op: Primitive, others: Callable, args: tuple, options: dict) -> None:
    """Raise unless the function that is called instead takes these arguments."""
    try:
        inspect.signature(others).bind(*args, **options)
    except TypeError as error:
        raise UnsupportedArgumentError(
            f"np.{op.name} of a value of a compiled program: {error}.",
            "leave it out, or compute the same with other functions.") from None


def _one_row(x: Any, axis: int) -> Any:
    """Of the example of a matrix, one row or column: enough to see whether it can be a factor."""
    x = example(x)
    return np.take(x, [0], axis) if np.ndim(x) > 1 and np.shape(x)[axis] else x


# Made of others, but with a derivative that these have not everywhere: see expand.py.
KEPT_WHOLE = ("norm", "std", "sinc", "logaddexp2", "nan_to_num", "power_derivative", "unsure", "solve", "inv",
              "pinv", "of_eigenvalues", "of_singular_values", "least_squares")


def recorded(op: Primitive, args: tuple, options: dict) -> list["Proxy"]:
    """The results of an operation, as it is, in the innermost program that has one of its arguments.

    What is done on one way of several is done there, whatever its arguments, unless it was done further out
    before; so is a loop that may never end, since the step around it may never be made.
    """
    builder: Any = None
    for x in args:
        if isinstance(x, Proxy) and (builder is None or x.builder.depth > builder.depth):
            builder = x.builder
    builder = builder or innermost()
    values = tuple([x.value if isinstance(x, Proxy) else x for x in args])
    inner, here, further_out = under_way(), builder, list[Builder]()
    while inner is not None and inner.depth > builder.depth:
        further_out.append(inner)
        if inner.is_one_of_several or (op.open_ended and options["max_steps"] is None):
            here, further_out = inner, []
        inner = inner.parent
    if here is not builder:                      # where an operation is does not depend on who asked first
        builder = next((x for x in (builder, *further_out[::-1]) if x.knows(op, values, options)), here)
    known, (spot, back) = len(builder.ops), builder.trace.place()
    made = builder.record(op, values, options, spot, back)
    if len(builder.ops) > known and spot is not None and not back and len(made) == 1:
        made[0].label = assigned_name(spot)
        before = builder.ops[-2] if known else None
        if before is not None and before.spot == spot:       # a function that is made of several operations
            before.outs[0].label = ""
    if op.name in MAY_RAISE and builder.trace.is_users:
        require_done(builder, made[0])
    return [Proxy(builder, x) for x in made]


def call_cotangent(g: Any, y: Any) -> None:
    """Note that `g` is the cotangent of `y`, if it was made in the backward pass for that."""
    y, g = plain(y), plain(g)
    if isinstance(y, Proxy) and isinstance(g, Proxy) and not (g.value.label or g.value.of):
        op = g.builder.maker.get(g.value)
        if op is not None and op.back:
            g.value.of = y.value


def assigned_name(spot: Spot) -> str:
    """What the user calls the result of an operation: the name that it is assigned to at once."""
    return _assignments(spot.code).get(spot.instruction, "")


@functools.cache
def _assignments(code: CodeType) -> dict[int, str]:
    """The names that the instructions of a function store what the one before made in."""
    found, before = {}, 0
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("STORE_FAST", "STORE_NAME", "STORE_DEREF", "STORE_GLOBAL"):
            found[before] = instruction.argval if instruction.argval.isidentifier() else ""
        before = instruction.offset
    return found


def _unknown(function: Callable, name: str) -> NotCompiledError:
    """The refusal of a function without a rule: NumPy's, or a ufunc of SciPy, which does not say that."""
    if isinstance(function, np.ufunc) and getattr(np, name, None) is not function:
        expression = user_place().expression
        return NotCompiledError(f"{called(expression, name)} cannot be compiled yet.",
                                instead_of_scipy(expression, _ADVICE))
    return not_compiled(f"{getattr(function, '__module__', 'numpy').replace('numpy', 'np', 1)}.{name}"
                        if not isinstance(function, np.ufunc) else f"np.{name}")


def not_compiled(name: str) -> NotCompiledError:
    return NotCompiledError(f"{name} cannot be compiled yet.", _ADVICE)


_ADVICE = ("write it with elementwise functions, sums, matrix products, indexing and np.where; or call it "
           "outside of dp.compile.")


def _filled(value: float) -> Callable:
    """`zeros_like` or `ones_like`: a constant."""

    def like(x: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
        y = np.full(x.shape if shape is None else shape, value, x.dtype if dtype is None else dtype)
        return y if y.ndim else y.item()

    return like


_OF_SHAPES: dict[Any, Callable] = {
    np.shape: lambda x: x.shape, np.ndim: lambda x: x.ndim, np.size: lambda x, axis=None: (
        x.size if axis is None else x.shape[axis]),
    np.zeros_like: _filled(0.0), np.empty_like: _filled(0.0), np.ones_like: _filled(1.0),
    np.copy: lambda x, order="K", subok=False: x, np.real: lambda x: x, np.isrealobj: lambda x: True,
    np.iscomplexobj: lambda x: False, np.result_type: lambda *args: np.dtype(np.float64),
    np.tril_indices_from: lambda x, k=0: np.tril_indices(x.shape[0], k, x.shape[1]),
    np.triu_indices_from: lambda x, k=0: np.triu_indices(x.shape[0], k, x.shape[1]),
    np.diag_indices_from: lambda x: np.diag_indices(x.shape[0], x.ndim),
}
