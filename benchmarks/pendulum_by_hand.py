"""The limit of the pendulum workloads: forward and adjoint written by hand, for Numba."""

import math

import numpy as np

from .registers import LANES, aligned, copied, fast, sin_and_cos, summing, tanh, tile

PERIOD = 2 * math.pi
WIDTH = 3 * LANES                                # divides 24
one_row, half_a_row = tile(1, 48), tile(1, 24, 2)
corner, four_rows, eight_rows = tile(4, WIDTH), tile(4, 24), tile(8, 4)


@summing
def dot(x, y):
    """x @ y for 48 elements."""
    total = 0.0
    for i in range(48):
        total += x[i] * y[i]
    return total


@summing
def three_dots(w, x):
    """w @ x for 3 x 24 elements."""
    p = q = r = 0.0
    for i in range(24):
        p += w[0, i] * x[i]
        q += w[1, i] * x[i]
        r += w[2, i] * x[i]
    return p, q, r


@fast
def single_gradient(steps, w1, b1, w2, b2, w3, b3, theta, rate):
    """Value and gradients for one pendulum."""
    h1, h2 = aligned(steps, 24), aligned(steps, 48)
    w1, w2, w2_turned, w3_row = copied(w1), copied(w2), copied(w2.T), w3.reshape(48)
    seen, kept = np.empty((steps, 4)), np.empty((steps, 3))
    none = np.zeros(48)
    total = 0.0
    for t in range(steps):
        s, c = sin_and_cos(theta)
        seen[t, 0], seen[t, 1], seen[t, 2], seen[t, 3] = c, s, rate, 1.0
        a1, a2 = h1[t], h2[t]
        for i in range(24):
            a1[i] = tanh(b1[i] + c * w1[0, i] + s * w1[1, i] + rate * w1[2, i])
        one_row(a2, 0, 0, b2, a1, 0, 0, 1, w2, 0, 48, 24)
        for i in range(48):
            a2[i] = tanh(a2[i])
        u = tanh(b3[0] + dot(a2, w3_row))
        turned = theta + math.pi
        angle = turned - PERIOD * math.floor(turned * (1 / PERIOD)) - math.pi
        total += angle * angle + 0.1 * rate * rate + 0.004 * u * u
        new = rate + (15.0 * s + 6.0 * u) * 0.05
        kept[t, 0], kept[t, 1], kept[t, 2] = u, angle, new
        rate = min(max(new, -8.0), 8.0)
        theta = theta + rate * 0.05
    d1, d2, d3 = aligned(steps, 24), aligned(steps, 48), np.empty(steps)
    g_theta = g_rate = 0.0
    for t in range(steps - 1, -1, -1):
        u, angle, new = kept[t, 0], kept[t, 1], kept[t, 2]
        g_rate += g_theta * 0.05
        g_rate = 0.0 if new < -8.0 or new > 8.0 else g_rate
        g_z = (g_rate * 0.15 + 0.004 * u) * 2.0 * (1.0 - u * u)
        d3[t] = g_z
        a1, a2, e1, e2 = h1[t], h2[t], d1[t], d2[t]
        for i in range(48):
            e2[i] = w3_row[i] * g_z * (1.0 - a2[i] * a2[i])
        half_a_row(e1, 0, 0, none, e2, 0, 0, 1, w2_turned, 0, 24, 48)
        for i in range(24):
            e1[i] *= 1.0 - a1[i] * a1[i]
        p, q, r = three_dots(w1, e1)
        g_theta += g_rate * 0.75 * seen[t, 0] + 2.0 * angle - p * seen[t, 1] + q * seen[t, 0]
        g_rate += 0.2 * seen[t, 2] + r
    return _weights(total, seen, h1, h2, d1, d2, d3)


@fast
def _weights(total, seen, h1, h2, d1, d2, d3):
    """The gradients of all weights and biases, from what was stored; `seen` ends with ones."""
    g1, g2, g3 = np.empty((4, 24)), np.empty((24, 48)), np.empty((48, 1))
    c2, c3, none, one = np.empty(48), np.zeros(1), np.zeros(48), np.ones(1)
    steps = len(d3)
    four_rows(g1, 0, 24, none, seen, 0, 1, 4, d1, 0, 24, steps)
    for i in range(0, 24, 4):
        for j in range(0, 48, WIDTH):
            corner(g2, i * 48 + j, 48, none, h1, i, 1, 24, d2, j, 48, steps)
    one_row(g3, 0, 0, none, d3, 0, 0, 1, h2, 0, 48, steps)
    one_row(c2, 0, 0, none, one, 0, 0, 0, d2, 0, 48, steps)
    for t in range(steps):
        c3[0] += d3[t]
    return total, g1[:3], g1[3], g2, c2, g3, c3


@fast
def batch_gradient(steps, w1, b1, w2, b2, w3, b3, theta, rate):
    """Value and gradients for a batch of pendulums, a multiple of eight."""
    n = len(theta)
    rows = steps * n
    seen, h1, h2 = np.empty((steps, n, 4)), aligned(rows, 24), aligned(rows, 48)
    u, angle, new = np.empty((steps, n)), np.empty((steps, n)), np.empty((steps, n))
    s, c, z = np.empty((steps, n)), np.empty((steps, n)), np.empty(n)
    theta, rate = theta.copy(), rate.copy()
    w1, w2, w2_turned, w3_row = copied(w1), copied(w2), copied(w2.T), w3[:, 0].copy()
    w1_turned = np.zeros((24, 4))
    w1_turned[:, :3] = w1.T
    none, total = np.zeros(48), 0.0
    for t in range(steps):
        for i in range(n):
            s[t, i], c[t, i] = sin_and_cos(theta[i])
        a1, a2 = h1[t * n: t * n + n], h2[t * n: t * n + n]
        for i in range(n):
            p, q, r = c[t, i], s[t, i], rate[i]
            seen[t, i, 0], seen[t, i, 1], seen[t, i, 2], seen[t, i, 3] = p, q, r, 1.0
            for j in range(24):
                a1[i, j] = tanh(b1[j] + p * w1[0, j] + q * w1[1, j] + r * w1[2, j])
        for i in range(0, n, 4):
            for j in range(0, 48, WIDTH):
                corner(a2, i * 48 + j, 48, b2[j:], a1, i * 24, 24, 1, w2, j, 48, 24)
        for i in range(n):
            for j in range(48):
                a2[i, j] = tanh(a2[i, j])
        for i in range(n):
            z[i] = b3[0] + dot(a2[i], w3_row)
        for i in range(n):
            y = tanh(z[i])
            u[t, i] = y
            turned = theta[i] + math.pi
            angle[t, i] = turned - PERIOD * math.floor(turned * (1 / PERIOD)) - math.pi
            x = rate[i] + (15.0 * s[t, i] + 6.0 * y) * 0.05
            new[t, i] = x
            z[i] = 0.1 * rate[i] * rate[i] + 0.004 * y * y
            rate[i] = min(max(x, -8.0), 8.0)
            theta[i] += rate[i] * 0.05
        for i in range(n):
            total += angle[t, i] * angle[t, i] + z[i]
    d1, d2, d3 = aligned(rows, 24), aligned(rows, 48), np.empty((steps, n))
    g_theta, g_rate, g_seen = np.zeros(n), np.zeros(n), np.empty((n, 4))
    for t in range(steps - 1, -1, -1):
        for i in range(n):
            g = g_rate[i] + g_theta[i] * 0.05
            g = 0.0 if new[t, i] < -8.0 or new[t, i] > 8.0 else g
            g_rate[i] = g
            y = u[t, i]
            d3[t, i] = (g * 0.15 + 0.004 * y) * 2.0 * (1.0 - y * y)
        now = slice(t * n, t * n + n)
        a1, a2, e1, e2 = h1[now], h2[now], d1[now], d2[now]
        for i in range(n):
            y = d3[t, i]
            for j in range(48):
                e2[i, j] = w3_row[j] * y * (1.0 - a2[i, j] * a2[i, j])
        for i in range(0, n, 4):
            for j in range(0, 24, WIDTH):
                corner(e1, i * 24 + j, 24, none, e2, i * 48, 48, 1, w2_turned, j, 24, 48)
        for i in range(n):
            for j in range(24):
                e1[i, j] *= 1.0 - a1[i, j] * a1[i, j]
        for i in range(0, n, 8):
            eight_rows(g_seen, i * 4, 4, none, e1, i * 24, 24, 1, w1_turned, 0, 4, 24)
        for i in range(n):
            g_theta[i] += (g_rate[i] * 0.75 * c[t, i] + 2.0 * angle[t, i] - g_seen[i, 0] * s[t, i]
                           + g_seen[i, 1] * c[t, i])
            g_rate[i] += 0.2 * seen[t, i, 2] + g_seen[i, 2]
    return _weights(total, seen.reshape((rows, 4)), h1, h2, d1, d2, d3.reshape(rows))
