"""A bridge of bars: how far it bends under a load, and its lowest frequency, by the areas of the bars.

    K = sum over bars of (E A / L) b b' at the places of its ends,    K u = f,    K x = w^2 M x

The direct stiffness method, element by element: Kassimali, Matrix Analysis of Structures, chapter 3; Bathe,
Finite Element Procedures, chapter 10.
"""

import numpy as np

import tinydp as dp

CHANGED = ("3 messages: in assemble(), np.stack for np.array, and dp.set_at for `K[...] +=` and "
           "`M[dofs] +=`, with the import.")

PANELS = 8
NODES = 2 * PANELS + 2                       # lower and upper chord, from left to right: 0, 1; 2, 3; ...
BARS = ([(2 * i, 2 * i + 2) for i in range(PANELS)] + [(2 * i + 1, 2 * i + 3) for i in range(PANELS)]
        + [(2 * i, 2 * i + 1) for i in range(PANELS + 1)] + [(2 * i, 2 * i + 3) for i in range(PANELS)])
FIXED = [0, 1, 2 * (NODES - 2) + 1]
FREE = [i for i in range(2 * NODES) if i not in FIXED]


def assemble(places, areas):
    """Stiffness and mass of the whole."""
    K, M = np.zeros((2 * NODES, 2 * NODES)), np.zeros(2 * NODES)
    for (a, b), area in zip(BARS, areas, strict=True):
        along = places[b] - places[a]
        length = np.sqrt(along @ along)
        c, s = along / length
        ends = np.stack([-c, -s, c, s])
        dofs = [2 * a, 2 * a + 1, 2 * b, 2 * b + 1]
        K = dp.set_at(K, np.ix_(dofs, dofs),
                      K[np.ix_(dofs, dofs)] + 2.1e5 * area / length * np.outer(ends, ends))
        M = dp.set_at(M, dofs, M[dofs] + 0.5 * 7.85 * area * length)
    return K, M


def loss(places, areas):
    K, M = assemble(places, areas)
    K, M = K[np.ix_(FREE, FREE)], M[FREE]
    f = np.zeros(2 * NODES)
    f[2 * PANELS + 1] = -10.0
    u = np.linalg.solve(K, f[FREE])
    scale = 1.0 / np.sqrt(M)
    frequencies, modes = np.linalg.eigh(scale[:, None] * K * scale)
    return f[FREE] @ u + 0.01 * np.sum(M) - 0.1 * np.sqrt(frequencies[0]) + np.max(np.abs(modes[:, 0])) ** 2


def arguments():
    x = np.repeat(np.arange(PANELS + 1.0), 2)
    y = np.tile([0.0, 1.0], PANELS + 1) + 0.1 * np.sin(x)
    return np.stack([x, y], axis=1), 0.01 * (1.0 + 0.3 * np.cos(np.arange(len(BARS))))


def in_jax():
    import jax.numpy as jnp

    first, second = jnp.array([a for a, _ in BARS]), jnp.array([b for _, b in BARS])
    dofs = jnp.stack([2 * first, 2 * first + 1, 2 * second, 2 * second + 1], axis=1)
    free = jnp.array(FREE)

    def loss(places, areas):
        along = places[second] - places[first]
        length = jnp.sqrt(jnp.sum(along**2, axis=1))
        ends = jnp.concatenate([-along, along], axis=1) / length[:, None]
        each = (2.1e5 * areas / length)[:, None, None] * ends[:, :, None] * ends[:, None, :]
        K = jnp.zeros((2 * NODES, 2 * NODES)).at[dofs[:, :, None], dofs[:, None, :]].add(each)
        M = jnp.zeros(2 * NODES).at[dofs].add((0.5 * 7.85 * areas * length)[:, None])
        K, M = K[free][:, free], M[free]
        f = jnp.zeros(2 * NODES).at[2 * PANELS + 1].set(-10.0)[free]
        u = jnp.linalg.solve(K, f)
        scale = 1.0 / jnp.sqrt(M)
        frequencies, modes = jnp.linalg.eigh(scale[:, None] * K * scale)
        return (f @ u + 0.01 * jnp.sum(M) - 0.1 * jnp.sqrt(frequencies[0])
                + jnp.max(jnp.abs(modes[:, 0])) ** 2)

    return loss
