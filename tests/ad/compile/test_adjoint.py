"""Programs without loops, differentiated once and twice: kinds, branches, indices, sums and products."""

import numpy as np
import pytest

import tinydp as dp

from .checks import check

X = np.array([0.3, -0.7, 1.1])
W = np.array([[0.2, -0.4, 0.1], [0.5, 0.3, -0.2], [-0.1, 0.6, 0.4]])
PROGRAMS = []


def at(*args):
    """Registers a program, to be looked at with these arguments."""
    return lambda f: PROGRAMS.append((f, args)) or f


@at(0.5, np.zeros((0, 2)))
def empty_arrays(x, e):
    return (np.sum(e) * x + np.sum(e @ np.ones((2, 3))) + x**2, e * x)


@at(np.array([0.0, 0.4]))
def where_sqrt_top(x):
    return np.where(x > 0, np.sqrt(x), x)


@at(0.6)
def branch_top(x):
    if x > 0.5:
        y = x**2
    else:
        y = x
    while y < 2.0:
        y = y * 1.5
    return y


@at(0.6)
def branch_on_loop(x):
    c, _ = dp.scan(lambda c, _: (c * 1.5, None), x, length=4)
    return x * c if c > 2.0 else x


@at(0.6)
def branch_on_event(x):
    s = dp.integrate(
        lambda s, dt: (s[0] - dt * x, s[1] + dt), (x * 3, 0.0), until=lambda s: s[0] - 0.1, dt=0.3
    )
    return x * s[1] if s[1] > 2.0 else x


@at(0.6)
def min_max(x):
    return min(x, 0.7) * max(x, 0.3) + abs(x) + sorted([x, 0.2, x * x])[1]


@at(X)
def float32_consts(x):
    return x * np.float32(0.1) + np.array([1, 2, 3], np.float32) * x + np.array([1, 2, 3], np.int8) ** x


@at(X)
def bool_arith(x):
    b = x > 0
    return (
        (b + b) * x,
        b * x,
        np.sum(b) * x,
        b & (x < 1),
        np.mean(b),
        x**2,
        x * True,
        -x * False,
        (x[0] > 0) * x,
    )


@at(0.3)
def bool_num(x):
    b = x > 0
    return (b + b, b * 2.0 * x, b + 1, -(1.0 * b), x**b if False else x, b * b)


@at(X)
def clip_minimum(x):
    return (np.clip(x, -0.5, x[0]), np.maximum(x, x[::-1] * 0.5), np.fmax(x, 0.1), np.heaviside(x, 0.5) * x)


@at(X)
def reductions(x):
    y = np.outer(x, x) + 0.1
    return (
        np.prod(y, axis=0),
        np.max(y, axis=1),
        np.min(y, axis=0, keepdims=True),
        np.var(y, axis=1),
        np.std(y),
        np.ptp(y) if hasattr(np, "ptp") else 0.0,
        np.linalg.norm(y, axis=0),
    )


@at(X)
def einsums(x):
    return (
        np.einsum("i,ij->j", x, W * x),
        np.einsum("ii", np.outer(x, x)),
        np.tensordot(W, x, 1),
        np.dot(x, x),
        x @ W @ x,
        np.kron(x, x),
        np.cross(x, x[::-1]),
        np.convolve(x, x),
        np.trace(np.outer(x, x)),
    )


@at(X)
def index(x):
    return (
        x[0] * x[-1],
        x[[0, 0, 2]],
        x[X > 0],
        x[::-1],
        x[None],
        x[..., 1],
        np.take(x, [1, 1]),
        np.roll(x, 1),
        np.flip(x),
        np.pad(x, 1),
        np.diag(x),
        np.tile(x, 2),
        np.repeat(x, 2),
    )


@at(X)
def joins(x):
    return (
        np.stack([x, x * 2]),
        np.concatenate([x, [1.0]]),
        np.hstack([x, x[0]]),
        np.vstack([x, x]),
        np.array_split(x, 2)[0],
        np.split(x, 3)[1],
        np.where([True, False, True], x, 2.0),
        np.linspace(x[0], x[1], 4),
        np.append(x, x),
    )


@at(0.6)
def py_math(x):
    return (divmod(x, 0.25)[1], x // 0.25, x % 0.4, 2**x, 2.0**x, x**3, 1 / x, round(x), +x, x**0.5, 0.0**x)


@at(0.6)
def unrolled(x):
    z = np.ones(3) * x
    for k in range(6):
        z = np.tanh(W @ z + k * 0.1)
    return z


@at(np.array([0.0, 0.5]))
def norm_where(x):
    n = np.linalg.norm(x * 0.0)
    return np.where(n > 0, n, 0.0) * x


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("f", "args"), PROGRAMS, ids=[f.__name__ for f, _ in PROGRAMS])
def test_equals_the_tape(f, args):
    check(f, *args)
