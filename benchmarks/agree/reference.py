"""The names of tinydp in plain Python: what a program means, without any derivative.

Written anew, so that the loops have something to be compared with. What has a declared derivative (a constant
from here on, a surrogate) is replayed around the first point, so that differences see what was declared.
"""

import collections
import dataclasses
import functools
import itertools
import math
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import tinydp


def scan(
    step: Callable, carry: Any, xs: Any = None, length: int | None = None, segment: int | None = None
) -> Any:
    """A for loop."""
    ys = []
    for x in rows(xs, length):
        last, (carry, y) = carry, step(carry, x)
        mapped(same_shape, last, carry)
        ys.append(y)
    return carry, mapped(lambda *rows: np.stack(rows), *ys)


def rows(xs: Any, length: int | None) -> list:
    """What each step is given."""
    if xs is None:
        return [None] * (length or 0)
    if isinstance(xs, Iterator | range):
        return [mapped(row, x) for x in xs]
    return [mapped(lambda x, k=k: row(x[k]), xs) for k in range(len(first_leaf(xs)))]


def row(x: Any) -> Any:
    """A row of `xs`: a number is Python's own."""
    return x.item() if isinstance(x, np.ndarray | np.generic) and np.ndim(x) == 0 else x


def cond(pred: Any, f: Callable, g: Callable, *args: Any) -> Any:
    """A conditional expression, of two functions that are both defined here, and give the same structure."""
    both = f(*args), g(*args)
    mapped(same_shape, *both)
    return both[0 if pred else 1]


def while_loop(
    cond: Callable, body: Callable, state: Any, max_steps: int | None = None, segment: int | None = None
) -> Any:
    """A while loop, whose body is defined at the beginning, and keeps the shapes of the state."""
    mapped(same_shape, state, body(state))
    for _ in itertools.count() if max_steps is None else range(max_steps + 1):
        if not cond(state):
            return state
        last, state = state, body(state)
        mapped(same_shape, last, state)
    raise ValueError("still going on")


def vmap(f: Callable, in_axes: Any = 0) -> Callable:
    """A loop over the rows."""

    def of_all(*args: Any) -> Any:
        axes = in_axes if isinstance(in_axes, tuple) else (in_axes,) * len(args)
        n = next(len(first_leaf(x)) for x, axis in zip(args, axes, strict=True) if axis is not None)
        given = [rows(x, None) if axis == 0 else [x] * n for x, axis in zip(args, axes, strict=True)]
        return mapped(lambda *ys: np.stack(ys), *[f(*xs) for xs in zip(*given, strict=True)])

    return of_all


def root(f: Callable, guess: Any) -> Any:
    """Where a function that rises, element by element, is zero: by halving."""
    low, high = (np.asarray(guess, float) + side for side in (-50.0, 50.0))
    for _ in range(200):
        middle = (low + high) / 2
        above = np.asarray(f(middle if np.ndim(guess) else float(middle))) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return high if np.ndim(guess) else float(high)


def add_at(x: Any, index: Any, values: Any) -> Any:
    """`np.add.at`, of a copy."""
    copy = np.array(x, float)
    np.add.at(copy, index, values)
    return copy


def set_at(x: Any, index: Any, values: Any) -> Any:
    """An assignment to a copy."""
    copy = np.array(x, float)
    copy[index] = values
    return copy


def lookup(table: Any, index: Any) -> Any:
    """A subscript; a number is Python's own."""
    found = np.asarray(table)[index]
    return row(found) if isinstance(found, np.floating | np.integer) else found


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
    if dataclasses.is_dataclass(first):
        return type(first)(**mapped(f, *map(vars, trees)))
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
        cond=cond,
        while_loop=while_loop,
        vmap=vmap,
        root=root,
        add_at=add_at,
        set_at=set_at,
        lookup=lookup,
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
    modules = {"np": np, "collections": collections, "dataclasses": dataclasses, "math": math}
    return modules | {"dp": plain, "frozen": frozen, "log": []}
