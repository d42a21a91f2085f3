"""Where NumPy's functions are defined, and where they have kinks: what test inputs are made from.

One `Domain` for each argument of a function that works element by element.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

INF = float("inf")


class Domain(NamedTuple):
    """The open interval in which an argument may lie, up to a largest magnitude; the points in it at
    which the function has a kink, and those at which it has no finite derivative.
    """

    low: float = -INF
    high: float = INF
    kinks: tuple[float, ...] = ()
    holes: tuple[float, ...] = ()
    largest: float = 1e6

    def holds(self, x: float) -> bool:
        """Whether `x` may be an argument."""
        return self.low < x < self.high and abs(x) <= self.largest and x not in self.holes


REAL = Domain()
NONZERO = Domain(holes=(0.0,))
KINKED = Domain(kinks=(0.0,))
POSITIVE = Domain(0.0)
SMALL = Domain(largest=300.0)
UNIT = Domain(-1.0, 1.0)
FACTOR = Domain(largest=1e3)

DOMAINS: dict[Callable, tuple[Domain, ...]] = {
    np.add: (REAL, REAL),           np.subtract: (REAL, REAL),
    np.multiply: (REAL, REAL),      np.divide: (REAL, NONZERO),
    np.negative: (REAL,),           np.reciprocal: (NONZERO,),
    np.power: (Domain(0.0, largest=1e3), Domain(largest=30.0)),
    np.square: (REAL,),             np.sqrt: (POSITIVE,),
    np.cbrt: (NONZERO,),            np.exp: (SMALL,),
    np.exp2: (SMALL,),              np.expm1: (SMALL,),
    np.log: (POSITIVE,),            np.log2: (POSITIVE,),
    np.log10: (POSITIVE,),          np.log1p: (Domain(-1.0),),
    np.logaddexp: (SMALL, SMALL),   np.logaddexp2: (SMALL, SMALL),
    np.sin: (FACTOR,),              np.cos: (FACTOR,),
    np.tan: (Domain(-1.57, 1.57),), np.arcsin: (UNIT,),
    np.arccos: (UNIT,),             np.arctan: (REAL,),
    np.arctan2: (NONZERO, NONZERO), np.sinh: (SMALL,),
    np.cosh: (SMALL,),              np.tanh: (Domain(largest=15.0),),
    np.arcsinh: (REAL,),            np.arccosh: (Domain(1.0),),
    np.arctanh: (UNIT,),            np.deg2rad: (REAL,),
    np.radians: (REAL,),            np.rad2deg: (REAL,),
    np.degrees: (REAL,),            np.abs: (KINKED,),
    np.fabs: (KINKED,),            np.maximum: (REAL, REAL),
    np.minimum: (REAL, REAL),       np.fmax: (REAL, REAL),
    np.fmin: (REAL, REAL),          np.hypot: (NONZERO, NONZERO),
    np.mod: (FACTOR, NONZERO),      np.fmod: (FACTOR, NONZERO),
    np.sinc: (FACTOR,),             np.copysign: (NONZERO, NONZERO),
}


def domains_of(function: Callable) -> tuple[Domain, ...]:
    """The domains of the arguments of a NumPy function; raises `KeyError` for one not listed."""
    if function not in DOMAINS:
        raise KeyError(f"no domain is declared for {getattr(function, '__name__', function)}; "
                       "build the inputs with strategies.numbers(low, high) instead")
    return DOMAINS[function]

