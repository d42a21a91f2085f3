"""Where NumPy's functions, and those of `tinydp.linalg`, are defined, and where they have kinks: what test
inputs are made from.

A function has one line in `DOMAINS`, with an entry for each argument: a `Domain` for a number (or
an array of any shape), an `Array`, a `Matrix`, `Several` arrays as a list, or something `Fixed`.
`SIDES` says what tells one side of its kinks from the other.
"""

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import linalg
from ..ad.primitives import FlatPrimitive
from ..ad.registry import PRIMITIVES
from ..ad.rules.reductions import norm2

INF = float("inf")


class Domain(NamedTuple):
    """The open interval in which an argument may lie, up to a largest magnitude; the points in it at
    which the function has a kink, and those at which it has no finite derivative; the smallest
    magnitude that is drawn, but for 0.
    """

    low: float = -INF
    high: float = INF
    kinks: tuple[float, ...] = ()
    holes: tuple[float, ...] = ()
    largest: float = 1e6
    smallest: float = 1e-8

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
ORDINARY = Domain(largest=10.0, smallest=1e-2)


class Array(NamedTuple):
    """An array whose numbers lie in a domain; with `ties` some of them are equal now and then."""

    shape: tuple[int, ...]
    domain: Domain = ORDINARY
    ties: bool = False


class Matrix(NamedTuple):
    """A matrix that is neither singular nor badly conditioned, and whose singular values lie apart;
    or one that is `symmetric` and positive definite, too.
    """

    rows: int
    columns: int
    symmetric: bool = False

    def drawn(self, rng: np.random.Generator) -> np.ndarray:
        """Such a matrix; its largest singular value is 1 to 30 times the smallest."""
        u, v = (np.linalg.qr(rng.normal(size=(n, n)))[0] for n in (self.rows, self.columns))
        n = min(self.rows, self.columns)
        values = 0.5 * np.cumprod(rng.uniform(1.3, 3.0, n))
        return (u * values) @ u.T if self.symmetric else (u[:, :n] * values) @ v[:n]


class Fixed(NamedTuple):
    """An argument that is no float: an axis, a shape, indices, a condition."""

    value: Any


class Several(NamedTuple):
    """Several arrays as one argument: a list of them."""

    parts: tuple


VECTOR, TABLE, ROW = Array((4,)), Array((3, 4)), Array((1, 3))
TIED, TIED_TABLE = Array((5,), ties=True), Array((3, 4), ties=True)
BOX, PLACES = Array((2, 3, 4)), Array((5,), Domain(0.1, 2.0))
SQUARE, TALL, DEFINITE = Matrix(3, 3), Matrix(4, 3), Matrix(3, 3, symmetric=True)
PAIR, TABLES = Several((VECTOR, VECTOR)), Several((TABLE, TABLE))
CONDITION = Fixed(np.array([True, False, True, True]))

# What to call each function with: one for each positional argument.
DOMAINS: dict[Callable, tuple] = {
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
    np.positive: (REAL,),           np.float_power: (Domain(0.0, largest=1e3), Domain(largest=30.0)),
    np.heaviside: (NONZERO, REAL),  np.nan_to_num: (REAL,),
    np.real: (REAL,),               np.real_if_close: (REAL,),
    np.conjugate: (REAL,),
    np.clip: (REAL, Domain(-2.0, 0.0), Domain(0.0, 2.0)),
    np.where: (CONDITION, VECTOR, VECTOR),
    # reductions
    np.sum: (TABLE,),               np.mean: (TABLE,),
    np.max: (TIED_TABLE,),          np.min: (TIED_TABLE,),
    np.amax: (TIED_TABLE,),         np.amin: (TIED_TABLE,),
    np.ptp: (TIED,),                np.prod: (VECTOR,),
    np.cumsum: (TABLE,),            np.cumprod: (VECTOR,),
    np.var: (TIED,),                np.std: (TIED,),
    np.average: (TABLE,),
    np.nansum: (TABLE,),            np.nanprod: (VECTOR,),
    np.nanmean: (TABLE,),           np.nanmax: (TIED,),
    np.nanmin: (TIED,),
    np.linalg.norm: (TIED,),        np.linalg.vector_norm: (TIED,),
    np.linalg.matrix_norm: (TABLE,),
    # products
    np.matmul: (TABLE, VECTOR),     np.dot: (TABLE, VECTOR),
    np.inner: (TABLE, VECTOR),      np.outer: (VECTOR, VECTOR),
    np.vdot: (VECTOR, VECTOR),      np.vecdot: (TABLE, VECTOR),
    np.tensordot: (Array((2, 3)), Array((2, 3))),
    np.kron: (Array((2,)), TABLE),  np.cross: (Array((3,)), Array((2, 3))),
    np.einsum: (Fixed("ij,j->i"), TABLE, VECTOR),
    np.linalg.matmul: (TABLE, Array((4, 2))),
    np.linalg.outer: (VECTOR, VECTOR),
    np.linalg.tensordot: (Array((2, 3)), Array((2, 3))),
    np.linalg.cross: (Array((3,)), Array((2, 3))),
    np.linalg.vecdot: (TABLE, VECTOR),
    np.linalg.multi_dot: (Several((TABLE, Array((4, 2)), Array((2, 3)))),),
    # equations and decompositions
    np.linalg.solve: (SQUARE, Array((3,))),
    np.linalg.inv: (SQUARE,),       np.linalg.pinv: (TALL,),
    np.linalg.det: (SQUARE,),       np.linalg.slogdet: (SQUARE,),
    np.linalg.lstsq: (TALL, VECTOR),
    np.linalg.matrix_power: (SQUARE, Fixed(3)),
    np.linalg.cholesky: (DEFINITE,),
    np.linalg.eigh: (DEFINITE,),    np.linalg.eigvalsh: (DEFINITE,),
    np.linalg.svd: (SQUARE,),       np.linalg.svdvals: (TALL,),
    np.linalg.qr: (TALL,),          linalg.expm: (Array((3, 3), UNIT),),
    linalg.solve_triangular: (DEFINITE, Array((3,))),
    # curves
    np.diff: (VECTOR,),             np.gradient: (VECTOR,),
    np.trapezoid: (VECTOR,),        np.unwrap: (VECTOR,),
    np.interp: (Array((3,), Domain(0.1, 4.9)), Fixed(np.array([0.0, 1.0, 2.0, 5.0])), VECTOR),
    np.linspace: (ORDINARY, ORDINARY, Fixed(5)),
    np.convolve: (VECTOR, Array((3,))),
    np.correlate: (VECTOR, Array((3,))),
    np.polyval: (VECTOR, ORDINARY), np.vander: (Array((3,)),),
    # shapes
    np.reshape: (TABLE, Fixed((2, 6))),
    np.ravel: (TABLE,),             np.squeeze: (ROW,),
    np.expand_dims: (VECTOR, Fixed(0)),
    np.transpose: (TABLE,),         np.swapaxes: (TABLE, Fixed(0), Fixed(1)),
    np.moveaxis: (TABLE, Fixed(0), Fixed(1)),
    np.rollaxis: (TABLE, Fixed(1)), np.permute_dims: (TABLE, Fixed((1, 0))),
    np.broadcast_to: (ROW, Fixed((2, 3))),
    np.copy: (TABLE,),              np.flip: (TABLE,),
    np.fliplr: (TABLE,),            np.flipud: (TABLE,),
    np.roll: (VECTOR, Fixed(1)),    np.rot90: (TABLE,),
    np.tril: (TABLE,),              np.triu: (TABLE,),
    np.tile: (VECTOR, Fixed(2)),    np.full_like: (Fixed(np.zeros(3)), REAL),
    np.atleast_1d: (REAL,),         np.atleast_2d: (VECTOR,),
    np.atleast_3d: (VECTOR,),       np.matrix_transpose: (TABLE,),
    np.linalg.matrix_transpose: (TABLE,),
    np.broadcast_arrays: (ROW, Array((2, 1))),
    np.meshgrid: (VECTOR, Array((2,))),
    np.diag: (VECTOR,),             np.diagflat: (VECTOR,),
    np.diagonal: (TABLE,),          np.linalg.diagonal: (TABLE,),
    np.trace: (TABLE,),             np.linalg.trace: (TABLE,),
    np.pad: (VECTOR, Fixed(1)),
    np.concatenate: (PAIR,),        np.stack: (PAIR,),
    np.vstack: (PAIR,),             np.hstack: (PAIR,),
    np.dstack: (PAIR,),             np.column_stack: (PAIR,),
    np.append: (VECTOR, VECTOR),    np.block: (TABLES,),
    np.array_split: (VECTOR, Fixed(2)), np.split: (VECTOR, Fixed(2)),
    np.hsplit: (TABLE, Fixed(2)),   np.vsplit: (TABLE, Fixed(3)),
    np.dsplit: (BOX, Fixed(2)),
    operator.getitem: (VECTOR, Fixed([0, 2, 0])),
    # choices
    np.take: (VECTOR, Fixed([0, 2, 0])),
    np.repeat: (VECTOR, Fixed(2)),  np.delete: (VECTOR, Fixed(1)),
    np.compress: (CONDITION, VECTOR),
    np.extract: (CONDITION, VECTOR),
    np.resize: (VECTOR, Fixed((2, 3))),
    np.take_along_axis: (VECTOR, Fixed(np.array([2, 0])), Fixed(0)),
    np.select: (Fixed([np.array([True, False, False, True])]), Several((VECTOR,))),
    np.sort: (TIED,),               np.partition: (TIED, Fixed(2)),
    np.median: (TIED,),             np.bincount: (Fixed(np.array([0, 2, 0, 3])), VECTOR),
    np.quantile: (TIED, Fixed(0.3)), np.percentile: (TIED, Fixed(30.0)),
}

# Those that not every NumPy has.
for _name, _arguments in {"matvec": (TABLE, VECTOR), "vecmat": (Array((3,)), TABLE), "unstack": (TABLE,),
                          "astype": (TABLE, Fixed(float))}.items():
    if hasattr(np, _name):
        DOMAINS[getattr(np, _name)] = _arguments

# Python's operators and other names of the same functions.
OTHER_NAMES: dict[Callable, Callable] = {
    operator.add: np.add,           operator.sub: np.subtract,
    operator.mul: np.multiply,      operator.truediv: np.divide,
    operator.abs: np.abs,
    operator.neg: np.negative,      operator.pos: np.positive,
    operator.pow: np.power,         operator.mod: np.mod,
    operator.matmul: np.matmul,
}
DOMAINS |= {f: DOMAINS[same] for f, same in OTHER_NAMES.items()}


# ---------------------------------------------------------------------------- on which side of a kink

def _order(y: Any, a: Any, b: Any) -> Any:
    return np.sign(np.subtract(a, b))


def _extreme(y: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return x == (y if keepdims or axis is None else np.expand_dims(y, axis))


def _without_mean(x: Any, axis: Any = None) -> Any:
    """What remains without the mean, where the rounding of the mean counts as nothing."""
    rest = x - np.mean(x, axis, keepdims=True)
    return np.where(np.abs(rest) <= 2.0**-50 * np.max(np.abs(x), axis, keepdims=True), 0.0, rest)


def _through_zero(x: Any, axis: Any = None) -> Any:
    """The sign of some linear function of `x`, which changes if `x` passes through 0 on a line."""
    return np.sign(np.sum(x * np.reshape(2 + np.cos(np.arange(np.size(x))), np.shape(x)), axis=axis))


# Of what must not change for the function to have no kink in between: side(y, *args, **options).
# Conditions and indices are constants on the tape, and need no line here.
SIDES: dict[Callable, Callable] = {
    np.abs:          lambda y, x: np.sign(x),
    np.fabs:         lambda y, x: np.sign(x),
    np.maximum:      _order,
    np.minimum:      _order,
    np.fmax:         _order,
    np.fmin:         _order,
    np.clip:         lambda y, x, low, high: np.sign([x - low, x - high]),
    np.max:          _extreme,
    np.min:          _extreme,
    np.amax:         _extreme,
    np.amin:         _extreme,
    np.mod:          lambda y, a, b: np.floor_divide(a, b),
    np.fmod:         lambda y, a, b: np.trunc(np.divide(a, b)),
    np.copysign:     lambda y, a, b: np.signbit(a) == np.signbit(b),
    np.hypot:        lambda y, a, b: np.sign(a + b / 3),
    np.std:          lambda y, x, axis=None, **options: _through_zero(_without_mean(x, axis), axis),
    norm2.fn:        lambda y, x, axis=None, **options: _through_zero(x, axis),
    np.unwrap:       lambda y, p, discont=None, axis=-1, period=2 * np.pi: np.rint((y - p) / period),
    np.nan_to_num:   lambda y, x, *others: np.isfinite(x),
}


def domains_of(function: Callable) -> tuple:
    """What the arguments of a NumPy function are drawn from; raises `KeyError` for one not listed."""
    if function in DOMAINS:
        return DOMAINS[function]
    name = getattr(function, "__name__", str(function))
    if isinstance(PRIMITIVES.get(function), FlatPrimitive):
        raise KeyError(f"{name} is constant wherever it has a derivative, so there is no rule to check; to "
                       "try it all the same, pass inputs of your own: st.tuples(numbers(low, high))")
    raise KeyError(f"no domain is declared for {name}; pass inputs of your own, such as "
                   "st.tuples(numbers(low, high), arrays((3,)), st.just(axis))")
