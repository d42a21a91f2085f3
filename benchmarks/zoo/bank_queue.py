"""Customers at three counters: how long they wait, by how fast the clerks work.

    W_n+1 = sorted(max(W_1 + S_n - A_n, 0), max(W_2 - A_n, 0), ...),    the wait is the least of W

Kiefer and Wolfowitz's recursion; Asmussen, Applied Probability and Queues, chapter XII. Its gradient is
that of infinitesimal perturbation analysis.
"""

import numpy as np

import tinydp as dp

CHANGED = ""

CUSTOMERS = 800
_rng = np.random.default_rng(21)
BETWEEN = _rng.exponential(1.0, size=CUSTOMERS)
WORK = _rng.gamma(2.0, 0.5, size=CUSTOMERS)
URGENT = _rng.random(CUSTOMERS) < 0.1


def loss(speeds, arrivals, patience):
    def customer(loads, data):
        between, work, urgent = data
        wait = loads[0]
        service = work * len(speeds) / sum(speeds)
        if wait > patience and not urgent:
            joined = loads                                # went away
        else:
            joined = [loads[0] + service, *loads[1:]]
        return sorted(max(load - between / arrivals, 0.0) for load in joined), wait

    loads, waits = dp.scan(customer, [0.0, 0.0, 0.0], (BETWEEN, WORK, URGENT))
    return np.mean(np.minimum(waits, patience)) + 0.1 * loads[-1] + sum(0.5 / speed for speed in speeds)


def arguments():
    return (0.9, 1.1, 1.0), 2.8, 2.0


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(speeds, arrivals, patience):
        speeds = jnp.stack(speeds)

        def customer(loads, data):
            between, work, urgent = data
            wait = loads[0]
            leaves = (wait > patience) & ~urgent
            joined = loads.at[0].add(jnp.where(leaves, 0.0, work / jnp.mean(speeds)))
            rest = joined - between / arrivals
            return jnp.sort(jnp.where(rest < 0.0, 0.0, rest)), wait

        loads, waits = jax.lax.scan(customer, jnp.zeros(3), (BETWEEN, WORK, URGENT))
        return jnp.mean(jnp.minimum(waits, patience)) + 0.1 * loads[-1] + jnp.sum(0.5 / speeds)

    return loss
