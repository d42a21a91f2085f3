"""A function, as a program that is interpreted, and on the tape: value, gradient, second derivative."""

import numpy as np

import tinydp as dp
from tinydp.ad import tree
from tinydp.ad.compile.adjoint import adjoint
from tinydp.ad.compile.expand import apart
from tinydp.ad.compile.passes import finished, optimised
from tinydp.ad.compile.program import interpret, verify
from tinydp.ad.compile.trace import Trace, traced


class Derived:
    """The program that `f` is for such arguments, and its derivatives."""

    def __init__(self, f, *args):
        self.f, self.args = f, [as_program_takes(x) for x in args]
        self.active = [*range(len(args))]
        self.program = verify(traced(f, *self.args))
        with Trace().writing():
            self.adjoint = verify(adjoint(self.program, self.active, of_numbers(self.program)))

    def second(self):
        """The adjoint of the adjoint."""
        with Trace().writing():
            return verify(adjoint(self.adjoint, self.active, of_numbers(self.adjoint)))


def check(f, *args, second=True, rtol=1e-11):
    """Whether all is what it is on the tape, at these arguments."""
    made = Derived(f, *args)
    y, pullback = dp.vjp(f, *args)
    near(run(made.program, *made.args), flat(f(*args)), rtol)
    reals = [x for x in flat(y) if np.asarray(x).dtype.kind == "f"]
    if not reals:
        return made
    u = [like(x) for x in reals]
    rest = iter(u)
    cotangent = tree.map(lambda x: next(rest) if np.asarray(x).dtype.kind == "f" else x, y)
    near(fine(run(made.adjoint, *made.args, *u), made), flat(pullback(cotangent)), rtol)
    if second:
        v = [like(x) for x in made.args]
        product = dp.vjp(lambda *xs: dp.vjp(f, *xs)[1](cotangent), *args)[1](tuple(v))
        found = fine(run(made.second(), *made.args, *u, *v), made)
        if all(np.all(np.isfinite(x)) for x in found):           # else a tape takes over
            near(found, flat(product), rtol)
    return made


def run(program, *args):
    """The results, which are the same after all passes."""
    found = interpret(program, *args)
    after = finished(optimised(verify(apart(program)), verify), verify)
    near(interpret(after, *args), found, 1e-9)
    return found


def near(found, wanted, rtol):
    assert len(found) == len(wanted)
    for x, y in zip(map(np.asarray, found), map(np.asarray, wanted), strict=True):
        assert np.shape(x) == np.shape(y)
        size = np.max(np.abs(y), initial=0.0, where=np.isfinite(y))
        np.testing.assert_allclose(x.astype(float), y.astype(float), rtol, rtol * float(size) + 1e-14)


def fine(found, made):
    """The derivatives, behind which there may be a flag: a rule may raise, and did not."""
    n = len(made.active)
    assert all(flag is True or flag is np.True_ for flag in found[n:])
    return found[:n]


def flat(x):
    return tree.flatten(x)[0]


def of_numbers(program):
    """Which outputs are real numbers."""
    kinds = [x.kind if hasattr(x, "kind") else np.asarray(x).dtype.kind for x in program.outputs]
    return [k for k, kind in enumerate(kinds) if kind == "f"]


def like(x):
    """Numbers in the shape of `x`, each another one."""
    y = np.cos(1.0 + np.arange(np.size(x))).reshape(np.shape(x))
    return y if np.ndim(x) else float(y)


def as_program_takes(x):
    return np.array(x, float, order="C") if np.ndim(x) else float(x)
