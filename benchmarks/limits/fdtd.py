"""Light in a box of glass and air: Yee's scheme in two dimensions, and which glass brings it to a window.

    H_x' = -dE/dy,   H_y' = dE/dx,   E' = (dH_y/dx - dH_x/dy) / permittivity + source

K. S. Yee, IEEE Trans. Antennas Propag. 14 (1966); A. Taflove and S. C. Hagness, Computational Electrodynamics
(2005), chapter 3: transverse magnetic waves, a rim that conducts. This program is not in the zoo.

By hand, each step is two loops over whole fields, one for both magnetic components and one for the electric
one; the rim is kept at zero by a coefficient of zero. Only the electric field is stored: its differences are
what the permittivity's cotangent needs.
"""

import numpy as np

import tinydp as dp

from ..registers import fast

CHANGED = ""
SIZE, STEPS, COURANT = 64, 120, 0.5
SOURCE, WINDOW = (16, 32), (slice(44, 52), slice(26, 38))
WAVE = np.array([np.exp(-((k - 30.0) / 10.0) ** 2) * np.sin(0.35 * k) for k in range(STEPS)])


def loss(permittivity, strength):
    """Minus the energy of the electric field in the window, summed over the last forty steps, and a cost."""
    gain = COURANT / permittivity[1:-1, 1:-1]

    def step(fields, now):
        k, wave = now
        e, hx, hy = fields
        hx = hx - COURANT * (e[:, 1:] - e[:, :-1])
        hy = hy + COURANT * (e[1:, :] - e[:-1, :])
        curl = (hy[1:, 1:-1] - hy[:-1, 1:-1]) - (hx[1:-1, 1:] - hx[1:-1, :-1])
        e = dp.add_at(e + np.pad(gain * curl, 1), SOURCE, strength * wave)
        return (e, hx, hy), np.sum(e[WINDOW] ** 2) if k >= STEPS - 40 else 0.0

    dark = (np.zeros((SIZE, SIZE)), np.zeros((SIZE, SIZE - 1)), np.zeros((SIZE - 1, SIZE)))
    _, energies = dp.scan(step, dark, xs=(np.arange(STEPS), WAVE))
    return -np.sum(energies) + 0.01 * np.mean((permittivity - 1.0) ** 2)


def arguments():
    """The permittivity of each cell, and how strong the source is."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    return 1.0 + 1.2 * np.exp(-40.0 * ((x - 0.5) ** 2 + (y - 0.45) ** 2)), 2.0


def in_jax():
    """The same in JAX."""
    import jax
    import jax.numpy as jnp

    def loss(permittivity, strength):
        gain = COURANT / permittivity[1:-1, 1:-1]

        def step(fields, now):
            k, wave = now
            e, hx, hy = fields
            hx = hx - COURANT * (e[:, 1:] - e[:, :-1])
            hy = hy + COURANT * (e[1:, :] - e[:-1, :])
            curl = (hy[1:, 1:-1] - hy[:-1, 1:-1]) - (hx[1:-1, 1:] - hx[1:-1, :-1])
            e = e.at[1:-1, 1:-1].add(gain * curl).at[SOURCE].add(strength * wave)
            return (e, hx, hy), jnp.where(k >= STEPS - 40, jnp.sum(e[WINDOW] ** 2), 0.0)

        dark = (jnp.zeros((SIZE, SIZE)), jnp.zeros((SIZE, SIZE - 1)), jnp.zeros((SIZE - 1, SIZE)))
        _, energies = jax.lax.scan(step, dark, (jnp.arange(STEPS), jnp.array(WAVE)))
        return -jnp.sum(energies) + 0.01 * jnp.mean((permittivity - 1.0) ** 2)

    return loss


# ---------------------------------------------------------------------------- by hand

CELLS, AT = SIZE * SIZE, SOURCE[0] * SIZE + SOURCE[1]
TOP, BOTTOM, LEFT, RIGHT = WINDOW[0].start, WINDOW[0].stop, WINDOW[1].start, WINDOW[1].stop


@fast
def magnetic(hx, hy, e):
    """Both magnetic fields: hx[p] is between p and p + 1, hy[p] between p and the row after."""
    for p in range(CELLS - SIZE):
        hx[p] -= COURANT * (e[p + 1] - e[p])
        hy[p] += COURANT * (e[p + SIZE] - e[p])


@fast
def electric(new, e, hx, hy, gain):
    """The electric field, within the rim: `gain` is zero on it."""
    for p in range(SIZE, CELLS - SIZE):
        new[p] = e[p] + gain[p] * ((hy[p] - hy[p - SIZE]) - (hx[p] - hx[p - 1]))


@fast
def electric_pulled(curl_, added, e_, new, e, gain):
    """The cotangent of the curl; adds that of the gain, times the gain."""
    for p in range(SIZE, CELLS - SIZE):
        curl_[p] = gain[p] * e_[p]
        added[p] += e_[p] * (new[p] - e[p])


@fast
def magnetic_pulled(hx_, hy_, curl_):
    """Adds to the cotangents of the magnetic fields; all before the last row, which nothing reads."""
    for p in range(CELLS - SIZE):
        hx_[p] += curl_[p + 1] - curl_[p]
        hy_[p] += curl_[p] - curl_[p + SIZE]


@fast
def spread(e_, hx_, hy_):
    """Adds to the cotangent of the electric field before a step, within the rim."""
    for p in range(SIZE, CELLS - SIZE):
        e_[p] += COURANT * ((hx_[p] - hx_[p - 1]) + (hy_[p - SIZE] - hy_[p]))


@fast
def both(permittivity, strength):
    """The value, and the cotangents of all."""
    fields, hx, hy, gain = np.zeros((STEPS + 1, CELLS)), np.zeros(CELLS), np.zeros(CELLS), np.zeros(CELLS)
    scale, value = 0.01 / CELLS, 0.0
    for i in range(1, SIZE - 1):
        for j in range(1, SIZE - 1):
            gain[i * SIZE + j] = COURANT / permittivity[i, j]
    for k in range(STEPS):
        e, new = fields[k], fields[k + 1]
        magnetic(hx, hy, e)
        electric(new, e, hx, hy, gain)
        new[AT] += strength * WAVE[k]
        if k >= STEPS - 40:
            for i in range(TOP, BOTTOM):
                for j in range(LEFT, RIGHT):
                    value -= new[i * SIZE + j] * new[i * SIZE + j]
    e_, curl_, added, hx_, hy_ = (np.zeros(CELLS), np.zeros(CELLS), np.zeros(CELLS), np.zeros(CELLS),
                                  np.zeros(CELLS))
    strength_ = 0.0
    for k in range(STEPS - 1, -1, -1):
        e, new = fields[k], fields[k + 1]
        if k >= STEPS - 40:
            for i in range(TOP, BOTTOM):
                for j in range(LEFT, RIGHT):
                    e_[i * SIZE + j] -= 2.0 * new[i * SIZE + j]
        strength_ += WAVE[k] * e_[AT]
        electric_pulled(curl_, added, e_, new, e, gain)
        magnetic_pulled(hx_, hy_, curl_)
        spread(e_, hx_, hy_)
    added[AT] -= strength * strength_
    permittivity_ = np.empty((SIZE, SIZE))
    for i in range(SIZE):
        for j in range(SIZE):
            x = permittivity[i, j]
            value += scale * (x - 1.0) * (x - 1.0)
            permittivity_[i, j] = 2.0 * scale * (x - 1.0) - added[i * SIZE + j] / x
    return value, permittivity_, strength_


def gradient(*args):
    """The value, and the cotangents of the arguments."""
    value, *cotangents = both(*args)
    return value, tuple(cotangents)
