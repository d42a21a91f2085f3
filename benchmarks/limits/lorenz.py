"""The Lorenz system: Runge-Kutta on three numbers, the half step inside the coefficients; stages are stored."""

import numpy as np

from ..registers import fast
from ..zoo.lorenz import DT, EVERY, STEPS

H = 0.5 * DT


@fast
def pulled(x, y, z, a, b, c, sigma, rho, beta):
    """The cotangents (a, b, c) times the Jacobian of half a step's rates at a state."""
    return ((H * (rho - z) * b - sigma * a) + H * y * c, (sigma * a - H * b) + H * x * c, -H * x * b - beta * c)


@fast
def both(start, background, seen, sigma, rho, beta):
    """The value, and the cotangents of all."""
    kept, misfit = np.empty((STEPS, 12)), np.empty((STEPS // EVERY, 3))
    start_, background_, seen_ = np.empty(3), np.empty(3), np.empty((STEPS // EVERY, 3))
    x, y, z = start
    s, b, third, total = H * sigma, H * beta, 1.0 / 3.0, 0.0
    for k in range(STEPS):
        x2, y2, z2 = x + s * (y - x), (y - H * y) + H * x * (rho - z), (z - b * z) + H * x * y
        x3, y3, z3 = x + s * (y2 - x2), (y - H * y2) + H * x2 * (rho - z2), (z - b * z2) + H * x2 * y2
        x4 = x + 2.0 * s * (y3 - x3)
        y4 = (y - DT * y3) + DT * x3 * (rho - z3)
        z4 = (z - 2.0 * b * z3) + DT * x3 * y3
        row = kept[k]
        row[0], row[1], row[2], row[3], row[4], row[5] = x, y, z, x2, y2, z2
        row[6], row[7], row[8], row[9], row[10], row[11] = x3, y3, z3, x4, y4, z4
        last = H * third * x4
        x = ((x2 + 2.0 * x3 - x) + x4) * third + s * third * (y4 - x4)
        y = (((y2 + 2.0 * y3 - y) + y4) * third - H * third * y4) + last * (rho - z4)
        z = (((z2 + 2.0 * z3 - z) + z4) * third - b * third * z4) + last * y4
        if k % EVERY == EVERY - 1:
            i = k // EVERY
            misfit[i, 0], misfit[i, 1], misfit[i, 2] = x - seen[i, 0], y - seen[i, 1], z - seen[i, 2]
    x_ = y_ = z_ = sigma_ = rho_ = beta_ = 0.0
    for k in range(STEPS - 1, -1, -1):
        if k % EVERY == EVERY - 1:
            m = misfit[k // EVERY]
            x_, y_, z_ = x_ + m[0], y_ + m[1], z_ + m[2]
        x, y, z, x2, y2, z2, x3, y3, z3, x4, y4, z4 = kept[k]
        u, v, w = x_ * (2.0 / 3.0), y_ * (2.0 / 3.0), z_ * (2.0 / 3.0)
        p, q, r = pulled(x4, y4, z4, u, v, w, s, rho, b)
        u3, v3, w3 = u + p, v + q, w + r
        p, q, r = pulled(x3, y3, z3, u3, v3, w3, s, rho, b)
        u2, v2, w2 = u + p, v + q, w + r
        p, q, r = pulled(x2, y2, z2, u2, v2, w2, s, rho, b)
        u, v, w = 0.5 * u, 0.5 * v, 0.5 * w
        u1, v1, w1 = u + p, v + q, w + r
        p, q, r = pulled(x, y, z, u1, v1, w1, s, rho, b)
        x_ = (0.5 * u3 + u2 - u + u1) + p
        y_ = (0.5 * v3 + v2 - v + v1) + q
        z_ = (0.5 * w3 + w2 - w + w1) + r
        sigma_ += (u * (y4 - x4) + u3 * (y3 - x3)) + (u2 * (y2 - x2) + u1 * (y - x))
        rho_ += (v * x4 + v3 * x3) + (v2 * x2 + v1 * x)
        beta_ -= (w * z4 + w3 * z3) + (w2 * z2 + w1 * z)
    start_[0], start_[1], start_[2] = x_, y_, z_
    for i in range(3):
        apart = start[i] - background[i]
        total += 0.25 * apart * apart
        start_[i] += 0.5 * apart
        background_[i] = -0.5 * apart
    for i in range(len(misfit)):
        for j in range(3):
            total += 0.5 * misfit[i, j] * misfit[i, j]
            seen_[i, j] = -misfit[i, j]
    return total, start_, background_, seen_, H * sigma_, H * rho_, H * beta_


def gradient(*args):
    """The value, and the cotangents of the arguments."""
    value, *cotangents = both(*args)
    return value, tuple(cotangents)
