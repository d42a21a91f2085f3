"""Writing a program down: values that stand for numbers, and note what is done with them.

A `Sym` is a value of a program that is being compiled. It goes wherever a number or an array goes,
also into a `Var`: so the tape's own sweep, run over `Var`s that hold `Sym`s, writes the adjoint
program down, and there is no second table of rules.

    >>> from tinydp import grad
    >>> trace = Trace()
    >>> x = trace.input(2.0, "x")
    >>> with trace.writing():
    ...     y = grad(lambda x: x * np.sin(x))(x)
    >>> for call in trace.calls:
    ...     print(call)
    sin(x)
    multiply(x, ?)
    cos(x)
    multiply(x, ?)
    add(?, ?)

Each `Sym` keeps an example of its value, computed from the arguments of the first call: from it
come the shapes. `if x > 0` takes the branch of the example, and the program is good for arguments
that take the same one: it checks. In the step of a loop it raises, and names `np.where`.
"""

import contextlib
import functools
import inspect
import math
import numbers
import operator
import os
from collections.abc import Callable, Iterator
from functools import partialmethod
from typing import Any, NamedTuple, NoReturn, cast

import numpy as np

from .. import tree
from ..advice import instead_of_method
from ..asking import compared, known_options, says_nothing
from ..errors import (
    BranchError,
    ConversionError,
    DtypeError,
    MutationError,
    NotCompiledError,
    Spot,
    UnsupportedArgumentError,
    innermost_spot,
    is_numpy,
    place_of,
    user_place,
)
from ..operators import _CHANGING, _IN_PLACE, _LEAVING, OTHER_PARAMETERS, _in_place, _reshape, _transpose
from ..primitives import PRIMITIVES, FlatPrimitive, Parts, Primitive, sweeping, witness
from ..selected import Selected
from ..tape import Node, Var, _ages
from ..values import Abstract, _is_frozen, is_condition, listed, plain
from ..watch import WatchedTape, traced_by
from .exceptions import RAISED
from .expansions import expanded
from .functions import REDUCTIONS, RUNNING, is_elementwise, is_known

# ---------------------------------------------------------------------------- calls


class Call:
    """One line of a program: `out = op(*args, **options)`; arguments are `Sym`s and constants."""

    __slots__ = ("args", "back", "op", "options", "out", "spot")

    def __init__(self, op: Primitive, args: tuple, options: dict, spot: Spot, back: bool):
        self.op, self.args, self.options, self.spot, self.back = op, args, options, spot, back
        self.out: Any = None

    @property
    def operands(self) -> list:
        """The `Sym`s that it needs."""
        return [x for x in self.args if isinstance(x, Sym)]

    @property
    def outs(self) -> list:
        """The `Sym`s that it makes."""
        return [self.out]

    def __str__(self) -> str:
        shown = [str(x.name or "?") if isinstance(x, Sym) else repr(x) for x in self.args]
        shown += [f"{name}={x!r}" for name, x in self.options.items()]
        return f"{self.op.name}({', '.join(shown)})"


class Program:
    """Straight-line calls, from inputs and `captures` (values of the program around) to outputs."""

    def __init__(self, inputs: list, captures: list[tuple], calls: list, outputs: list):
        self.inputs, self.captures, self.outputs = inputs, captures, outputs
        self.calls = needed(calls, outputs)
        used = self.used()
        self.captures = [(outer, inner) for outer, inner in captures if id(inner) in used]

    def used(self) -> set[int]:
        """The ids of all values that it uses."""
        return ({id(x) for call in self.calls for x in call.operands}
                | {id(x) for x in self.outputs if isinstance(x, Sym)})


def needed(calls: list, outputs: list) -> list:
    """The calls that the outputs depend on."""
    wanted = {id(x) for x in outputs if isinstance(x, Sym)}
    kept = []
    for call in reversed(calls):
        if any(id(out) in wanted for out in call.outs):
            kept.append(call)
            wanted.update(id(x) for x in call.operands)
    return kept[::-1]


# ---------------------------------------------------------------------------- the trace

class Trace:
    """A program while it is written down. One inside of another is the body of a loop."""

    def __init__(self, parent: "Trace | None" = None, reruns: int = 0):
        self.parent = parent
        self.reruns = reruns                     # how often a step is run again, to see if it is the same
        self.age = next(_ages)
        self.inputs: list[Sym] = []
        self.lifted: dict[int, tuple[Sym, Sym]] = {}
        self.calls: list[Any] = []
        self.known: dict[Any, Sym] = {}
        self.spot: Spot | None = None            # of the line whose rule is at work
        self.guards: list[tuple[Sym, bool]] = [] # conditions, and how they turned out
        self.raising = 0                         # what Python's numbers in the program would raise for
        self.contents: dict[tuple, np.ndarray] = {}      # arrays of the surroundings, copied
        self.copies: dict[int, np.ndarray] = {}
        self.watched: dict[int, Watched] = {}

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """A context in which loops and tapes know that a program is being written down."""
        with traced_by(self, TracingTape, fresh=self.parent is None):
            before = witness.set(self.see)
            try:
                yield
            finally:
                witness.reset(before)

    def input(self, example: Any, name: str | None = None) -> "Sym":
        """A value that the program is given."""
        x = Sym(self, example, name)
        self.inputs.append(x)
        return x

    @property
    def captures(self) -> list[tuple]:
        """What the body uses of the program around it: pairs (outer, inner)."""
        return list(self.lifted.values())

    def lift(self, x: Any) -> Any:
        """A value of the program around, as a value of this one; an array as it is now."""
        if isinstance(x, np.ndarray):
            return self.kept(x)
        if not isinstance(x, Sym) or x.trace is self:
            return x
        if id(x) not in self.lifted:
            if self.parent is None:
                raise ConversionError("a value of a program that was compiled before was used again.",
                                      "pass it as an argument.")
            outer = self.parent.lift(x)
            self.lifted[id(x)] = (outer, Sym(self, x.example, x.name))
        return self.lifted[id(x)][1]

    @property
    def root(self) -> "Trace":
        """The program around all loops."""
        trace = self
        while trace.parent is not None:
            trace = trace.parent
        return trace

    def see(self, args: Any, options: Any = None) -> None:
        """Watch the arrays of the surroundings among the arguments of a function."""
        for x in (*args, *(options or {}).values()):
            if isinstance(x, np.ndarray):
                if id(x) not in self.root.copies:
                    self.watch(x)
            elif isinstance(x, (list, tuple)):
                self.see(x)
            elif isinstance(x, complex):
                raise DtypeError(f"the complex number {x} met a value of a compiled program.",
                                 "tinydp differentiates real numbers: keep both parts apart.")

    def watch(self, x: np.ndarray) -> tuple:
        """Note what is in an array of the surroundings; returns that."""
        root = self.root
        if type(x) is not np.ndarray and not isinstance(x, np.memmap):
            raise DtypeError(
                f"a {type(x).__name__} met a value of a compiled program; "
                "its arithmetic is not that of an array.",
                "convert it with np.asarray(x), or np.ma.filled(x).")
        if x.dtype.kind not in "fiub":
            raise DtypeError(f"an array of dtype {x.dtype} met a value of a compiled program.",
                             "its arrays hold real numbers or booleans.")
        content = (x.shape, x.dtype.str, x.tobytes())
        if id(x) not in root.copies and not _is_frozen(x):
            known = root.watched.setdefault(id(x), Watched(x, content, content))
            if known.last != content:
                root.watched[id(x)] = known._replace(last=content)
        return content

    def kept(self, x: np.ndarray) -> np.ndarray:
        """A copy of an array of the surroundings, the same for the same content; the original is watched."""
        root = self.root
        if id(x) in root.copies:
            return x                             # one of ours
        content = self.watch(x)
        if content not in root.contents:
            copy = root.contents[content] = np.array(x, order="C")
            root.copies[id(copy)] = copy
        return root.contents[content]

    def kept_index(self, index: Any) -> Any:
        parts = tuple(map(self._kept_part, index if type(index) is tuple else (index,)))
        return parts if type(index) is tuple else parts[0]

    def _kept_part(self, part: Any) -> Any:
        """A part of an index: a plain integer, an array of ours, or as it is."""
        if not isinstance(part, (np.ndarray, list, numbers.Integral, np.bool_)):
            return part
        empty = isinstance(part, list) and not np.size(part)
        array = np.asarray(part, dtype=np.intp if empty else None)       # which NumPy would make floats
        if array.dtype.kind == "b" and not array.ndim:
            raise NotCompiledError(f"an index that is {part} cannot be compiled.",
                                   "write x[None] instead of x[True], or np.where(condition, x, 0.0).")
        return int(array) if isinstance(part, numbers.Integral) else self.kept(array)

    def program(self, outputs: list) -> Program:
        outputs = [self.lift(x) for x in outputs]            # which may capture more
        return Program(self.inputs, self.captures, self.calls, outputs)

    def add(self, call: Any) -> None:
        self.calls.append(call)

    def scan(self, step: Callable, *args: Any) -> Any:
        """`dp.scan`, as one call."""
        from .loops import scan  # noqa: PLC0415  (it builds on this file)

        self.see(tree.flatten(args)[0])
        return scan(self, step, *args)

    def integrate(self, step: Callable, state: Any, *args: Any) -> Any:
        """`dp.integrate`, as one call."""
        from .loops import integrate  # noqa: PLC0415

        self.see(tree.flatten(state)[0])
        return integrate(self, step, state, *args)

    def variable(self, x: Any) -> Any:
        """A variable to differentiate by."""
        return x

    def stopped(self, x: Any) -> Any:
        """The value, without the path that leads to it."""
        return x

    def marked(self, custom: Any, leaves: list, call: Callable, options: dict) -> Any:
        """The result of a function with a gradient of its own."""
        return custom.fn(*call(leaves), **options)

    def here(self) -> Spot:
        return self.spot or spot()

    def record(self, op: Primitive, args: tuple, options: dict) -> Any:
        """Write down one call, unless it says nothing new."""
        if op.name == "getitem":
            args = (self.lift(args[0]), self.kept_index(args[1]))
        else:
            op, args = _of_one_kind(op, args)
            args = tuple(self.lift(constant(x)) for x in args)
        if op.name in REDUCTIONS and (args[1] if len(args) > 1 else options.get("axis")) == ():
            return args[0]
        same = simpler(op.name, args)
        if same is not None:
            return same
        if op.name == "matmul":
            if any(is_condition(x) for x in args):
                product = np.matmul(*[self.lift(as_numbers(x)) for x in args])
                return product != 0.0 if all(is_condition(x) for x in args) else product
            if [np.ndim(x) for x in args] == [2, 2] and np.shape(args[0])[1] == 1:
                op = _registered(np.multiply)    # of a column and a row: element by element
        key = (op.name, *map(_key, args), *((name, _key(x)) for name, x in options.items()))
        if key in self.known:
            return self.known[key]
        call = Call(op, args, options, self.here(), self.spot is not None)
        with np.errstate(all="ignore"):
            try:
                value = op.fn(*(example(x) for x in args), **options)
            except ZeroDivisionError:
                value = math.nan
        if isinstance(value, (tuple, list)):
            raise not_compiled(op.name)
        if np.asarray(value).dtype.kind not in "fiub":
            raise DtypeError(f"{op.name} gave a result of dtype {np.asarray(value).dtype}.",
                             "a program computes with real numbers and conditions.")
        if op.name in _COMPARISONS and not any(map(_is_numpys, args)):
            value = constant(value)              # of Python's floats, it is Python's bool
        call.out = Sym(self, value)
        self.calls.append(call)
        self.known[key] = call.out
        return call.out


def spot() -> Spot:
    """The innermost line of the program: that of a simulator of ours is one, too."""
    return innermost_spot(_is_engine)


@functools.cache
def _is_engine(file: str) -> bool:
    return file.startswith(_ENGINE) or is_numpy(file)


_ENGINE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class TracingTape(WatchedTape):
    """A tape over `Sym`s. It tells the trace which line's rule is at work."""

    __slots__ = ()

    def spot(self) -> Spot:
        return spot()

    def sweep(self, seeds: list, keep: bool = False) -> None:
        traces = {x.trace for node in self if isinstance(x := plain(node.value), Sym)}
        token = sweeping.set(True)
        try:
            super().sweep(seeds, keep)
        finally:
            sweeping.reset(token)
        for trace in traces:
            trace.spot = None

    def saw_cotangent(self, k: int, node: Node, g: Any) -> None:
        y, g = plain(node.value), plain(g)
        if isinstance(y, Sym):
            trace: Trace | None = y.trace
            while trace:
                trace.spot = self.spots[k]
                trace = trace.parent
        if isinstance(g, Sym) and g.trace is getattr(y, "trace", None) and not g.name:
            g.of = y


class Watched(NamedTuple):
    """An array of the surroundings, and what was in it at its first and at its last use."""

    array: np.ndarray
    first: tuple
    last: tuple


def constant(x: Any) -> Any:
    """A constant as programs hold it: a bool, an int, a float, or an array of its own type."""
    if isinstance(x, Sym):
        return x
    x = listed(x)
    if isinstance(x, (list, tuple)):
        return np.asarray(x)
    if isinstance(x, np.generic) or (isinstance(x, np.ndarray) and not x.ndim):
        x = x.item()
    if type(x) in (bool, float) or not isinstance(x, numbers.Real):
        return x
    number = int(x) if isinstance(x, numbers.Integral) else float(x)
    return number if abs(number) < 2**63 else float(number)                  # Numba's integers end there


# ---------------------------------------------------------------------------- numbers and conditions

_TRUTHS = ("logical_and", "logical_or", "logical_xor", "any", "all")
_COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "logical_not")
_BESIDE_FLOATS = ("add", "subtract", "multiply", "divide", "where")       # there True is 1.0 anyway
_OF_CONDITIONS: dict[str, Any] = {               # what NumPy computes instead, of conditions
    "bitwise_and": np.logical_and, "bitwise_or": np.logical_or, "bitwise_xor": np.logical_xor,
    "invert": np.logical_not, "multiply": np.logical_and, "add": np.logical_or,
    "minimum": np.logical_and, "maximum": np.logical_or, "min": np.all, "amin": np.all, "max": np.any,
    "amax": np.any, "subtract": None, "negative": None, "positive": None}


def _of_one_kind(op: Primitive, args: tuple) -> tuple[Primitive, tuple]:
    """The function and its arguments, conditions made numbers, or numbers conditions, where it needs that.

    Python and Numba compute with single conditions as with integers, which wrap around, and their
    `and` returns an operand; NumPy's conditions have an arithmetic of their own.
    """
    numpys = any(map(_is_numpys, args))
    args = tuple(map(constant, args))
    name, operands = op.name, args
    if name in _TRUTHS:
        n = 1 if name in ("any", "all") else 2
        return op, (*(x if is_condition(x) else np.not_equal(x, 0.0) for x in args[:n]), *args[n:])
    if name in REDUCTIONS or name in RUNNING:
        operands = args[:1]
    elif name == "where":
        operands = args[1:]
    elif not is_elementwise(name) or name in _COMPARISONS:
        return op, args
    conditions = [is_condition(x) for x in operands]
    if all(conditions) and numpys and name in _OF_CONDITIONS:
        return _registered(_OF_CONDITIONS[name]) if _OF_CONDITIONS[name] else op, args
    if name == "where":
        if not all(conditions):
            args = (args[0], *(1.0 * x if type(x) in (int, bool) else as_numbers(x) for x in operands))
        return op, args
    if not any(conditions) or (name in _BESIDE_FLOATS and any(map(_is_float, operands))):
        return op, args
    if name in REDUCTIONS and operands[0].shape:
        return op, args                          # counted, beginning with 0.0
    return op, (*map(as_numbers, operands), *args[len(operands):])


def _is_numpys(x: Any) -> bool:
    """Whether it is an array, or a condition that came out of one."""
    return type(example(x)) is np.bool_ or np.ndim(example(x)) > 0


def _is_float(x: Any) -> bool:
    return not is_condition(x) and type(x) is not int


def as_numbers(x: Any) -> Any:
    """A condition or array of conditions as the numbers 0 and 1; other values as they are."""
    return np.where(x, 1.0, 0.0) if is_condition(x) else x


def example(x: Any) -> Any:
    return x.example if isinstance(x, Sym) else x


def _key(x: Any) -> Any:
    """What is equal for equal arguments of a call; an array is equal to itself."""
    if isinstance(x, (Sym, np.ndarray)):
        return id(x)
    if isinstance(x, (tuple, list)):
        return (type(x), *map(_key, x))
    return type(x), repr(x)


def simpler(name: str, args: tuple) -> Any:
    """The result, if it is one of the arguments unchanged, to the last bit."""
    if name not in _NEUTRAL or len(args) != 2:
        return None
    a, b = args
    if isinstance(a, Sym) and a.kind == "f" and _is_number(b, _NEUTRAL[name]):
        return a
    if name in ("add", "multiply") and isinstance(b, Sym) and b.kind == "f" and _is_number(a, _NEUTRAL[name]):
        return b
    return None


# x + 0.0 is 0.0 where x is -0.0, but nothing changes by x + -0.0 and x - 0.0
_NEUTRAL = {"add": -0.0, "subtract": 0.0, "multiply": 1.0, "divide": 1.0, "power": 1.0}


def _is_number(x: Any, number: float) -> bool:
    return type(x) in (float, int) and x == number and math.copysign(1.0, x) == math.copysign(1.0, number)


# ---------------------------------------------------------------------------- the values

class Sym(Abstract):
    """A value of a program: an example of it, and the name that it shall have in the source."""

    __slots__ = ("example", "name", "of", "trace")

    def __init__(self, trace: Trace, example: Any, name: str | None = None):
        if not is_condition(example) and np.asarray(example).dtype.kind != "f":
            example = np.asarray(example, dtype=np.float64)      # integers are real numbers, too
        if type(example) is not np.bool_:        # whose arithmetic is not that of Python's bool
            example = constant(example)
        self.trace, self.example, self.name = trace, example, name
        self.of: Sym | None = None               # the value whose cotangent it is

    def call(self, op: Any, args: tuple, options: dict) -> Any:
        return write(op, args, options)

    def made(self) -> tuple:
        calls = (call for call in reversed(self.trace.calls) if isinstance(call, Call))
        return next(((call.op, call.args, call.options) for call in calls if call.out is self),
                    (None, (), {}))

    @property
    def kind(self) -> str:
        """"f" for real numbers, "b" for booleans."""
        return np.asarray(self.example).dtype.kind

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.example)

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
    def mT(self) -> Any:
        return call_numpy(np.swapaxes, (self, -1, -2), {})

    def __repr__(self) -> str:
        return f"Sym({self.name or '?'}, like {self.example!r})"

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a number has no len()")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        parts = index if type(index) is tuple else (index,)
        if any(isinstance(i, (Sym, Var)) for i in parts):
            raise NotCompiledError(
                "an index that is computed cannot be compiled.",
                "use fixed indices, or np.where(np.arange(len(x)) == i, x, 0.0) and a sum.")
        return write(_registered(operator.getitem), (self, index), {})

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        if any(type(x) is Var for x in args):
            return NotImplemented
        if method != "__call__":
            raise not_compiled(f"np.{ufunc.__name__}.{method}")
        if kwargs.get("out") is not None:
            raise MutationError("a value of a compiled program was written into a plain array.",
                                f"write array = np.{ufunc.__name__}(...) without out=.")
        if _OF_CONDITIONS.get(ufunc.__name__) and all(is_condition(x) for x in args):
            ufunc = _OF_CONDITIONS[ufunc.__name__]
        return call_numpy(np.clip if ufunc.__name__ == "clip" else ufunc, args, kwargs)  # a.clip(x, 1.0)

    def __array_function__(self, function: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
        if any(kind is Var for kind in types):
            return NotImplemented
        return call_numpy(function, args, kwargs)


def _registered(function: Callable) -> Primitive:
    """The primitive that the registry has for a function."""
    return cast(Primitive, PRIMITIVES[function])


def call_numpy(function: Callable, args: tuple, kwargs: dict) -> Any:
    """A NumPy function, as the registry knows it, with a value of a program among its arguments."""
    return compared(function, args, kwargs, lambda: _written(function, args, kwargs), warns=False)


def _written(function: Callable, args: tuple, kwargs: dict) -> Any:
    name = getattr(function, "__name__", str(function))
    if function in _OF_SHAPES:
        of_shape = _OF_SHAPES[function]
        return of_shape(*args, **known_options(function, of_shape, kwargs))
    known = PRIMITIVES.get(function)
    if known is None:
        raise not_compiled(f"np.{name}")
    if not isinstance(known, Primitive):
        try:
            return known(*args, **kwargs)       # it is made of others
        except NotCompiledError as error:
            if error.advice != _ADVICE:
                raise
            raise not_compiled(f"np.{name}") from error
    if isinstance(known, FlatPrimitive):
        return write(known, *_of_flat(known, args, kwargs))
    return write(known, *known._bind(args, kwargs))


def _of_flat(op: Primitive, args: tuple, options: dict) -> tuple[tuple, dict]:
    """Arguments and options of a function without derivative; refuses what would be ignored."""
    if op.name in REDUCTIONS:
        args, options = args[:1], dict(zip(op._parameters[1:], args[1:], strict=False)) | options
    options = {name: x for name, x in options.items() if not says_nothing(op.fn, name, x)}
    unknown = options.keys() - (("axis", "keepdims") if op.name in REDUCTIONS else ())
    if unknown and is_known(op.name) and expanded(op.name, args, options) is None:
        raise UnsupportedArgumentError(
            f"np.{op.name} of a value of a compiled program does not know the argument {min(unknown)!r}.",
            "leave it out, or compute the same with other functions (np.where for where=).")
    return args, options


def write(op: Primitive, args: tuple, options: dict) -> Any:
    """Write down a call in the innermost program that has one of its arguments."""
    values = [x for x in (*args, *options.values()) if isinstance(x, Sym)]
    trace = max((x.trace for x in values), key=lambda trace: trace.age)
    trace.see(args, options)
    if op.name == "matmul":
        np.matmul(*map(example, args))           # refuses what does not fit, as others may not
    others = expanded(op.name, args, options)
    if others is not None:
        try:
            inspect.signature(others).bind(*args, **options)
        except TypeError as error:
            raise UnsupportedArgumentError(
                f"np.{op.name} of a value of a compiled program: {error}.",
                "leave it out, or compute the same with other functions.") from None
        return others(*args, **options)
    if not is_known(op.name):
        raise not_compiled(op.name)
    return trace.record(op, args, options)


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

# ---------------------------------------------------------------------------- the values' manners


def _forward(op: Primitive) -> Callable:
    def method(a: Sym, b: Any) -> Any:
        if type(b) in (Var, Parts, Selected):
            return NotImplemented
        if op.name in RAISED:
            _may_raise(op, a, b)
        return write(op, (a, b), {})
    return method


def _reflected(op: Primitive) -> Callable:
    def method(b: Sym, a: Any) -> Any:
        if op.name in RAISED:
            _may_raise(op, a, b)
        return write(op, (a, b), {})
    return method


def _may_raise(op: Primitive, a: Any, b: Any) -> None:
    """Note that Python's operator on numbers raises where the program will go on.

    Numbers that came from NumPy do not, but a tape that looks in vain does no harm. The rules are ours.
    """
    if not sweeping.get() and not np.shape(a) and not np.shape(b) and (
            op.name == "power" or isinstance(b, Sym) or b == 0):
        trace = a.trace if isinstance(a, Sym) else b.trace
        trace.root.raising |= RAISED[op.name]


def _bitwise(op: Primitive, symbol: str) -> Callable:
    def method(a: Sym, b: Any) -> Any:
        if not (is_condition(a) and is_condition(constant(b))):
            raise TypeError(f"{symbol} is for conditions, such as (x > 0) {symbol} (y > 0), not for numbers")
        return write(op, (a, b), {})
    return method


def _bool(self: Sym) -> bool:
    """The branch that the example takes; the program checks at each run that it is the right one."""
    if self.trace.parent is not None or self.shape:
        raise BranchError(
            "the step of a compiled loop cannot take a branch that depends on a value: it would be frozen."
            if not self.shape else "an array of a compiled program has no single truth value.",
            "write np.where(condition, a, b), np.maximum or np.clip; a loop up to an event is dp.integrate.",
            user_place())
    self.trace.guards.append((self, bool(self.example)))
    return bool(self.example)


def _invert(x: Sym) -> Any:
    if not x.shape:                              # ~True is -2, as is that of Python's comparisons
        raise NotCompiledError("~ of a single condition is a number, and always counts as true.",
                               "write np.logical_not(condition).")
    return np.logical_not(x)


def _rounded(x: Sym, digits: Any = None) -> Any:
    if digits is not None:
        raise NotCompiledError("round(x, digits) cannot be compiled.", "write np.round(x, digits).")
    return np.rint(x)


def _refuse_number(what: str) -> Callable:
    def method(self: Sym, *args: Any, **kwargs: Any) -> NoReturn:
        place = user_place()
        if place.storing:
            raise MutationError("a value of a compiled program was written into a plain array.",
                                "collect the values in a list and write np.stack(values) at the end.", place)
        raise ConversionError(
            f"{what} needs a plain number, and in a program that is compiled there is none yet.",
            advice if (advice := instead_of_method(place.expression)).startswith("write np.") else
            "write np.sin(x) instead of math.sin(x), np.stack([...]) instead of np.array([...]); "
            "a number that is fixed belongs to static= of dp.compile.", place)
    return method


def _number(kind: type) -> Callable:
    """A condition as 0 or 1 is a branch; other numbers are not known yet."""
    refuse = _refuse_number(f"{kind.__name__}(x)")
    return lambda x: kind(_bool(x)) if x.kind == "b" else refuse(x)


def _refuse_change(self: Sym, *args: Any, **kwargs: Any) -> NoReturn:
    raise MutationError("an array of a compiled program cannot be changed in place.",
                        "build a new one with np.where, np.stack or np.concatenate.")


def _astype(self: Sym, dtype: Any, *args: Any, **kwargs: Any) -> Any:
    np.empty(0).astype(dtype, *args, **kwargs)   # refuses what NumPy refuses
    if np.dtype(dtype) == np.float64:
        return as_numbers(self)
    if np.dtype(dtype) == np.bool_:
        return write(_registered(np.not_equal), (self, 0.0), {})
    raise DtypeError(f".astype({dtype!r}) of a value of a compiled program: its numbers are float64.",
                     "leave it out, or round with np.trunc.")


def _set_manners() -> None:
    operators: dict[str, Callable] = {
        "add": operator.add, "sub": operator.sub, "mul": operator.mul, "mod": operator.mod,
        "truediv": operator.truediv, "pow": operator.pow, "matmul": operator.matmul,
        "floordiv": np.floor_divide}
    for name, function in operators.items():
        setattr(Sym, f"__{name}__", _forward(_registered(function)))
        setattr(Sym, f"__r{name}__", _reflected(_registered(function)))
    comparisons = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
                   "eq": np.equal, "ne": np.not_equal}
    for name, ufunc in comparisons.items():
        setattr(Sym, f"__{name}__", _forward(_registered(ufunc)))
    bitwise = {"and": ("&", np.logical_and), "or": ("|", np.logical_or), "xor": ("^", np.logical_xor)}
    for name, (symbol, logical) in bitwise.items():
        method = _bitwise(_registered(logical), symbol)
        setattr(Sym, f"__{name}__", method)
        setattr(Sym, f"__r{name}__", method)     # in either order
        setattr(Sym, f"__i{name}__", _in_place(f"__{name}__", symbol))
    for name, symbol in _IN_PLACE.items():
        setattr(Sym, f"__i{name}__", _in_place(name, symbol))
    for name in dir(np.ndarray):
        numpys: Any = getattr(np, name, None)
        if name in _CHANGING:
            setattr(Sym, name, _refuse_change)
        elif name in _LEAVING:
            setattr(Sym, name, _refuse_number(f".{name}()"))
        elif not name.startswith("_") and callable(numpys) and not hasattr(Sym, name):
            setattr(Sym, name, partialmethod(numpys))
    others: dict[str, Any] = {
        "__neg__": lambda x: write(_registered(np.negative), (x,), {}),
        "__pos__": lambda x: x,
        "__abs__": lambda x: np.abs(x),
        "__divmod__": lambda a, b: (a // b, a % b),
        "__rdivmod__": lambda b, a: (a // b, a % b),
        "__round__": _rounded,
        "__invert__": _invert,
        "__hash__": None,
        "__bool__": _bool,
        "__float__": _number(float),
        "__int__": _number(int),
        "__index__": _number(int),
        "__array__": _refuse_number("a plain array"),
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
        setattr(Sym, name, method)


_set_manners()


def line_of(spot: Spot) -> tuple[str, int, str]:
    """File, line and text of a spot."""
    place = place_of(spot)
    return place.file, place.line, place.text

