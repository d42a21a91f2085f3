"""Tapes that are watched: they remember the user's line of each node and show every step.

A `Tape` keeps nothing but what the sweep needs, for speed. Its subclasses here do the same
work step by step, for `debug_nans` and `record`.

    >>> import numpy as np
    >>> from tinydp import debug_nans, grad
    >>> with debug_nans():                                # doctest: +ELLIPSIS
    ...     grad(lambda x: np.sum(np.where(x > 1, 0.0, x * np.exp(1000 * x))))(np.array([0.0, 2.0]))
    Traceback (most recent call last):
    ...
    tinydp.ad.errors.NotFiniteError: node 1, exp, gave inf in the value, from 2000.
      at ...
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar, copy_context
from typing import Any

import numpy as np

from .errors import NotFiniteError, Spot, place_of, user_spot
from .parts import dense
from .primitives import sweeping
from .tape import EndedTape, Tape, Var
from .values import plain

_tape_kind: ContextVar[Callable[[], Tape]] = ContextVar("tape_kind", default=Tape)
_live: ContextVar[tuple[Tape, ...]] = ContextVar("live", default=())
_tracer: ContextVar[Any] = ContextVar("tracer", default=None)
tape_kind = _tape_kind.get               # `Tape` unless somebody watches, or writes a program down
time_limit: ContextVar[float | None] = ContextVar("time_limit", default=None)
comparing: ContextVar[bool] = ContextVar("comparing", default=False)


class OutOfTime(BaseException):
    """A loop was to end by `time_limit`, and did not. No program is meant to catch this."""


def open_tape(kind: Callable[[], Tape] | None = None) -> Tape:
    """The tape of a differentiation that begins: a plain one, unless somebody watches."""
    tape = (kind or _tape_kind.get())()
    _live.set((*_live.get(), tape))
    return tape


def is_watched() -> bool:
    """Whether somebody wants to see each step, or a program is written down."""
    return _tape_kind.get() is not Tape


def close_tape(tape: Tape) -> None:
    """End the tape: nothing is recorded on it from now on."""
    tape.end()
    tape.origins.clear()                         # they would keep alive what the sweep frees
    _live.set(tuple([other for other in _live.get() if other is not tape]))


def tracer() -> Any:
    """What writes a program down that is being compiled, or None."""
    return _tracer.get()


def compared_by(kind: Callable[[], Tape] | None, end: float | None, run: Callable[[], Any]) -> Any:
    """`run()` on tapes alone: no compiled program is run, and no differentiation around is known.

    Loops that have not ended at the time `end` raise `OutOfTime`.
    """
    def apart() -> Any:
        _live.set(())
        _tracer.set(None)
        _tape_kind.set(kind or Tape)
        time_limit.set(end)
        comparing.set(True)
        return run()
    return copy_context().run(apart)


@contextlib.contextmanager
def traced_by(new: Any, kind: Callable[[], Tape], fresh: bool) -> Iterator[None]:
    """A context in which `new` writes the program down; its tapes are of this kind.

    A `fresh` one knows nothing of the differentiations around.
    """
    before = _tracer.get(), _tape_kind.get(), _live.get()
    _tracer.set(new)
    _tape_kind.set(kind)
    if fresh:
        _live.set(())
    try:
        yield
    finally:
        _tracer.set(before[0])
        _tape_kind.set(before[1])
        if fresh:
            _live.set(before[2])


@contextlib.contextmanager
def next_tape(tape: Tape) -> Iterator[None]:
    """A context in which the differentiation that begins first is recorded on this tape."""
    waiting, others = [tape], _tape_kind.get()
    token = _tape_kind.set(lambda: waiting.pop() if waiting else others())
    try:
        yield
    finally:
        _tape_kind.reset(token)


@contextlib.contextmanager
def reopened(tape: Tape) -> Iterator[None]:
    """A context in which an ended tape, that is being swept, takes nodes again."""
    tape.reopen()
    _live.set((*_live.get(), tape))
    token = sweeping.set(False)                  # what is repeated is the user's program
    try:
        yield
    finally:
        sweeping.reset(token)
        close_tape(tape)


@contextlib.contextmanager
def older_than(tape: Tape) -> Iterator[None]:
    """A context that knows the differentiations begun before this one's: those that its sweep will find."""
    live = _live.get()
    _live.set(tuple([other for other in live if other.age < tape.age]))
    try:
        yield
    finally:
        _live.set(live)


def live_tapes() -> tuple[Tape, ...]:
    """The tapes of all differentiations under way here, the innermost last."""
    return _live.get()


class WatchedTape(Tape):
    """A tape that notes where each node was made, and calls `saw_...` at every step."""

    __slots__ = ("ended", "spots")

    def __init__(self) -> None:
        super().__init__()
        self.spots: list[Spot] = []
        self.ended = False

    def cut(self, start: int) -> Tape:
        part = super().cut(start)
        part.spots = self.spots[start:]          # type: ignore[attr-defined]
        del self.spots[start:]
        return part

    def end(self) -> None:
        self.ended = True

    def reopen(self) -> None:
        self.ended = False

    def append(self, node: Any) -> None:
        if self.ended:
            EndedTape.append(self, node)
        super().append(node)
        self.spots.append(self.spot())
        self.saw_value(len(self) - 1, node)

    def input(self, value: Any) -> Var:
        x = super().input(value)
        self.saw_input(x)
        return x

    def pull(self, k: int, y: Any, g: Any) -> Iterator[tuple[Var, Any]]:
        if g is not None:
            self.saw_cotangent(k, y, dense(g))
        for x, part in super().pull(k, y, g):
            share = self.share(part)
            self.saw_share(k, y, x, share)
            yield x, share

    def spot(self) -> Spot:
        """Where the program is that makes a node now."""
        return user_spot()

    def share(self, c: Any) -> Any:
        """What is added to the cotangent of an operand."""
        return c

    def saw_input(self, x: Var) -> None:
        """An input was made."""

    def saw_value(self, k: int, node: Any) -> None:
        """Node `k` was recorded."""

    def saw_cotangent(self, k: int, node: Any, g: Any) -> None:
        """All of the cotangent of node `k` has arrived."""

    def saw_share(self, k: int, node: Any, x: Var, c: Any) -> None:
        """The rule of node `k` adds `c` to the cotangent of its operand `x`."""


# ---------------------------------------------------------------------------- debug_nans

@contextlib.contextmanager
def debug_nans() -> Iterator[None]:
    """Within this context, stop at the first operation that makes an infinity or a nan.

    `with debug_nans():` gives no value. Whatever is differentiated inside raises `NotFiniteError` as soon as
    a value or a cotangent is not finite; it names the operation, its node, your line and the operands. Costs
    a few microseconds an operation inside, and nothing outside.

        >>> from tinydp import grad
        >>> with debug_nans():                            # doctest: +ELLIPSIS
        ...     grad(lambda x: x * 1e200 * 1e200)(1.0)
        Traceback (most recent call last):
        ...
        tinydp.ad.errors.NotFiniteError: node 1, multiply, gave inf in the value, from 1e+200, 1e+200.
          at ...
    """
    token = _tape_kind.set(FiniteTape)
    try:
        with np.errstate(all="ignore"):          # what NumPy would warn of is our error
            yield
    finally:
        _tape_kind.reset(token)


class FiniteTape(WatchedTape):
    """A tape that takes only finite values and cotangents."""

    __slots__ = ()

    def spot(self) -> Spot:
        """Where the program is that makes a node now."""
        return user_spot()

    def saw_input(self, x: Var) -> None:
        where = _not_finite(x.value)
        if where is not None:
            bad = float(_at(x.value, where))
            raise NotFiniteError(f"an argument to differentiate by is {bad} from the start.")

    def saw_value(self, k: int, node: Any) -> None:
        where = _not_finite(node.value)
        if where is None:
            return
        bad = float(_at(node.value, where))
        operands = ", ".join(shown(_at(x, where)) for x in node.args)
        self._raise(k, node, f"gave {bad} in the value, from {operands}.")

    def saw_share(self, k: int, node: Any, x: Var, c: Any) -> None:
        c = dense(c)
        where = _not_finite(c)
        if where is None:
            return
        position = next(i for i, a in enumerate(node.args) if a is x)
        operands = ", ".join(shown(_at(x, where)) for x in node.args)
        self._raise(k, node, f"gave {float(_at(c, where))} in the cotangent of operand {position}; "
                             f"its operands are {operands}.")

    def _raise(self, k: int, node: Any, what: str) -> None:
        raise NotFiniteError(f"node {k}, {node.op.name}, {what}", place=place_of(self.spots[k]))


def _not_finite(x: Any) -> tuple | None:
    """The index of the first infinity or nan in there."""
    if isinstance(x, tuple):                     # the results of a node with several
        return next((at for at in map(_not_finite, x) if at is not None), None)
    wrong = np.argwhere(~np.isfinite(np.asarray(plain(x))))
    return tuple(wrong[0].tolist()) if len(wrong) else None


def _at(x: Any, index: tuple) -> Any:
    """The element of `x` there, if `x` is an array with such an element; else all of it."""
    x = plain(x)
    if isinstance(x, tuple):
        return next(_at(part, index) for part in x if _not_finite(part) is not None)
    fits = isinstance(x, np.ndarray) and x.ndim == len(index) and all(map(int.__lt__, index, x.shape))
    return x[index] if fits else x


def shown(x: Any) -> str:
    """A value in a few characters."""
    if isinstance(x, np.ndarray) and x.size > 6 and x.dtype.kind in "fiu":
        return f"array{x.shape} from {np.min(x):.6g} to {np.max(x):.6g}"
    if isinstance(x, np.ndarray):
        return np.array2string(x, precision=6, separator=", ").replace("\n", "")
    return f"{x:.12g}" if isinstance(x, float) else f"{x!r:.40}"
