"""A neural ordinary differential equation that learns a spiral.

    dy/dt = f(y^3),   f a network with one hidden layer;   the truth is dy/dt = A y^3

R. T. Q. Chen, Y. Rubanova, J. Bettencourt, D. Duvenaud, "Neural ordinary differential equations", NeurIPS
2018; the spiral and the batches of short pieces are those of the example ode_demo of its authors'
torchdiffeq.
"""

import numpy as np

import tinydp as dp

CHANGED = ""
PIECES, LENGTH = 20, 40                                # in a batch; the steps of each
DT = 0.025
A = np.array([[-0.1, 2.0],
              [-2.0, -0.1]])


class Network:
    """tanh between two layers."""

    def __init__(self, layers):
        self.layers = layers

    def __call__(self, y):
        y = y ** 3
        for k, layer in enumerate(self.layers):
            y = y @ layer["weight"] + layer["bias"]
            if k < len(self.layers) - 1:
                y = np.tanh(y)
        return y


def odeint(f, y0, dt, steps):
    """The path from `y0`, by the classical Runge-Kutta method."""
    def step(y, _):
        k1 = f(y)
        k2 = f(y + dt / 2 * k1)
        k3 = f(y + dt / 2 * k2)
        k4 = f(y + dt * k3)
        y = y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return y, y

    return dp.scan(step, y0, length=steps)[1]


def loss(layers, batch, truth):
    """The mean absolute error along the pieces."""
    path = odeint(Network(layers), batch, DT, LENGTH)
    return np.mean(abs(path - truth))


def arguments():
    """The layers, and pieces of the spiral: where they start, and how they go on."""
    rng = np.random.default_rng(7)
    spiral = odeint(lambda y: y ** 3 @ A, np.array([[2.0, 0.0]]), DT, 1000)[:, 0]
    starts = rng.choice(len(spiral) - LENGTH, PIECES, replace=False)
    truth = np.stack([spiral[s + 1:s + 1 + LENGTH] for s in starts], axis=1)
    layers = [{"weight": 0.1 * rng.normal(size=(2, 50)), "bias": np.zeros(50)},
              {"weight": 0.1 * rng.normal(size=(50, 2)), "bias": np.zeros(2)}]
    return layers, spiral[starts], truth


def in_jax():
    """The same in JAX."""
    import jax
    import jax.numpy as jnp

    def loss(layers, batch, truth):
        def f(y):
            hidden = jnp.tanh(y ** 3 @ layers[0]["weight"] + layers[0]["bias"])
            return hidden @ layers[1]["weight"] + layers[1]["bias"]

        def step(y, _):
            k1 = f(y)
            k2 = f(y + DT / 2 * k1)
            k3 = f(y + DT / 2 * k2)
            k4 = f(y + DT * k3)
            y = y + DT / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            return y, y

        _, path = jax.lax.scan(step, batch, length=LENGTH)
        return jnp.mean(jnp.abs(path - truth))

    return loss
