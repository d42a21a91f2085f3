"""Finance, statistics, networks in loops."""

import numpy as np
from numpy.random import default_rng

import tinydp as dp

from .tools import apply, network, program, run

# ---------------------------------------------------------------------------- finance, statistics

@program
def heston():
    def price(model, strike, draws):
        spot, variance, reversion, level, wildness = model

        def step(state, z):
            spot, variance = state
            sure = np.maximum(variance, 1e-4)
            root = np.sqrt(sure * 0.02)
            spot = spot * np.exp(-0.5 * sure * 0.02 + root * z[0])
            shock = 0.8 * z[1] - 0.6 * z[0]
            variance = variance + reversion * (level - sure) * 0.02 + wildness * root * shock
            return (spot, variance), None

        paths = np.ones(64)
        (last, _), _ = dp.scan(step, (spot * paths, variance * paths), draws)
        return np.mean(np.maximum(last - strike, 0.0))

    return price, ((100.0, 0.04, 2.0, 0.05, 0.3), 98.0, default_rng(3).normal(size=(50, 2, 64)))


@program
def asian_option():
    def price(spot, volatility, rate, draws):
        def step(state, z):
            spot, total = state
            spot = spot * np.exp((rate - 0.5 * volatility ** 2) * 0.01 + volatility * 0.1 * z)
            return (spot, total + spot), None

        (_, total), _ = dp.scan(step, (spot, 0.0), draws)
        return np.exp(-rate) * np.log(1.0 + np.exp(total / len(draws) - 100.0))

    return price, (101.0, 0.2, 0.03, default_rng(4).normal(size=100))


@program
def garch():
    def likelihood(parameters, returns):
        omega, alpha, beta = np.exp(parameters[0]), 0.3 / (1 + np.exp(-parameters[1])), parameters[2]

        def day(variance, r):
            variance = omega + alpha * r ** 2 + beta * variance
            return variance, np.log(variance) + r ** 2 / variance

        return np.sum(dp.scan(day, 1.0, returns)[1])

    return likelihood, (np.array([-2.0, 0.3, 0.8]), default_rng(5).normal(size=200))


@program
def hidden_markov():
    def likelihood(transition, emission, seen):
        def soft(x):
            return x - np.log(np.sum(np.exp(x), axis=-1, keepdims=True))

        move, see = soft(transition), soft(emission)

        def step(belief, one_hot):
            joint = belief[:, None] + move
            top = np.max(joint, axis=0)
            belief = top + np.log(np.sum(np.exp(joint - top), axis=0)) + see @ one_hot
            return belief, None

        last, _ = dp.scan(step, np.log(np.full(4, 0.25)), seen)
        return np.log(np.sum(np.exp(last - np.max(last)))) + np.max(last)

    rng = default_rng(6)
    return likelihood, (rng.normal(size=(4, 4)), rng.normal(size=(4, 3)), np.eye(3)[rng.integers(0, 3, 40)])


@program
def logistic_regression():
    def loss(weights, bias, x, y):
        z = x @ weights + bias
        return np.mean(np.logaddexp(0.0, z) - y * z) + 0.01 * np.sum(weights ** 2)

    rng = default_rng(7)
    return loss, (rng.normal(size=8), 0.1, rng.normal(size=(100, 8)), (rng.random(100) > 0.5).astype(float))


# ---------------------------------------------------------------------------- networks in loops

@program
def neural_ode():
    def loss(layers, start, target):
        def step(x):
            slope = apply(layers, x)
            return x + 0.1 * apply(layers, x + 0.05 * slope)

        return np.mean((run(step, start, 20) - target) ** 2)

    rng = default_rng(8)
    return loss, (network((2, 16, 2)), rng.normal(size=(32, 2)), rng.normal(size=(32, 2)))


@program
def recurrent_network():
    def loss(inward, around, outward, xs, ys):
        def step(hidden, row):
            x, y = row
            hidden = np.tanh(x @ inward + hidden @ around)
            return hidden, np.mean((hidden @ outward - y) ** 2)

        return np.mean(dp.scan(step, np.zeros(24), (xs, ys))[1])

    rng = default_rng(9)
    return loss, (0.3 * rng.normal(size=(4, 24)), 0.2 * rng.normal(size=(24, 24)), rng.normal(size=(24, 2)),
                  rng.normal(size=(50, 4)), rng.normal(size=(50, 2)))


@program
def gated_network():
    def loss(weights, xs):
        def gate(name, x):
            return 1.0 / (1.0 + np.exp(-(x @ weights[name])))

        def step(hidden, x):
            both = np.concatenate([x, hidden])
            update, reset = gate("update", both), gate("reset", both)
            new = np.tanh(np.concatenate([x, reset * hidden]) @ weights["new"])
            return (1 - update) * hidden + update * new, None

        return np.sum(dp.scan(step, np.zeros(12), xs)[0] ** 2)

    rng = default_rng(10)
    return loss, ({name: 0.3 * rng.normal(size=(15, 12)) for name in ("update", "reset", "new")},
                  rng.normal(size=(40, 3)))
