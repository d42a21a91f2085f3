"""The article whose claims the demos take up, and what its programs have in common.

Innes, Joy and Karmali, "Differentiable Control Problems" (first published as "Reinforcement Learning vs.
Differentiable Programming"), fluxml.ai, March 2019. Its programs are in Flux's model zoo, commit cdda5cad,
games/differentiable-programming; the pendulum and the cart-pole of Gym.jl are their simulators. `python -m
demos NAME --recipe article` follows these programs: networks, losses, windows, rates. Differences, all of
them small: numbers are float64 here, not float32, and random numbers are others.
"""

import itertools

import numpy as np

from tinydp.nn import MLP, Layer, Params, glorot


def new_network(rng: np.random.Generator, net: MLP) -> Params:
    """Initial weights as Flux drew them: by `glorot`, also before a relu.

    >>> [layer.weight.shape for layer in new_network(np.random.default_rng(0), MLP((3, 24, 1), "relu"))]
    [(3, 24), (24, 1)]
    """
    return [Layer(glorot(rng, inputs, outputs), np.zeros(outputs))
            for inputs, outputs in itertools.pairwise(net.sizes)]
