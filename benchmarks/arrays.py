"""What arrays that are filled cost, beside the same program with a list: `python -m benchmarks.arrays`.

Times are the best of seven rounds, in microseconds; ratios hold, times drift.
"""

import timeit

import numpy as np

import tinydp as dp
from tinydp.ad.twins import twin

N = 1000


def filled(p):
    x = np.zeros(N)
    x[0] = p
    for i in range(1, N):
        x[i] = 0.999 * x[i - 1] + 0.01
    return np.sum(x)


def listed(p):
    x = [p]
    for i in range(1, N):
        x.append(0.999 * x[i - 1] + 0.01)
    return np.sum(np.stack(x))


def made(p):
    x = np.array([p, 1.0])
    for _ in range(N):
        x = np.array([x[0] + 0.01 * x[1], x[1] - 0.01 * x[0]])
    return x[0]


def stacked(p):
    x = np.stack([p, 1.0])
    for _ in range(N):
        x = np.stack([x[0] + 0.01 * x[1], x[1] - 0.01 * x[0]])
    return x[0]


def best(call, number):
    return min(timeit.repeat(call, number=number, repeat=7)) / number * 1e6


def main():
    for f, by_hand in ((filled, listed), (made, stacked)):
        assert dp.grad(f)(0.5) == dp.grad(by_hand)(0.5)
        times = [best(lambda f=f: dp.grad(f)(0.5), 5) / N for f in (f, by_hand)]
        print(f"{f.__name__}: {times[0]:.2f} us a step, {by_hand.__name__} by hand: {times[1]:.2f}")
    print(f"the twin of a function that is known: {best(lambda: twin(filled), 10_000):.2f} us")


if __name__ == "__main__":
    main()
