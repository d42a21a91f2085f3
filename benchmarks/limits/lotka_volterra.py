"""Lotka and Volterra's equations: Runge-Kutta with the step inside the coefficients, two operations a stage.

The stages are stored; backwards, their cotangents follow from each other by two operations each, too. The
year after the last count, which no cost depends on, is left out.
"""

import math

import numpy as np

from ..registers import fast
from ..zoo.lotka_volterra import HARES, LYNXES, PER_YEAR

LOG_HARES, LOG_LYNXES = np.log(HARES), np.log(LYNXES)
MEANS, WIDTHS = np.array([1, 0.05, 1, 0.05]), np.array([0.5, 0.05, 0.5, 0.05])
CONSTANT = float(np.sum(np.log(WIDTHS)))


@fast
def forward(kept, u, v, theta, h):
    """A year, `h` half a step; the stages go to rows of `kept`."""
    alpha, beta, gamma, delta = h * theta[0], h * theta[1], h * theta[2], h * theta[3]
    third = 1.0 / 3.0
    for k in range(PER_YEAR):
        u2, v2 = u + (alpha - beta * v) * u, v + (delta * u - gamma) * v
        u3, v3 = u + (alpha - beta * v2) * u2, v + (delta * u2 - gamma) * v2
        u4 = u + (2.0 * alpha - 2.0 * beta * v3) * u3
        v4 = v + (2.0 * delta * u3 - 2.0 * gamma) * v3
        row = kept[k]
        row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7] = u, v, u2, v2, u3, v3, u4, v4
        u = ((u2 + 2.0 * u3 - u) + u4) * third + (alpha * third - beta * third * v4) * u4
        v = ((v2 + 2.0 * v3 - v) + v4) * third + (delta * third * u4 - gamma * third) * v4
    return u, v


@fast
def backward(kept, u_, v_, theta, theta_, h):
    """The cotangents before a year from those after it; adds to those of the rates."""
    alpha, beta, gamma, delta = h * theta[0], h * theta[1], h * theta[2], h * theta[3]
    alpha_ = beta_ = gamma_ = delta_ = 0.0
    for k in range(PER_YEAR - 1, -1, -1):
        u, v, u2, v2, u3, v3, u4, v4 = kept[k]
        w, x = u_ * (2.0 / 3.0), v_ * (2.0 / 3.0)
        c, d = w + (alpha - beta * v4) * w + delta * v4 * x, x - beta * u4 * w + (delta * u4 - gamma) * x
        e, f = w + (alpha - beta * v3) * c + delta * v3 * d, x - beta * u3 * c + (delta * u3 - gamma) * d
        half, rest = 0.5 * w, 0.5 * x
        p = half + (alpha - beta * v2) * e + delta * v2 * f
        q = rest - beta * u2 * e + (delta * u2 - gamma) * f
        u_ = (0.5 * c + e - half + p) + (alpha - beta * v) * p + delta * v * q
        v_ = (0.5 * d + f - rest + q) - beta * u * p + (delta * u - gamma) * q
        a4, a3, a2, a1 = half * u4, c * u3, e * u2, p * u
        b4, b3, b2, b1 = rest * v4, d * v3, f * v2, q * v
        alpha_ += (a4 + a3) + (a2 + a1)
        beta_ += (a4 * v4 + a3 * v3) + (a2 * v2 + a1 * v)
        gamma_ += (b4 + b3) + (b2 + b1)
        delta_ += (b4 * u4 + b3 * u3) + (b2 * u2 + b1 * u)
    theta_[0] += h * alpha_
    theta_[1] -= h * beta_
    theta_[2] -= h * gamma_
    theta_[3] += h * delta_
    return u_, v_


@fast
def both(theta, z_init, sigma):
    """The value, and the cotangents of all."""
    years, h = len(LOG_HARES), 0.5 / PER_YEAR
    kept, errors, z = np.empty((years, PER_YEAR, 8)), np.empty((years, 2)), np.empty((years, 2))
    theta_, z_, sigma_ = np.empty(4), np.empty(2), np.empty(2)
    total = CONSTANT
    for k in range(4):
        scaled = (theta[k] - MEANS[k]) / WIDTHS[k]
        total += 0.5 * scaled * scaled
        theta_[k] = scaled / WIDTHS[k]
    u, v = z_init
    squares = np.zeros(2)
    for year in range(years):
        p, q = (LOG_HARES[year] - math.log(u)) / sigma[0], (LOG_LYNXES[year] - math.log(v)) / sigma[1]
        errors[year, 0], errors[year, 1], z[year, 0], z[year, 1] = p, q, u, v
        squares[0] += p * p
        squares[1] += q * q
        if year < years - 1:
            u, v = forward(kept[year], u, v, theta, h)
    u_ = v_ = 0.0
    for year in range(years - 1, -1, -1):
        if year < years - 1:
            u_, v_ = backward(kept[year], u_, v_, theta, theta_, h)
        u_ -= errors[year, 0] / (sigma[0] * z[year, 0])
        v_ -= errors[year, 1] / (sigma[1] * z[year, 1])
    z_[0], z_[1] = u_, v_
    for k in range(2):
        width, first = math.log(sigma[k]), math.log(z_init[k])
        apart = first - math.log(10.0)
        total += 0.5 * (squares[k] + (width + 1.0) ** 2 + apart * apart) + (years + 1) * width + first
        sigma_[k] = (width + 2.0 + years - squares[k]) / sigma[k]
        z_[k] += (apart + 1.0) / z_init[k]
    return total, theta_, z_, sigma_


def gradient(theta, z_init, sigma):
    """The value, and the cotangents of the arguments."""
    value, *cotangents = both(theta, z_init, sigma)
    return value, tuple(cotangents)
