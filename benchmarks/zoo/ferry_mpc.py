"""Model predictive control of a ferry that docks: plan a few steps ahead, do the first, plan again.

    u* = argmin over u_0 ... u_H-1 of  sum q x^2 + s v^2 + r u^2 + d (u_k - u_k-1)^2 + barrier(|u| < 1)

Rawlings, Mayne and Diehl, Model Predictive Control, chapter 1; tuned through its plans as by Amos et al.,
Differentiable MPC for End-to-end Planning and Control (2018). The plan's model is wrong, as models are.
"""

import numpy as np

import tinydp as dp

CHANGED = ""

STEPS, HORIZON, DT = 40, 6, 0.5


def ferry(state, u, drag, thrust=1.0):
    """The next place and speed under the resistance of the water."""
    x, v = state
    resistance = drag[0] * v + drag[1] * v * abs(v)
    return x + DT * v, v + DT * (thrust * u - resistance)


def plan(state, last, weights, drag, guess):
    def cost(inputs):
        now, before, total = state, last, 0.0
        for u in inputs:
            now = ferry(now, u, drag)
            x, v = now
            total += weights["place"] * x**2 + weights["speed"] * v**2 + weights["input"] * u**2
            total += weights["change"] * (u - before) ** 2
            total += 0.01 * (np.logaddexp(0.0, 10.0 * (u - 1.0)) + np.logaddexp(0.0, -10.0 * (u + 1.0)))
            before = u
        return total

    return dp.argmin(cost, guess)


def loss(weights, drag):
    def step(state, k):
        now, last, guess = state
        inputs = plan(now, last, weights, drag, guess)
        u = min(max(inputs[0], -1.0), 1.0)
        gust = 0.3 if 15 <= k < 20 else 0.0
        x, v = ferry(now, u, (0.1, 0.3), 0.8)
        v = v + DT * gust
        return ((x, v), u, np.append(inputs[1:], inputs[-1])), x**2 + 0.1 * v**2 + 0.5 * (u - last) ** 2

    start = ((-4.0, 1.0), 0.0, np.zeros(HORIZON))
    _, costs = dp.scan(step, start, np.arange(STEPS))
    return DT * np.sum(costs)


def arguments():
    return {"place": 0.3, "speed": 0.4, "input": 0.2, "change": 0.2}, (0.15, 0.25)


def in_jax():
    import jax
    import jax.numpy as jnp

    def argmin(f, guess):
        """Newton's method, and the implicit function theorem by lax.custom_root."""
        def solve(gradient, guess):
            def better(_, u):
                return u - jnp.linalg.solve(jax.jacfwd(gradient)(u), gradient(u))
            return jax.lax.fori_loop(0, 15, better, guess)

        def tangent(g, y):                   # g is linear
            return jnp.linalg.solve(jax.jacfwd(g)(jnp.zeros_like(y)), y)

        return jax.lax.custom_root(jax.grad(f), guess, solve, tangent)

    def ferry(state, u, drag, thrust=1.0):
        x, v = state
        return x + DT * v, v + DT * (thrust * u - drag[0] * v - drag[1] * v * jnp.abs(v))

    def loss(weights, drag):
        def step(state, k):
            now, last, guess = state

            def cost(inputs):
                def ahead(carry, u):
                    now, before = carry
                    now = x, v = ferry(now, u, drag)
                    cost = weights["place"] * x**2 + weights["speed"] * v**2 + weights["input"] * u**2
                    walls = jax.nn.softplus(10.0 * (u - 1.0)) + jax.nn.softplus(-10.0 * (u + 1.0))
                    return (now, u), cost + weights["change"] * (u - before) ** 2 + 0.01 * walls
                return jnp.sum(jax.lax.scan(ahead, (now, last), inputs)[1])

            inputs = argmin(cost, guess)
            u = jnp.clip(inputs[0], -1.0, 1.0)
            x, v = ferry(now, u, (0.1, 0.3), 0.8)
            v = v + DT * jnp.where((k >= 15) & (k < 20), 0.3, 0.0)
            cost = x**2 + 0.1 * v**2 + 0.5 * (u - last) ** 2
            return ((x, v), u, jnp.append(inputs[1:], inputs[-1])), cost

        start = ((-4.0, 1.0), 0.0, jnp.zeros(HORIZON))
        _, costs = jax.lax.scan(step, start, jnp.arange(STEPS))
        return DT * jnp.sum(costs)

    return loss
