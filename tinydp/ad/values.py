"""What the tape keeps: floats, float64 arrays, and snapshots of the constants it was shown."""

import array
import copy
import math
import numbers
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .advice.rewriting import instead_of_conversion
from .errors import ConversionError, DtypeError, user_place
from .tape import Tape, Var

FLOAT64 = np.dtype(np.float64)
FOREIGN = frozenset(("torch", "jax", "jaxlib", "pandas", "xarray", "tensorflow", "polars", "cupy"))
FLAGS = frozenset((bool, np.bool_))      # what is true or false among numbers to differentiate by stays so

# A tape takes memory and frees all of it, gradient after gradient. By default glibc returns what is
# free above 128 kB to the system at once, and has it back by a page fault for each 4 kB, which can
# double the time of a gradient. Once a large block was freed it keeps twice as much: mallopt(3),
# M_MMAP_THRESHOLD. This one, just below the largest that counts, is never touched: it costs nothing.
np.empty(2**22 - 2**10)


class Abstract:
    """A value of which only shape and type are known yet: a program is being compiled.

    It computes like a number or an array, by writing down what to do. See `compile/proxy.py`.
    """

    __slots__ = ()

    @property
    def kind(self) -> str:
        """That of its type: "f" for real numbers, "i" for integers, "b" for conditions."""
        raise NotImplementedError

    def call(self, op: Any, args: tuple, options: dict) -> Any:
        """Write down `op(*args, **options)`, one of whose arguments this is."""
        raise NotImplementedError

    def alike(self) -> np.ndarray:
        """A number for each element: those with the same one are equal whatever the arguments."""
        raise NotImplementedError

    def is_same(self, other: Any) -> Any:
        """Where its elements and those of `other`, on its left or right, are equal whatever the arguments."""
        raise NotImplementedError

    def made(self) -> tuple:
        """How it was computed: (op, args, options); an `op` of None if it was given, or does not matter."""
        raise NotImplementedError


class Filled:
    """An array under construction, see `drafts.py`; `value` is what it is now."""

    __slots__ = ()
    value: Any


class Unsized:
    """Some elements of a program that is being compiled; how many they are is not known yet."""

    __slots__ = ()


def shape(x: Any) -> tuple[int, ...]:
    """The shape of a number, an array or a traced value."""
    return getattr(x, "shape", ())


def abstract(x: Any) -> bool:
    """Whether `x`, traced or not, stands for a value that is not known yet."""
    while type(x) is Var:
        x = x.value
    return isinstance(x, Abstract)


def is_on(tape: Tape, x: Any) -> bool:
    """Whether `x` is a traced value of this very tape."""
    return type(x) is Var and x.tape is tape


def zeros_like(x: Any) -> Any:
    """Zero in the shape of `x`."""
    return np.zeros(shape(x)) if shape(x) else 0.0


def settle(value: Any, name: str = "the function") -> Any:
    """A result as the tape keeps it: a float, a float64 array of at least one axis, or a Var."""
    kind = type(value)
    if kind is float or kind is Var:
        return value
    if kind is np.float64:
        return float(value)
    if kind is np.ndarray and value.dtype == FLOAT64:
        return value if value.ndim else value.item()
    if isinstance(value, Abstract):
        return value
    if isinstance(value, (np.ndarray, numbers.Real)) and np.asarray(value).dtype.kind in "fiub":
        return settle(np.asarray(value, dtype=np.float64))
    got = f"dtype {value.dtype}" if isinstance(value, np.ndarray) else f"the type {kind.__name__}"
    raise DtypeError(
        f"{name} gave a result of {got}; tinydp differentiates real numbers (float64).",
        "for a power of a negative number, check the base; for an object array, np.stack its parts."
        if kind is complex or isinstance(value, np.ndarray) else "return a number or an array.",
    )


def as_float64(x: Any) -> Any:
    """A constant operand as the traced ones are: a list or an array of numbers as float64.

    Otherwise NumPy would compute in the type of the constant: arctan2 of bytes has 3 digits.
    """
    kind = type(x)
    if kind is float or kind is int or (kind is np.ndarray and x.dtype == FLOAT64):
        return x
    if kind is list or kind is tuple:
        if any(type(child) is Var for child in x):
            return x                             # refused by `snapshot`
        x = np.asarray(x)
        kind = type(x)
    if isinstance(x, np.generic) and x.dtype.kind in "fiub":
        return float(x)
    if is_foreign(x):                            # the array of another library, by its numbers
        return np.asarray(x, np.float64)
    return x.astype(np.float64) if kind is np.ndarray and x.dtype.kind in "fiub" else x


def is_foreign(x: Any) -> bool:
    """Whether it is an array of another library: a tensor, a series, a data array."""
    return type(x).__module__.partition(".")[0] in FOREIGN and hasattr(x, "__array__")


def listed(x: Any) -> Any:
    """A sequence of another kind (array.array, UserList, memoryview) as a list."""
    if isinstance(x, (str, bytes, list, tuple)) or not isinstance(x, (Sequence, memoryview, array.array)):
        return x
    return list(x)


def is_condition(x: Any) -> bool:
    """Whether it is a boolean, or an array of them."""
    if type(x) is float:
        return False
    x = plain(x)
    if isinstance(x, Abstract):
        return x.kind == "b"
    return isinstance(x, (bool, np.bool_)) or getattr(getattr(x, "dtype", None), "kind", "") == "b"


def is_discrete(x: Any) -> bool:
    """Whether it is a condition or an integer: there is no derivative by it."""
    return is_condition(x) or is_integer(x)


def is_integer(x: Any) -> bool:
    """Whether it is an integer, or an array of them."""
    x = plain(x)
    if isinstance(x, Abstract):
        return x.kind == "i"
    return type(x) is int or getattr(getattr(x, "dtype", None), "kind", "") in ("i", "u")


THREADED = 8192                                  # longer products may wait for threads to wake up, for long


def is_finite(x: Any) -> bool:
    """Whether there is no infinity and no nan in it; a very large sum of squares says no, too."""
    if type(x) is not np.ndarray:
        x = plain(x)
    if type(x) is np.ndarray:
        if x.size > THREADED:
            return bool(np.isfinite(x).all())
        row = x.ravel("K")
        return math.isfinite(row.dot(row))       # the cheapest look at all of it
    return not isinstance(x, float) or math.isfinite(x)


def youngest(args: Iterable) -> Tape | None:
    """The tape of the innermost differentiation under way among these arguments."""
    tape = None
    for x in args:
        if type(x) is Var and (tape is None or x.tape.age > tape.age):
            tape = x.tape
    return tape


_ATOMS = frozenset((float, int, bool, str, type(None), slice, type(Ellipsis), Var))


def snapshot(tape: Tape, x: Any) -> Any:
    """The constant `x` as it is now, whatever becomes of it before the sweep.

    An array is copied, once for as long as its content stays the same. Locking it instead
    would break programs that reuse a buffer, and would miss writes through another view.
    """
    kind = type(x)
    if kind in _ATOMS:
        return x
    if kind is np.ndarray:
        if x.dtype is not FLOAT64:
            if x.dtype.kind == "f" and x.dtype != FLOAT64:
                return x.astype(np.float64)
            if x.dtype.kind not in "fiub":
                raise DtypeError(
                    f"an array of dtype {x.dtype} met a traced value; tinydp differentiates "
                    "real numbers (float64).",
                    "for traced values in an array, write np.stack([...]) instead of np.array([...]).",
                )
        if x.size == 0 or _is_frozen(x):
            return x
        data = x.tobytes()
        seen = tape.constants.get(id(x))
        if seen is None or seen[1] != data or seen[2].shape != x.shape:
            frozen = np.frombuffer(data, dtype=x.dtype).reshape(x.shape)
            seen = tape.constants[id(x)] = (x, data, frozen)
        return seen[2]
    if isinstance(x, np.memmap):
        return snapshot(tape, np.array(x))
    if isinstance(x, np.ndarray):
        raise DtypeError(f"a {kind.__name__} met a traced value; its arithmetic is not that of an array.",
                         "convert it with np.asarray(x), or np.ma.filled(x).")
    if isinstance(x, np.generic):
        return snapshot(tape, x.item())
    if kind is list or kind is tuple:
        if any(type(child) is Var for child in x):
            raise ConversionError(
                f"a {kind.__name__} that holds traced values was used as an array.",
                instead_of_conversion(user_place().expression) or "write np.stack([...]) around it.",
            )
        return kind(snapshot(tape, child) for child in x)
    if isinstance(x, complex):
        raise DtypeError(f"the complex number {x} met a traced value.",
                         "tinydp differentiates real numbers: keep both parts apart.")
    if isinstance(x, numbers.Integral):          # as an IntEnum is: it may be an index or an axis
        return int(x)
    return float(x) if isinstance(x, numbers.Real) else x


def kept(tape: Tape, x: Any) -> Any:
    """The constant `x` for a function of the user, as it is now, and of the type that it is."""
    if not isinstance(x, np.ndarray):
        return x
    if type(x) is not np.ndarray or x.dtype.kind not in "fiubc":
        return copy.deepcopy(x)
    exact = x.flags.c_contiguous and (x.dtype.kind in "iub" or x.dtype == FLOAT64)
    return snapshot(tape, x) if exact else own(x)


def own(x: Any) -> Any:
    """A copy of an array, laid out in memory as it is: a product of other strides is rounded otherwise."""
    if not isinstance(x, np.ndarray):
        return x
    if type(x) is not np.ndarray or x.flags.c_contiguous or x.flags.f_contiguous or not x.size:
        return x.copy("K")
    first, last = np.lib.array_utils.byte_bounds(x)
    memory = np.empty(last - first, np.uint8)
    y: np.ndarray = np.ndarray(x.shape, x.dtype, memory, x.__array_interface__["data"][0] - first, x.strides)
    y[...] = x
    return y


def _is_frozen(x: Any) -> bool:
    """Nobody can write to this array: it and all that it is a view of are read-only."""
    while isinstance(x, np.ndarray):
        if x.flags.writeable:
            return False
        x = x.base
    return x is None or isinstance(x, bytes)     # of memory that something else owns, nothing is known


def plain(x: Any) -> Any:
    """The number or array in a traced value, or those in a list or tuple of them."""
    while type(x) is Var:
        x = x.value
    kind = type(x)
    if kind is list or kind is tuple:
        return kind(plain(child) for child in x)
    return plain(x.value) if isinstance(x, Filled) else x
