"""The names of tinydp in plain Python: what a program means, without any derivative.

Written anew, so that the loops have something to be compared with. What has a declared derivative (a constant
from here on, a surrogate) is replayed around the first point, so that differences see what was declared.
"""

import collections
import functools
import types
from collections.abc import Callable
from typing import Any

import numpy as np

import tinydp


def scan(
    step: Callable, carry: Any, xs: Any = None, length: int | None = None, segment: int | None = None
) -> Any:
    """A for loop."""
    n = length if xs is None else len(first_leaf(xs))
    ys = []
    for k in range(n):
        last, (carry, y) = carry, step(carry, None if xs is None else mapped(lambda x, k=k: row(x[k]), xs))
        mapped(same_shape, last, carry)
        ys.append(y)
    return carry, mapped(lambda *rows: np.stack(rows), *ys)


def row(x: Any) -> Any:
    """A row of `xs`: a number is Python's own."""
    return x.item() if isinstance(x, np.ndarray | np.generic) and np.ndim(x) == 0 else x


def checkpoint(f: Callable) -> Callable:
    """The function itself."""
    return f


def same_shape(a: Any, b: Any) -> None:
    """A carry keeps its shape."""
    if np.shape(a) != np.shape(b):
        raise ValueError(f"{np.shape(a)} became {np.shape(b)}")


def integrate(step: Callable, state: Any, until: Callable, max_steps: int = 10_000, dt: Any = None) -> Any:
    """Steps up to the event, which is found by halving."""
    for _ in range(max_steps):

        def part(h: float, state: Any = state) -> Any:
            if dt is not None:
                return step(state, h)
            return mapped(lambda a, b: a + h * (b - a), state, step(state))

        whole = 1.0 if dt is None else dt
        if until(part(whole)) <= 0 < until(state):
            low, high = 0.0, whole
            while low < (middle := (low + high) / 2) < high:
                low, high = (middle, high) if until(part(middle)) > 0 else (low, middle)
            return part(high)
        state = part(whole)
    raise ValueError("no event")


def first_leaf(x: Any) -> Any:
    """Any array in a structure."""
    while isinstance(x, (dict, list, tuple)):
        x = next(iter(x.values())) if isinstance(x, dict) else x[0]
    return x


def mapped(f: Callable, *trees: Any) -> Any:
    """`f` of the leaves of structures that are alike."""
    first = trees[0]
    if first is None:
        return None
    if isinstance(first, dict):
        return {key: mapped(f, *(t[key] for t in trees)) for key in first}
    if isinstance(first, (list, tuple)):
        parts = [mapped(f, *row) for row in zip(*trees, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    return f(*trees)


class Frozen:
    """What was declared constant: kept at the first run, and used again in the runs that differ a little."""

    def __init__(self) -> None:
        self.kept: list = []
        self.at: int | None = None  # None: keep

    def start(self, replay: bool) -> None:
        """Before each run."""
        if replay:
            self.at = 0
        else:
            self.kept, self.at = [], None

    def __call__(self, *values: Any) -> Any:
        """The values themselves, or those of the first run."""
        if self.at is None:
            self.kept.append(values)
            return values
        self.at += 1
        return self.kept[self.at - 1]

    def stop_gradient(self, x: Any) -> Any:
        """A constant from here on."""
        return self(mapped(np.copy, x) if isinstance(x, np.ndarray) else x)[0]

    def straight_through(self, f: Callable, window: Any = "identity") -> Callable:
        """`f`, and around the first point a line of the declared slope."""
        slopes = {
            "identity": np.ones_like,
            "tanh": lambda x: 1 - np.tanh(x) ** 2,
            "clipped": lambda x: 1.0 * (np.abs(x) <= 1),
        }

        @functools.wraps(f)
        def surrogate(x: Any) -> Any:
            at, y, slope = self(x, f(x), slopes[window](np.asarray(x, float)))
            return y + slope * (x - at)

        return surrogate


def namespace() -> dict[str, Any]:
    """Names for a program that runs without tinydp; its `frozen` is to be started before each run."""
    frozen = Frozen()
    plain = types.SimpleNamespace(
        scan=scan,
        integrate=integrate,
        checkpoint=checkpoint,
        custom_gradient=lambda f, vjp: f,
        primitive=lambda f: f,
        defvjp=lambda f, *rules: None,
        stop_gradient=frozen.stop_gradient,
        straight_through=frozen.straight_through,
        grad=tinydp.grad,
        sign=frozen.straight_through(
            lambda x: np.where(x >= 0, 1.0, -1.0) if np.ndim(x) else 1.0 if x >= 0 else -1.0
        ),
    )
    return {"np": np, "collections": collections, "dp": plain, "frozen": frozen, "log": []}
