"""An American put by Cox, Ross and Rubinstein's binomial tree: hold, or exercise, at each node.

    V = max(K - S, e^(-r dt) (p V_up + (1 - p) V_down))
    u = e^(sigma sqrt(dt)),    p = (e^(r dt) - 1/u) / (u - 1/u)

Hull, Options, Futures and Other Derivatives, chapters 13 and 21. The gradient is delta, vega, rho and
theta at once.
"""

import numpy as np

CHANGED = ""

LEVELS = 100


def loss(spot, strike, volatility, rate, years):
    dt = years / LEVELS
    up = np.exp(volatility * np.sqrt(dt))
    down = 1.0 / up
    p = (np.exp(rate * dt) - down) / (up - down)
    assert 0.0 < p < 1.0, "the steps are too long for this volatility"

    prices = spot * up ** np.arange(LEVELS, -LEVELS - 1, -2)
    values = np.maximum(strike - prices, 0.0)
    for _ in range(LEVELS):
        prices = prices[:-1] * down
        hold = np.exp(-rate * dt) * (p * values[:-1] + (1.0 - p) * values[1:])
        values = np.maximum(strike - prices, hold)
    return values[0]


def arguments():
    return 100.0, 104.0, 0.3, 0.05, 1.5


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(spot, strike, volatility, rate, years):
        dt = years / LEVELS
        up = jnp.exp(volatility * jnp.sqrt(dt))
        p = (jnp.exp(rate * dt) - 1.0 / up) / (up - 1.0 / up)

        def level(tree, _):                  # of constant length: the last nodes are not used
            prices, values = tree
            prices = prices / up
            hold = jnp.exp(-rate * dt) * (p * values + (1.0 - p) * jnp.append(values[1:], 0.0))
            return (prices, jnp.maximum(strike - prices, hold)), None

        prices = spot * up ** jnp.arange(LEVELS, -LEVELS - 1, -2)
        start = (prices, jnp.maximum(strike - prices, 0.0))
        return jax.lax.scan(level, start, length=LEVELS)[0][1][0]

    return loss
