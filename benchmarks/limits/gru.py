"""A gated recurrent unit: what depends on letters alone is computed once a letter, all else once after the loop.

The letters' shares of the three gates are rows of a table; the scores of all steps, their cotangents and the
weights' are products of matrices. In the loop stay the two products with a state, and back, two transposed
ones. Sigmoids and tanh are polynomials over vectors.
"""

import math

import numpy as np

from ..registers import aligned, exp, fast, tanh, tile
from ..zoo.gru import HIDDEN, LETTERS, TEXT

TEXT_NUMBERS = np.array([LETTERS.index(letter) for letter in TEXT])
M, N, X, STEPS = len(LETTERS), HIDDEN, 16, len(TEXT) - 1
WIDE = -(-M // 8) * 8                    # a row of scores, filled up to whole vectors
gates, state = tile(1, 2 * N, 2), tile(1, N, 2)
block, scores = tile(4, 16), tile(4, 8)


@fast
def sigmoid(x: float) -> float:
    """The logistic function."""
    return 0.5 + 0.5 * tanh(0.5 * x)


@fast
def product(out, start, a, a_row, a_column, b, rows, count):
    """out = start + a b, for `rows` a multiple of 4, columns of 16; a's strides are given."""
    width = out.shape[1]
    for i in range(0, rows, 4):
        for j in range(0, width, 16):
            block(out, i * width + j, width, start[j:], a, i * a_row, a_row, a_column, b, j, b.shape[1], count)


@fast
def both(embedding, out, b_out, W, U_both, U_h, bias):
    """The value and the cotangents; W is (3 N, 16), for z, r and h as `bias`, U_both (2 N, N)."""
    rows = -(-M // 4) * 4
    letters, table = np.zeros((rows, X)), aligned(rows, 3 * N)
    letters[:M] = embedding
    W_turned, U_both_turned, U_h_turned = aligned(X, 3 * N), aligned(N, 2 * N), aligned(N, N)
    W_turned[:, :], U_both_turned[:, :], U_h_turned[:, :] = W.T, U_both.T, U_h.T
    product(table, bias, letters, X, 1, W_turned, rows, X)
    steps = -(-STEPS // 4) * 4
    h, zr, c, rh = aligned(steps + 1, N), aligned(STEPS, 2 * N), aligned(STEPS, N), aligned(STEPS, N)
    h[0] = 0.0
    h[STEPS + 1:] = 0.0
    for t in range(STEPS):
        seen, before, after = table[TEXT_NUMBERS[t]], h[t], h[t + 1]
        both_gates, candidate, kept = zr[t], c[t], rh[t]
        gates(both_gates, 0, 0, seen, before, 0, 0, 1, U_both_turned, 0, 2 * N, N)
        for i in range(2 * N):
            both_gates[i] = sigmoid(both_gates[i])
        for i in range(N):
            kept[i] = both_gates[N + i] * before[i]
        state(candidate, 0, 0, seen[2 * N:], kept, 0, 0, 1, U_h_turned, 0, N, N)
        for i in range(N):
            y = tanh(candidate[i])
            candidate[i] = y
            after[i] = y + both_gates[i] * (before[i] - y)
    out_wide, bias_wide, chances = np.zeros((WIDE, N)), np.full(WIDE, -700.0), aligned(steps, WIDE)
    out_turned = aligned(N, WIDE)
    out_wide[:M], bias_wide[:M] = out, b_out
    out_turned[:, :] = out_wide.T
    h_next = h[1:]
    for i in range(0, steps, 4):
        for j in range(0, WIDE, 8):
            scores(chances, i * WIDE + j, WIDE, bias_wide[j:], h_next, i * N, N, 1, out_turned, j, WIDE, N)
    total = 0.0
    for t in range(STEPS):
        row, following = chances[t], TEXT_NUMBERS[t + 1]
        largest = row[0]
        for i in range(1, M):
            largest = max(largest, row[i])
        total += largest - row[following]
        for i in range(WIDE):
            row[i] = exp(max(row[i] - largest, -700.0))
        mass = 0.0
        for i in range(M):
            mass += row[i]
        total += math.log(mass)
        scale = 1.0 / (mass * STEPS)
        for i in range(WIDE):
            row[i] *= scale
        row[following] -= 1.0 / STEPS
    chances[STEPS:] = 0.0
    h_all, none = aligned(steps, N), np.zeros(3 * N)
    product(h_all, none, chances, WIDE, 1, out_wide, steps, WIDE)
    U_h_plain, U_both_plain = aligned(N, N), aligned(2 * N, N)
    U_h_plain[:, :], U_both_plain[:, :] = U_h, U_both
    gates_, by_letter = aligned(STEPS, 3 * N), np.zeros((rows, 3 * N))
    flowing, rh_ = np.zeros(N), np.empty(N)
    for t in range(STEPS - 1, -1, -1):
        now, both_gates, candidate, before, from_scores = gates_[t], zr[t], c[t], h[t], h_all[t]
        for i in range(N):
            flowing[i] += from_scores[i]
        for i in range(N):
            z, y, g = both_gates[i], candidate[i], flowing[i]
            now[2 * N + i] = g * (1.0 - z) * (1.0 - y * y)
            now[i] = g * (before[i] - y) * z * (1.0 - z)
        state(rh_, 0, 0, none, now[2 * N:], 0, 0, 1, U_h_plain, 0, N, N)
        for i in range(N):
            r = both_gates[N + i]
            now[N + i] = rh_[i] * before[i] * r * (1.0 - r)
            flowing[i] = flowing[i] * both_gates[i] + rh_[i] * r
        state(flowing, 0, 0, flowing, now, 0, 0, 1, U_both_plain, 0, N, 2 * N)
        sums = by_letter[TEXT_NUMBERS[t]]
        for i in range(3 * N):
            sums[i] += now[i]
    embedding_, W_, U_ = np.empty((rows, X)), np.empty((3 * N, X)), np.empty((2 * N, N))
    U_h_, out_, bias_, b_out_ = np.empty((N, N)), np.empty((WIDE, N)), np.zeros(3 * N), np.zeros(WIDE)
    product(embedding_, none, by_letter, 3 * N, 1, W, rows, 3 * N)
    product(W_, none, by_letter, 1, 3 * N, letters, 3 * N, rows)
    product(U_, none, gates_, 1, 3 * N, h, 2 * N, STEPS)
    product(U_h_, none, gates_[:, 2 * N:].copy(), 1, N, rh, N, STEPS)
    product(out_, none, chances, 1, WIDE, h_next, WIDE, STEPS)
    for k in range(rows):
        for i in range(3 * N):
            bias_[i] += by_letter[k, i]
    for t in range(STEPS):
        for i in range(WIDE):
            b_out_[i] += chances[t, i]
    return total / STEPS, embedding_[:M], out_[:M], b_out_[:M], W_, U_, U_h_, bias_


def gradient(p):
    """The value, and the cotangents of the argument."""
    W = np.concatenate([p["W_z"], p["W_r"], p["W_h"]])
    bias = np.concatenate([p["b_z"], p["b_r"], p["b_h"]])
    value, embedding, out, b_out, W_, U, U_h, bias_ = both(
        p["embedding"], p["out"], p["b_out"], W, np.concatenate([p["U_z"], p["U_r"]]), p["U_h"], bias)
    n, m = N, 2 * N
    p_ = {"embedding": embedding, "out": out, "b_out": b_out, "U_z": U[:n], "U_r": U[n:], "U_h": U_h,
          "W_z": W_[:n], "W_r": W_[n:m], "W_h": W_[m:], "b_z": bias_[:n], "b_r": bias_[n:m], "b_h": bias_[m:]}
    return value, (p_,)
