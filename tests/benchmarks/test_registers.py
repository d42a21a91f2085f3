"""What the limits are made of: the same as NumPy's."""

import numpy as np
import pytest

from benchmarks.registers import aligned, copied, fast, sin_and_cos, tanh, tile


@pytest.mark.parametrize(("height", "width", "sets", "count"), [(1, 24, 2, 6), (4, 12, 1, 5), (2, 3, 1, 4)])
def test_a_tile_is_a_part_of_a_product(height, width, sets, count):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(height + 1, count)), rng.normal(size=(count, width + 2))
    start = rng.normal(size=width)
    out = np.zeros((height, width + 1))
    product = tile(height, width, sets)
    fast(lambda *args: product(*args))(out, 1, width + 1, start, a, count, count, 1, b, 2, width + 2, count)
    np.testing.assert_allclose(out[:, 1:], start + a[1:] @ b[:, 2:], 1e-13)
    assert not out[:, 0].any()


def test_elementary_functions():
    x = np.concatenate([np.linspace(-30.0, 30.0, 1001), 10.0 ** np.arange(-9, 4)])
    np.testing.assert_allclose([tanh(a) for a in x], np.tanh(x), 1e-15, 0.0)
    found = np.array([sin_and_cos(a) for a in x])
    np.testing.assert_allclose(found, np.stack([np.sin(x), np.cos(x)], 1), 0.0, 3e-16)


def test_memory_begins_at_a_line_of_the_cache():
    assert aligned(3, 5).ctypes.data % 64 == 0
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(copied(x.T), x.T)
