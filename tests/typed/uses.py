"""Calls that are right: a type checker has nothing to say, and they run."""

from typing import NamedTuple

import numpy as np

import tinydp as dp

from .misuses import f, g, pair, total


class State(NamedTuple):
    x: float
    v: np.ndarray


def energy(s: State, k: float = 1.0, *, scale: float = 2.0) -> float:
    square: float = s.v @ s.v
    return scale * (k * s.x * s.x + square)


def numpys(x: np.ndarray) -> np.float64:
    y: np.float64 = np.sum(x)
    return y


def run() -> None:
    state = State(1.0, np.ones(2))
    slope: float = dp.grad(f)(2.0) + 1.0
    slope = dp.grad(f)(2)
    slope = dp.grad(dp.grad(f))(2.0)
    dp.grad(energy)(state, 2.0, scale=1.0).v.shape
    dp.grad(numpys)(np.ones(2)).shape
    value, gradient = dp.value_and_grad(energy)(state)
    position: float = gradient.x + value
    by_both: tuple[float, ...] = dp.grad(g, argnums=(0, 1))(2.0, 3.0)
    by_both = dp.grad(g, argnums=[0, 1])(2.0, 3.0)
    by_second = dp.grad(g, argnums=1)(2.0, 3.0)
    with_text, text = dp.grad(pair, has_aux=True)(2.0)
    (y, text), slope = dp.value_and_grad(pair, has_aux=True)(2.0)
    text.upper()
    dp.grad(lambda x: x * x)(2.0)
    dp.grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0)
    fast = dp.compile(g)
    slope = fast(1.0, 2.0) + dp.grad(fast)(1.0, 2.0)
    fast.source.splitlines()
    slope = dp.grad(dp.compile(f))(1.0)

    @dp.compile
    def decorated(x: float) -> float:
        return x

    slope = decorated(1.0)
    out, pullback = dp.vjp(g, 1.0, 2.0)
    slope = out + pullback(1.0)[0]
    y, dy = dp.jvp(f, (1.0,), (1.0,))
    slope = y + dy
    dp.jvp(np.sin, (1.0,), (1.0,))
    dp.grad(np.sin)(1.0)
    dp.jacobian(lambda x: 2.0 * x)(np.ones(2)).shape
    dp.hessian(total)(np.ones(2)).shape
    dp.hvp(total, np.ones(2), np.ones(2)).shape
    carry, ys = dp.scan(lambda c, x: (c + x, c), 0.0, np.ones(3))
    slope = dp.cond(True, lambda: 1.0, lambda: 2.0)
    slope = dp.checkpoint(f)(2.0)
    rows: np.ndarray = dp.vmap(f)(np.ones(3))
