"""Arrays of the surroundings that meet a value of a program: copied, and watched for changes.

A compiled program holds such an array as it was when it was traced. So it is copied, once for the same
content, and the original is looked at in each later call.
"""

import math
import numbers
import sys
from typing import Any, NamedTuple

import numpy as np

from ..errors import DtypeError, NotCompiledError
from ..values import Abstract, _is_frozen
from .contents import content, is_still


class Watched(NamedTuple):
    """An array of the surroundings, and what was in it at its first and at its last use."""

    array: np.ndarray
    first: tuple
    last: tuple


def _references(watched: Watched) -> set[float]:
    """How many references there are to an array, and to those whose memory it shows."""
    x: Any = watched.array
    found: set[float] = {sys.getrefcount(x)}
    while isinstance(x.base, np.ndarray):
        x = x.base
        found.add(sys.getrefcount(x))
    return found if x.base is None else {math.inf}


_ALONE = _references(Watched(np.zeros(1), (), ()))


class Arrays:
    """The arrays that a program holds."""

    def __init__(self) -> None:
        self.contents: dict[tuple, np.ndarray] = {}
        self.copies: dict[int, np.ndarray] = {}
        self.watched: dict[int, Watched] = {}

    def see(self, args: Any, options: Any = None) -> None:
        """Watch the arrays among the arguments of a function."""
        for x in (*args, *(options or {}).values()):
            if type(x) is float or isinstance(x, Abstract):      # the common cases, without ado
                continue
            if isinstance(x, np.ndarray):
                if id(x) not in self.copies:
                    self.watch(x)
            elif isinstance(x, (list, tuple)):
                self.see(x)
            elif isinstance(x, complex):
                raise DtypeError(f"the complex number {x} met a value of a compiled program.",
                                 "tinydp differentiates real numbers: keep both parts apart.")

    def watch(self, x: np.ndarray) -> tuple:
        """Note what is in an array; returns that."""
        if type(x) is not np.ndarray and not isinstance(x, np.memmap):
            raise DtypeError(
                f"a {type(x).__name__} met a value of a compiled program; "
                "its arithmetic is not that of an array.",
                "convert it with np.asarray(x), or np.ma.filled(x).")
        if x.dtype.kind not in "fiub":
            raise DtypeError(f"an array of dtype {x.dtype} met a value of a compiled program.",
                             "its arrays hold real numbers or booleans.")
        now = content(x)
        if id(x) not in self.copies and not _is_frozen(x):
            known = self.watched.setdefault(id(x), Watched(x, now, now))
            if known.last != now:
                self.watched[id(x)] = known._replace(last=now)
        return now

    def changing(self) -> list[tuple[np.ndarray, tuple]]:
        """The arrays that a later call may find changed, and what is in them now.

        Not those that the traced function itself changes while it runs: it fills them anew each time. Nor
        those that it made, and that nobody but us has any more: nobody can change these.
        """
        shared = [each for each in self.watched.values() if _references(each) != _ALONE]
        return [(x, first) for x, first, last in shared if first == last == content(x)]

    def are_current(self) -> bool:
        """Whether all arrays that were watched are as they were."""
        return all(is_still(x, first) for x, first, _ in self.watched.values())

    def kept(self, x: Any) -> Any:
        """A copy of an array, the same for the same content; all else as it is.

        Its numbers are float64, as on a tape: float16 and a number would make float16.
        """
        if type(x) is float or isinstance(x, Abstract) or not isinstance(x, np.ndarray) or (
                id(x) in self.copies):
            return x
        found = self.watch(x)
        if found not in self.contents:
            dtype = np.float64 if x.dtype.kind == "f" else None
            copy = self.contents[found] = np.array(x, dtype, order="C")
            self.copies[id(copy)] = copy
        return self.contents[found]

    def kept_index(self, index: Any) -> Any:
        """An index of plain integers, slices and arrays of ours."""
        parts = tuple(map(self._kept_part, index if type(index) is tuple else (index,)))
        return parts if type(index) is tuple else parts[0]

    def _kept_part(self, part: Any) -> Any:
        if not isinstance(part, (np.ndarray, list, numbers.Integral, np.bool_)):
            return part
        empty = isinstance(part, list) and not np.size(part)
        array = np.asarray(part, dtype=np.intp if empty else None)       # which NumPy would make floats
        if array.dtype.kind == "b" and not array.ndim:
            raise NotCompiledError(f"an index that is {part} cannot be compiled.",
                                   "write x[None] instead of x[True], or np.where(condition, x, 0.0).")
        return int(array) if isinstance(part, numbers.Integral) else self.kept(array)
