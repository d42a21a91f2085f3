"""What a call costs: of programs so small that little else does, and of one around a large matrix.

The limit of a tiny program is a Numba function written by hand, called from Python; that of the matrix, of
1,000 x 1,000, the same matrix passed as an argument, beside NumPy by hand. Each is a value and its gradient,
but for the first two.
"""

import functools
import math

import numpy as np

from .harness import compare, show

AT = (1.5, 0.3)
ELEMENTS, SIDE = 10, 1_000


def rise(x, y):
    """The first tiny program."""
    return np.sin(x * y) + x


def squares(x):
    """The second one."""
    return np.sum(x * x)


def by_hand(work):
    """A tiny program and its adjoint, by Numba."""
    import numba

    fast = numba.njit(fastmath=True)

    @fast
    def value(x, y):
        return math.sin(x * y) + x

    @fast
    def gradient(x, y):
        c = math.cos(x * y)
        return math.sin(x * y) + x, c * y + 1.0, c * x

    @fast
    def of_squares(x):
        total, g = 0.0, np.empty(x.size)
        for i in range(x.size):
            total += x[i] * x[i]
            g[i] = 2.0 * x[i]
        return total, g

    x = np.linspace(0.0, 1.0, ELEMENTS)
    return {"value": lambda: value(*AT), "gradient": lambda: gradient(*AT),
            "array": lambda: of_squares(x)}[work]


def tinydp(work):
    """Ours."""
    import tinydp as dp

    f, x = dp.compile(rise), np.linspace(0.0, 1.0, ELEMENTS)
    both, of_squares = dp.value_and_grad(f, argnums=(0, 1)), dp.value_and_grad(dp.compile(squares))
    return {"value": lambda: f(*AT), "gradient": lambda: both(*AT), "array": lambda: of_squares(x)}[work]


def jax(work):
    """JAX, compiled."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    f, x = jax.jit(lambda x, y: jnp.sin(x * y) + x), np.linspace(0.0, 1.0, ELEMENTS)
    both = jax.jit(jax.value_and_grad(f, (0, 1)))
    of_squares = jax.jit(jax.value_and_grad(lambda x: jnp.sum(x * x)))
    return {"value": lambda: f(*AT), "gradient": lambda: both(*AT), "array": lambda: of_squares(x)}[work]


def matrix(how):
    """The square of a product with a large matrix, and its gradient by the vector."""
    rng = np.random.default_rng(0)
    a, x = rng.normal(size=(SIDE, SIDE)), rng.normal(size=SIDE)
    if how == "by hand":
        def run():
            y = a @ x
            return y @ y, 2.0 * (y @ a)
        return run
    import tinydp as dp

    if how == "passed":
        passed = dp.value_and_grad(dp.compile(lambda x, a: np.sum((a @ x) ** 2)))
        return lambda: passed(x, a)
    return functools.partial(dp.value_and_grad(dp.compile(lambda x: np.sum((a @ x) ** 2))), x)


def numbers(found):
    """All numbers of a result, one after the other."""
    return np.concatenate([numbers(x) for x in found]) if isinstance(found, tuple) else np.ravel(found)


def main():
    """Print the tables; returns them as plain data."""
    data = {}
    works = {"value": "a value, two numbers", "gradient": "value and gradient, two numbers",
             "array": f"value and gradient, {ELEMENTS} numbers"}
    for work, title in works.items():
        peers = {"limit (Numba by hand)": by_hand, "tinydp compiled": tinydp, "JAX jit": jax}
        rows = compare({name: functools.partial(peer, work) for name, peer in peers.items()}, 101,
                       numbers=numbers)
        data[title] = show(f"a call, {title}: microseconds", rows, digits=2)
    ways = {"NumPy by hand": "by hand", "tinydp, matrix passed": "passed",
            "tinydp, closed over": "closed over"}
    peers = {name: functools.partial(matrix, how) for name, how in ways.items()}
    rows = compare(peers, 101, numbers=numbers)
    data[f"{SIDE} x {SIDE}"] = show(
        f"a matrix of {SIDE} x {SIDE}, value and gradient of |A x|^2: microseconds", rows)
    return data
