"""Indices of every kind mean what they mean to NumPy: values, gradients, shapes and kinds."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tinydp as dp
from tinydp.ad.compile.expressions import Affine, Buffer, Load
from tinydp.ad.compile.views import chosen, only_reshapes, whole

pytestmark = pytest.mark.usefixtures("interpreted")
SETTINGS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
SHAPES = [(4,), (1,), (3, 4), (4, 1), (2, 3, 4), (3, 1, 2), (2, 3, 2, 3)]


def array_of(shape):
    return np.cos(np.arange(math.prod(shape)) + 1.0).reshape(shape)


@st.composite
def shapes_and_indices(draw):
    """A shape, and an index into such arrays: slices, integers, lists, masks, None and an ellipsis."""
    shape = draw(st.sampled_from(SHAPES))
    together = draw(st.sampled_from([(), (1,), (2,), (3,), (2, 1), (2, 3), (0,)]))
    parts, axis, dots = [], 0, False
    while axis < len(shape) or draw(st.integers(0, 3)) == 3:
        kind = draw(st.sampled_from(["slice", "integer", "array", "list", "mask", "none", "dots", "stop"]))
        side = shape[axis] if axis < len(shape) else None
        if kind == "stop" and not draw(st.booleans()):
            break
        if kind == "none":
            parts.append(None)
        elif kind == "dots" and not dots:
            parts.append(...)
            axis, dots = axis + draw(st.integers(0, len(shape) - axis)), True
        elif side is None:
            continue
        elif kind == "slice":
            ends = st.none() | st.integers(-side - 1, side + 1)
            parts.append(slice(draw(ends), draw(ends), draw(st.sampled_from([None, 1, 2, -1, -2, 3]))))
            axis += 1
        elif kind == "integer":
            i = draw(st.integers(-side, side - 1))
            parts.append(draw(st.sampled_from([int, np.int8, np.array]))(i))
            axis += 1
        elif kind in ("array", "list"):
            sides = draw(st.sampled_from([together, together[1:], (1,) * len(together)]))
            size = math.prod(sides)
            some = st.lists(st.integers(-side, side - 1), min_size=size, max_size=size)
            numbers = np.array(draw(some), dtype=int).reshape(sides)
            parts.append(numbers if kind == "array" else numbers.tolist())
            axis += 1
        elif kind == "mask":
            n = draw(st.integers(1, min(2, len(shape) - axis)))
            size = math.prod(shape[axis : axis + n])
            mask = draw(st.lists(st.booleans(), min_size=size, max_size=size))
            parts.append(np.array(mask).reshape(shape[axis : axis + n]))
            axis += n
    index = tuple(parts)
    return shape, index[0] if len(index) == 1 and draw(st.booleans()) else index


def right(shape, index):
    """What NumPy has at such an index; None if there is no such thing."""
    try:
        return np.asarray(array_of(shape)[index])
    except IndexError:
        return None


EXAMPLES = [
    ((2, 4), (None, [0, 1], ..., -1)), ((3, 4), ([0, 2], ..., [1, 1])), ((3, 4), (..., [0, 2], 1)),
    ((2, 3, 4), (None, [0, 1], ..., -1)), ((2, 3, 4), ([0, 1], None, slice(None), [1, 2])),
    ((2, 3, 4), (0, slice(None), [1, 0, 3])), ((2, 3, 4), (slice(None), 0, [1, 2])),
    ((2, 3, 4), ([[0], [1]], slice(None), [1, 2, 3])), ((2, 3, 4), (..., [0, 2], None)),
    ((2, 3, 4), (np.array(1), slice(None), np.array(2))), ((2, 3, 4), (np.ones((2, 3), bool), None)),
    ((2, 3, 4), (slice(None), np.array([[True, False, True, True]] * 3))), ((4,), []), ((4,), ([], None)),
    ((3, 4), (slice(5, 1), [0, 1])), ((3, 4), ([2, 1, 0], [0, 1, 2])), ((3, 4), ([[0, 1]], [[0], [1]])),
    ((2, 3, 2, 3), (0, None, [0, 1], slice(None), -1)),
    ((3, 4), (slice(None, None, -1), slice(None, None, -2))),
    ((3, 4), ([-1, -1, 0],)), ((2, 3), ([[0], [1]], [[0, 1, 2]])), ((2, 3), ([[0, 1]], [[0], [1], [2]])),
]


def compare(shape, index):
    x, expected = array_of(shape), right(shape, index)
    weights = np.sin(np.arange(expected.size) + 2.0).reshape(expected.shape)
    of = lambda x: np.sum(x[index] * x[index] * weights)
    compiled = dp.compile(lambda x: x[index])
    found = compiled(x)
    assert np.shape(found) == expected.shape
    np.testing.assert_array_equal(found, expected)
    gradient = np.zeros(shape)
    np.add.at(gradient, index, 2 * expected * weights)
    np.testing.assert_allclose(dp.grad(of)(x), gradient, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(dp.grad(dp.compile(of))(x), gradient, rtol=1e-14, atol=1e-14)
    conditions = dp.compile(lambda x: (x > 0.1)[index])(x)
    assert np.asarray(conditions).dtype == bool
    np.testing.assert_array_equal(conditions, expected > 0.1)


@pytest.mark.parametrize(("shape", "index"), EXAMPLES, ids=str)
def test_indices(shape, index):
    compare(shape, index)


@SETTINGS
@given(drawn=shapes_and_indices())
def test_any_index(drawn, interpreted):
    shape, index = drawn
    if right(shape, index) is None:
        with pytest.raises(IndexError):
            dp.compile(lambda x: x[index])(array_of(shape))
    else:
        compare(shape, index)


@SETTINGS
@given(first=shapes_and_indices(), data=st.data())
def test_an_index_of_an_index(first, data, interpreted):
    """Slices of what was rearranged, turned, spread: all these change only how an index is written."""
    shape, index = first
    y = right(shape, index)
    if y is None or not y.ndim:
        return
    k = data.draw(st.integers(0, 4))
    views = [lambda z: np.flip(z, k % z.ndim), lambda z: np.swapaxes(z, 0, k % z.ndim),
             lambda z: np.expand_dims(z, -1 - k % z.ndim),
             lambda z: np.broadcast_to(z, (2, *z.shape)), lambda z: z.T, lambda z: z[..., None, ::-1],
             lambda z: z[[0, -1]] if len(z) else z, lambda z: np.ravel(z)]
    chain = data.draw(st.lists(st.sampled_from(views), min_size=1, max_size=3))

    def f(x):
        y = x[index]
        for view in chain:
            y = view(y)
        return y

    def loss(x):
        y = f(x)
        return np.sum(y * np.sin(np.arange(y.size) + 2.0).reshape(y.shape))

    x = array_of(shape)
    found, expected = dp.compile(f)(x), f(x)
    assert np.shape(found) == expected.shape
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(dp.grad(dp.compile(loss))(x), dp.grad(loss)(x), rtol=1e-13, atol=1e-13)


def value_of(x, arrays):
    """What an expression of indices is worth."""
    if isinstance(x, Load):
        return arrays[x.buffer][tuple(value_of(i, arrays) for i in x.index)]
    return x.start + x.stride * value_of(x.of, arrays) if isinstance(x, Affine) else x


@SETTINGS
@given(drawn=shapes_and_indices())
def test_elements_are_found_where_numpy_has_them(drawn, interpreted):
    """The expressions themselves, without a program around."""
    shape, index = drawn
    x = array_of(shape)
    if right(shape, index) is None:
        return
    memory = Buffer("x", shape, "f")
    arrays = {memory: x}

    def table(positions):
        buffer = Buffer("positions", positions.shape, "i")
        arrays[buffer] = positions
        return buffer

    array = chosen(whole(memory), lambda places: places[index], table)
    assert array.shape == x[index].shape
    for at in np.ndindex(array.shape):
        assert value_of(array.at(at), arrays) == x[index][at]
    y = np.asarray(x[index])
    assert only_reshapes(index, shape) == (y.size == x.size and np.array_equal(y.ravel(), x.ravel()))


def test_a_large_array_is_indexed_without_a_copy_of_its_positions():
    huge = (10**6, 10**6)
    array = chosen(whole(Buffer("x", huge, "f")), lambda places: places[::-1, 3:, None], None)
    assert array.shape == (10**6, 10**6 - 3, 1)
    first, second = array.at((5, 7, 0)).index
    assert (value_of(first, {}), value_of(second, {})) == (999_994, 10)


# ---------------------------------------------------------------------------- kinds

M = array_of((3, 4))


@pytest.mark.parametrize("f", [
    lambda x: (x > 0).T, lambda x: (x > 0).T.reshape(2, 6), lambda x: np.ravel((x > 0)[:, ::-1]),
    lambda x: [x > 0, (x > 0)[0], (x > 0)[0, 1]], lambda x: np.stack([x[0] > 0, x[1] < 0], axis=-1),
    lambda x: np.broadcast_to(x[0] > 0, (2, 4)), lambda x: np.concatenate([x > 0, x > 1])[[2, 0, 5]],
    lambda x: np.any(x > 0, axis=0, keepdims=True), lambda x: np.all(x > 0), lambda x: x[0, 0] > 0,
    lambda x: np.logical_not(x > 0), lambda x: np.isnan(x), lambda x: np.isfinite(x[0, 0]),
    lambda x: np.where(x > 0, x > 0.5, x < -0.5), lambda x: np.array([True, False]), lambda x: True,
    lambda x: (np.array([True, False]), x > 0, np.array([True, False])),
    lambda x: dp.scan(lambda c, r: (np.logical_not(c), (c, r > 0)), x[0] > 0, x),
    lambda x: dp.scan(lambda c, r: ((c[1], r > 0), c[0]), (x[0] > 0, x[1] > 0), x),
    lambda x: dp.scan(lambda c, r: ((c[1][::-1], c[0]), None), (x[0] > 0, x[1] > 0), length=3),
    lambda x: dp.scan(lambda c, r: (c, (r.T > 0, np.array([True, False]), True)), 0.0, np.stack([x, 2 * x])),
    lambda x: dp.scan(lambda c, r: (c, r), 0.0, x > 0),
    lambda x: dp.scan(lambda c, r: (r, c), False, x[0] > 0),
    lambda x: (x > 0)[:, None][:, 0, ::2].reshape(6, 1), lambda x: np.squeeze((x > 0)[1:2]),
    lambda x: (x[:, 0] > 0) & (x[:, 1] > 0), lambda x: np.roll(x > 0, 1, axis=0), lambda x: np.signbit(x),
    lambda x: np.where(x > 0, True, 0.5), lambda x: np.where(x[0, 0] > 0, x[0, 1] > 0, 0.5),
], ids=range(30))
def test_conditions_stay_conditions(f):
    """Numbers are float64, and conditions bool, wherever a result has been."""
    compiled = dp.compile(f)
    for x in (M, -M):
        mine, theirs = (dp.ad.tree.flatten(y)[0] for y in (compiled(x), f(x)))
        for a, b in zip(mine, theirs, strict=True):
            assert np.asarray(a).dtype == np.asarray(b).dtype
            assert np.shape(a) == np.shape(b)
            np.testing.assert_array_equal(a, b)


def test_numba_has_conditions_for_conditions():
    def f(x):
        turned = (x > 0).T
        (last, _), rows = dp.scan(lambda c, r: ((c[1][::-1], c[0]), r[::-1] > 0.2), (turned[0], turned[1]), x)
        return turned.reshape(2, 6), last, rows, np.any(x > 0), x[None, [0, 1], ..., -1], x[0, 0] > 0

    mine, theirs = dp.compile(f)(M), f(M)
    for a, b in zip(mine, theirs, strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_array_equal(a, b)
