"""A network inside a simulator, for what no parameter of it names; its weights are unknowns with priors.

    >>> network = new_network(MLP((2, 8, 1)), spread=1.0, size=3.0)
    >>> len(network.begin)                                       # numbers to be found
    33
    >>> float(network.net(network.at(np.zeros(33)), np.array([0.5, -1.0]))[0])       # likeliest before data
    0.0
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from tinydp.nn import MLP, Layer, Params


class Bent(NamedTuple):
    """The parameters of a simulator, and those of a network inside it."""

    params: Any
    network: Params


class Network(NamedTuple):
    """A network in a simulator: its weights are `begin` + `spread` z, with z ~ N(0, 1), one number a weight.

    Its last layer begins at 0, so that the likeliest network before any measurement is none; the others begin
    anywhere, as networks do, or there would be no slope.
    """

    net: MLP
    begin: np.ndarray
    spread: np.ndarray

    def describe(self) -> dict[str, Any]:
        """All of it, for settings."""
        return {"sizes": self.net.sizes, "hidden": str(self.net.hidden), "begin": self.begin.tolist(),
                "spread": self.spread.tolist()}

    def at(self, z: Any) -> Params:
        """The network's parameters for the numbers `z`."""
        weights, layers, done = self.begin + self.spread * z, [], 0
        for inputs, outputs in pairwise(self.net.sizes):
            bias = done + inputs * outputs
            layers.append(Layer(weights[done:bias].reshape(inputs, outputs), weights[bias:bias + outputs]))
            done = bias + outputs
        return layers


def new_network(net: MLP, spread: float, size: float, seed: int = 0) -> Network:
    """A network of two layers whose hidden units react to inputs of about 1: its output is of that `size`.

    `spread` is how far the weights and biases of the hidden layer may go from where they begin.
    """
    rng = np.random.default_rng(seed)
    inputs, hidden, outputs = net.sizes
    first, last = (inputs + 1) * hidden, (hidden + 1) * outputs
    begin = np.concatenate([spread * rng.normal(size=first), np.zeros(last)])
    spreads = np.concatenate([np.full(first, spread), np.full(last, size / np.sqrt(hidden))])
    return Network(net, begin, spreads)
