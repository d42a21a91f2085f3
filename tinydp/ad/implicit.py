"""`root` and `argmin`: what an equation, or a smallest value, says; with derivatives of any order.

Both are found by Newton's method, and how is soon forgotten: f(x, p) = 0 stays so when p changes, thus

    df/dx dx + df/dp dp = 0,

which is the implicit function theorem. The derivative by p, whatever `f` uses from around, is the solution of
these linear equations; no step that led to the root is gone back.

Where a planet is after some time is the root of Kepler's equation, and how fast it moves is the derivative:

    >>> import tinydp as dp
    >>> def kepler(mean, eccentricity=0.3):
    ...     return root(lambda anomaly: anomaly - eccentricity * np.sin(anomaly) - mean, mean)
    >>> anomaly, slope = dp.value_and_grad(kepler)(1.0)
    >>> print(f"{anomaly:.6f} {slope:.6f} {1 / (1 - 0.3 * np.cos(anomaly)):.6f}")
    1.288091 1.091329 1.091329
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import tree
from .errors import DtypeError, LoopError, NotConverged, SingularJacobian, StructureError
from .loops import unrecorded
from .tracebacks import called_by_the_user
from .transforms import vjp
from .twins import twin
from .values import is_condition, plain, shape
from .watch import live_tapes, tracer
from .whiles import while_loop

TOLERANCE = 1e-9                         # of Newton's last step; its square is what is left


# ---------------------------------------------------------------------------- what is called

@called_by_the_user
def root(f: Callable, guess: Any, *, max_steps: int = 50, tolerance: float = TOLERANCE) -> Any:
    """The `x`, built and shaped like `guess`, at which `f(x)` is zero.

    `x` is a number, an array, or a nested structure of them; `f` returns as many numbers as it has. It may
    use traced values from its surroundings: these are what the root depends on, to any order. Where to begin
    is up to `guess`, by which the root has no derivative; of several it is one that Newton's method leads to
    from there.

    Newton's step is halved until the residual, sum(f(x)**2), falls. The root is found when a whole step
    is no longer than `tolerance`, relative to 1 + max|x|.

    Raises `NotConverged`, which has the last `x` as `.state`, after `max_steps` steps, or if no step makes
    the residual smaller; `SingularJacobian` where df/dx has no inverse; `StructureError` if `f` returns fewer
    numbers than it is given, or more.

        >>> root(lambda x: x**3 - 8.0, 1.0)
        2.0
        >>> root(lambda p: (p["x"] + p["y"] - 3.0, p["x"] - p["y"] + 1.0), {"x": 0.5, "y": 3.0})
        {'x': 1.0, 'y': 2.0}
    """
    return _solved(A_ROOT, f, guess, max_steps, tolerance)


@called_by_the_user
def argmin(f: Callable, guess: Any, *, max_steps: int = 50, tolerance: float = TOLERANCE) -> Any:
    """The `x`, built and shaped like `guess`, at which the number `f(x)` is smallest around.

    As `root` of the gradient of `f`, but each step leads down: where the Hessian is not positive definite, a
    multiple of the identity is added until it is, and the step is halved until `f` falls by 1e-4 of what
    its slope promises (Armijo's rule).

    Raises as `root` does; `SingularJacobian` if it is differentiated where the Hessian has no inverse,
    as in a valley that is flat (of which, without derivatives, some point is returned).

        >>> argmin(lambda x: (x - 2.0) ** 2 + 1.0, 0.0)
        2.0
        >>> argmin(lambda x: np.sum((x - np.array([1.0, 2.0])) ** 4 + x**2), np.zeros(2)).round(6)
        array([0.410245, 1.164878])
    """
    return _solved(A_MINIMUM, f, guess, max_steps, tolerance)


class Sought(NamedTuple):
    """What is looked for."""

    name: str
    minimum: bool


A_ROOT, A_MINIMUM = Sought("root", False), Sought("argmin", True)


def _solved(kind: Sought, f: Callable, guess: Any, max_steps: int, tolerance: float) -> Any:
    if max_steps != int(max_steps) or max_steps < 1:
        raise LoopError(f"max_steps={max_steps!r} is not a number of steps.", "pass an integer of 1 or more.")
    f, vector = twin(f), Vector(guess)
    residual = vector.slope_of(f) if kind.minimum else vector.of(f)
    compiling = tracer()
    if compiling is not None:
        return compiling.implicit(kind, residual, vector, int(max_steps), float(tolerance))
    start = vector.start
    with unrecorded(), np.errstate(all="ignore"):
        found, converged = newton(
            kind, lambda x: tuple(map(plain, residual(x))), lambda x: plain(_jacobian(residual, x)[1]), start,
            max_steps, tolerance)
        if not converged:
            raise _failure(kind, vector, residual, found, max_steps)
    return vector.tree(polished_root(kind, vector, residual, found))


def _failure(kind: Sought, vector: "Vector", residual: Callable, x: Any, max_steps: int) -> Exception:
    """What to raise where Newton's method ended without a result."""
    r, jacobian = map(plain, _jacobian(residual, x))
    if np.all(np.isfinite(r)) and not np.all(np.isfinite(solved(jacobian, r))):
        return SingularJacobian.at(kind.name, vector.tree(x))
    return NotConverged.after(kind.name, max_steps, float(np.sqrt(np.sum(r * r))), vector.tree(x))


def polished_root(kind: Sought, vector: "Vector", residual: Callable, x: Any) -> Any:
    """A root, made to depend on all that the residual depends on; the number stays. See `loops.polished`."""
    levels = len(live_tapes())
    for _ in range(math.ceil(math.log2(levels + 1))):
        r, jacobian = _jacobian(residual, x)
        step = solved(jacobian if levels > 1 else plain(jacobian), r - plain(r))
        if not np.all(np.isfinite(plain(step))):
            raise SingularJacobian.at(kind.name, vector.tree(plain(x)))
        x = x - step
    return x


def _jacobian(residual: Callable, x: Any) -> tuple[Any, Any]:
    """The residual, and its derivative by `x`, a row for each of its numbers."""
    r, pullback = vjp(lambda x: residual(x)[0], x)
    return r, np.stack([pullback(unit)[0] for unit in np.eye(len(r))])


# ---------------------------------------------------------------------------- a structure as a vector

class Vector:
    """What is looked for, all its numbers in a row."""

    def __init__(self, guess: Any):
        leaves, self._of = tree.flatten(guess)
        self.shapes = [shape(x) for x in leaves]
        self.sizes = [math.prod(s) for s in self.shapes]
        self.size = sum(self.sizes)
        for path, x in tree.leaves(guess):
            if is_condition(x):
                raise DtypeError(f"guess{path} is a condition, and no number to begin with.", "pass numbers.")
        if not self.size:
            raise StructureError("the guess has no numbers.",
                                 "pass a number, an array, or a structure of them.")
        self.start = concatenated([plain(x) for x in leaves])

    def tree(self, x: Any) -> Any:
        """The structure that these numbers stand for."""
        ends = np.cumsum([0, *self.sizes])
        parts = [np.reshape(x[int(start): int(start) + size], s) if s else x[int(start)]
                 for s, size, start in zip(self.shapes, self.sizes, ends, strict=False)]
        return self._of([part.item() if isinstance(part, np.generic) else part for part in parts])

    def of(self, f: Callable) -> Callable:
        """`f`, from a row of numbers to one of as many."""
        def residual(x: Any) -> tuple[Any]:
            y = f(self.tree(x))
            found = tree.flatten(y)[0]
            count = sum(math.prod(shape(part)) for part in found)
            if count != self.size:
                raise StructureError(f"f returned {count} numbers for a guess of {self.size}.",
                                     "return one number for each that is looked for.")
            return (concatenated(found),)
        return residual

    def slope_of(self, f: Callable) -> Callable:
        """The gradient of `f` as a row, and its value."""
        def number(x: Any) -> Any:
            y = f(self.tree(x))
            if shape(y) != () or tree.children(y) is not None:
                raise StructureError(f"f returned {tree.describe(y)}.", "return one number.")
            return 1.0 * y

        def residual(x: Any) -> tuple[Any, Any]:
            y, pullback = vjp(number, x)
            return pullback(1.0)[0], y
        return residual


def concatenated(leaves: list) -> Any:
    """All numbers in a row."""
    return np.concatenate([np.reshape(1.0 * x, (-1,)) if shape(x) else np.stack([1.0 * x]) for x in leaves])


# ---------------------------------------------------------------------------- Newton's method

SHORTEST = 2.0**-40                      # of Newton's step, that is tried
FALL = 1e-4                              # of what the slope promises, at least
BLUR = 1e-10                             # of a value: how far it may be rounded


def newton(kind: Sought, residual: Callable, jacobian: Callable, x: Any, max_steps: int, tolerance: float
           ) -> tuple[Any, Any]:
    """The root from `x`, and whether it was found. Plain numbers, or values of a compiled program.

    `residual(x)` has the residual first, and for a minimum the value that it is the gradient of.
    """
    has_fallen, step_of = (_has_led_down, _downhill) if kind.minimum else (_has_fallen, solved)

    def step(state: tuple) -> tuple:
        x, _, _, k = state
        before = residual(x)
        full = step_of(jacobian(x), before[0])
        is_last = np.max(np.abs(full)) <= tolerance * (1.0 + np.max(np.abs(x)))

        def is_good(share: Any) -> Any:
            return is_last | has_fallen(before, residual(x - share * full), share, full)

        share, good = while_loop(
            lambda state: np.logical_not(state[1]) & (state[0] > SHORTEST),
            lambda state: (0.5 * state[0], is_good(0.5 * state[0])), (1.0, is_good(1.0)))
        return np.where(good, x - share * full, x), is_last, good & np.logical_not(is_last), k + 1.0

    x, converged, _, _ = while_loop(lambda s: s[2] & (s[3] < max_steps), step, (x, False, True, 0.0))
    return x, converged


def _has_fallen(before: tuple, after: tuple, share: Any, full: Any) -> Any:
    """Whether the residual has."""
    return np.sum(after[0] ** 2) < np.sum(before[0] ** 2)


def _has_led_down(before: tuple, after: tuple, share: Any, full: Any) -> Any:
    """Whether the value has fallen far enough; or the gradient, where the value is all but rounding."""
    enough = after[1] <= before[1] - FALL * share * np.sum(full * before[0])
    return enough | (_has_fallen(before, after, share, full)
                     & (np.abs(after[1] - before[1]) <= BLUR * np.abs(before[1])))


def solved(matrix: Any, right: Any) -> Any:
    """matrix^-1 @ right; not finite if there is no inverse."""
    if len(right) == 1:
        with np.errstate(all="ignore"):
            return right / matrix[0]
    try:
        return np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:
        return np.full(shape(right), np.nan)


def _downhill(hessian: Any, slope: Any) -> Any:
    """Newton's step, with as much of the identity added to the Hessian as makes it positive definite."""
    lowest, least = _lowest(hessian), 1e-3 * np.max(np.abs(hessian)) + 1e-12
    added = np.where(lowest > 0.0, 0.0, least - lowest)
    return solved(hessian + added * np.eye(len(slope)), slope)


def _lowest(hessian: Any) -> Any:
    """The lowest eigenvalue; nan if there is none."""
    if len(hessian) == 1:
        return hessian[0, 0]
    try:
        return np.linalg.eigvalsh(hessian)[0]
    except np.linalg.LinAlgError:
        return np.nan
