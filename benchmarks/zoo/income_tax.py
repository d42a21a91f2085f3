"""A working life under a progressive income tax: what to put aside, and when to retire on it.

    tax(y) = sum over brackets of rate_k (min(y, top_k) - top_k-1) where y is above

Brackets by a loop over a table that is left early. Mirrlees et al., Tax by Design, chapter 4; the life cycle
is Modigliani's: Romer, Advanced Macroeconomics, chapter 8.
"""

import numpy as np

import tinydp as dp

CHANGED = ""

MONTHS, RETIRES = 720, 480
TOPS = [11_600.0, 47_150.0, 100_525.0, 191_950.0, 243_725.0, float("inf")]


def income_tax(income, rates):
    """The tax of a year."""
    tax, bottom = 0.0, 0.0
    for top, rate in zip(TOPS, rates, strict=True):
        if income <= bottom:
            break
        tax += rate * (min(income, top) - bottom)
        bottom = top
    return tax


def loss(rates, share, growth, wage):
    def month(state, k):
        savings, wage = state
        if k < RETIRES:
            gross = 12.0 * wage
            saved = share * gross if gross > 30_000.0 else 0.0
        else:
            gross = 0.04 * savings
            saved = -gross
        net = (gross - max(saved, 0.0) - income_tax(gross - max(saved, 0.0), rates)) / 12.0
        savings = savings * (1.0 + 0.03 / 12.0) + saved / 12.0
        if k % 12 == 11:
            wage = wage * (1.0 + growth)
        utility = np.log(max(net, 100.0))
        return (savings, wage), 0.998**k * utility

    _, utilities = dp.scan(month, (0.0, wage), np.arange(MONTHS))
    return -np.sum(utilities)


def arguments():
    return [0.10, 0.12, 0.22, 0.24, 0.32, 0.35], 0.12, 0.035, 5_000.0


def in_jax():
    import jax
    import jax.numpy as jnp

    tops = jnp.array(TOPS)
    bottoms = jnp.array([0.0, *TOPS[:-1]])

    def income_tax(income, rates):
        return jnp.sum(jnp.stack(rates) * jnp.clip(jnp.minimum(income, tops) - bottoms, 0.0))

    def loss(rates, share, growth, wage):
        def month(state, k):
            savings, wage = state
            works = k < RETIRES
            gross = jnp.where(works, 12.0 * wage, 0.04 * savings)
            saved = jnp.where(works, jnp.where(gross > 30_000.0, share * gross, 0.0), -gross)
            taxed = gross - jnp.where(saved > 0.0, saved, 0.0)
            net = (taxed - income_tax(taxed, rates)) / 12.0
            savings = savings * (1.0 + 0.03 / 12.0) + saved / 12.0
            wage = jnp.where(k % 12 == 11, wage * (1.0 + growth), wage)
            return (savings, wage), 0.998**k * jnp.log(jnp.maximum(net, 100.0))

        _, utilities = jax.lax.scan(month, (0.0, wage), jnp.arange(MONTHS))
        return -jnp.sum(utilities)

    return loss
