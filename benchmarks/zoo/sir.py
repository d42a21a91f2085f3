"""SIR, with a lockdown: which contact rates explain the cases that were reported?

    S' = -beta S I / N,     I' = beta S I / N - gamma I,     R' = gamma I

W. O. Kermack and A. G. McKendrick, "A contribution to the mathematical theory of epidemics", Proc. R. Soc. A
115 (1927); M. J. Keeling and P. Rohani, Modeling Infectious Diseases in Humans and Animals (2008), chapter 2.
Beyond a number of infected, which fills the hospitals, people keep away from each other, too.
"""

from dataclasses import dataclass

import numpy as np

import tinydp as dp

CHANGED = "1 message: dp.cond between the two values of caution for the `if` in day()."
PEOPLE, DAYS, PER_DAY = 100_000.0, 160, 10
LOCKDOWN = range(40, 90)                               # days


@dataclass
class State:
    """How many are susceptible, infected, recovered."""

    S: float
    I: float
    R: float


def loss(parameters, infected, reports):
    """Minus the logarithm of the likelihood of the reports, if they are Poisson's, without constants."""
    def day(state, today):
        number, reported = today
        beta = parameters["beta"]
        if LOCKDOWN.start <= number < LOCKDOWN.stop:
            beta = beta * (1 - parameters["lockdown"])
        new = 0.0
        for _ in range(PER_DAY):
            caution = 1.0
            caution = dp.cond(state.I > parameters['limit'], lambda: parameters['limit'] / state.I,
                              lambda: caution)
            infections = beta * caution * state.S * state.I / PEOPLE / PER_DAY
            recoveries = parameters["gamma"] * state.I / PER_DAY
            state = State(state.S - infections, state.I + infections - recoveries, state.R + recoveries)
            new += infections
        expected = parameters["seen"] * new + 1.0
        return state, expected - reported * np.log(expected)

    start = State(PEOPLE - infected, infected, 0.0)
    _, costs = dp.scan(day, start, xs=(np.arange(DAYS), reports))
    return np.sum(costs)


def arguments():
    """The rates [1/day], how many were infected on day 0, and a number of reports each day."""
    rng = np.random.default_rng(3)
    t = np.arange(DAYS)
    wave = 900 * np.exp(-((t - 38) / 9) ** 2) + 500 * np.exp(-((t - 110) / 18) ** 2)
    parameters = {"beta": 0.4, "gamma": 0.1, "lockdown": 0.7, "limit": 6000.0, "seen": 0.5}
    return parameters, 20.0, rng.poisson(wave).astype(float)


def in_jax():
    """The same in JAX."""
    import jax
    import jax.numpy as jnp

    def loss(parameters, infected, reports):
        p = parameters

        def day(state, today):
            number, reported = today
            locked = (number >= LOCKDOWN.start) & (number < LOCKDOWN.stop)
            beta = p["beta"] * jnp.where(locked, 1 - p["lockdown"], 1.0)

            def hours(state, _):
                S, I, R = state
                caution = jnp.where(p["limit"] < I, p["limit"] / I, 1.0)
                infections = beta * caution * S * I / PEOPLE / PER_DAY
                recoveries = p["gamma"] * I / PER_DAY
                return (S - infections, I + infections - recoveries, R + recoveries), infections

            state, new = jax.lax.scan(hours, state, length=PER_DAY)
            expected = p["seen"] * jnp.sum(new) + 1.0
            return state, expected - reported * jnp.log(expected)

        start = (PEOPLE - infected, infected, 0.0)
        _, costs = jax.lax.scan(day, start, (jnp.arange(DAYS), reports))
        return jnp.sum(costs)

    return loss
