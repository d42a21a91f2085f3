"""Backpropagation through time: a network steers a pendulum, 200 steps of one or 50 of a batch of 64.

The network, an MLP 3-24-48-1 with tanh, gives the torque; the gradient is that of the sum of all
costs by all of its 1,321 parameters. The limit is a forward program and its adjoint written by
hand in Numba, with LLVM's vectors: all sums of a product in registers, which the biases begin; the middle
matrix transposed once, before the loop back; weights' gradients as one product after the loop; polynomials
for tanh, and for sine and cosine together, that run over several elements at once; memory at cache lines.
"""

import functools

import numpy as np

from .harness import Missing, compare, flat, layers_of, parameters, show

SIZES = (3, 24, 48, 1)
STEPS, BATCH_STEPS, BATCH = 200, 50, 64


def starts(batch):
    """The angles and rates to start from: two numbers, or arrays of shape (batch,)."""
    if not batch:
        return 3.0, 0.1
    rng = np.random.default_rng(1)
    return rng.uniform(-np.pi, np.pi, batch), rng.uniform(-1.0, 1.0, batch)


# ---------------------------------------------------------------------------- tinydp

def total_cost(sizes, segment=None):
    """The sum of the costs of a run of one pendulum or more, as a user of tinydp writes it."""
    import tinydp as dp
    from tinydp.nn import MLP
    from tinydp.sims.pendulum import State, cost, observe, step

    net = MLP(sizes)

    def run(start, layers, steps):
        def move(carry, _):
            state, total = carry
            torque = 2.0 * np.tanh(net(layers, observe(state))[..., 0])
            return (step(state, torque), total + cost(state, torque)), None

        (_, total), _ = dp.scan(move, (State(*start), 0.0 * start[0]), length=steps, segment=segment)
        return total

    return run


def tinydp(batch, compiled=True):
    """Ours."""
    import tinydp as dp

    run, steps = total_cost(SIZES), BATCH_STEPS if batch else STEPS

    def loss(arrays, theta, rate):
        return np.sum(run((theta, rate), layers_of(arrays), steps))

    gradient = dp.value_and_grad(dp.compile(loss) if compiled else loss)
    arrays, start = parameters(SIZES), starts(batch)
    return lambda: flat(*gradient(arrays, *start))


# ---------------------------------------------------------------------------- the limit

def limit(batch):
    """By hand."""
    from .pendulum_by_hand import batch_gradient, single_gradient

    arrays, start = parameters(SIZES), starts(batch)

    def run():
        value, *gradients = (batch_gradient(BATCH_STEPS, *arrays, *start) if batch
                             else single_gradient(STEPS, *arrays, *start))
        return flat(value, gradients)
    return run


# ---------------------------------------------------------------------------- peers

def dynamics(xp, where_clip, stack, layers, theta, rate):
    """One step for the other engines: the same formulas, with their functions."""
    x = stack([xp.cos(theta), xp.sin(theta), rate])
    for k in range(3):
        x = x @ layers[2 * k] + layers[2 * k + 1]
        x = xp.tanh(x) if k < 2 else x
    torque = where_clip(2.0 * xp.tanh(x[..., 0]), -2.0, 2.0)
    angle = (theta + np.pi) % (2 * np.pi) - np.pi
    cost = angle**2 + 0.1 * rate**2 + 0.001 * torque**2
    rate = where_clip(rate + (15.0 * xp.sin(theta) + 3.0 * torque) * 0.05, -8.0, 8.0)
    return theta + rate * 0.05, rate, cost


def jax(batch):
    """JAX, compiled, with lax.scan."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    steps, stack = BATCH_STEPS if batch else STEPS, functools.partial(jnp.stack, axis=-1)

    def loss(arrays, theta, rate):
        def move(carry, _):
            theta, rate, total = carry
            theta, rate, cost = dynamics(jnp, jnp.clip, stack, arrays, theta, rate)
            return (theta, rate, total + cost), None
        (_, _, total), _ = jax.lax.scan(move, (theta, rate, 0.0 * theta), length=steps)
        return jnp.sum(total)

    gradient = jax.jit(jax.value_and_grad(loss))
    arrays, start = [jnp.asarray(x) for x in parameters(SIZES)], [jnp.asarray(x) for x in starts(batch)]
    return lambda: flat(*jax.block_until_ready(gradient(arrays, *start)))


def torch(batch):
    """PyTorch, eager, on the CPU."""
    import torch

    torch.set_num_threads(1)
    steps, stack = BATCH_STEPS if batch else STEPS, functools.partial(torch.stack, dim=-1)
    start = [torch.tensor(x, dtype=torch.float64) for x in starts(batch)]

    def run():
        arrays = [torch.tensor(x, requires_grad=True) for x in parameters(SIZES)]
        (theta, rate), total = start, 0.0
        for _ in range(steps):
            theta, rate, cost = dynamics(torch, torch.clip, stack, arrays, theta, rate)
            total = total + cost
        value = torch.sum(total)
        value.backward()
        return flat(value.item(), [x.grad.numpy() for x in arrays])
    return run


def autograd(batch):
    """HIPS autograd."""
    import autograd.numpy as anp
    from autograd import value_and_grad

    steps = BATCH_STEPS if batch else STEPS
    start = starts(batch)

    def stack(xs):
        return anp.stack(xs, axis=-1)

    def loss(arrays):
        (theta, rate), total = start, 0.0
        for _ in range(steps):
            theta, rate, cost = dynamics(anp, anp.clip, stack, arrays, theta, rate)
            total = total + cost
        return anp.sum(total)

    gradient = value_and_grad(loss)
    return lambda: flat(*gradient(parameters(SIZES)))


def casadi(batch):
    """CasADi: one step as a function of matrices, called 200 times; its reverse mode, interpreted."""
    if batch:
        raise Missing
    import casadi as ca

    arrays = [ca.MX.sym(f"p{k}", *(x.shape if x.ndim == 2 else (1, len(x))))
              for k, x in enumerate(parameters(SIZES))]
    state = ca.MX.sym("state", 3)
    packed = ca.vertcat(*[ca.vec(x) for x in arrays])

    class Names:
        cos, sin, tanh = staticmethod(ca.cos), staticmethod(ca.sin), staticmethod(ca.tanh)

    def clip(x, low, high):
        return ca.fmin(ca.fmax(x, low), high)

    x = ca.horzcat(ca.cos(state[0]), ca.sin(state[0]), state[1])
    for k in range(3):
        x = x @ arrays[2 * k] + arrays[2 * k + 1]
        x = ca.tanh(x) if k < 2 else x
    torque = clip(2.0 * ca.tanh(x), -2.0, 2.0)
    turned = state[0] + np.pi
    angle = turned - 2 * np.pi * ca.floor(turned / (2 * np.pi)) - np.pi
    cost = angle**2 + 0.1 * state[1]**2 + 0.001 * torque**2
    rate = clip(state[1] + (15.0 * ca.sin(state[0]) + 3.0 * torque) * 0.05, -8.0, 8.0)
    move = ca.Function("move", [state, packed],
                       [ca.vertcat(state[0] + rate * 0.05, rate, state[2] + cost)])
    start, weights = ca.MX.sym("start", 3), ca.MX.sym("weights", packed.shape[0])
    last = start
    for _ in range(STEPS):
        last = move(last, weights)
    total = last[2]
    gradient = ca.Function("gradient", [start, weights], [total, ca.gradient(total, weights)])
    given = np.concatenate([x.ravel(order="F") for x in parameters(SIZES)])
    shapes = [x.shape for x in parameters(SIZES)]

    def run():
        value, found = gradient([*starts(0), 0.0], given)
        found, parts = np.asarray(found).ravel(), []
        for shape in shapes:
            size = int(np.prod(shape))
            parts.append(found[:size].reshape(shape, order="F"))
            found = found[size:]
        return flat(float(value), parts)
    return run


PEERS = {"limit (Numba by hand)": limit, "tinydp compiled": tinydp, "JAX jit": jax, "CasADi": casadi,
         "PyTorch eager": torch, "autograd": autograd,
         "tinydp eager": functools.partial(tinydp, compiled=False)}


def main():
    """Print both tables; returns them as plain data."""
    data = {}
    for batch in (0, BATCH):
        title = f"a batch of {BATCH}, {BATCH_STEPS} steps" if batch else f"one pendulum, {STEPS} steps"
        rows = compare({name: functools.partial(peer, batch) for name, peer in PEERS.items()}, rounds=31)
        data[title] = show(f"pendulum and MLP 3-24-48-1, {title}: value and gradient, microseconds", rows)
    return data
