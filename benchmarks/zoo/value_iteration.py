"""A robot on a grid with slippery ground: the value of each field, by value iteration.

    V(s) = max over a of  sum_s' P(s' | s, a) (r(s') + gamma V(s'))

Sutton and Barto, Reinforcement Learning, section 4.4; Puterman, Markov Decision Processes, section 6.3.
"""

import numpy as np

CHANGED = ""

SIZE, TOLERANCE = 10, 1e-8
WALLS = {(3, k) for k in range(2, 9)} | {(7, k) for k in range(7)}


def transitions(slip):
    """P[a, s, s']: mostly where it wants to go, now and then to the side."""
    moves = [(0, 1), (1, 0), (0, -1), (-1, 0)]
    P = [[[0.0] * SIZE**2 for _ in range(SIZE**2)] for _ in moves]
    for a in range(4):
        for row in range(SIZE):
            for column in range(SIZE):
                for turn, chance in ((0, 1.0 - 2.0 * slip), (1, slip), (3, slip)):
                    d_row, d_column = moves[(a + turn) % 4]
                    to = row + d_row, column + d_column
                    if not (0 <= to[0] < SIZE and 0 <= to[1] < SIZE) or to in WALLS:
                        to = row, column
                    P[a][row * SIZE + column][to[0] * SIZE + to[1]] += chance
    return np.array(P)


STRAIGHT = transitions(0.0)
SLIPPERY = transitions(0.5) - STRAIGHT       # the chances are linear in slip


def loss(reward, discount, slip):
    P = STRAIGHT + 2.0 * slip * SLIPPERY
    V = np.zeros(SIZE**2)
    change = np.inf
    while change > TOLERANCE:
        Q = np.einsum("ast,t->as", P, reward.ravel() + discount * V)
        new = Q.max(axis=0)
        change = np.abs(new - V).max()
        V = new
    return -V[0] + 0.1 * np.var(V)


def arguments():
    row, column = np.mgrid[0:SIZE, 0:SIZE]
    reward = -0.1 - 0.05 * np.sin(1.3 * row + 0.7 * column)
    reward[-1, -1] = 1.0
    return reward, 0.9, 0.1


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(reward, discount, slip):
        P = STRAIGHT + 2.0 * slip * SLIPPERY

        def better(state, _):                # at most 250 rounds: lax.while_loop has no reverse mode
            V, change = state
            new = jnp.einsum("ast,t->as", P, reward.ravel() + discount * V).max(axis=0)
            new = jnp.where(change > TOLERANCE, new, V)
            return (new, jnp.where(change > TOLERANCE, jnp.abs(new - V).max(), change)), None

        (V, _), _ = jax.lax.scan(better, (jnp.zeros(SIZE**2), jnp.inf), length=250)
        return -V[0] + 0.1 * jnp.var(V)

    return loss
