"""Loops and buffers: what a program becomes before it is printed, in any language.

    >>> from .expressions import Buffer, Load, Local, Memory, variables_of
    >>> x, y = Buffer("x", (3,), "f", "input"), Buffer("y", (3,), "f")
    >>> i, t = Local("i", "i"), Local("t", "f")
    >>> twice = Apply("add", (Load(x, (i,)), Load(x, (i,))), "f")
    >>> loop = For(i, 3, [Let([t], [twice]), Store(Load(y, (i,)), t)])
    >>> [node.label for node in reads(loop)], [node.label for node in writes(loop)]
    (['x', 'i', 'x', 'i', 't', 'i'], ['i', 't', 'y'])

Statements are executed in their order. Nothing here knows how any of it is written.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .expressions import Apply, Buffer, Const, Load, Local, Memory, variables_of  # noqa: F401  (for lower_loops.py)


@dataclass(slots=True, eq=False)
class Comment:
    """What follows comes from the user's line of this operation."""

    op: Any


@dataclass(slots=True, eq=False)
class Let:
    """Set variables to expressions, all at once."""

    locals: list[Local]
    values: list


@dataclass(slots=True, eq=False)
class Store:
    """Set an element of a buffer."""

    place: Load
    value: Any

    @property
    def buffer(self) -> Buffer:
        return self.place.buffer


@dataclass(slots=True, eq=False)
class Alloc:
    """Make a buffer."""

    buffer: Buffer


@dataclass(slots=True, eq=False)
class See:
    """From now on, `buffer` shows this memory, or the first part of it, in its own shape.

    Or, of the rows of a whole array, as many as it has, from `first` on.
    """

    buffer: Buffer
    memory: Memory
    first: int | None = None


@dataclass(slots=True, eq=False)
class Call:
    """Call a kernel, or a function of this module. Of its arguments it writes to `into`.

    `results` are variables; or a buffer, which is made anew.
    """

    function: Any
    args: list
    results: list = field(default_factory=list)
    into: list[Buffer] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class For:
    """Do it for each `index` below `count`, or from the last one down."""

    index: Local
    count: Any
    body: list
    reverse: bool = False


@dataclass(slots=True, eq=False)
class Forever:
    """Do it until a `Leave`."""

    body: list


@dataclass(slots=True, eq=False)
class If:
    """One of two lists of statements."""

    condition: Any
    then: list
    otherwise: list = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Again:
    """Go on with the next round of the loop."""


@dataclass(slots=True, eq=False)
class Leave:
    """Leave the loop."""


@dataclass(slots=True, eq=False)
class Fail:
    """Raise `ArithmeticError`."""

    reason: str


@dataclass(slots=True, eq=False)
class Function:
    """A function: what it is given, does and returns."""

    label: str
    parameters: list
    body: list
    results: list = field(default_factory=list)


# ---------------------------------------------------------------------------- looking at them

def inside(statement: Any) -> list[list]:
    """The lists of statements within one."""
    if isinstance(statement, (For, Forever)):
        return [statement.body]
    return [statement.then, statement.otherwise] if isinstance(statement, If) else []


def expressions(statement: Any) -> list:
    """What one statement, without those inside, reads."""
    if isinstance(statement, Let):
        return statement.values
    if isinstance(statement, Store):
        return [statement.value, *statement.place.index]
    if isinstance(statement, Call):
        return statement.args
    if isinstance(statement, See):
        return [statement.memory]
    if isinstance(statement, For):
        return [statement.count]
    if isinstance(statement, If):
        return [statement.condition]
    return list(statement.buffer.shape) if isinstance(statement, Alloc) else []


def targets(statement: Any) -> list:
    """What one statement, without those inside, sets: variables, and buffers that it makes or fills."""
    if isinstance(statement, Let):
        return statement.locals
    if isinstance(statement, (Store, Alloc, See)):
        return [statement.buffer]
    if isinstance(statement, Call):
        return [*statement.results, *statement.into]
    return [statement.index] if isinstance(statement, For) else []


def reads(statement: Any) -> Iterator[Any]:
    """The variables and buffers that a statement reads, again and again."""
    for x in expressions(statement):
        yield from variables_of(x)
    for part in inside(statement):
        for each in part:
            yield from reads(each)


def writes(statement: Any) -> Iterator[Any]:
    """The variables that a statement sets, and the buffers that it makes or fills."""
    yield from targets(statement)
    for part in inside(statement):
        for each in part:
            yield from writes(each)
