"""Arrays that a function makes while it is traced, and nobody else has, cannot change: so nobody looks."""

import numpy as np

import tinydp as dp
from tinydp.ad.compile.held import Arrays


def watched(f, *args):
    compiled = dp.compile(f)
    assert np.array_equal(compiled(*args), f(*args))
    return compiled


def test_only_what_somebody_else_has_is_watched():
    arrays, mine, views = Arrays(), np.arange(3.0), np.arange(6.0)
    arrays.watch(mine)
    arrays.watch(np.arange(4.0))
    arrays.watch(np.arange(4.0).reshape(2, 2))   # a view of memory that nobody else has
    arrays.watch(views.reshape(2, 3))            # ... and one of ours
    assert [x.size for x, _ in arrays.changing()] == [3, 6]


def test_a_view_is_read_again_where_its_array_changes():
    base = np.arange(6.0)
    compiled = watched(lambda x: base[1:4] * x + base.reshape(2, 3)[0], np.ones(3))
    base[:] = 7.0
    assert np.array_equal(compiled(np.ones(3)), [14.0, 14.0, 14.0])


def test_an_array_that_a_function_keeps_is_read_again():
    kept = []

    def f(x):
        if not kept:
            kept.append(np.arange(3.0))
        return kept[0] * x

    f(np.ones(3))
    compiled = watched(f, np.ones(3))
    kept[0][:] = 5.0
    assert np.array_equal(compiled(np.ones(3)), [5.0, 5.0, 5.0])
