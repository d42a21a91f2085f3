"""First gradients compared with HIPS/autograd's, an engine written by others."""

import numpy as np
import pytest
from hypothesis import given, settings

from tinydp import vjp

from .test_all_rules import CASES

autograd = pytest.importorskip("autograd")

# What autograd has with the options drawn here; Python's operators serve both engines.
SHARED = """
    add subtract multiply divide negative reciprocal power remainder square sqrt exp exp2 expm1
    log log2 log10 log1p logaddexp logaddexp2 sin cos tan arcsin arccos arctan arctan2 sinh cosh
    tanh arcsinh arccosh arctanh deg2rad radians rad2deg degrees absolute fabs maximum minimum
    fmax fmin hypot sum mean max min amax amin reshape ravel squeeze expand_dims swapaxes
    moveaxis atleast_1d atleast_2d matmul dot inner tensordot getitem add sub mul truediv pow mod neg
"""


def counterpart(case):
    """Autograd's function of the same name, if the test calls the function itself."""
    if case.rule.__module__ == "_operator":
        return case.call
    return getattr(autograd.numpy, case.rule.__name__) if case.call is case.rule else None


@pytest.mark.parametrize("case", [
    case for case in CASES if case.rule.__name__ in SHARED.split() and counterpart(case)], ids=str)
def test_gradient_is_autograds(case):
    @settings(max_examples=10)
    @given(case.calls())
    def check(call):
        theirs = call._replace(function=counterpart(case))
        y, pullback = vjp(call, *call.xs)
        u = np.random.default_rng(call.seed).normal(size=np.shape(y))[()]
        for i, g in enumerate(pullback(u)):
            pull, _ = autograd.make_vjp(theirs, argnum=i)(*call.xs)
            np.testing.assert_allclose(g, pull(u), rtol=1e-12, atol=1e-12)

    check()


# ---------------------------------------------------------------------------- one program each

# Autograd knows these for some arguments only, so here is one program for each; x is square.
PROGRAMS = {
    "array_split":  lambda np, x: np.concatenate(np.array_split(x, 2)[::-1]),
    "split":        lambda np, x: np.concatenate(np.split(x, [1, 2])[::-1]),
    "hsplit":       lambda np, x: np.concatenate(np.hsplit(x, 3)),
    "vsplit":       lambda np, x: np.concatenate(np.vsplit(x, 3)[::-1]),
    "dsplit":       lambda np, x: np.concatenate(np.dsplit(np.reshape(x, (1, 3, 3)), 3)),
    "atleast_3d":   lambda np, x: np.atleast_3d(x),
    "column_stack": lambda np, x: np.column_stack([x, x[0]]),
    "append":       lambda np, x: np.append(x, x[:1], axis=0),
    "clip":         lambda np, x: np.clip(x, -0.5, 0.5),
    "concatenate":  lambda np, x: np.concatenate([x, x * x], axis=1),
    "stack":        lambda np, x: np.stack([x, x * x], axis=1),
    "vstack":       lambda np, x: np.vstack([x, x * x]),
    "hstack":       lambda np, x: np.hstack([x, x * x]),
    "where":        lambda np, x: np.where(x > 0, x, x * x),
    "select":       lambda np, x: np.select([x > 1, x > 0], [x, x * x], 3 * x),
    "transpose":    lambda np, x: np.transpose(x, (1, 0)),
    "broadcast_to": lambda np, x: np.broadcast_to(x, (3, 3)),
    "diag":         lambda np, x: np.diag(x) + np.sum(np.diag(x[0], 1)),
    "diagonal":     lambda np, x: np.diagonal(x, 0, -1, -2),
    "trace":        lambda np, x: np.trace(x, 1),
    "tril":         lambda np, x: np.tril(x, -1),
    "triu":         lambda np, x: np.triu(x, 1),
    "fliplr":       lambda np, x: np.fliplr(x),
    "flipud":       lambda np, x: np.flipud(x),
    "roll":         lambda np, x: np.roll(x, 2, axis=1),
    "rollaxis":     lambda np, x: np.rollaxis(x, 1, 0),
    "rot90":        lambda np, x: np.rot90(x, 3),
    "pad":          lambda np, x: np.pad(x, [(1, 0), (0, 2)], "constant"),
    "repeat":       lambda np, x: np.repeat(x, 2, axis=1),
    "tile":         lambda np, x: np.tile(x, (2, 3)),
    "real":         lambda np, x: np.real(x),
    "real_if_close": lambda np, x: np.real_if_close(x),
    "conj":         lambda np, x: np.conj(x),
    "imag":         lambda np, x: np.imag(x) * x,
    "angle":        lambda np, x: np.angle(x) * x,
    "nan_to_num":   lambda np, x: np.nan_to_num(np.where(x > 1, np.inf, x)),
    "astype":       lambda np, x: x.astype(float),
    "prod":         lambda np, x: np.prod(x, axis=1),
    "var":          lambda np, x: np.var(x, axis=0, ddof=1),
    "std":          lambda np, x: np.std(x, axis=0, ddof=1),
    "cumsum":       lambda np, x: np.cumsum(x, axis=1),
    "norm":         lambda np, x: np.linalg.norm(x, axis=1),
    "norm of 3":    lambda np, x: np.linalg.norm(x, 3, axis=1),
    "nuclear norm": lambda np, x: np.linalg.norm(x, "nuc"),
    "outer":        lambda np, x: np.outer(x[0], x[1]),
    "kron":         lambda np, x: np.kron(x, x[:2]),
    "cross":        lambda np, x: np.cross(x, x[[1, 2, 0]]),
    "einsum":       lambda np, x: np.einsum("ij,kj,kl->il", x, x, x),
    "sort":         lambda np, x: np.sort(x[0]),
    "partition":    lambda np, x: np.partition(x[0], 1),
    "diff":         lambda np, x: np.diff(x, 2, axis=1),
    "gradient":     lambda np, x: np.gradient(np.reshape(x, 9)),
    "sinc":         lambda np, x: np.sinc(x),
    "linspace":     lambda np, x: np.linspace(x[0, 0], x[0, 1], 5),
    "solve":        lambda np, x: np.linalg.solve(x, x[0]),
    "inv":          lambda np, x: np.linalg.inv(x),
    "pinv":         lambda np, x: np.linalg.pinv(x[:2]),
    "det":          lambda np, x: np.linalg.det(x),
    "slogdet":      lambda np, x: np.linalg.slogdet(x)[1],
    "cholesky":     lambda np, x: np.linalg.cholesky(np.dot(x, x.T)),
    "eigh":         lambda np, x: np.concatenate([np.linalg.eigh(x)[0], np.linalg.eigh(x)[1][0] ** 2]),
    "svd":          lambda np, x: np.linalg.svd(x[:2], full_matrices=False)[1],
    "vectors of svd": lambda np, x: np.linalg.svd(x[:2], full_matrices=False)[0] ** 2,
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_gradient_of_a_program_is_autograds(program):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 3)) + 2 * np.diag([1.0, -2.0, 3.0])
    y, pullback = vjp(lambda x: program(np, x), x)
    theirs, value = autograd.make_vjp(lambda x: program(autograd.numpy, x))(x)
    np.testing.assert_allclose(y, value, rtol=1e-14, atol=1e-14)
    u = rng.normal(size=np.shape(y))
    np.testing.assert_allclose(pullback(u)[0], theirs(u), rtol=1e-10, atol=1e-12)
