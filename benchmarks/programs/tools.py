"""What the programs share: how they are collected, an integrator, a network."""

import itertools
from typing import Any

import numpy as np
from numpy.random import default_rng

import tinydp as dp

PROGRAMS: dict[str, Any] = {}
ONLY_HERE: set[str] = set()              # integrates to an event, or a simulator of ours, that calls NumPy


def program(make):
    """A program that JAX can run, too."""
    PROGRAMS[make.__name__] = make
    return make


def only_here(make):
    """A program that JAX cannot run."""
    ONLY_HERE.add(make.__name__)
    return program(make)


def rk4(rates, state, dt):
    """A step by Runge and Kutta's method for a tuple of numbers or arrays."""
    def ahead(h, slopes):
        return tuple(x + h * v for x, v in zip(state, slopes, strict=True))

    a = rates(state)
    b = rates(ahead(0.5 * dt, a))
    c = rates(ahead(0.5 * dt, b))
    d = rates(ahead(dt, c))
    return ahead(dt / 6, [p + 2 * q + 2 * r + s for p, q, r, s in zip(a, b, c, d, strict=True)])


def run(step, state, length):
    """The last state of many equal steps."""
    return dp.scan(lambda x, _: (step(x), None), state, length=length)[0]


def network(sizes, seed=0):
    """Weights and biases."""
    rng = default_rng(seed)
    return [(rng.normal(size=(m, n)) / m**0.5, 0.1 * rng.normal(size=n))
            for m, n in itertools.pairwise(sizes)]


def apply(layers, x):
    """A network with tanh between its layers."""
    for k, (weight, bias) in enumerate(layers):
        x = x @ weight + bias
        x = np.tanh(x) if k < len(layers) - 1 else x
    return x
