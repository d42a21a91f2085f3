"""The statements of one function while it grows, and what stands for each value of the program.

    >>> to = Emitter()
    >>> x = whole(Buffer("x", (3,), "f", "input"))
    >>> copy = to.copied(Local("copy", "f"), x)
    >>> [type(statement).__name__ for statement in (*to.head, *to.body)]
    ['Alloc', 'For']
"""

import contextlib
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import NotCompiledError
from .expressions import Apply, Buffer, Const, Load, Local, Memory
from .program import Op, Value
from .statements import Alloc, Comment, For, Let, See, Store
from .views import View, broadcast, flat_index, is_static, whole


class Emitter:
    """The statements of one function while it grows, and what stands for each value."""

    def __init__(self, pools: bool = False, called: Counter[str] | None = None) -> None:
        self.pools = pools                       # may small arrays share memory, if there are many?
        self.called = called or Counter()        # how many values have a label
        self.head: list[Any] = []                # what is done once, before all else
        self.body: list[Any] = []                # where statements are added
        self.values: dict[Value, Any] = {}
        self.elements: dict[Value, Local] = {}   # of arrays that are never whole: one, in the loop over them
        self.constants: list[tuple[Buffer, np.ndarray]] = []
        self._constant_of: dict[Any, Buffer] = {}
        self._axes: list[Local] = []
        self._seen: dict[tuple, Buffer] = {}
        self._at_head: set[Buffer] = set()
        self._line: Any = None
        self.pool = Buffer("memory", (0,), "f", "shared")        # what small arrays share, if there are many

    def emit(self, statement: Any) -> None:
        """Add a statement."""
        self.body.append(statement)

    def let(self, local: Local, value: Any) -> Local:
        """Set a variable."""
        self.emit(Let([local], [value]))
        return local

    @contextlib.contextmanager
    def within(self, body: list) -> Iterator[None]:
        """A context in which statements are added to this list."""
        self.body, around = body, self.body
        try:
            yield
        finally:
            self.body = around

    @contextlib.contextmanager
    def loops(self, shape: tuple) -> Iterator[tuple]:
        """A loop over each axis, one within the other; loops that are not nested share their indices."""
        while len(self._axes) < len(shape):
            k = len(self._axes)
            self._axes.append(Local("ijkl"[k] if k < 4 else f"i{k}", "i"))
        index, around = tuple(self._axes[: len(shape)]), self.body
        for i, n in zip(index, shape, strict=True):
            inner: list[Any] = []
            self.emit(For(i, n, inner))
            self.body = inner
        try:
            yield index
        finally:
            self.body = around

    def comment(self, op: Op) -> None:
        """Say which line of the user's program comes now."""
        if op.spot is not None:
            line = op.spot.code, op.spot.line, op.back
            if line != self._line:
                self._line = line
                self.emit(Comment(op))

    def forget_line(self) -> None:
        """The next operation says its line in any case."""
        self._line = None

    # -- values

    def bind(self, x: Value, value: Any) -> None:
        """From now on, `value` stands for `x`: of the shape and kind that NumPy gave it."""
        fits = value.kind == x.kind and len(value.shape) == x.ndim and all(
            n == m or isinstance(n, Local) for n, m in zip(value.shape, x.shape, strict=True))
        if not fits:
            raise NotCompiledError(
                f"a value of shape {x.shape} and kind {x.kind!r} was lowered to one of shape {value.shape} "
                f"and kind {value.kind!r}: an error of the compiler, or a calculation with conditions.",
                "call the function without dp.compile, and report this.")
        self.values[x] = value

    def get(self, x: Any) -> Any:
        """The expression or view of a value or a constant."""
        if type(x) is Value:
            return self.values[x]
        if isinstance(x, np.ndarray) and x.ndim:
            return whole(self.constant(x))
        return literal(x)

    def constant(self, x: np.ndarray) -> Buffer:
        """The buffer of a constant array; equal ones share it."""
        kind = x.dtype.kind if x.dtype.kind in "bi" else "f"
        dtype: Any = {"b": np.bool_, "i": np.int64, "f": np.float64}[kind]
        return self._fixed("constant", kind, np.array(x, dtype, order="C"))

    def table(self, positions: np.ndarray) -> Buffer:
        """The buffer of an array of positions."""
        return self._fixed("positions", "i", np.array(positions, np.intp, order="C"))

    def _fixed(self, label: str, kind: str, x: np.ndarray) -> Buffer:
        key = kind, x.shape, x.tobytes()
        if key not in self._constant_of:
            self._constant_of[key] = Buffer(label, x.shape, kind, "constant")
            self.constants.append((self._constant_of[key], x))
        return self._constant_of[key]

    def local(self, x: Value, label: str = "t") -> Local:
        """A variable for a value, called as the value is, or as a cotangent of its variable or buffer."""
        if x.label or x.of is None:
            return Local(x.label or label, x.kind)
        of = self.values.get(x.of, self.elements.get(x.of))
        if isinstance(of, View) and of.memory and not of.memory.prefix:
            return Local("", x.kind, of.memory.buffer)
        if isinstance(of, Local):
            return Local("", x.kind, of)
        others = self.called[x.of.label] - (of is not None)      # which the label may be taken for
        return Local("g" if others or not x.of.label else f"g_{x.of.label}", x.kind)

    def parameter(self, x: Value) -> Any:
        """An input."""
        label = x.label or ("g" if x.of else "x")
        if not x.shape:
            local = Local(label, x.kind)
            self.bind(x, local)
            return local
        buffer = Buffer(label, x.shape, x.kind, "input")
        self._at_head.add(buffer)
        self.bind(x, whole(buffer))
        return buffer

    # -- memory

    def allocate(self, name: Local, shape: tuple, kind: str) -> View:
        """A new array, made once at the head of the function unless its length is known later."""
        buffer = Buffer(name.label, shape, kind, of=name.of)
        if is_static(buffer):
            self.head.append(Alloc(buffer))
            self._at_head.add(buffer)
        else:
            self.emit(Alloc(buffer))
        return whole(buffer)

    def pooled(self, shape: tuple) -> View:
        """A small array in memory that it shares with others: making one takes long to compile."""
        (start,) = self.pool.shape
        if not start:
            self.head.append(Alloc(self.pool))
        self.pool.shape = (start + math.prod(shape),)
        return View(shape, "f", lambda at: Load(self.pool, (flat_index(start, shape, at),)))

    def new_array(self, x: Value, shape: tuple) -> View:
        """Memory for a value; that of a single row or column is a vector."""
        if len(shape) != 2 or 1 not in shape:
            return self.allocate(self.local(x), shape, x.kind)
        k = 0 if shape[1] == 1 else 1
        row = self.allocate(self.local(x), (shape[k],), x.kind)
        assert row.memory is not None
        return View(shape, x.kind, lambda at: row.at((at[k],)), row.memory._replace(shape=shape))

    def copied(self, name: Local, x: View) -> View:
        """A copy of an array."""
        copy = self.allocate(name, x.shape, x.kind)
        self.copy(x, copy)
        return copy

    def copy(self, x: Any, target: View, add: bool = False) -> None:
        """Set (or increase) each element of the target."""
        with self.loops(target.shape) as index:
            place, value = target.at(index), broadcast(x, target.shape).at(index)
            value = of_kind(value, target.kind)
            self.emit(Store(place, Apply("add", (place, value), target.kind) if add else value))

    def rows_from(self, buffer: Buffer, first: int, count: int, name: Local) -> View:
        """Some rows of an array that was made at the head of the function, as an array."""
        seen = Buffer(name.label, (count, *buffer.shape[1:]), buffer.kind, buffer.role, name.of, buffer)
        self.head.append(See(seen, Memory(buffer, (), buffer.shape), first))
        self._at_head.add(seen)
        return whole(seen)

    def memory(self, x: Any, shape: tuple | None = None) -> Memory:
        """The whole of an array in C order, in this shape; it is copied to be so if need be."""
        x = self.get(x) if not isinstance(x, View) else x
        if x.memory is None:
            x = self.copied(Local("copy", x.kind), x)
        return self.reshaped(x.memory, x.shape if shape is None else shape)

    def reshaped(self, memory: Memory, shape: tuple) -> Memory:
        """Memory in another shape; of what is there at the head of the function, this is made there."""
        buffer, prefix, _ = memory
        if prefix or buffer.shape == shape or buffer not in self._at_head:
            return Memory(buffer, prefix, shape)
        if (buffer, shape) not in self._seen:
            label = "flat" if len(shape) == 1 else "reshaped"
            seen = self._seen[buffer, shape] = Buffer(f"{buffer.label}_{label}", shape, buffer.kind,
                                                      buffer.role, seen=buffer)
            self.head.append(See(seen, Memory(buffer, (), buffer.shape)))
        return Memory(self._seen[buffer, shape], (), shape)


def literal(x: Any) -> Const:
    """A constant."""
    x = x.item() if isinstance(x, (np.generic, np.ndarray)) else x
    return Const(x if type(x) in (bool, int) else float(x))


def of_kind(x: Any, kind: str) -> Any:
    """An expression as one of this kind, which loses nothing."""
    return as_number(x) if kind == "f" else as_integer(x) if kind == "i" else x


def as_integer(x: Any) -> Any:
    """A condition as 0 or 1."""
    if isinstance(x, Const):
        return Const(int(x.value))
    return x if x.kind == "i" else Apply("where", (x, Const(1), Const(0)), "i")


def as_number(x: Any) -> Any:
    """A condition as 0 or 1; an integer as a real number."""
    if isinstance(x, Const):
        return Const(float(x.value))
    return x if x.kind == "f" else Apply("float", (x,), "f")


def as_condition(x: Any) -> Any:
    """Whether a number is not zero."""
    return x if x.kind == "b" else Apply("not_equal", (x, Const(0.0)), "b")
