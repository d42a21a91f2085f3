"""What pages make of numbers within (0, 1), which they draw themselves: these functions are exported.

    >>> normals(np.array([[0.5], [0.25]])).round(12) + 0.0
    array([0.])
    >>> [layer.weight.shape for layer in uniform_layers((2, 3, 1), np.full(9, 0.5))]
    [(2, 3), (3, 1)]
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinydp.nn import Layer


def normals(draws: Any, spread: float = 1.0) -> Any:
    """Normal numbers of this standard deviation, each of two draws (Box and Muller's method)."""
    return spread * np.sqrt(-2.0 * np.log(draws[0])) * np.cos(2.0 * np.pi * draws[1])


def uniform_layers(sizes: Sequence[int], draws: Any, last_share: float = 1.0) -> list[Layer]:
    """Layers with Glorot's uniform weights, as `MLP.init` makes for tanh; of the last, a share of them."""
    layers, first = [], 0
    for inputs, outputs in itertools.pairwise(sizes):
        last, limit = first + inputs * outputs, np.sqrt(6 / (inputs + outputs))
        if len(layers) == len(sizes) - 2:
            limit = last_share * limit
        weight = limit * (2.0 * draws[first:last] - 1.0)
        layers.append(Layer(weight.reshape(inputs, outputs), np.zeros(outputs)))
        first = last
    return layers
