"""Kalman's filter: the two coordinates never meet, so these are two filters of two states, step by step.

A covariance is three numbers, an innovation's one; the logarithms are those of products of many of them.
"""

import math

import numpy as np

from ..registers import fast
from ..zoo.kalman_filter import DT

Q11, Q12, Q22 = DT**4 / 4, DT**3 / 2, DT**2


@fast
def both(acceleration, noise, x0, seen):
    """The value, and the cotangents of all."""
    steps, q = len(seen), acceleration * acceleration
    kept, seen_, x0_, noise_ = np.empty((steps, 2, 6)), np.zeros((steps, 2)), np.empty(4), np.empty(2)
    total, product, q_, missing = 0.0, 1.0, 0.0, np.empty(steps, np.bool_)
    a0, b0, c0, a1, b1, c1 = 10.0, 0.0, 10.0, 10.0, 0.0, 10.0
    r0, r1 = noise[0] * noise[0], noise[1] * noise[1]
    p0, v0, p1, v1 = x0
    for t in range(steps):
        p0, p1 = p0 + DT * v0, p1 + DT * v1
        a0, a1 = a0 + (2.0 * DT * b0 + (DT * DT * c0 + q * Q11)), a1 + (2.0 * DT * b1 + (DT * DT * c1 + q * Q11))
        b0, b1 = b0 + (DT * c0 + q * Q12), b1 + (DT * c1 + q * Q12)
        c0, c1 = c0 + q * Q22, c1 + q * Q22
        missing[t] = math.isnan(seen[t, 0])
        if not missing[t]:
            s0, s1 = a0 + r0, a1 + r1
            i0, i1 = 1.0 / s0, 1.0 / s1
            e0, e1 = seen[t, 0] - p0, seen[t, 1] - p1
            kept[t, 0, 0], kept[t, 0, 1], kept[t, 0, 2], kept[t, 0, 3] = a0, b0, i0, e0
            kept[t, 1, 0], kept[t, 1, 1], kept[t, 1, 2], kept[t, 1, 3] = a1, b1, i1, e1
            k0, k1, l0, l1 = a0 * i0, a1 * i1, b0 * i0, b1 * i1
            p0, p1, v0, v1 = p0 + k0 * e0, p1 + k1 * e1, v0 + l0 * e0, v1 + l1 * e1
            c0, c1 = c0 - l0 * b0, c1 - l1 * b1
            a0, a1, b0, b1 = r0 * k0, r1 * k1, r0 * l0, r1 * l1
            total += e0 * e0 * i0 + e1 * e1 * i1
            product *= s0 * s1
            if not 1e-100 < product < 1e100:
                total += math.log(product)
                product = 1.0
    total += math.log(product)
    for j in range(2):
        r, r_, p_, v_, a_, b_, c_ = noise[j] * noise[j], 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for t in range(steps - 1, -1, -1):
            if not missing[t]:
                a, b, i, e = kept[t, j, 0], kept[t, j, 1], kept[t, j, 2], kept[t, j, 3]
                k, l = a * i, b * i
                k_, l_ = r * a_ + e * p_, r * b_ + (e * v_ - b * c_)
                e_ = k * p_ + (l * v_ + e * i)
                i_ = a * k_ + (b * l_ + 0.5 * e * e)
                s_ = i * (0.5 - i * i_)
                r_ += k * a_ + l * b_ + s_
                a_, b_ = i * k_ + s_, i * l_ - l * c_
                seen_[t, j] = e_
                p_ -= e_
            q_ += Q11 * a_ + Q12 * b_ + Q22 * c_
            v_ += DT * p_
            c_ += DT * DT * a_ + DT * b_
            b_ += 2.0 * DT * a_
        x0_[2 * j], x0_[2 * j + 1], noise_[j] = p_, v_, 2.0 * noise[j] * r_
    return 0.5 * total, 2.0 * acceleration * q_, noise_, x0_, seen_


def gradient(*args):
    """The value, and the cotangents of the arguments."""
    value, *cotangents = both(*args)
    return value, tuple(cotangents)
