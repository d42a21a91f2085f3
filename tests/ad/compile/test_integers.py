"""Integers in compiled programs: values and kinds are those of NumPy; and random programs with them."""

import math

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad import tree

from . import integer_programs

WHOLE = np.array([4, -3, 7])


@pytest.mark.parametrize("seed", range(25))
def test_random_programs(seed):
    integer_programs.interpreted(seed)


@pytest.mark.parametrize("seed", range(100, 104))
def test_random_programs_as_machine_code(seed):
    integer_programs.compiled(seed)


# ---------------------------------------------------------------------------- values and kinds

def runs(f, *args):
    """What machine code makes of these arguments: it is no tape that runs."""
    compiled = dp.compile(f)
    compiled(*args)
    built, leaves = compiled.program_for(*args)
    return built.unflatten(built.results_of(leaves))


def same(found, wanted):
    found, wanted = (tree.flatten(y)[0] for y in (found, wanted))
    for a, b in zip(map(np.asarray, found), map(np.asarray, wanted), strict=True):
        assert a.dtype.kind == b.dtype.kind
        np.testing.assert_array_equal(a, b)


ARITHMETIC = {
    "a sum": lambda i, j: (i * 3 + j, i - j, -i, +i, abs(j)),
    "rounded down": lambda i, j: (i // 3, i % 3, i // -3, i % -3, -i // 3, -i % 3, divmod(i, 4)),
    "by each other": lambda i, j: (i // j, i % j, j // i, j % i, np.floor_divide(-i, j), np.mod(i, j)),
    "real numbers": lambda i, j: (i / 2, i + 0.5, i * 1.0, np.sqrt(i * i), i**-1, 2.0**j, np.mean(i)),
    "powers": lambda i, j: (i**2, i**3, i**0, i**1, np.square(j)),
    "order": lambda i, j: (i < j, i <= 7, i == j, i != j, i > 2.5, np.maximum(i, j), np.minimum(i, 2)),
    "bits": lambda i, j: ((i & 6) | 1, i ^ j, ~i, i << 3, i >> 1, np.bitwise_and(i, 3)),
    "conditions": lambda i, j: (i + (j > 0), (i > 0) * j, np.where(i > j, i, 0), np.logical_not(i), i * True),
    "functions": lambda i, j: (np.clip(i, -2, 5), np.sign(i - 3), np.abs(j), np.floor(i), np.isnan(i)),
    "to integers": lambda i, j: (np.floor(i / 3).astype(int), np.logical_not(i).astype(int),
        np.trunc(i * 0.7).astype(np.int64)),
}


@pytest.mark.parametrize("f", ARITHMETIC.values(), ids=ARITHMETIC)
@pytest.mark.parametrize(("i", "j"), [(7, -3), (-8, 5), (WHOLE, WHOLE[::-1].copy()), (WHOLE, 2)])
def test_arithmetic(f, i, j):
    if f is ARITHMETIC["real numbers"] and np.ndim(i):
        f = lambda i, j: (i / 2, i + 0.5, np.sqrt(i * i), 2.0**j, np.mean(i), np.square(j * 2.5))
    same(runs(f, i, j), f(i, j))


ROUNDED = [lambda x: round(x), lambda x: math.floor(x), lambda x: math.ceil(x), lambda x: math.trunc(x),
           lambda x: np.rint(x).astype(int), lambda x: (x // 1, x % 1)]


@pytest.mark.parametrize("f", ROUNDED, ids=range(len(ROUNDED)))
@pytest.mark.parametrize("x", [2.5, -2.5, 3.5, -0.3, 7.0])
def test_rounding(f, x):
    same(runs(f, x), f(x))


OF_ARRAYS = {
    "sums": lambda i: (np.sum(i), np.prod(i), np.max(i), np.min(i), np.cumsum(i), np.any(i), np.all(i > -9)),
    "counts": lambda i: (np.sum(i > 0), np.count_nonzero(i), np.mean(i > 0), np.sum(i > 0, keepdims=True)),
    "products": lambda i: (i @ i, i * np.arange(3), np.outer(i, i), i @ np.ones(3)),
    "joins": lambda i: (np.stack([i, i + 1]), np.concatenate([i, i * 2]), np.stack([i[0], 1]), i[::-1],
        i[None]),
    "like it": lambda i: (np.zeros_like(i) + i, i.reshape(3, 1) - i, i[[0, 0, 2]], i.T, np.broadcast_to(i,
        (2, 3))),
    "order": lambda i: (np.argsort(i), np.argmax(i), np.argmin(i), np.sort(i), np.searchsorted([-3, 0, 4],
        i)),
    "gathered": lambda i: (np.take(i, i, mode="wrap"), i[i % 3], np.take_along_axis(i, np.argsort(i), 0)),
}


@pytest.mark.parametrize("f", OF_ARRAYS.values(), ids=OF_ARRAYS)
def test_of_arrays(f):
    same(runs(f, WHOLE), f(WHOLE))


SORTED = [np.array([3.0, 1.0, 2.0]), np.array([np.nan, 1.0, np.inf, -np.inf, 0.5]),
    np.cos(np.arange(100.0) ** 2),
          np.cos(np.arange(24.0)).reshape(2, 3, 4), np.sin(np.arange(17.0)), np.array([2.0])]


@pytest.mark.parametrize("x", SORTED, ids=range(len(SORTED)))
def test_sorting(x):
    for axis in (-1, 0, None):
        f = lambda x: (np.sort(x, axis=axis), np.argsort(x, axis=axis), np.argmax(x, axis=axis),
                       np.argmin(x, axis=axis))
        same(runs(f, x), f(x))
    same(runs(lambda x: np.argmax(x, axis=0, keepdims=True), x), np.argmax(x, axis=0, keepdims=True))


def test_equal_elements():
    """Stable sorts run as machine code; in others, NumPy decides."""
    x = np.floor(np.cos(np.arange(200.0)) * 3)
    f = lambda x: np.argsort(x, kind="stable")
    same(runs(f, x), f(x))
    g = dp.compile(lambda x: np.argsort(x))
    same(g(x), np.argsort(x))


def test_searching():
    a, v = np.array([-1.0, 0.0, 0.0, 2.0, np.nan]), np.array([[-2.0, 0.0], [np.nan, 2.0]])
    for side in ("left", "right"):
        f = lambda v: (np.searchsorted(a, v, side=side), np.searchsorted(a, v[0, 1], side),
                       np.digitize(v, [0.0, 1.0, 2.0], right=side == "left"), np.digitize(v, [2.0, 0.0]))
        same(runs(f, v), f(v))


def test_random_numbers_of_a_linear_congruence():
    f = lambda s: dp.scan(lambda s, _: ((1103515245 * s + 12345) % 2**31, s / 2**31), s, length=50)
    same(runs(f, 42), f(42))


BEYOND = 2**53 + 1                               # which no real number of 64 bits is


@pytest.mark.parametrize("f", [
    lambda k, x: 1.0 if k > x else 2.0, lambda k, x: 1.0 if x < k else 2.0,
    lambda k, x: np.where(k == x, 1.0, 2.0),
    lambda k, x: min(k, x), lambda k, x: max(x, k), lambda k, x: 1.0 if x - 1.0 <= k <= x else 2.0,
    lambda k, x: 1.0 if k > 2.0**53 else 2.0, lambda k, x: 1.0 if k > 3.5 else x])
def test_an_integer_is_compared_with_a_real_number_exactly(f):
    compiled = dp.compile(f)
    for k in (3, BEYOND, BEYOND + 1, -BEYOND):
        for x in (3.0, 2.0**53, 2.0**53 + 2, -(2.0**53), np.nan, np.inf):
            np.testing.assert_array_equal(compiled(k, x), f(k, x))


def test_the_power_of_an_integer_does_not_wrap_around():
    for f in (lambda k: k**3, lambda k: k**2, lambda k: np.square(k) * 1.0 if k < 2**20 else k * k):
        compiled = dp.compile(f)
        for k in (3, -7, 2**21, 2**22, 2**32):
            assert compiled(k) == f(k)
