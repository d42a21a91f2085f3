"""A shop's stock over three years: order up to a level, sell what is there, pay for what is missing.

    sold = min(stock, demand),    order = min(max(S - position, 0), capacity)

Periodic review with a lead time and lost sales: Zipkin, Foundations of Inventory Management, chapter 9. The
gradient of the cost by the levels is infinitesimal perturbation analysis: Glasserman and Tayur (1995).
"""

import numpy as np

import tinydp as dp

CHANGED = ""

DAYS, LEAD = 1000, 3
HOLDING, PENALTY, PRICE = 0.1, 2.0, 5.0


def loss(target, capacity, discount, demand):
    def day(state, wanted):
        stock, underway = state
        stock = stock + underway[0]
        sold = min(stock, wanted)
        lost = max(wanted - stock, 0.0)
        stock = max(stock - wanted, 0.0)
        position = stock + sum(underway[1:])
        order = min(max(target - position, 0.0), capacity)
        cost = HOLDING * stock + PENALTY * lost + 0.01 * order**2
        profit = (PRICE - discount * (order > 12.0)) * sold - cost
        return (stock, (*underway[1:], order)), profit

    _, profits = dp.scan(day, (20.0, (0.0,) * LEAD), demand)
    return -np.mean(profits)


def arguments():
    rng = np.random.default_rng(7)
    season = 10.0 + 4.0 * np.sin(2.0 * np.pi * np.arange(DAYS) / 365.0)
    return 43.0, 16.0, 0.2, season * rng.gamma(4.0, 0.25, size=DAYS)


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(target, capacity, discount, demand):
        def day(state, wanted):
            stock, underway = state
            stock = stock + underway[0]
            sold = jnp.minimum(stock, wanted)
            lost = jnp.maximum(wanted - stock, 0.0)
            stock = jnp.maximum(stock - wanted, 0.0)
            order = jnp.minimum(jnp.maximum(target - stock - jnp.sum(underway[1:]), 0.0), capacity)
            cost = HOLDING * stock + PENALTY * lost + 0.01 * order**2
            profit = (PRICE - discount * (order > 12.0)) * sold - cost
            return (stock, jnp.append(underway[1:], order)), profit

        _, profits = jax.lax.scan(day, (20.0, jnp.zeros(LEAD)), demand)
        return -jnp.mean(profits)

    return loss
