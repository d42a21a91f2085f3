"""Optimisers: pure functions from (parameters, gradient, state) to new parameters and state.

    >>> from tinydp import grad
    >>> loss = lambda params: np.sum((params["w"] - 3.0)**2)
    >>> optimiser = Adam(rate=0.1)
    >>> params = {"w": np.zeros(2)}
    >>> state = optimiser.init(params)
    >>> for _ in range(300):
    ...     params, state = optimiser.step(params, grad(loss)(params), state)
    >>> print(params["w"].round(6))
    [3. 3.]

Parameters are any nesting of lists, tuples, named tuples and dicts of arrays and floats. Where an
optimiser has averages to keep, the arithmetic is done on all of them as one long vector: that is
several times faster for the small arrays of a small network, and a state that is one named tuple
of vectors is easy to save. The numbers of a dict stand there in the order of its sorted keys, and the
state knows the names and shapes that it was made for: averages cannot go to other parameters.
"""

import functools
import itertools
import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .ad import tree
from .ad.errors import StructureError
from .ad.values import FLAGS, FLOAT64, shape

__all__ = ["SGD", "Adam", "AdamState", "SGDState", "clip_by_norm", "cosine", "norm"]

Rate = float | Callable[[int], float]            # a number, or a function of the step's index

# ---------------------------------------------------------------------------- optimisers


class SGDState(NamedTuple):
    """`step`: how many steps were made; `velocity`: the decaying sum of gradients, shape (n,).

    n is how many numbers the parameters have (0 without momentum, where nothing is kept). `form` tells by a
    number what structure, names and shapes they have.

        >>> SGD(rate=0.1, momentum=0.9).init({"w": np.ones(2), "b": 0.0}).velocity
        array([0., 0., 0.])
    """

    step: int
    velocity: Any
    form: int | None = None


@dataclass(frozen=True)
class SGD:
    """Gradient descent: v = momentum v + gradient, params = params - rate v.

    `rate`, in parameters per unit of their gradient, is a number or a function of how many steps were made,
    as `cosine` returns; `momentum` is from 0 to 1. `init` returns the first state, `step` the new parameters
    and the next state; nothing is changed in place.

        >>> optimiser = SGD(rate=0.5, momentum=0.5)
        >>> params = {"w": np.array([1.0, 2.0])}
        >>> state = optimiser.init(params)
        >>> for _ in range(2):                               # down the slope of sum(w) twice
        ...     params, state = optimiser.step(params, {"w": np.ones(2)}, state)
        >>> params["w"], state.step, state.velocity
        (array([-0.25,  0.75]), 2, array([1.5, 1.5]))
    """

    rate: Rate
    momentum: float = 0.0

    def init(self, params: Any) -> SGDState:
        """The state before the first step. Raises `StructureError` if two keys of a dict look the same."""
        if not self.momentum:
            return SGDState(0, np.zeros(0))
        form, n = _form_and_size(params)
        return SGDState(0, np.zeros(n), form)

    def step(self, params: Any, gradient: Any, state: SGDState) -> tuple[Any, SGDState]:
        """New parameters, of the structure, shapes and types of `params`, and the new state.

        Raises `StructureError` if the gradient is built otherwise, or the state is that of other parameters.
        """
        rate = _at(self.rate, state.step)
        after = state.step + 1
        if not self.momentum:                    # two operations an array: a vector would not pay
            moved = tree.map(functools.partial(_descend, rate), params, gradient)
            return moved, SGDState(after, state.velocity, state.form)
        x, g, shaped = _vectors(params, gradient, state, SGDState)
        velocity = self.momentum * state.velocity + g
        return shaped(x - rate * velocity), SGDState(after, velocity, state.form)


class AdamState(NamedTuple):
    """`step`: how many steps were made; `mean` and `square`: averages of g and g², shape (n,).

    n is how many numbers the parameters have. `form` tells by a number what structure, names and shapes they
    have.

        >>> Adam().init([np.ones((2, 2)), 0.0]).square.shape
        (5,)
    """

    step: int
    mean: Any
    square: Any
    form: int | None = None


@dataclass(frozen=True)
class Adam:
    """Steps of about `rate` in each coordinate, whatever the scale of the gradient.

    `rate` is in the unit of the parameters: a number, or a function of how many steps were made, as `cosine`
    returns. `beta1` and `beta2`, below 1, are how much of the averages of g and g² stays in a step;
    `epsilon`, in the unit of the gradient, keeps the division away from 0. `init` returns the first state,
    `step` the new parameters and the next state; nothing is changed in place.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1.

        >>> optimiser = Adam(rate=0.1)
        >>> params, gradient = [1.0, np.array([1.0, 1.0])], [1e-3, np.array([1e3, -1.0])]
        >>> params, state = optimiser.step(params, gradient, optimiser.init(params))
        >>> round(params[0], 3), params[1].round(3), state.step
        (0.9, array([0.9, 1.1]), 1)
    """

    rate: Rate = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def init(self, params: Any) -> AdamState:
        """The state before the first step. Raises `StructureError` if two keys of a dict look the same."""
        form, n = _form_and_size(params)
        return AdamState(0, np.zeros(n), np.zeros(n), form)

    def step(self, params: Any, gradient: Any, state: AdamState) -> tuple[Any, AdamState]:
        """New parameters, of the structure, shapes and types of `params`, and the new state.

        Raises `StructureError` if the gradient is built otherwise, or the state is that of other parameters.
        """
        x, g, shaped = _vectors(params, gradient, state, AdamState)
        k = state.step + 1
        mean = self.beta1 * state.mean + (1 - self.beta1) * g
        square = self.beta2 * state.square + (1 - self.beta2) * (g * g)
        # averages that began at zero are short of (1 - beta^k) of their weight
        rate = _at(self.rate, state.step) / (1 - self.beta1**k)
        x = x - rate * mean / (np.sqrt(square / (1 - self.beta2**k)) + self.epsilon)
        return shaped(x), AdamState(k, mean, square, state.form)


# ---------------------------------------------------------------------------- rates and limits


def cosine(start: float, end: float, steps: int) -> Callable[[int], float]:
    """A rate that falls from `start` at step 0 to `end` at step `steps` along half a cosine.

    Returns a function of how many steps were made, for `SGD` and `Adam`; it stays at `end`. Source:
    Loshchilov and Hutter, "SGDR", 2017, equation 5, without restarts.

        >>> rate = cosine(1.0, 0.0, steps=100)
        >>> [round(rate(k), 3) for k in (0, 25, 50, 100, 1000)]
        [1.0, 0.854, 0.5, 0.0, 0.0]
    """
    return functools.partial(_cosine, start, end, steps)


def _cosine(start: float, end: float, steps: int, k: Any) -> Any:
    done = min(k / steps, 1.0) if steps else 1.0
    cos = math.cos if isinstance(done, float) else np.cos              # of a step that is traced
    return end + (start - end) * (1 + cos(math.pi * done)) / 2


def norm(gradient: Any) -> Any:
    """The Euclidean norm of all the numbers in a structure together, a float; what is no number is left out.

        >>> norm({"w": np.array([3.0, 0.0]), "b": 4.0})
        5.0
    """
    g = _vector([x for x in tree.flatten(gradient)[0] if type(x) not in FLAGS])
    if not len(g):
        return 0.0
    largest = np.max(np.abs(g))
    scale = np.where((largest > 0.0) & np.isfinite(largest), largest, 1.0)
    with np.errstate(over="ignore"):             # beside an infinite number
        length = scale * np.sqrt(np.sum((g / scale)**2))       # squares alone may overflow
    return float(length) if isinstance(length, (float, np.generic)) else length


def clip_by_norm(gradient: Any, limit: float) -> Any:
    """The gradient, shortened to the norm `limit` if it is longer; the direction stays.

    `limit` is in the unit of the gradient. The result has its structure and shapes. Raises `ValueError` if
    `limit` is negative or nan: the gradient would be turned round.

        >>> clip_by_norm([np.array([3.0, 4.0])], limit=1.0)
        [array([0.6, 0.8])]
    """
    if isinstance(limit, (int, float)) and not limit >= 0.0:
        raise ValueError(f"the limit of a norm is not negative, and {limit} came.")
    length = norm(gradient)
    if isinstance(length, float):
        if length <= limit:
            return gradient
        share: Any = limit / length
    else:                                        # traced: the program has to do for both
        is_short = length <= limit
        share = np.where(is_short, 1.0, limit / np.where(is_short, 1.0, length))
    return tree.map(lambda g: g if type(g) in FLAGS else g * share, gradient)


# ---------------------------------------------------------------------------- one long vector


def _at(rate: Rate, step: int) -> float:
    return rate(step) if callable(rate) else rate


def _outline(structure: Any, leaves: list) -> tuple:
    """Structure, names and shapes, as a key; the leaves are appended in the order of sorted keys."""
    if type(structure) in FLAGS:
        return type(structure).__name__, str(structure)
    below = tree.children(structure)
    if below is None:
        leaves.append(structure)
        return shape(structure)
    if isinstance(structure, dict):
        names = _sorted_keys(structure)
        return dict, *names, *[_outline(structure[name], leaves) for name in names]
    fields = getattr(structure, "_fields", None)
    fixed = [f"{step} {getattr(part, '__qualname__', repr(part))}"           # no address: it may be saved
             for step, part in tree.static(structure) if part is not None]
    return type(structure).__name__, fields, *fixed, *[_outline(child, leaves) for child in below]


def _sorted_keys(structure: dict) -> list:
    """The keys in an order that is not that of the dict. Raises `StructureError` if they have none."""
    names = {repr(name): name for name in structure}
    if len(names) < len(structure):
        raise StructureError(f"two keys of a dict of parameters look the same, {_doubled(structure)}, and an "
                             "optimiser's state cannot tell them apart.",
                             "use strings or numbers as keys, or give their class a __repr__ that differs.")
    return [names[shown] for shown in sorted(names)]


def _doubled(structure: dict) -> str:
    shown = sorted(map(repr, structure))
    return next(a for a, b in itertools.pairwise(shown) if a == b)


def _filled(structure: Any, parts: Iterator[Any]) -> Any:
    """The structure with others in place of its leaves; they come in the order of sorted keys."""
    if type(structure) in FLAGS:
        return structure
    below = tree.children(structure)
    if below is None:
        return next(parts)
    if isinstance(structure, dict):
        found = {name: _filled(structure[name], parts) for name in _sorted_keys(structure)}
        return tree.rebuild(structure, [found[name] for name in structure])
    return tree.rebuild(structure, [_filled(child, parts) for child in below])


@functools.lru_cache(maxsize=64)
def _form(outline: tuple) -> int:
    """A number that tells outlines apart: easy to save, and to pass through a compiled step."""
    return zlib.crc32(repr(outline).encode())


def _form_and_size(params: Any) -> tuple[int, int]:
    leaves: list = []
    return _form(_outline(params, leaves)), sum(math.prod(shape(x)) for x in leaves)


def _vectors(params: Any, gradient: Any, state: Any, kind: type) -> tuple[Any, Any, Callable[[Any], Any]]:
    """Both as vectors, and the function that gives such a vector the structure of `params`.

    Raises `StructureError` unless the gradient fits, and `state` is of this `kind` and for such parameters.
    """
    leaves: list = []
    gradients: list = []
    outline = _outline(params, leaves)
    if outline != _outline(gradient, gradients):
        matched = tree.map(lambda x, g: _fitting(g, x), params, gradient)        # by the keys, or it refuses
        gradients.clear()
        _outline(matched, gradients)
    if type(state) is not kind or getattr(state, "form", None) != _form(outline):
        raise StructureError("this state was made for other parameters, or for another optimiser.",
                             "begin with state = optimiser.init(params), and pass on what step returns.")
    return _vector(leaves), _vector(gradients), lambda vector: _filled(params, _parts(vector, leaves))


def _vector(leaves: list) -> Any:
    return np.concatenate([x.reshape(-1) if shape(x) else np.reshape(x, -1) for x in leaves] or [[]])


def _parts(vector: Any, leaves: list) -> Iterator[Any]:
    """The numbers of `vector`, cut into the shapes of `leaves`, of their types."""
    start = 0
    for x in leaves:
        stop = start + math.prod(shape(x))
        yield _like(x, vector[start:stop].reshape(shape(x)) if shape(x) else vector[start])
        start = stop


def _descend(rate: Any, x: Any, g: Any) -> Any:
    """One parameter, moved down its gradient; what is true or false stays."""
    if type(x) is np.ndarray is type(g) and x.dtype is FLOAT64 is g.dtype and x.shape == g.shape and x.ndim:
        moved = x - rate * g                     # the common case, without ado
        if type(moved) is np.ndarray and moved.dtype is FLOAT64:
            return moved
    return x if type(x) in FLAGS else _like(x, x - rate * _fitting(g, x))


def _fitting(g: Any, x: Any) -> Any:
    """The gradient `g`, if it has the shape of the parameter `x`."""
    if shape(x) != shape(g):
        raise StructureError(f"a parameter has shape {shape(x)}, its gradient {shape(g)}.",
                             "pass the gradient with respect to these parameters.")
    return g


def _like(x: Any, moved: Any) -> Any:
    """The numbers to which the parameter `x` moved, of its type."""
    if type(moved) is np.ndarray:                # single precision stays
        same = moved.dtype is x.dtype or x.dtype.kind != "f"
        return moved if same else moved.astype(x.dtype)
    return float(moved) if isinstance(moved, (int, float, np.generic)) else moved    # or traced
