"""Python's `min` and `max` of values that are not known yet: choices between values, and no decisions.

    >>> from .trace import traced
    >>> print(traced(lambda x, y: max(x, y, 0.0), 1.0, 2.0))
    given x: f, y: f
    t: b = greater(y, x)
    t_1: f = where(t, y, x)
    t_2: b = less(t_1, 0.0)
    t_3: f = where(t_2, 0.0, t_1)
    return t_3

Python's own functions ask each comparison whether it is true, and return one of their arguments. Nothing that
a comparison could answer makes them return something else. So while a program is written down, and as long as
that takes, other functions go by the names `min` and `max` in `builtins`. They do what Python's own do, step
by step; where a comparison is not known yet, and both candidates are numbers, the better one is chosen by
`where`, of which the same candidate gets the whole cotangent.

Who else looks meanwhile finds no difference: another thread writes nothing down, so Python's own are called
for it at once; who asks by hash and equality, as Numba does, finds Python's own. Whoever keeps one for later
has a function that calls Python's own. Who bound Python's own before, by `biggest = max`, decides as before,
and so does what is not made of numbers: that takes more runs, and gives the same.

(The other ways do not lead there: what a global name means is settled per module, and the user's functions
are in many; a function that is called cannot be exchanged from outside; and to write the user's source anew
is what this compiler does without.)
"""

import builtins
import contextlib
import operator
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..asking import is_array
from ..registry import registered
from ..tape import Var
from ..values import abstract, plain
from .kinds import EXACT
from .proxy import Proxy, logged, write
from .record import under_way


class Extreme:
    """What stands for `min` or `max` while a program is written down."""

    def __init__(self, own: Callable, is_better: Callable):
        self.own, self.is_better = own, is_better
        self.__name__: str
        for name in ("__name__", "__doc__", "__module__"):
            setattr(self, name, getattr(own, name))

    def __call__(self, *args: Any, **options: Any) -> Any:
        if under_way() is None or not args:
            return self.own(*args, **options)
        if len(args) > 1:
            items: Iterable = args
        else:
            items = args[0] if isinstance(args[0], (list, tuple)) else list(args[0])
            args = (items,)
        is_usual = options.keys() <= {"key", "default"} and not (len(args) > 1 and "default" in options)
        key = options.get("key")
        if not items or not is_usual or (key is None and not any(map(abstract, items))):
            return self.own(*args, **options)
        return self.best(iter(items), key)

    def best(self, items: Iterator, key: Callable | None) -> Any:
        """The first of the items that none is better than, or rather that of those which Python compares."""
        found = next(items)
        rank = found if key is None else key(found)
        for item in items:
            other = item if key is None else key(item)
            condition = self.is_better(other, rank)
            if is_choice(condition, item, found) and (key is None or is_choice(condition, other, rank)):
                found, before = select(condition, item, found), rank
                rank = found if key is None else select(condition, other, before)
            elif condition:
                found, rank = item, other
        return found

    def __eq__(self, other: object) -> bool:
        return self is other or self.own == other

    def __hash__(self) -> int:
        return hash(self.own)

    def __repr__(self) -> str:
        return repr(self.own)

    def __reduce__(self) -> tuple:
        return _of_python, (self.__name__,)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)


def _of_python(name: str) -> Any:
    """What goes by this name, for `pickle`."""
    return getattr(builtins, name)


def is_choice(condition: Any, a: Any, b: Any) -> bool:
    """Whether the condition is not known yet, and can choose between these two numbers.

    One of them may be an integer. To be compared with a real number, it has to be exactly one; and as one it
    goes on, as a constant does: `max(x, 0)`.
    """
    condition, a, b = plain(condition), plain(a), plain(b)
    if not (isinstance(condition, Proxy) and condition.kind == "b" and not condition.shape):
        return False
    are_numbers = [not x.shape and x.kind in "fi" if isinstance(x, Proxy) else _is_real(x) for x in (a, b)]
    return all(are_numbers) and (isinstance(a, Proxy) or isinstance(b, Proxy))


def _is_real(x: Any) -> bool:
    return type(x) is float or type(x) is np.float64 or (type(x) is int and abs(x) <= EXACT)


_where = registered(np.where)


def select(condition: Any, a: Any, b: Any) -> Any:
    """`a` if the condition is true, else `b`: a number, where `np.where` makes an array of no axes of it."""
    condition = plain(condition)
    is_one = not any(isinstance(x, (Var, Proxy)) and is_array(x) for x in (a, b))
    if type(a) is Var or type(b) is Var:
        y = np.where(condition, a, b)
        return np.positive(y) if is_one else y
    y = logged(_where, (condition, a, b), lambda: write(_where, (condition, a, b), {}))
    return y.as_number() if is_one and isinstance(y, Proxy) else y


# ---------------------------------------------------------------------------- in the place of Python's own

class _Standing:
    """What stands for Python's own at present, and for how many programs that are written down."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.extremes: list[Extreme] = []
        self.asked_for = 0

    def put_in(self) -> None:
        with self.lock:
            self.asked_for += 1
            if self.asked_for == 1:
                self.extremes = [Extreme(builtins.min, operator.lt), Extreme(builtins.max, operator.gt)]
                for extreme in self.extremes:
                    setattr(builtins, extreme.__name__, extreme)

    def take_out(self) -> None:
        with self.lock:
            self.asked_for -= 1
            if self.asked_for == 0:
                for extreme in self.extremes:
                    if getattr(builtins, extreme.__name__) is extreme:   # nobody has put something else there
                        setattr(builtins, extreme.__name__, extreme.own)
                self.extremes = []


_standing = _Standing()


@contextlib.contextmanager
def choosing() -> Iterator[None]:
    """A context in which `min` and `max` choose."""
    _standing.put_in()
    try:
        yield
    finally:
        _standing.take_out()
