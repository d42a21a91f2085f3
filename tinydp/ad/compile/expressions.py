"""What is computed from loops' variables and buffers, in any language.

    >>> x, i = Buffer("x", (3,), "f", "input"), Local("i", "i")
    >>> twice = Apply("add", (Load(x, (i,)), Load(x, (i,))), "f")
    >>> size(twice), [leaf.label for leaf in variables_of(twice)]
    (1, ['x', 'i', 'x', 'i'])

Expressions are `Local` variables, `Const`ants, `Load`s of an element, `Apply` of an elementwise operation,
and, as indices, `Affine` ones. Memory is a `Buffer`; two buffers share memory only if one is `of` the other.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple


class Local:
    """A variable. `of` is the variable, or buffer, whose cotangent it is."""

    __slots__ = ("kind", "label", "of")
    shape: tuple = ()

    def __init__(self, label: str, kind: str, of: Any = None):
        self.label, self.kind, self.of = label, kind, of

    def __repr__(self) -> str:
        return self.label


class Buffer:
    """An array in memory, in C order; a side is a number, or a variable after an event.

    Its `role` is that of an "input", of a "constant", which are never written to, or "scratch";
    of one that is "shared", parts are written at different places of the program. One that
    is `seen` has no memory of its own: it shows that of another buffer in another shape.
    """

    __slots__ = ("kind", "label", "of", "role", "seen", "shape")

    def __init__(self, label: str, shape: tuple, kind: str, role: str = "scratch", of: Any = None,
                 seen: "Buffer | None" = None):
        self.label, self.shape, self.kind, self.role, self.of, self.seen = label, shape, kind, role, of, seen

    @property
    def root(self) -> "Buffer":
        """The buffer whose memory it is."""
        return self if self.seen is None else self.seen.root

    def __repr__(self) -> str:
        return f"{self.label}{self.shape}"


class Const(NamedTuple):
    """A number or a condition."""

    value: Any

    @property
    def shape(self) -> tuple:
        return ()

    @property
    def kind(self) -> str:
        return "b" if type(self.value) is bool else "i" if type(self.value) is int else "f"


class Affine(NamedTuple):
    """The index `start + stride * of`; `of` is a variable, or an element of a table."""

    start: int
    stride: int
    of: Any

    @property
    def kind(self) -> str:
        return "i"

    @property
    def shape(self) -> tuple:
        return ()


class Load(NamedTuple):
    """An element of a buffer."""

    buffer: Buffer
    index: tuple                         # type: ignore[assignment]

    @property
    def shape(self) -> tuple:
        return ()

    @property
    def kind(self) -> str:
        return self.buffer.kind


class Apply(NamedTuple):
    """An elementwise operation, by the name of its primitive."""

    name: str
    args: tuple
    kind: str

    @property
    def shape(self) -> tuple:
        return ()


class Memory(NamedTuple):
    """The part of a buffer at the indices `prefix`, all of it, in this shape: an argument of a kernel."""

    buffer: Buffer
    prefix: tuple
    shape: tuple


def variables_of(x: Any) -> Iterator[Any]:
    """The variables and buffers of an expression, of memory, or of a side."""
    if isinstance(x, (Local, Buffer)):
        yield x
        if isinstance(x, Buffer):
            yield from (side for side in x.shape if isinstance(side, Local))
    elif isinstance(x, Apply):
        for part in x.args:
            yield from variables_of(part)
    elif isinstance(x, Affine):
        yield from variables_of(x.of)
    elif isinstance(x, (Load, Memory)):
        yield from variables_of(x.buffer)
        for part in x.index if isinstance(x, Load) else x.prefix:
            if type(part) is not int:
                yield from variables_of(part)


def size(x: Any) -> int:
    """How many operations an expression has."""
    if isinstance(x, Apply):
        return 1 + sum(map(size, x.args))
    return 0
