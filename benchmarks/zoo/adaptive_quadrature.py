"""An integral over a narrow peak by adaptive Simpson's rule, which calls itself where the curve bends.

    S(a, b) = (b - a) / 6 (f(a) + 4 f(m) + f(b));    halve if |S(a, m) + S(m, b) - S(a, b)| > 15 tolerance

Lyness (1969); Gander and Gautschi, Adaptive Quadrature Revisited (2000).
"""

import numpy as np

CHANGED = ""
NOT_IN_JAX = "recursion whose depth depends on values"


def simpson(f, a, b, tolerance):
    def rule(a, fa, b, fb):
        middle = (a + b) / 2.0
        fm = f(middle)
        return middle, fm, (b - a) / 6.0 * (fa + 4.0 * fm + fb)

    def halve(a, fa, b, fb, m, fm, whole, tolerance):
        left, f_left, first = rule(a, fa, m, fm)
        right, f_right, second = rule(m, fm, b, fb)
        miss = first + second - whole
        if abs(miss) <= 15.0 * tolerance:
            return first + second + miss / 15.0
        return (halve(a, fa, m, fm, left, f_left, first, tolerance / 2.0)
                + halve(m, fm, b, fb, right, f_right, second, tolerance / 2.0))

    fa, fb = f(a), f(b)
    m, fm, whole = rule(a, fa, b, fb)
    return halve(a, fa, b, fb, m, fm, whole, tolerance)


def loss(place, width, end):
    def curve(x):
        return np.exp(-0.5 * x) + 1.0 / (1.0 + ((x - place) / width) ** 2) + abs(np.sin(3.0 * x))

    return simpson(curve, 0.0, end, 1e-7)


def arguments():
    return 1.3, 0.02, 3.0
