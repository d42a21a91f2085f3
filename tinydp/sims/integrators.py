"""One step of an ordinary differential equation dx/dt = f(x), for states of any structure.

A state is a number, an array, or a (named) tuple, list or dict of states; `f` returns the rates
of change in the same structure. A clock is a part of the state whose rate is 1.

    >>> from math import exp
    >>> decay = lambda x: {"x": -x["x"], "time": 1.0}
    >>> state = {"x": 1.0, "time": 0.0}
    >>> for _ in range(10):
    ...     state = rk4(decay, state, 0.1)
    >>> print(f"{state['x']:.6f} at {state['time']:.1f} (exactly {exp(-1):.6f})")
    0.367880 at 1.0 (exactly 0.367879)
"""

from collections.abc import Callable
from typing import Any

__all__ = ["euler", "euler_within", "rk4"]


def rk4(f: Callable[[Any], Any], state: Any, dt: Any) -> Any:
    """A step by the classical Runge-Kutta method: the error of a run falls with dt**4.

    Returns the state `dt` later, built and shaped like `state`; `f` gives rates per unit of `dt`.

        >>> print(f"{rk4(lambda x: -x, 1.0, 0.1):.8f}")                       # exp(-0.1) is 0.90483742
        0.90483750
    """
    k1 = f(state)
    k2 = f(_add(state, dt / 2, k1))
    k3 = f(_add(state, dt / 2, k2))
    k4 = f(_add(state, dt, k3))
    return _map(lambda x, a, b, c, d: x + dt / 6 * (a + 2 * (b + c) + d), state, k1, k2, k3, k4)


def euler(f: Callable[[Any], Any], state: Any, dt: Any) -> Any:
    """A step by Euler's explicit method, along the tangent: the error of a run falls with dt.

    Returns the state `dt` later, built and shaped like `state`; `f` gives rates per unit of `dt`.

        >>> euler(lambda x: -x, 1.0, 0.1)
        0.9
    """
    return _add(state, dt, f(state))


def euler_within(f: Callable[[Any], Any], state: Any, dt: Any, h: Any) -> Any:
    """The state `h` into Euler's step of length `dt`, on the cubic that has f as slope at both ends.

    This cubic Hermite interpolant is how solvers look for an event between two steps. Written for
    Euler's end, x1 = x0 + dt f(x0), it is x0 + h [f(x0) - s (1 - s) (f(x1) - f(x0))] with s = h / dt.

    >>> euler_within(lambda x: -x, 1.0, 0.5, 0.5) == euler(lambda x: -x, 1.0, 0.5)
    True
    """
    first = f(state)
    last = f(_add(state, dt, first))
    bend = h / dt * (1 - h / dt)
    return _map(lambda x, a, b: x + h * (a - bend * (b - a)), state, first, last)


def _add(state: Any, dt: Any, rates: Any) -> Any:
    return _map(lambda x, rate: x + dt * rate, state, rates)


def _map(f: Callable[..., Any], first: Any, *rest: Any) -> Any:
    """`f` of the numbers or arrays at the same place in each structure."""
    if isinstance(first, dict):
        return {key: _map(f, first[key], *(other[key] for other in rest)) for key in first}
    if isinstance(first, tuple | list):
        parts = [_map(f, *same) for same in zip(first, *rest, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    return f(first, *rest)
