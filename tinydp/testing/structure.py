"""What must hold of a gradient whatever the derivative is: to the last bit, or to rounding."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..ad import tree
from ..ad.parts import dense
from ..ad.rounding import JitteredTape
from ..ad.tape import Var
from ..ad.transforms import Inputs, jvp, vjp
from ..ad.values import is_on, plain, shape
from ..ad.watch import WatchedTape, close_tape, compared_by, open_tape
from .judging import BLURRED, NEARBY, nearby
from .results import is_float, number


def problems(f: Callable, leaves: list, before: tuple, args: tuple, rng: np.random.Generator,
             surrogate: bool) -> Iterator[str]:
    """What is wrong with our own gradient of `f(*leaves)`, in words; `args` were `before` all calls."""
    y, pullback = vjp(f, *leaves)
    again, pull_again = vjp(f, *leaves)
    if not same(again, y):
        yield "f is not deterministic: the same arguments gave another value"
    if not same(before, args):
        yield "f changed its arguments"
    if not _same_to_rounding(f(*leaves), y, lambda: list(nearby(leaves, rng, lambda xs: f(*xs)))):
        yield "the traced value differs from that of the plain call"
    u = tree.map(lambda leaf: rng.normal(size=shape(leaf)) if shape(leaf) else float(rng.normal()), y)
    zero, once, twice = (pullback(tree.map(lambda leaf, s=s: s * leaf, u)) for s in (0.0, 1.0, 2.0))
    if not same(pull_again(u), once):
        yield "the pullback is not deterministic"
    if any(np.any(np.isfinite(g) & (np.asarray(g) != 0)) for g in zero):
        yield "a zero cotangent was pulled back to something else than zero"
    if not all(np.allclose(b, 2.0 * np.asarray(a), rtol=1e-12, atol=1e-300, equal_nan=True)
               for a, b in zip(once, twice, strict=True)):
        yield "the pullback is not linear: twice the cotangent did not give twice the result"
    if surrogate:
        return
    v = tuple(rng.normal(size=shape(x)) if shape(x) else float(rng.normal()) for x in leaves)

    def products(leaves: list) -> tuple[float, float, float]:
        pulled = vjp(f, *leaves)[1](u)
        _, change = jvp(f, tuple(leaves), v)
        here = sum(float(np.sum(np.asarray(a) * np.asarray(b))) for a, b in
                   zip(tree.flatten(change)[0], tree.flatten(u)[0], strict=True))
        there = sum(float(np.sum(np.asarray(a) * np.asarray(b))) for a, b in zip(pulled, v, strict=True))
        # the terms within a loop that is one node are not seen: at least there is what they add up to
        size = sum(float(np.sum(np.maximum(a, np.abs(g)) * np.abs(b)))
                   for a, g, b in zip(summed_up(f, leaves, u), pulled, v, strict=True))
        return here, there, size

    if (unequal := differ(products, leaves, rng)):
        yield "the adjoint identity fails: <u, J v> = {:.12g}, <J'u, v> = {:.12g}".format(*unequal)


class _Summing(WatchedTape):
    """A tape whose sweep notes the sizes of all that is added up: `sizes[id(x)]` bounds |x.g| from above.

    Where terms cancel, what remains is as far rounded as they are.
    """

    __slots__ = ("growth", "sizes")

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[int, Any] = {}
        self.growth: Any = 1.0

    def saw_cotangent(self, k: int, node: Any, g: Any) -> None:
        size = self.sizes.pop(id(node), None)
        largest = 0.0 if isinstance(g, tuple) else np.max(np.abs(plain(g)), initial=0.0)
        self.growth = max(1.0, np.max(size) / largest) if size is not None and largest > 0.0 else 1.0

    def saw_share(self, k: int, node: Any, x: Var, c: Any) -> None:
        if not isinstance(c := dense(c), tuple):
            self.sizes[id(x)] = self.sizes.get(id(x), 0.0) + self.growth * np.abs(plain(c))


def summed_up(f: Callable, leaves: list, u: Any) -> list:
    """For each of `leaves`, the sum of the sizes of all terms of its cotangent, for `u` pulled back."""
    tape = open_tape(_Summing)
    try:
        inputs = Inputs(tape, tuple(leaves), range(len(leaves)))
        y = f(*inputs.args)
    finally:
        close_tape(tape)
    pairs = zip(tree.flatten(y)[0], tree.flatten(u)[0], strict=True)
    tape.sweep([(leaf, g) for leaf, g in pairs if is_on(tape, leaf)])
    return [tape.sizes.get(id(x), 0.0) for x in inputs.variables]        # type: ignore[attr-defined]


def foreign_problems(f: Callable, grad: Callable, args: tuple) -> Iterator[str]:
    """What is wrong with `f`, or with a gradient from elsewhere, in words."""
    before = copy.deepcopy(args)
    y, again = number(f(*args)), number(f(*args))
    if not np.array_equal(y, again, equal_nan=True):
        yield "f is not deterministic: the same arguments gave another value"
    if not same(before, args):
        yield "f changed its arguments"
    before = copy.deepcopy(args)
    grad(*args)
    if not same(before, args):
        yield "grad changed its arguments"


def differ(products: Callable[[list], tuple[float, float, float]], leaves: list,
           rng: np.random.Generator) -> tuple[float, float] | None:
    """Two numbers that should be equal, if they are not to rounding; `products` returns them and their size.

    If not to the last digits of their terms, then as far as they change when the last digits of the
    arguments do: close to a singular matrix, few are left. Or when those of all values on the way do, and of
    all cotangents: the terms of a sum within one operation may cancel, and nobody sees how large they were.
    Where one is not finite there is nothing to compare: at a slope that is infinite, forwards it can be, and
    backwards multiplied by 0.
    """
    here, there, size = products(leaves)
    if not np.all(np.isfinite((here, there, size))) or abs(here - there) <= 1e-9 * size + 1e-300:
        return None
    changes = [abs(a - here) + abs(b - there) for a, b, _ in nearby(leaves, rng, products)]
    if abs(here - there) <= BLURRED * np.max(changes, initial=0.0):
        return None
    changes = [abs(a - here) + abs(b - there) for a, b, _ in _otherwise_rounded(lambda: products(leaves))]
    # a few may have turned a condition, which says nothing of the others
    return (here, there) if abs(here - there) > BLURRED * np.median(changes) else None


def _otherwise_rounded(run: Callable[[], Any]) -> Iterator[Any]:
    """The results of runs in which each value on the tape, and each cotangent, is off by its last digits."""
    for seed in range(NEARBY):
        JitteredTape.random = np.random.default_rng(seed)
        yield compared_by(JitteredTape, None, run)


def same(a: Any, b: Any, rtol: float = 0.0) -> bool:
    """Whether two structures hold the same."""
    if not tree.alike(a, b):
        return False
    pairs = zip(tree.flatten(a)[0], tree.flatten(b)[0], strict=True)
    return all(np.shape(x) == np.shape(z) and np.allclose(x, z, rtol=rtol, atol=0.0, equal_nan=True)
               if is_float(x) else np.all(x == z) for x, z in pairs)


def _same_to_rounding(plain: Any, traced: Any, nearby: Callable[[], list]) -> bool:
    """Whether two values are equal as far as rounding goes: some functions are made of others when traced."""
    if same(plain, traced, rtol=1e-12):
        return True
    others = [other for other in nearby() if tree.alike(plain, other)]
    if not tree.alike(plain, traced) or not others:
        return False
    for a, b, *cs in zip(*(tree.flatten(y)[0] for y in (plain, traced, *others)), strict=True):
        if np.shape(a) != np.shape(b) or any(np.shape(a) != np.shape(c) for c in cs):
            return False
        if is_float(a):
            change = max(float(np.max(np.abs(a - c), initial=0.0)) for c in cs)
            allowed = 1e-13 * np.max(np.abs(a), initial=0.0) + BLURRED * change
            if not np.allclose(a, b, rtol=0.0, atol=allowed, equal_nan=True):
                return False
        elif not np.all(a == b):
            return False
    return True
