"""SIR: caution times infected is the smaller of infected and limit, and the recovered change nothing.

So a step has no branch and no division, and backwards it is a product with a matrix of two rows.
"""

import math

import numpy as np

from ..registers import fast
from ..zoo.sir import DAYS, LOCKDOWN, PEOPLE, PER_DAY

FIRST, LAST = LOCKDOWN.start, LOCKDOWN.stop


@fast
def both(beta, gamma, lockdown, limit, seen, infected, reports):
    """The value, the cotangents of the numbers, those of the reports."""
    susceptible, recovering = np.empty((DAYS, PER_DAY)), np.empty((DAYS, PER_DAY))
    new, reports_ = np.empty(DAYS), np.empty(DAYS)
    S, I, total = PEOPLE - infected, infected, 0.0
    stay, scale = 1.0 - gamma / PER_DAY, 1.0 / (PEOPLE * PER_DAY)
    for day in range(DAYS):
        locked = FIRST <= day < LAST
        rate = (beta * (1.0 - lockdown) if locked else beta) * scale
        before = S
        for k in range(PER_DAY):
            susceptible[day, k], recovering[day, k] = S, I
            meeting = min(I, limit)
            I = I * stay + (rate * S) * meeting
            S = S - S * (rate * meeting)
        new[day] = before - S
        expected = seen * new[day] + 1.0
        logarithm = math.log(expected)
        reports_[day] = -logarithm
        total += expected - reports[day] * logarithm
    S_ = I_ = limit_ = leaving_ = seen_ = 0.0
    rates_ = np.zeros(2)
    for day in range(DAYS - 1, -1, -1):
        locked = FIRST <= day < LAST
        rate = (beta * (1.0 - lockdown) if locked else beta) * scale
        expected_ = 1.0 - reports[day] / (seen * new[day] + 1.0)
        seen_ += expected_ * new[day]
        new_, rate_ = expected_ * seen, 0.0
        for k in range(PER_DAY - 1, -1, -1):
            s, i = susceptible[day, k], recovering[day, k]
            meeting, many = min(i, limit), i > limit
            infections_ = new_ + (I_ - S_)
            rate_ += infections_ * (s * meeting)
            leaving_ += I_ * i
            pressing = rate * s
            limit_ += infections_ * (pressing if many else 0.0)
            S_ = S_ + infections_ * (rate * meeting)
            I_ = I_ * stay + infections_ * (0.0 if many else pressing)
        rates_[int(locked)] += rate_ * scale
    beta_ = rates_[0] + rates_[1] * (1.0 - lockdown)
    return total, (beta_, -leaving_ / PER_DAY, -rates_[1] * beta, limit_, seen_), I_ - S_, reports_


def gradient(parameters, infected, reports):
    """The value, and the cotangents of the arguments."""
    p = parameters
    value, (beta, gamma, lockdown, limit, seen), infected_, reports_ = both(
        p["beta"], p["gamma"], p["lockdown"], p["limit"], p["seen"], infected, reports)
    parameters_ = {"beta": beta, "gamma": gamma, "lockdown": lockdown, "limit": limit, "seen": seen}
    return value, (parameters_, infected_, reports_)
