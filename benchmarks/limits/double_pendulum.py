"""The double pendulum, with its parameters in four numbers, so that a stage has one division.

With mu = m2 / (m1 + m2), l = L2 / L1, a = g / L1, b = g / L2, D = 1 - mu cos^2 d and W = w1^2 sin d:

    theta1'' = (mu (cos d (W + a sin theta2) + l w2^2 sin d) - a sin theta1) / D
    theta2'' = (cos d (b sin theta1 - mu w2^2 sin d) - W / l - b sin theta2) / D

The sine and the cosine of d are those of the angles, combined. Backwards, nothing is evaluated again.
"""

import numpy as np

from ..registers import fast, sin_and_cos
from ..zoo.double_pendulum import DT, STEPS, G

H = 0.5 * DT


@fast
def rates(row, at, q, w, r, x, mu, l, k, a, b):
    """The accelerations at angles q, r and rates w, x; what the adjoint needs goes to `row`."""
    s1, c1 = sin_and_cos(q)
    s2, c2 = sin_and_cos(r)
    s, c = s2 * c1 - c2 * s1, c2 * c1 + s2 * s1
    W, B = w * w * s, x * x * s
    A, C = W + a * s2, b * s1 - mu * B
    i = 1.0 / (1.0 - mu * c * c)
    first, second = i * (mu * (c * A + l * B) - a * s1), i * (c * C - (k * W + b * s2))
    row[at], row[at + 1], row[at + 2], row[at + 3], row[at + 4], row[at + 5] = s1, c1, s2, c2, w, x
    row[at + 6], row[at + 7], row[at + 8] = i, first, second
    return first, second


@fast
def pulled(row, at, f, g, mu, l, k, a, b):
    """Cotangents of both angles and rates, then of mu, l, k, a, b, from those of the accelerations."""
    s1, c1, s2, c2, w, x = row[at], row[at + 1], row[at + 2], row[at + 3], row[at + 4], row[at + 5]
    i, first, second = row[at + 6], row[at + 7], row[at + 8]
    s, c = s2 * c1 - c2 * s1, c2 * c1 + s2 * s1
    ww, xx = w * w, x * x
    W, B = ww * s, xx * s
    A, C = W + a * s2, b * s1 - mu * B
    e, h = i * f, i * g
    D_ = -(first * e + second * h)
    C_, A_, me = h * c, e * (mu * c), e * mu
    B_, W_ = me * l - C_ * mu, A_ - h * k
    s_ = xx * B_ + ww * W_
    c_ = me * A + h * C - 2.0 * mu * c * D_
    d_ = s_ * c - c_ * s
    q_ = (C_ * b - e * a) * c1 - d_
    r_ = (A_ * a - h * b) * c2 + d_
    return (q_, 2.0 * w * s * W_, r_, 2.0 * x * s * B_,
            e * (c * A + l * B) - c * c * D_ - C_ * B, me * B, -h * W, A_ * s2 - e * s1, C_ * s1 - h * s2)


@fast
def both(state, L1, L2, M1, M2, place_x, place_y):
    """The value, the cotangents of the state, then those of all others."""
    mu, l, k, a, b = M2 / (M1 + M2), L2 / L1, L1 / L2, G / L1, G / L2
    kept = np.empty((STEPS, 36))
    q, w, r, x = state
    for t in range(STEPS):
        row = kept[t]
        w1, x1 = rates(row, 0, q, w, r, x, mu, l, k, a, b)
        ww, xx = w + H * w1, x + H * x1
        w2, x2 = rates(row, 9, q + H * w, ww, r + H * x, xx, mu, l, k, a, b)
        w3, x3 = rates(row, 18, q + H * ww, w + H * w2, r + H * xx, x + H * x2, mu, l, k, a, b)
        qq, rr = (q + DT * w) + (DT * H) * w2, (r + DT * x) + (DT * H) * x2
        w4, x4 = rates(row, 27, qq, w + DT * w3, rr, x + DT * x3, mu, l, k, a, b)
        q, r = q + DT * w + (DT * DT / 6) * (w1 + w2 + w3), r + DT * x + (DT * DT / 6) * (x1 + x2 + x3)
        w, x = w + (DT / 6) * (w1 + 2.0 * (w2 + w3) + w4), x + (DT / 6) * (x1 + 2.0 * (x2 + x3) + x4)
    s1, c1 = sin_and_cos(q)
    s2, c2 = sin_and_cos(r)
    dx, dy = L1 * s1 + L2 * s2 - place_x, -L1 * c1 - L2 * c2 - place_y
    q_, r_ = 2.0 * L1 * (dx * c1 + dy * s1), 2.0 * L2 * (dx * c2 + dy * s2)
    w_ = x_ = 0.0
    mu_ = l_ = k_ = a_ = b_ = 0.0
    for t in range(STEPS - 1, -1, -1):
        row = kept[t]
        u, v, f, g = (DT / 6) * q_, (DT / 6) * r_, (DT / 6) * w_, (DT / 6) * x_
        q4, w4, r4, x4, m4, l4, k4, a4, b4 = pulled(row, 27, f, g, mu, l, k, a, b)
        w4, x4 = w4 + u, x4 + v
        u3, v3, f3, g3 = 2.0 * u + DT * q4, 2.0 * v + DT * r4, 2.0 * f + DT * w4, 2.0 * g + DT * x4
        q3, w3, r3, x3, m3, l3, k3, a3, b3 = pulled(row, 18, f3, g3, mu, l, k, a, b)
        w3, x3 = w3 + u3, x3 + v3
        u2, v2, f2, g2 = 2.0 * u + H * q3, 2.0 * v + H * r3, 2.0 * f + H * w3, 2.0 * g + H * x3
        q2, w2, r2, x2, m2, l2, k2, a2, b2 = pulled(row, 9, f2, g2, mu, l, k, a, b)
        w2, x2 = w2 + u2, x2 + v2
        u1, v1, f1, g1 = u + H * q2, v + H * r2, f + H * w2, g + H * x2
        q1, w1, r1, x1, m1, l1, k1, a1, b1 = pulled(row, 0, f1, g1, mu, l, k, a, b)
        w1, x1 = w1 + u1, x1 + v1
        q_, w_ = q_ + ((q4 + q3) + (q2 + q1)), w_ + ((w4 + w3) + (w2 + w1))
        r_, x_ = r_ + ((r4 + r3) + (r2 + r1)), x_ + ((x4 + x3) + (x2 + x1))
        mu_, l_ = mu_ + ((m4 + m3) + (m2 + m1)), l_ + ((l4 + l3) + (l2 + l1))
        k_ = k_ + ((k4 + k3) + (k2 + k1))
        a_, b_ = a_ + ((a4 + a3) + (a2 + a1)), b_ + ((b4 + b3) + (b2 + b1))
    L1_ = 2.0 * (dx * s1 - dy * c1) + (k_ / L2 - l_ * l / L1 - a_ * a / L1)
    L2_ = 2.0 * (dx * s2 - dy * c2) + (l_ / L1 - k_ * k / L2 - b_ * b / L2)
    total = M1 + M2
    return (dx * dx + dy * dy, np.array([q_, w_, r_, x_]), L1_, L2_, -mu_ * mu / total, mu_ * (1.0 - mu) / total,
            -2.0 * dx, -2.0 * dy)


def gradient(state, lengths, masses, target):
    """The value, and the cotangents of the arguments."""
    value, state_, L1, L2, M1, M2, x, y = both(state, *lengths, *masses, *target)
    return value, (state_, (L1, L2), (M1, M2), (x, y))
