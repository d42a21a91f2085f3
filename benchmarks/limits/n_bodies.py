"""N bodies: each pair once, and the accelerations at the end of a step are those at the start of the next.

Both are more than the text of the program says, which has two accelerations a step and each pair twice. The
distances of all pairs are one vector, for which square roots and quotients are taken at once.
"""

import math

import numpy as np

from ..registers import fast
from ..zoo.n_bodies import DT, STEPS, G

N, PAIRS = 5, 10
FIRST = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 3])
SECOND = np.array([1, 2, 3, 4, 2, 3, 4, 3, 4, 4])


@fast
def differences(out, x):
    """out[p] is x[SECOND[p]] - x[FIRST[p]], row by row."""
    for i in range(3):
        a, b, c, d, e = x[i, 0], x[i, 1], x[i, 2], x[i, 3], x[i, 4]
        row = out[i]
        row[0], row[1], row[2], row[3], row[4] = b - a, c - a, d - a, e - a, c - b
        row[5], row[6], row[7], row[8], row[9] = d - b, e - b, d - c, e - c, e - d


@fast
def pulls(kept, a, x, masses):
    """The accelerations; `kept` gets the differences, G / r^3 and 1 / r^2."""
    differences(kept, x)
    for p in range(PAIRS):
        square = kept[0, p] * kept[0, p] + kept[1, p] * kept[1, p] + kept[2, p] * kept[2, p]
        inverse = 1.0 / square
        kept[3, p], kept[4, p] = G * inverse * math.sqrt(inverse), inverse
    c = kept[3]
    m0, m1, m2, m3, m4 = masses
    for i in range(3):
        d = kept[i]
        f0, f1, f2, f3, f4 = c[0] * d[0], c[1] * d[1], c[2] * d[2], c[3] * d[3], c[4] * d[4]
        f5, f6, f7, f8, f9 = c[5] * d[5], c[6] * d[6], c[7] * d[7], c[8] * d[8], c[9] * d[9]
        a[i, 0] = (m1 * f0 + m2 * f1) + (m3 * f2 + m4 * f3)
        a[i, 1] = (m2 * f4 - m0 * f0) + (m3 * f5 + m4 * f6)
        a[i, 2] = (m3 * f7 - m0 * f1) + (m4 * f8 - m1 * f4)
        a[i, 3] = (m4 * f9 - m0 * f2) - (m1 * f5 + m2 * f7)
        a[i, 4] = -((m0 * f3 + m1 * f6) + (m2 * f8 + m3 * f9))


@fast
def pulled(x_, work, shared, kept, a_, first, second, masses, masses_):
    """Adds to the cotangents of places, and of masses, those that the cotangents `a_` of `pulls` bring."""
    for i in range(3):
        a, b, c, d, e = a_[i, 0], a_[i, 1], a_[i, 2], a_[i, 3], a_[i, 4]
        left, right = shared[i], shared[i + 3]
        left[0], left[1], left[2], left[3], left[4] = a, a, a, a, b
        left[5], left[6], left[7], left[8], left[9] = b, b, c, c, d
        right[0], right[1], right[2], right[3], right[4] = b, c, d, e, c
        right[5], right[6], right[7], right[8], right[9] = d, e, d, e, e
    for p in range(PAIRS):
        near, far, c = second[p], first[p], kept[3, p]
        x, y, z = kept[0, p], kept[1, p], kept[2, p]
        u, v, w = (near * shared[0, p] - far * shared[3, p], near * shared[1, p] - far * shared[4, p],
                   near * shared[2, p] - far * shared[5, p])
        along = 3.0 * (x * u + y * v + z * w) * kept[4, p]
        work[0, p], work[1, p], work[2, p] = c * (u - along * x), c * (v - along * y), c * (w - along * z)
        masses_[0, p] += c * (x * shared[0, p] + y * shared[1, p] + z * shared[2, p])
        masses_[1, p] -= c * (x * shared[3, p] + y * shared[4, p] + z * shared[5, p])
    spread(x_, work)


@fast
def spread(x_, d_):
    """The adjoint of `differences`."""
    for i in range(3):
        d = d_[i]
        x_[i, 0] -= (d[0] + d[1]) + (d[2] + d[3])
        x_[i, 1] += d[0] - (d[4] + (d[5] + d[6]))
        x_[i, 2] += (d[1] + d[4]) - (d[7] + d[8])
        x_[i, 3] += (d[2] + d[5]) + (d[7] - d[9])
        x_[i, 4] += (d[3] + d[6]) + (d[8] + d[9])


@fast
def energy(kept, v, masses):
    """Kinetic and potential, from what `pulls` has kept."""
    total = 0.0
    for i in range(N):
        total += 0.5 * masses[i] * (v[0, i] ** 2 + v[1, i] ** 2 + v[2, i] ** 2)
    for p in range(PAIRS):
        total -= G * masses[FIRST[p]] * masses[SECOND[p]] * math.sqrt(kept[4, p])
    return total


@fast
def energy_pulled(x_, v_, masses_, kept, v, masses, g):
    """Its adjoint: adds `g` times the derivatives."""
    d_ = np.empty((3, PAIRS))
    for i in range(N):
        for k in range(3):
            masses_[i] += 0.5 * g * v[k, i] ** 2
            v_[k, i] += g * masses[i] * v[k, i]
    for p in range(PAIRS):
        i, j = FIRST[p], SECOND[p]
        inverse = math.sqrt(kept[4, p])
        masses_[i] -= g * G * masses[j] * inverse
        masses_[j] -= g * G * masses[i] * inverse
        for k in range(3):
            d_[k, p] = g * masses[i] * masses[j] * kept[3, p] * kept[k, p]
    spread(x_, d_)


@fast
def both(masses, places, velocities, seen):
    """The value, and the cotangents of all."""
    x, v, a = np.empty((3, N)), np.empty((3, N)), np.empty((3, N))
    x[:, :], v[:, :] = places.T, velocities.T
    kept = np.empty((STEPS + 1, 5, PAIRS))
    pulls(kept[0], a, x, masses)
    before = energy(kept[0], v, masses)
    for i in range(3):
        for j in range(N):
            v[i, j] += DT / 2 * a[i, j]
    for t in range(STEPS):
        for i in range(3):
            for j in range(N):
                x[i, j] += DT * v[i, j]
        pulls(kept[t + 1], a, x, masses)
        last = t == STEPS - 1
        for i in range(3):
            for j in range(N):
                v[i, j] += (DT / 2 if last else DT) * a[i, j]
    after = energy(kept[STEPS], v, masses)
    drift = after / before - 1.0
    x_, v_, a_ = np.empty((3, N)), np.zeros((3, N)), np.empty((3, N))
    seen_, masses_, pairs_ = np.empty((N, 3)), np.zeros(N), np.zeros((2, PAIRS))
    value = drift * drift
    for i in range(3):
        for j in range(N):
            apart = x[i, j] - seen[j, i]
            value += apart * apart / 15.0
            x_[i, j] = 2.0 / 15.0 * apart
            seen_[j, i] = -x_[i, j]
    energy_pulled(x_, v_, masses_, kept[STEPS], v, masses, 2.0 * drift / before)
    first, second, work, shared = masses[FIRST], masses[SECOND], np.empty((3, PAIRS)), np.empty((6, PAIRS))
    for t in range(STEPS, -1, -1):
        ends = t in (0, STEPS)
        for i in range(3):
            for j in range(N):
                a_[i, j] = (DT / 2 if ends else DT) * v_[i, j]
        pulled(x_, work, shared, kept[t], a_, first, second, masses, pairs_)
        if t:
            for i in range(3):
                for j in range(N):
                    v_[i, j] += DT * x_[i, j]
    for p in range(PAIRS):
        masses_[SECOND[p]] += pairs_[0, p]
        masses_[FIRST[p]] += pairs_[1, p]
    v[:, :] = velocities.T
    energy_pulled(x_, v_, masses_, kept[0], v, masses, -2.0 * drift * after / (before * before))
    return value, masses_, x_.T.copy(), v_.T.copy(), seen_


def gradient(*args):
    """The value, and the cotangents of the arguments."""
    value, *cotangents = both(*args)
    return value, tuple(cotangents)
