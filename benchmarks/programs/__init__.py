"""Programs whose first gradient is timed by `compiling.py`: the suite's, and simulators from textbooks.

Each function with a decorator makes one: it returns a function and its arguments, and the gradient is that by
all of them. They are written as users write them, with loops by `dp.scan` and `dp.integrate`, and with
numbers, arrays, tuples, named tuples or dictionaries as states. JAX runs the same text.
"""

from . import data, dynamics, mechanics, suite, tools
from .tools import ONLY_HERE, PROGRAMS

__all__ = ["ONLY_HERE", "PROGRAMS", "use_jax"]


def use_jax() -> None:
    """Let the programs of this process call JAX's functions in place of NumPy's, and its `scan` for ours."""
    from types import SimpleNamespace

    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def scan(step, carry, xs=None, length=None):
        return jax.lax.scan(step, jax.tree.map(jnp.float64, carry), xs, length)

    for module in (data, dynamics, mechanics, suite, tools):
        module.np, module.dp = jnp, SimpleNamespace(scan=scan)
