"""Neural networks: a pure function of nested parameters and an input, with nothing hidden.

    >>> rng = np.random.default_rng(0)
    >>> net = MLP((3, 64, 1), hidden="tanh")
    >>> params = net.init(rng)
    >>> [(layer.weight.shape, layer.bias.shape) for layer in params]
    [((3, 64), (64,)), ((64, 1), (1,))]
    >>> net(params, np.ones(3)).shape, net(params, np.ones((10, 3))).shape
    ((1,), (10, 1))

The gradient has the structure of the parameters:

    >>> from tinydp import grad
    >>> gradient = grad(lambda params, x: np.sum(net(params, x)))(params, np.ones((10, 3)))
    >>> gradient[-1].bias
    array([10.])
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from .ad.advice.calling import sizes, wrapped
from .ad.advice.naming import Advice
from .ad.errors import StructureError, UsageError, user_place

__all__ = ["MLP", "Layer", "glorot", "he", "identity", "relu", "sigmoid", "tanh"]


class Layer(NamedTuple):
    """`weight` of shape (in, out) and `bias` of shape (out,); the layer maps x to x @ weight + bias.

        >>> double = Layer(2.0 * np.eye(2), np.zeros(2))
        >>> np.ones((3, 2)) @ double.weight + double.bias
        array([[2., 2.],
               [2., 2.],
               [2., 2.]])
    """

    weight: Any
    bias: Any


Params = list[Layer]

# ---------------------------------------------------------------------------- activations


def tanh(x: Any) -> Any:
    """The hyperbolic tangent, within (-1, 1), of a number or of each element.

        >>> print(f"{tanh(0.5):.4f}")
        0.4621
    """
    return np.tanh(x)


def relu(x: Any) -> Any:
    """x where x > 0, else 0, for a number or each element; its derivative at 0 is 0.

        >>> relu(np.array([-1.0, 0.0, 2.0]))
        array([0., 0., 2.])
    """
    return np.where(x > 0, x, 0.0)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), within (0, 1), of a number or of each element; by tanh, which cannot overflow.

        >>> sigmoid(np.array([-1000.0, 0.0]))
        array([0. , 0.5])
    """
    return 0.5 * np.tanh(0.5 * x) + 0.5


def identity(x: Any) -> Any:
    """The number or array x, unchanged.

        >>> identity(2.0)
        2.0
    """
    return x


ACTIVATIONS: dict[str, Callable] = {f.__name__: f for f in (tanh, relu, sigmoid, identity)}

# ---------------------------------------------------------------------------- initial weights


def glorot(rng: np.random.Generator, inputs: int, outputs: int) -> np.ndarray:
    """U[-a, a] with a² = 6 / (inputs + outputs): signals neither grow nor fade through tanh.

    The result has shape (inputs, outputs). Source: Glorot and Bengio, "Understanding the difficulty of
    training deep feedforward neural networks", 2010, equation 16.

        >>> weight = glorot(np.random.default_rng(0), 3, 3)
        >>> weight.shape, bool(np.all(np.abs(weight) <= 1.0))
        ((3, 3), True)
    """
    limit = np.sqrt(6 / (inputs + outputs))
    return rng.uniform(-limit, limit, (inputs, outputs))


def he(rng: np.random.Generator, inputs: int, outputs: int) -> np.ndarray:
    """N(0, 2 / inputs): the same for relu, which lets half of the signal through.

    The result has shape (inputs, outputs). Source: He et al., "Delving deep into rectifiers", 2015,
    equation 10.

        >>> print(f"{he(np.random.default_rng(0), 200, 100).std():.3f}")             # 0.1² = 2 / 200
        0.100
    """
    return rng.normal(0.0, np.sqrt(2 / inputs), (inputs, outputs))


# ---------------------------------------------------------------------------- the network


@dataclass(frozen=True)
class MLP:
    """A multi-layer perceptron: layers of sizes[0] inputs, ..., sizes[-1] outputs.

    `hidden` is the activation after each layer but the last, `output` the one after the last: "tanh", "relu",
    "sigmoid", "identity", or any function of an array. The object holds this recipe alone; the parameters are
    yours: `init` makes them, and each call takes them and returns the output. Raises `ValueError` if there
    are fewer than two sizes, or no activation of that name.

        >>> net = MLP((2, 8, 1), hidden="relu")
        >>> params = net.init(np.random.default_rng(0))
        >>> net(params, np.ones(2)).shape, net(params, np.ones((5, 2))).shape
        ((1,), (5, 1))
    """

    sizes: tuple[int, ...] = field(metadata={"static": True})    # a part of the program, if it is compiled
    hidden: str | Callable = "tanh"
    output: str | Callable = "identity"

    def __post_init__(self) -> None:
        given: Any = self.sizes
        if isinstance(given, (int, np.integer)):
            place = user_place()
            new = sizes(place.expression) or "MLP((inputs, ..., outputs))"
            raise UsageError("the sizes of an MLP's layers are one tuple.", Advice("write {}.", new), place)
        object.__setattr__(self, "sizes", tuple(self.sizes))
        if len(self.sizes) < 2 or any(n != int(n) or n < 1 for n in self.sizes):
            raise ValueError(f"an MLP needs at least two sizes, each 1 or more, not {self.sizes}: "
                             "write MLP((inputs, ..., outputs)).")
        for activation in (self.hidden, self.output):
            _function(activation)

    def init(self, rng: np.random.Generator) -> Params:
        """New parameters: biases 0, weights by `he` before a relu and by `glorot` before all else."""
        if not hasattr(rng, "uniform"):
            place = user_place()
            new = wrapped(place.expression, "np.random.default_rng({})", lambda k: k == 0)
            raise UsageError(f"init draws from a random generator, not from {rng!r:.60}.",
                             Advice("write {}.", new or "network.init(np.random.default_rng(seed))"), place)
        layers = zip(self._activations(), self.sizes, self.sizes[1:], strict=False)
        return [
            Layer((he if activation is relu else glorot)(rng, inputs, outputs), np.zeros(outputs))
            for activation, inputs, outputs in layers
        ]

    def __call__(self, params: Params, x: Any) -> Any:
        """The output, of shape (out,) for `x` of shape (in,), and (batch, out) for (batch, in).

        Raises `ValueError` if `x` has another number of inputs, or the parameters another number of layers.
        """
        shape = _shape(x)
        if not shape or shape[-1] != self.sizes[0]:
            raise ValueError(f"this MLP takes {self.sizes[0]} inputs, and x has shape {shape}: "
                             f"pass shape ({self.sizes[0]},) or (batch, {self.sizes[0]}).")
        if len(params) != len(self.sizes) - 1:
            raise ValueError(f"this MLP has {len(self.sizes) - 1} layers, and the parameters have "
                             f"{len(params)}: pass those that its init made.")
        for k, (weight, _) in enumerate(params):
            if _shape(weight) != (sides := (self.sizes[k], self.sizes[k + 1])):
                raise StructureError(
                    f"layer {k} of this MLP has weights of shape {sides}, and they have {np.shape(weight)}.",
                    "pass the parameters that its own init made, or one of their sizes: "
                    f"MLP({(*(np.shape(w)[0] for w, _ in params), np.shape(params[-1][0])[-1])}).")
        for activation, (weight, bias) in zip(self._activations(), params, strict=True):
            x = activation(x @ weight + bias)
        return x

    def _activations(self) -> list[Callable]:
        """The activation after each layer."""
        return [_function(self.hidden)] * (len(self.sizes) - 2) + [_function(self.output)]


def _shape(x: Any) -> tuple[int, ...]:
    """The shape of an array, traced or not, or of a list; NumPy would ask a traced one by some detours."""
    return x.shape if hasattr(x, "shape") else np.shape(x)


def _function(activation: str | Callable) -> Callable:
    found = ACTIVATIONS.get(activation) if isinstance(activation, str) else activation
    if not callable(found):
        raise ValueError(f"there is no activation {activation!r}: "
                         f"use {', '.join(map(repr, ACTIVATIONS))} or a function.")
    return found
