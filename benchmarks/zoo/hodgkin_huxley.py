"""Hodgkin and Huxley's neuron: which conductances give a spike as it was recorded?

    C V' = I - g_Na m^3 h (V - E_Na) - g_K n^4 (V - E_K) - g_L (V - E_L)
    x' = alpha_x(V) (1 - x) - beta_x(V) x                           for the gates x = m, h, n

A. L. Hodgkin and A. F. Huxley, J. Physiol. 117 (1952); with the modern signs of P. Dayan and L. F. Abbott,
Theoretical Neuroscience (2001), section 5.6: two of the rates are 0/0 at one voltage each.
"""

from typing import NamedTuple

import numpy as np

import tinydp as dp

CHANGED = ""
C = 1.0                                                # [uF/cm^2]
E_NA, E_K, E_L = 50.0, -77.0, -54.387                  # [mV]
DT, STEPS = 0.01, 3000                                 # [ms]


class Neuron(NamedTuple):
    """The voltage [mV], and how far the gates are open."""

    V: float
    m: float
    h: float
    n: float


def vtrap(x, y):
    """x / (1 - exp(-x / y)), and its limit where that is 0/0."""
    if abs(x / y) < 1e-6:
        return y + x / 2
    return x / (1 - np.exp(-x / y))


def gates(V):
    """Of each gate, its limit and its time constant [ms]."""
    alphas = {"m": 0.1 * vtrap(V + 40.0, 10.0), "h": 0.07 * np.exp(-(V + 65.0) / 20.0),
              "n": 0.01 * vtrap(V + 55.0, 10.0)}
    betas = {"m": 4.0 * np.exp(-(V + 65.0) / 18.0), "h": 1.0 / (1.0 + np.exp(-(V + 35.0) / 10.0)),
             "n": 0.125 * np.exp(-(V + 65.0) / 80.0)}
    return {x: (alphas[x] / (alphas[x] + betas[x]), 1 / (alphas[x] + betas[x])) for x in "mhn"}


def current(t, strength):
    """A pulse of 20 ms [uA/cm^2]."""
    return strength if 5.0 <= t < 25.0 else 0.0


def loss(conductances, strength, seen):
    """The mean squared error of the voltage, each 0.1 ms, and the greatest voltage, which shall be 40 mV."""
    g_na, g_k, g_l = conductances

    def step(carry, k):
        neuron, peak = carry
        now = {}
        for gate, (limit, tau) in gates(neuron.V).items():             # exponential Euler
            x = getattr(neuron, gate)
            now[gate] = limit + (x - limit) * np.exp(-DT / tau)
        out = (g_na * now["m"] ** 3 * now["h"] * (neuron.V - E_NA) + g_k * now["n"] ** 4 * (neuron.V - E_K)
               + g_l * (neuron.V - E_L))
        V = neuron.V + DT / C * (current(k * DT, strength) - out)
        if V > peak:
            peak = V
        return (Neuron(V, **now), peak), V

    V = -65.0
    start = Neuron(V, **{gate: limit for gate, (limit, _) in gates(V).items()})
    (_, peak), voltages = dp.scan(step, (start, V), xs=np.arange(STEPS))
    return np.mean((voltages[::10] - seen) ** 2) + (peak - 40.0) ** 2


def arguments():
    """The conductances [mS/cm^2], the current, and a recorded voltage [mV]."""
    t = DT * 10 * np.arange(STEPS // 10)
    spikes = [7.0, 21.5]
    seen = -65.0 + sum(100 * np.exp(-((t - at) / 0.7) ** 2) for at in spikes)
    return (120.0, 36.0, 0.3), 10.0, seen


def in_jax():
    """The same in JAX."""
    import jax
    import jax.numpy as jnp

    def vtrap(x, y):
        small = jnp.abs(x / y) < 1e-6
        safe = jnp.where(small, 1.0, x)
        return jnp.where(small, y + x / 2, safe / (1 - jnp.exp(-safe / y)))

    def rates(V):
        alpha = jnp.array([0.1 * vtrap(V + 40.0, 10.0), 0.07 * jnp.exp(-(V + 65.0) / 20.0),
                           0.01 * vtrap(V + 55.0, 10.0)])
        beta = jnp.array([4.0 * jnp.exp(-(V + 65.0) / 18.0), 1.0 / (1.0 + jnp.exp(-(V + 35.0) / 10.0)),
                          0.125 * jnp.exp(-(V + 65.0) / 80.0)])
        return alpha / (alpha + beta), 1 / (alpha + beta)

    def loss(conductances, strength, seen):
        g_na, g_k, g_l = conductances

        def step(carry, k):
            V, x, peak = carry
            limit, tau = rates(V)
            x = limit + (x - limit) * jnp.exp(-DT / tau)
            m, h, n = x
            t = k * DT
            pulse = jnp.where((t >= 5.0) & (t < 25.0), strength, 0.0)
            out = g_na * m ** 3 * h * (V - E_NA) + g_k * n ** 4 * (V - E_K) + g_l * (V - E_L)
            V = V + DT / C * (pulse - out)
            return (V, x, jnp.where(V > peak, V, peak)), V

        start = (-65.0, rates(-65.0)[0], -65.0)
        (_, _, peak), voltages = jax.lax.scan(step, start, jnp.arange(STEPS))
        return jnp.mean((voltages[::10] - seen) ** 2) + (peak - 40.0) ** 2

    return loss
