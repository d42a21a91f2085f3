"""Is what a program was lowered to sound? No store may go into memory that is still to be read.

Each buffer holds one value, so in a list of statements it is filled first, and read then. Only what a loop
carries is filled again, at the end of its body: after all that reads it.

    >>> from .expressions import Const, Load
    >>> x, t, u = Buffer("x", (3,), "f"), Local("t", "f"), Local("u", "f")
    >>> read, again = Let([t], [Load(x, (0,))]), Let([u], [Load(x, (1,))])
    >>> check(Function("f", [], [Alloc(x), Store(Load(x, (0,)), Const(1.0)), read, again]))
    >>> check(Function("f", [], [Alloc(x), read, Store(Load(x, (1,)), Const(1.0)), again]))
    Traceback (most recent call last):
    tinydp.ad.compile.program.UnsoundError: x(3,) is written to while it is still to be read
"""

from typing import Any

from .expressions import Buffer, Local, variables_of
from .program import UnsoundError
from .statements import Alloc, Call, For, Forever, Function, Let, See, Store, expressions, inside


def check(function: Function) -> None:
    """Raise `UnsoundError` unless a function is sound. Those that were split are checked before that."""
    known = {x for x in function.parameters if isinstance(x, Local)}
    made = {x for x in function.parameters if isinstance(x, Buffer)}
    _defined(function.body, known, made)
    _in_order(function.body, in_loop=False)


def _defined(statements: list, known: set, made: set) -> None:
    """Variables are set, and buffers are made, before they are used."""
    for s in statements:
        for x in [leaf for part in expressions(s) for leaf in variables_of(part)]:
            if x not in known and x not in made:
                raise UnsoundError(f"{x!r} is used before it is set")
        if isinstance(s, Let):
            known.update(s.locals)
        elif isinstance(s, For):
            known.add(s.index)
        elif isinstance(s, Call):
            known.update(x for x in s.results if isinstance(x, Local))
        elif isinstance(s, (Alloc, See)):
            made.add(s.buffer)
        elif isinstance(s, Store) and s.buffer not in made:
            raise UnsoundError(f"{s.buffer!r} is written to before it is made")
        for part in inside(s):
            _defined(part, known, made)


def uses(s: Any) -> tuple[set[Buffer], set[Buffer]]:
    """The memory that a statement reads, and that it writes to."""
    read = [x.root for part in expressions(s) for x in variables_of(part) if isinstance(x, Buffer)]
    written: set[Buffer] = set()
    if isinstance(s, Store):
        written.add(s.buffer.root)
    elif isinstance(s, Call):
        for x in s.into:
            read.remove(x.root)                  # it is an argument only to be written to
            written.add(x.root)
        written.update(x.root for x in s.results if isinstance(x, Buffer))
    elif isinstance(s, See):
        read = []
    found = set(read), written
    for part in inside(s):
        for each in part:
            found = tuple([a | b for a, b in zip(found, uses(each), strict=True)])  # type: ignore[assignment]
    return found


def _in_order(statements: list, in_loop: bool) -> None:
    """Each buffer is filled, then read, and then, in a loop, filled for the next step."""
    being_read: set[Buffer] = set()
    filled_again: set[Buffer] = set()
    for s in statements:
        read, written = uses(s)
        for x in written:
            if x.role in ("input", "constant"):
                raise UnsoundError(f"{x!r} is written to, but it is not ours")
            if x in being_read and (not in_loop or x in read):
                raise UnsoundError(f"{x!r} is written to while it is still to be read")
        for x in read & filled_again:
            if x.role != "shared":
                raise UnsoundError(f"{x!r} is written to while it is still to be read")
        filled_again |= written & being_read
        being_read |= {x for x in read - written if x.role != "shared"}
        for part in inside(s):
            _in_order(part, in_loop or isinstance(s, (For, Forever)))
