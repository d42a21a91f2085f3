"""The limit of the pendulum workloads: forward and adjoint written by hand, for Numba."""

import math

import numba
import numpy as np

from tinydp.ad.compile.kernels import cos_into, dot, matmul, matmul_tn, matvec, sin_into, tanh, vecmat

fast = numba.njit(fastmath={"contract"}, error_model="numpy", nogil=True)


@fast
def single_gradient(steps, w1, b1, w2, b2, w3, b3, theta, rate):
    """Value and gradients for one pendulum."""
    seen, h1, h2 = np.empty((steps, 3)), np.empty((steps, 24)), np.empty((steps, 48))
    w3_row = w3.reshape(48)
    kept = np.empty((steps, 5))
    total = 0.0
    for t in range(steps):
        s, c = math.sin(theta), math.cos(theta)
        seen[t, 0], seen[t, 1], seen[t, 2] = c, s, rate
        a1, a2 = h1[t], h2[t]
        vecmat(seen[t], w1, a1)
        for i in range(24):
            a1[i] = tanh(a1[i] + b1[i])
        vecmat(a1, w2, a2)
        for i in range(48):
            a2[i] = tanh(a2[i] + b2[i])
        u = tanh(b3[0] + dot(a2, w3_row))
        torque = 2.0 * u
        turned = theta + math.pi
        angle = turned - 2 * math.pi * math.floor(turned / (2 * math.pi)) - math.pi
        total += angle * angle + 0.1 * rate * rate + 0.001 * torque * torque
        new = rate + (15.0 * s + 3.0 * torque) * 0.05
        kept[t, 0], kept[t, 1], kept[t, 2], kept[t, 3], kept[t, 4] = s, c, u, angle, new
        rate = min(max(new, -8.0), 8.0)
        theta = theta + rate * 0.05
    d1, d2, d3 = np.empty((steps, 24)), np.empty((steps, 48)), np.empty(steps)
    g_seen = np.empty(3)
    g_theta = g_rate = 0.0
    for t in range(steps - 1, -1, -1):
        s, c, u, angle, new = kept[t, 0], kept[t, 1], kept[t, 2], kept[t, 3], kept[t, 4]
        g_rate += g_theta * 0.05
        if new < -8.0 or new > 8.0:
            g_rate = 0.0
        g_torque = g_rate * 0.15 + 0.004 * u
        g_z = g_torque * 2.0 * (1.0 - u * u)
        d3[t] = g_z
        a1, a2, e1, e2 = h1[t], h2[t], d1[t], d2[t]
        for i in range(48):
            e2[i] = w3_row[i] * g_z * (1.0 - a2[i] * a2[i])
        matvec(w2, e2, e1)
        for i in range(24):
            e1[i] *= 1.0 - a1[i] * a1[i]
        matvec(w1, e1, g_seen)
        g_theta += g_rate * 0.75 * c + 2.0 * angle - g_seen[0] * s + g_seen[1] * c
        g_rate += 0.2 * seen[t, 2] + g_seen[2]
    return _weights(total, seen, h1, h2, d1, d2, d3)


@fast
def _weights(total, seen, h1, h2, d1, d2, d3):
    """The gradients of all weights and biases, from what was stored."""
    g1, g2, g3 = np.empty((3, 24)), np.empty((24, 48)), np.zeros((48, 1))
    c1, c2, c3 = np.zeros(24), np.zeros(48), np.zeros(1)
    matmul_tn(seen, d1, g1)
    matmul_tn(h1, d2, g2)
    for t in range(len(d3)):
        z = d3[t]
        for i in range(24):
            c1[i] += d1[t, i]
        for i in range(48):
            c2[i] += d2[t, i]
            g3[i, 0] += z * h2[t, i]
        c3[0] += z
    return total, g1, c1, g2, c2, g3, c3


@fast
def _tanh_of_sum(x, b):
    n, m = x.shape
    for i in range(n):
        for j in range(m):
            x[i, j] = tanh(x[i, j] + b[j])


@fast
def batch_gradient(steps, w1, b1, w2, b2, w3, b3, theta, rate):
    """Value and gradients for a batch of pendulums."""
    n = len(theta)
    seen, h1, h2 = np.empty((steps, n, 3)), np.empty((steps, n, 24)), np.empty((steps, n, 48))
    s, c, u = np.empty((steps, n)), np.empty((steps, n)), np.empty((steps, n))
    angle, new = np.empty((steps, n)), np.empty((steps, n))
    theta, rate = theta.copy(), rate.copy()
    w2_turned, w3_row = np.ascontiguousarray(w2.T), np.ascontiguousarray(w3[:, 0])
    total = 0.0
    for t in range(steps):
        sin_into(theta, s[t])
        cos_into(theta, c[t])
        for i in range(n):
            seen[t, i, 0], seen[t, i, 1], seen[t, i, 2] = c[t, i], s[t, i], rate[i]
        a1 = h1[t]
        for i in range(n):
            p, q, r = c[t, i], s[t, i], rate[i]
            for j in range(24):
                a1[i, j] = p * w1[0, j] + q * w1[1, j] + r * w1[2, j]
        _tanh_of_sum(a1, b1)
        matmul(a1, w2, h2[t])
        _tanh_of_sum(h2[t], b2)
        a2 = h2[t]
        for i in range(n):
            z = b3[0]
            for j in range(48):
                z += a2[i, j] * w3_row[j]
            y = tanh(z)
            u[t, i] = y
            turned = theta[i] + math.pi
            a = turned - 2 * math.pi * math.floor(turned / (2 * math.pi)) - math.pi
            angle[t, i] = a
            total += a * a + 0.1 * rate[i] * rate[i] + 0.004 * y * y
            x = rate[i] + (15.0 * s[t, i] + 6.0 * y) * 0.05
            new[t, i] = x
            rate[i] = min(max(x, -8.0), 8.0)
            theta[i] += rate[i] * 0.05
    d1, d2, d3 = np.empty((steps, n, 24)), np.empty((steps, n, 48)), np.empty((steps, n))
    g_theta, g_rate = np.zeros(n), np.zeros(n)
    for t in range(steps - 1, -1, -1):
        for i in range(n):
            g = g_rate[i] + g_theta[i] * 0.05
            g = 0.0 if new[t, i] < -8.0 or new[t, i] > 8.0 else g
            g_rate[i] = g
            y = u[t, i]
            d3[t, i] = (g * 0.15 + 0.004 * y) * 2.0 * (1.0 - y * y)
        a1, a2, e1, e2 = h1[t], h2[t], d1[t], d2[t]
        for i in range(n):
            z = d3[t, i]
            for j in range(48):
                e2[i, j] = w3_row[j] * z * (1.0 - a2[i, j] * a2[i, j])
        matmul(e2, w2_turned, e1)
        for i in range(n):
            p = q = r = 0.0
            for j in range(24):
                e1[i, j] *= 1.0 - a1[i, j] * a1[i, j]
                p += e1[i, j] * w1[0, j]
                q += e1[i, j] * w1[1, j]
                r += e1[i, j] * w1[2, j]
            g_theta[i] += g_rate[i] * 0.75 * c[t, i] + 2.0 * angle[t, i] - p * s[t, i] + q * c[t, i]
            g_rate[i] += 0.2 * seen[t, i, 2] + r
    rows = steps * n
    seen, h1, h2 = seen.reshape((rows, 3)), h1.reshape((rows, 24)), h2.reshape((rows, 48))
    d1, d2, d3 = d1.reshape((rows, 24)), d2.reshape((rows, 48)), d3.reshape(rows)
    return _weights(total, seen, h1, h2, d1, d2, d3)
