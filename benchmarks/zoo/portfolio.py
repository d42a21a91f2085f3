"""A portfolio that is held for two years, rebalanced when it drifts: its return, against its worst days.

    CVaR_a = the mean of the losses beyond their a-quantile

Rockafellar and Uryasev, Optimization of Conditional Value-at-Risk (2000).
"""

import numpy as np

import tinydp as dp

CHANGED = ""

ASSETS, DAYS, LEVEL = 8, 500, 0.95
_rng = np.random.default_rng(11)
RETURNS = 4e-4 * np.arange(ASSETS) / 3 + (_rng.standard_t(4, size=(DAYS, ASSETS)) @ np.diag(
    np.linspace(0.004, 0.02, ASSETS)) + 0.006 * _rng.standard_t(3, size=(DAYS, 1)))


def worst(losses):
    """The mean of the worst 5 %."""
    var = np.quantile(losses, LEVEL)
    return losses[losses >= var].mean()


def loss(scores, cost, aversion):
    target = np.exp(scores - np.max(scores))
    target = target / target.sum()

    def day(holdings, returns):
        before = np.sum(holdings)
        holdings = holdings * (1.0 + returns)
        value = holdings.sum()
        drift = np.abs(holdings / value - target).max()
        if drift > 0.02:
            traded = np.abs(target * value - holdings).sum()
            holdings = target * (value - cost * traded)
        return holdings, np.sum(holdings) / before - 1.0

    holdings, gains = dp.scan(day, target, RETURNS)
    worst_ten = np.sort(gains)[:10].mean()
    return -np.log(holdings.sum()) + aversion * worst(-gains) - 0.5 * worst_ten + np.median(gains) ** 2


def arguments():
    return 0.2 * np.arange(ASSETS), 0.002, 5.0


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(scores, cost, aversion):
        target = jax.nn.softmax(scores)

        def day(holdings, returns):
            before = jnp.sum(holdings)
            holdings = holdings * (1.0 + returns)
            value = holdings.sum()
            drift = jnp.abs(holdings / value - target).max()
            traded = jnp.abs(target * value - holdings).sum()
            holdings = jnp.where(drift > 0.02, target * (value - cost * traded), holdings)
            return holdings, jnp.sum(holdings) / before - 1.0

        holdings, gains = jax.lax.scan(day, target, RETURNS)
        beyond = -gains >= jnp.quantile(-gains, LEVEL)
        worst = jnp.sum(jnp.where(beyond, -gains, 0.0)) / jnp.sum(beyond)
        worst_ten = jnp.sort(gains)[:10].mean()
        return -jnp.log(holdings.sum()) + aversion * worst - 0.5 * worst_ten + jnp.median(gains) ** 2

    return loss
