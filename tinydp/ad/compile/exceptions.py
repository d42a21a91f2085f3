"""What the processor noted while a program ran: a division by zero, an overflow, an invalid operation.

Python's powers raise there (10.0 ** 400), machine code does not, and its result may hide what happened:
1 / 10.0 ** 400 is 0. The processor keeps a note of each until it is cleared, so that to look once after the
program is enough, however many operations it had. What was noted may be of an operation that LLVM does,
and the program does not: `Code.again` in `build.py` finds out. Of what need not be computed there is no
note: see `possible.py`.
"""

import ctypes
import platform
import sys
from typing import Any

# The bits of C's <fenv.h>, by the name of the processor.
_BITS = {"x86_64": (1, 4, 8), "amd64": (1, 4, 8), "aarch64": (1, 2, 4), "arm64": (1, 2, 4)}


def _mathematics() -> Any:
    """C's library of mathematics, with these two functions; None where they are not known to be."""
    try:
        library = ctypes.CDLL({"linux": "libm.so.6", "darwin": None}[sys.platform])
        for function in (library.feclearexcept, library.fetestexcept, library.feraiseexcept):
            function.argtypes, function.restype = (ctypes.c_int,), ctypes.c_int
        return library
    except (KeyError, OSError, AttributeError):
        return None


_library = _mathematics()
INVALID, DIVISION, OVERFLOW = _BITS.get(platform.machine().lower(), (0, 0, 0)) if _library else (0, 0, 0)

# What each of Python's operators raises for, on numbers.
RAISED = {"divide": DIVISION | INVALID, "true_divide": DIVISION | INVALID, "floor_divide": DIVISION | INVALID,
          "remainder": DIVISION | INVALID, "mod": DIVISION | INVALID,
          "power": DIVISION | INVALID | OVERFLOW}


def clear() -> None:
    """Forget what was noted."""
    if _library:
        _library.feclearexcept(INVALID | DIVISION | OVERFLOW)


def noted(kinds: int) -> bool:
    """Whether one of these was noted since."""
    return bool(_library.fetestexcept(kinds))


def noted_here() -> int:
    """What was noted since, in this thread."""
    return int(_library.fetestexcept(INVALID | DIVISION | OVERFLOW)) if _library else 0


def note(kinds: int) -> None:
    """Note what was noted in another thread."""
    if kinds:
        _library.feraiseexcept(kinds)
