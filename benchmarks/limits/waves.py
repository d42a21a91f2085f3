"""Waves on a membrane: one loop over the whole field, whose rim is kept at zero by a speed of zero there.

Backwards, the curvature is not formed again: it is what a step added to the fields. The cotangent of the
field times the squared speed is a field of its own, with the same stencil.
"""

import numpy as np

from ..registers import fast, summing
from ..zoo.waves import COLUMNS, DT, ROWS, SIZE, SOURCE, STEPS, ricker

WIDTH = SIZE + 2                         # of a row with its rim
CELLS, FROM, TO = WIDTH * WIDTH, WIDTH, WIDTH * (WIDTH - 1)
AT = (SOURCE[0] + 1) * WIDTH + SOURCE[1] + 1
HEARD = (ROWS + 1) * WIDTH + COLUMNS + 1
WAVELET = np.array([DT**2 * ricker(DT * k) if k < 100 else 0.0 for k in range(STEPS)])
WANTED = 0.1 * np.sin(0.2 * np.arange(STEPS))


@fast
def forward(after, now, before, squared, damped):
    """One step of leapfrog."""
    for p in range(FROM, TO):
        around = (now[p + WIDTH] + now[p - WIDTH]) + (now[p + 1] + now[p - 1])
        after[p] = ((2.0 - damped) * now[p] + (damped - 1.0) * before[p]) + squared[p] * (around - 4.0 * now[p])


@fast
def backward(x_, scaled_, later_, latest_, later_scaled, squared, damped):
    """The cotangent of a field from those of the two after it, and the same times the squared speed."""
    for p in range(FROM, TO):
        around = (later_scaled[p + WIDTH] + later_scaled[p - WIDTH]) + (later_scaled[p + 1] + later_scaled[p - 1])
        x = ((2.0 - damped) * later_[p] + (damped - 1.0) * latest_[p]) + (around - 4.0 * later_scaled[p])
        x_[p] = x
        scaled_[p] = squared[p] * x


@summing
def gathered(added, x_, after, now, before, damped):
    """Adds what a step adds to the cotangent of the squared speed times it; returns that of the damping."""
    total = 0.0
    for p in range(FROM, TO):
        change = now[p] - before[p]
        added[p] += x_[p] * (after[p] - now[p] - (1.0 - damped) * change)
        total += x_[p] * change
    return total


@fast
def both(speed, damping, strength):
    """The value, and the cotangents of all."""
    squared, fields, damped = np.zeros(CELLS), np.zeros((STEPS + 2, CELLS)), DT * damping
    for i in range(SIZE):
        for j in range(SIZE):
            squared[(i + 1) * WIDTH + j + 1] = DT * DT * speed[i, j] * speed[i, j]
    misfit, value, scale = np.empty((STEPS, 4)), 0.0, 1.0 / (4 * STEPS)
    for k in range(STEPS):
        after = fields[k + 2]
        forward(after, fields[k + 1], fields[k], squared, damped)
        after[AT] += strength * WAVELET[k]
        for i in range(4):
            misfit[k, i] = after[HEARD[i]] - WANTED[k]
            value += misfit[k, i] * misfit[k, i] * scale
    adjoints, scaled, added = np.zeros((3, CELLS)), np.zeros((2, CELLS)), np.zeros(CELLS)
    damped_ = strength_ = 0.0
    for k in range(STEPS - 1, -1, -1):
        x_, now = adjoints[k % 3], scaled[k % 2]
        backward(x_, now, adjoints[(k + 1) % 3], adjoints[(k + 2) % 3], scaled[(k + 1) % 2], squared, damped)
        for i in range(4):
            p = HEARD[i]
            x_[p] += 2.0 * scale * misfit[k, i]
            now[p] = squared[p] * x_[p]
        damped_ -= gathered(added, x_, fields[k + 2], fields[k + 1], fields[k], damped)
        strength_ += WAVELET[k] * x_[AT]
    added[AT] -= strength * strength_
    speed_ = np.empty((SIZE, SIZE))
    for i in range(SIZE):
        for j in range(SIZE):
            speed_[i, j] = 2.0 * added[(i + 1) * WIDTH + j + 1] / speed[i, j]
    return value, speed_, DT * damped_, strength_


def gradient(*args):
    """The value, and the cotangents of the arguments."""
    value, *cotangents = both(*args)
    return value, tuple(cotangents)
