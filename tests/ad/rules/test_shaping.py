"""The rules of the functions that move elements about: reshaping, joining, indexing."""

import operator

import numpy as np
import pytest
from hypothesis import strategies as st

from tinydp import defvjp, grad, primitive, vjp
from tinydp.ad.errors import UnsupportedArgumentError
from tinydp.ad.parts import scatter
from tinydp.ad.primitives import pick
from tinydp.ad.rules.shaping import getitem, joined, padded, python_row, stacked

from .cases import (
    ANY,
    ARRAYS,
    FULL,
    FULL_ARRAYS,
    FULL_SIDE,
    NONZERO,
    REAL,
    SIDE,
    alike,
    axis_of,
    case,
    shapes,
    some_axes,
)
from .checks import flat_test, rules_test

# ---------------------------------------------------------------------------- options

PADS_BY_DICT = np.lib.NumpyVersion(np.__version__) >= "2.4.0"
ORDER = {"order": st.sampled_from("CF")}


def reshapes(shape):
    size = int(np.prod(shape))
    targets = [size, (size,), shape[::-1], (1, *shape), (*shape, 1)] + [-1, (-1, 1)] * (size > 0)
    return st.fixed_dictionaries({"shape": st.sampled_from(targets)}, optional=ORDER)


def orders(shape):
    return st.fixed_dictionaries({}, optional=ORDER)


def squeezes(shape):
    ones = [k for k, n in enumerate(shape) if n == 1]
    axis = st.none() | st.lists(st.sampled_from(ones), unique=True).map(tuple) if ones else st.none()
    return st.fixed_dictionaries({}, optional={"axis": axis})


def expansions(shape):
    n = len(shape)
    pair = st.tuples(axis_of(n + 2), axis_of(n + 2)).filter(lambda ks: (ks[0] - ks[1]) % (n + 2))
    return st.fixed_dictionaries({"axis": axis_of(n + 1) | pair})


def permutations(shape):
    n = len(shape)
    axes = st.permutations(range(n)) | st.permutations(range(-n, 0))
    return st.fixed_dictionaries({}, optional={"axes": st.none() | axes.map(tuple)})


def two_axes(shape):
    return st.fixed_dictionaries({"axis1": axis_of(len(shape)), "axis2": axis_of(len(shape))})


def moves(shape):
    n = len(shape)
    several = st.integers(0, n).flatmap(lambda k: st.tuples(*2 * [
        st.permutations(range(n)).map(lambda axes: tuple(axes[:k]))]))
    pair = st.tuples(axis_of(n), axis_of(n)) | several
    return pair.map(lambda drawn: dict(zip(("source", "destination"), drawn, strict=True)))


def stretched(shape):
    wide = st.tuples(*(SIDE if n == 1 else st.just(n) for n in shape))
    return st.builds(lambda new, old: {"shape": new + old}, shapes(0, 2), wide)


def joins(*shapes):
    """Any axis but for which the shapes agree, and None."""
    axes = [k for k in range(len(shapes[0])) if len({shape[:k] + shape[k + 1:] for shape in shapes}) == 1]
    axes += [k - len(shapes[0]) for k in axes]
    return st.fixed_dictionaries({"axis": st.sampled_from([*axes, None])})


def stacks(*shapes):
    return st.fixed_dictionaries({}, optional={"axis": axis_of(len(shapes[0]) + 1)})


@st.composite
def indices(draw, shape):
    """Any index that NumPy takes: numbers, slices, new axes, ..., masks, arrays with repeats."""
    n = len(shape)
    if draw(st.integers(0, 3)) == 0:
        return {"index": draw(masks(shape[:draw(st.integers(1, n))]))}
    repeats = draw(st.integers(0, 3))            # the length of the integer arrays, which broadcast
    parts = [draw(parts_of_index(length, repeats)) for length in shape]
    first, last = sorted((draw(st.integers(0, n)), draw(st.integers(0, n))))
    parts = draw(st.sampled_from([parts, parts[:first], [*parts[:first], Ellipsis, *parts[last:]]]))
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), None)
    return {"index": parts[0] if len(parts) == 1 and draw(st.booleans()) else tuple(parts)}


def parts_of_index(n, length):
    if n == 0:
        return st.just(slice(None))
    numbers = st.lists(axis_of(n), min_size=length, max_size=length)
    arrays = numbers.map(lambda numbers: np.array(numbers, dtype=int))
    return axis_of(n) | axis_of(n).map(np.int64) | st.slices(n) | arrays | numbers


def rolls(shape):
    shift, n = st.integers(-4, 4), len(shape)
    pairs = st.tuples(shift, shift).flatmap(lambda shifts: st.fixed_dictionaries(
        {"shift": st.just(shifts), "axis": st.tuples(axis_of(n), axis_of(n)) | axis_of(n)}))
    return pairs | st.fixed_dictionaries({"shift": shift, "axis": st.none() | axis_of(n)})


def turns(shape):
    axes = st.permutations(range(len(shape))).map(lambda axes: tuple(axes[:2]))
    return st.fixed_dictionaries({"k": st.integers(-5, 5), "axes": axes})


def offsets(name):
    return lambda *shapes: st.fixed_dictionaries({}, optional={name: st.integers(-3, 3)})


def planes(shape):
    n = len(shape)
    axes = st.permutations(range(n)) | st.permutations(range(-n, 0))
    axes = axes.map(lambda axes: {"axis1": axes[0], "axis2": axes[1]})
    return st.builds(dict.__or__, axes, offsets("offset")(shape))


def rolled(shape):
    n = len(shape)
    return st.fixed_dictionaries({"axis": axis_of(n)}, optional={"start": st.integers(-n, n)})


def repetitions(shape):
    return st.fixed_dictionaries({"reps": st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=4)})


def frames(*modes):
    """Widths in all forms that NumPy takes, and a mode."""
    def options(shape):
        width = st.integers(0, 4)
        pair = st.tuples(width, width)
        forms = width | pair | st.lists(pair, min_size=len(shape), max_size=len(shape))
        if PADS_BY_DICT:
            forms |= st.dictionaries(axis_of(len(shape)), width | pair, max_size=1)
        return st.fixed_dictionaries({"pad_width": forms, "mode": st.sampled_from(modes)})
    return options


def constants(shape):
    """The constant that is padded."""
    widths = st.integers(0, 3) | st.tuples(st.integers(0, 3), st.integers(0, 3))
    values = st.just(2.5) | st.just((1.0, -1.0))
    return st.fixed_dictionaries({"pad_width": widths}, optional={"constant_values": values})


def grids(*shapes):
    return st.fixed_dictionaries({}, optional={
        "indexing": st.sampled_from(["xy", "ij"]), "sparse": st.booleans()})


@st.composite
def cuts(draw, shape):
    """At any places, or into so many equal sections."""
    axis = draw(axis_of(len(shape)))
    sections = st.sampled_from([k for k in (1, 2, 3) if shape[axis] % k == 0])
    return {"axis": axis, "indices_or_sections": draw(sections | st.lists(st.integers(-3, 4), max_size=3))}


def cuts_along(axis):
    """The same, along one axis; of vectors there is only the first."""
    def options(shape):
        return cuts(shape[min(axis, len(shape) - 1):][:1]).map(
            lambda drawn: {"indices_or_sections": drawn["indices_or_sections"]})
    return options


@st.composite
def uneven_cuts(draw, shape):
    return {"axis": draw(axis_of(len(shape))), "indices_or_sections": draw(st.integers(1, 4))}


def one_axis(shape):
    return st.fixed_dictionaries({}, optional={"axis": axis_of(len(shape))})


def masks(shape):
    size = int(np.prod(shape))
    return st.lists(st.booleans(), min_size=size, max_size=size).map(
        lambda bits: np.array(bits, dtype=bool).reshape(shape))


# ---------------------------------------------------------------------------- shapes

def alike_but_for_axis(axis, least=1):
    """Three shapes of at least so many dimensions."""
    def lengthened(shape):
        return st.tuples(*3 * [SIDE.map(lambda n: (*shape[:axis], n, *shape[axis + 1:]))])
    return shapes(least).flatmap(lengthened)


def three(*choices):
    return st.tuples(*3 * [st.sampled_from(choices)])


ROWS = SIDE.flatmap(lambda n: three((n,), (0, n), (2, n)))
ROWS |= alike_but_for_axis(0, least=2)
PIECES = three((), (0,), (2,), (3,)) | alike_but_for_axis(1, least=2)
COLUMNS = SIDE.flatmap(lambda n: three((n,), (n, 0), (n, 2)))
LAYERS = SIDE.flatmap(lambda n: three((2, n), (2, n, 0), (2, n, 2))) | three((1, 3), (3,)) | three((), (1,))
MATRICES = st.tuples(shapes(2))
BOXES = st.tuples(shapes(3))
THREE_VECTORS = st.tuples(*3 * [shapes(1, 1)])
BLOCKS = st.builds(lambda a, b, c, stack: ((*stack, a, b), (*stack, a, c), (*stack, 2, b + c)),
                   SIDE, SIDE, SIDE, shapes(0, 1))
JOINED = alike_but_for_axis(0) | alike_but_for_axis(1, least=2) | alike_but_for_axis(2, least=3)


# ---------------------------------------------------------------------------- calls

def of_arrays(function):
    """The function of a list of arrays as a function of arrays."""
    return lambda *arrays, **options: function(arrays, **options)


def together(f):
    """The results of `f`, of any shapes, as one array."""
    def call(*args, **options):
        y = f(*args, **options)
        return np.concatenate([np.ravel(part) for part in y]) if isinstance(y, (list, tuple)) else y
    return call


def of_blocks(a, b, c):
    return np.block([[a, b], [c]])


def of_pieces(a, b, c):
    """A list of vectors and numbers."""
    return np.block([a, 2.0, b[0], c])


@primitive
def halves(x):
    """A node with several results."""
    return np.sin(x), x * x


defvjp(halves, lambda g, y, x: g[0] * np.cos(x) + g[1] * 2 * x)


def of_halves(x):
    a, b = halves(x)
    return a * b


def of_elements(x):
    """Its gradient arrives in parts."""
    return x[0] * x[-1] + x[[0, 0]].sum() * x[0]


CASES = [
    case(np.reshape,      REAL, shapes=ANY,      options=reshapes),
    case(np.ravel,        REAL, shapes=ANY,      options=orders),
    case(np.squeeze,      REAL, shapes=FULL,     options=squeezes),
    case(np.expand_dims,  REAL, shapes=ANY,      options=expansions),
    case(np.transpose,    REAL, shapes=ANY,      options=permutations),
    case(np.swapaxes,     REAL, shapes=ARRAYS,   options=two_axes),
    case(np.moveaxis,     REAL, shapes=ARRAYS,   options=moves),
    case(np.broadcast_to, REAL, shapes=ANY,      options=stretched),
    case(np.copy,         REAL, shapes=ANY,      options=orders),
    case(np.flip,         REAL, shapes=ANY,      options=some_axes),
    case(np.fliplr,       REAL, shapes=MATRICES),
    case(np.flipud,       REAL, shapes=ARRAYS),
    case(np.roll,         REAL, shapes=ARRAYS,   options=rolls),
    case(np.rot90,        REAL, shapes=MATRICES, options=turns),
    case(np.tril,         REAL, shapes=ARRAYS,   options=offsets("k")),
    case(np.triu,         REAL, shapes=ARRAYS,   options=offsets("k")),
    case(np.rollaxis,     REAL, shapes=ARRAYS,   options=rolled),
    case(np.tile,         REAL, shapes=ANY,      options=repetitions),
    case(np.full_like,    REAL, shapes=ANY,      call=lambda x: np.full_like(x, np.sum(x))),
    case(np.atleast_1d,   REAL, shapes=ANY),
    case(np.atleast_2d,   REAL, shapes=ANY),
    case(np.atleast_3d,   REAL, shapes=ANY),
    case(np.atleast_2d,   REAL, REAL, REAL, shapes=THREE_VECTORS, call=together(np.atleast_2d)),
    case(np.matrix_transpose,        REAL, shapes=MATRICES),
    case(np.linalg.matrix_transpose, REAL, shapes=MATRICES),
    case(np.broadcast_arrays, REAL, REAL, REAL, call=together(np.broadcast_arrays)),
    case(np.meshgrid,     REAL, REAL, REAL, shapes=THREE_VECTORS, options=grids, call=together(np.meshgrid)),

    case(np.real,          REAL, shapes=ANY),
    case(np.real_if_close, REAL, shapes=ANY),
    case(np.conjugate,     REAL, shapes=ANY),

    case(np.diag,         REAL, shapes=st.tuples(shapes(1, 1)), options=offsets("k")),
    case(np.diag,         REAL, shapes=st.tuples(shapes(2, 2)), options=offsets("k")),
    case(np.diagflat,     REAL, shapes=ARRAYS,   options=offsets("k")),
    case(np.diagonal,     REAL, shapes=MATRICES, options=planes),
    case(np.trace,        REAL, shapes=MATRICES, options=planes),
    case(np.linalg.diagonal, REAL, shapes=MATRICES, options=offsets("offset")),
    case(np.linalg.trace, REAL, shapes=MATRICES, options=offsets("offset")),
    case(np.pad,          REAL, shapes=ARRAYS,   options=constants, reaches=[(padded, 0)]),
    case(np.pad,          REAL, shapes=FULL_ARRAYS,
         options=frames("constant", "edge", "reflect", "symmetric", "wrap")),

    case(np.concatenate,  REAL, REAL, REAL, shapes=JOINED,   options=joins,  call=of_arrays(np.concatenate),
         reaches=[(joined, 0), (joined, 1)]),
    case(np.stack,        REAL, REAL, REAL, shapes=alike(3), options=stacks, call=of_arrays(np.stack),
         reaches=[(stacked, 0), (stacked, 1)]),
    case(np.vstack,       REAL, REAL, REAL, shapes=ROWS,     call=of_arrays(np.vstack)),
    case(np.hstack,       REAL, REAL, REAL, shapes=PIECES,   call=of_arrays(np.hstack)),
    case(np.dstack,       REAL, REAL, REAL, shapes=LAYERS,   call=of_arrays(np.dstack)),
    case(np.column_stack, REAL, REAL, REAL, shapes=COLUMNS,  call=of_arrays(np.column_stack)),
    case(np.append,       REAL, REAL,       shapes=st.tuples(shapes(), shapes())),
    case(np.append,       REAL, REAL,       shapes=JOINED.map(lambda drawn: drawn[1:]), options=joins),
    case(np.block,        REAL, REAL, REAL, shapes=BLOCKS,   call=of_blocks),
    case(np.block,        REAL, REAL, REAL, shapes=st.tuples(*3 * [shapes(1, 1, FULL_SIDE)]), call=of_pieces),

    case(np.array_split,  REAL, shapes=ARRAYS,   options=uneven_cuts,   call=together(np.array_split)),
    case(np.split,        REAL, shapes=ARRAYS,   options=cuts,          call=together(np.split)),
    case(np.hsplit,       REAL, shapes=ARRAYS,   options=cuts_along(1), call=together(np.hsplit)),
    case(np.vsplit,       REAL, shapes=MATRICES, options=cuts_along(0), call=together(np.vsplit)),
    case(np.dsplit,       REAL, shapes=BOXES,    options=cuts_along(2), call=together(np.dsplit)),

    case(operator.getitem, REAL, shapes=ARRAYS, options=indices, call=lambda x, index: x[index],
         reaches=[(getitem, 0)]),
    case(python_row,       REAL, shapes=st.tuples(shapes(1, 1, FULL_SIDE)), call=lambda x: python_row(x, -1)),
    case(scatter,          REAL, shapes=FULL_ARRAYS, call=of_elements, reaches=[(scatter, 1)]),
    case(pick,             REAL, shapes=ANY, call=of_halves),
]

if hasattr(np, "unstack"):                       # since NumPy 2.1
    CASES += [
        case(np.unstack,  REAL, shapes=FULL_ARRAYS, options=one_axis, call=together(np.unstack)),
        case(np.astype,   REAL, shapes=ARRAYS,      call=lambda x: np.astype(x, float)),
    ]

FLAT = [
    case(np.shape,        REAL, shapes=ANY),
    case(np.ndim,         REAL, shapes=ANY),
    case(np.size,         REAL, shapes=ANY),
    case(np.zeros_like,   REAL, shapes=ANY),
    case(np.ones_like,    REAL, shapes=ANY),
    case(np.empty_like,   REAL, shapes=ANY,           call=lambda x: np.empty_like(x).shape),
    case(np.argsort,      REAL, shapes=ARRAYS),
    case(np.searchsorted, REAL, shapes=ANY,           call=lambda x: np.searchsorted([-1.0, 0.0, 1.0], x)),
    case(np.nonzero,      REAL, shapes=ARRAYS),
    case(np.flatnonzero,  REAL, shapes=ANY),
    case(np.argwhere,     REAL, shapes=ANY),
    case(np.result_type,  REAL, shapes=ANY,           call=lambda x: np.result_type(x).itemsize),
    case(np.imag,         REAL, shapes=ANY),
    case(np.angle,        NONZERO, shapes=ANY),
    case(np.isreal,       REAL, shapes=ANY),
    case(np.isrealobj,    REAL, shapes=ANY),
    case(np.iscomplex,    REAL, shapes=ANY),
    case(np.iscomplexobj, REAL, shapes=ANY),
    case(np.tril_indices_from, REAL, shapes=st.tuples(shapes(2, 2))),
    case(np.triu_indices_from, REAL, shapes=st.tuples(shapes(2, 2))),
    case(np.diag_indices_from, REAL, shapes=SIDE.map(lambda n: ((n, n),))),
]


test_rule = rules_test(CASES)
test_flat = flat_test(FLAT)


# ---------------------------------------------------------------------------- one by one

WEIGHTS = np.arange(1.0, 7.0)
FORTRAN = np.asfortranarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


@pytest.mark.parametrize("order", "CFAK")
def test_ravel_in_the_order_of_memory(order):
    gradient = grad(lambda x: np.sum(WEIGHTS * np.ravel(x, order=order)))(FORTRAN)
    assert np.array_equal(np.ravel(gradient), WEIGHTS if order == "C" else [1, 3, 5, 2, 4, 6])


@pytest.mark.parametrize("order", "CFA")
def test_reshape_in_the_order_of_memory(order):
    gradient = grad(lambda x: np.sum(WEIGHTS * np.reshape(x, 6, order=order)))(FORTRAN)
    assert np.array_equal(np.ravel(gradient), WEIGHTS if order == "C" else [1, 3, 5, 2, 4, 6])


REPEATS = (0, 0, 1)


@pytest.mark.parametrize("index", [
    [*REPEATS], np.array(REPEATS), ([*REPEATS], [1, 1, 0]), (REPEATS,), (REPEATS, slice(1)), (..., REPEATS),
], ids=str)
def test_repeated_index_adds_up(index):
    """Also a tuple in a tuple: NumPy takes any sequence as an array of integers."""
    x = np.ones((2, 2))
    expected = np.zeros((2, 2))
    np.add.at(expected, index, 1.0)
    assert np.array_equal(grad(lambda x: np.sum(x[index]))(x), expected)


@pytest.mark.parametrize("x", [np.array(3.0), np.array([3.0, 4.0])], ids=["number", "array"])
@pytest.mark.parametrize("index", [None, Ellipsis, (), (None, None)], ids=str)
def test_index_that_takes_all(index, x):
    (gradient,) = vjp(lambda x: x[index], x)[1](2.0 * x[index])
    np.testing.assert_equal(gradient, 2.0 * x)


@pytest.mark.parametrize("join", [np.concatenate, np.stack, np.vstack, np.hstack])
def test_joined_with_a_list(join):
    gradient = grad(lambda x: np.sum(join([[3.0, 4.0], x, [5.0, 6.0]]) ** 2))(np.array([1.0, 2.0]))
    assert np.array_equal(gradient, [2, 4])


def test_full_like_has_the_dtype_of_the_array():
    y, _ = vjp(lambda x: x * np.full_like(x, 2) ** -1, np.array([1.0, 2.0]))
    assert np.array_equal(y, [0.5, 1.0])


@pytest.mark.parametrize(("f", "g"), [
    (lambda x: np.sum(x, 1),                  lambda x: np.sum(x, axis=1)),
    (lambda x: np.max(x, 0),                  lambda x: np.max(x, axis=0)),
    (lambda x: np.linalg.norm(x, None, 1),    lambda x: np.linalg.norm(x, axis=1)),
    (lambda x: np.reshape(x, (3, 2), "F"),    lambda x: np.reshape(x, shape=(3, 2), order="F")),
    (lambda x: np.transpose(x, (1, 0)),       lambda x: np.transpose(x, axes=(1, 0))),
    (lambda x: np.swapaxes(x, 0, 1),          lambda x: np.swapaxes(a=x, axis1=0, axis2=1)),
    (lambda x: np.moveaxis(x, 0, 1),          lambda x: np.moveaxis(x, source=0, destination=1)),
    (lambda x: np.broadcast_to(x, (2, 2, 3)), lambda x: np.broadcast_to(array=x, shape=(2, 2, 3))),
    (lambda x: np.expand_dims(x, 0),          lambda x: np.expand_dims(x, axis=0)),
    (lambda x: np.concatenate([x, x], 1),     lambda x: np.concatenate([x, x], axis=1)),
    (lambda x: np.stack([x, x], 1),           lambda x: np.stack(arrays=[x, x], axis=1)),
])
def test_options_by_position_and_by_name(f, g):
    (y, pull_f), (same, pull_g) = vjp(f, FORTRAN), vjp(g, FORTRAN)
    assert np.array_equal(y, same)
    u = np.random.default_rng(0).normal(size=y.shape)
    assert np.array_equal(pull_f(u), pull_g(u))


@pytest.mark.parametrize("arrays", [lambda x: [[x, x], x], lambda x: [x, []], lambda x: [[x], []]])
def test_block_of_uneven_lists_is_refused(arrays):
    with pytest.raises(ValueError, match=r"List depths are mismatched|empty"):
        vjp(lambda x: np.block(arrays(x)), np.ones(2))


@pytest.mark.parametrize("options", [
    {"mode": "linear_ramp"}, {"mode": "mean"}, {"mode": "empty"}, {"mode": "reflect", "reflect_type": "odd"}])
def test_pad_refuses(options):
    with pytest.raises(UnsupportedArgumentError):
        vjp(lambda x: np.pad(x, 1, **options), np.ones(3))


@pytest.mark.skipif(not PADS_BY_DICT, reason="since NumPy 2.4")
def test_pad_by_axis():
    x = np.arange(6.0).reshape(2, 3)
    y, pullback = vjp(lambda x: np.pad(x, {0: (1, 2), -1: 1}), x)
    assert np.array_equal(pullback(y)[0], x)


def test_splitting_complains_like_numpy():
    for split in (lambda x: np.split(x, 2), lambda x: np.vsplit(x, 1), lambda x: np.array_split(x, 0)):
        with pytest.raises(ValueError, match=r"division|dimensions|sections"):
            vjp(lambda x, split=split: split(x)[0], np.ones(3))


@pytest.mark.parametrize("call", [
    "trace()", "diagonal(1)", "repeat(2, axis=0)", "take([0, 0], axis=1)", "prod(axis=0)", "cumsum()",
    "cumprod(1)", "var(ddof=1)", "std(axis=1)", "conj()", "swapaxes(0, 1)", "ravel()"])
def test_methods(call):
    """The methods of a traced array are NumPy's functions."""
    def method(x):
        return eval(f"x.{call}", {"x": x})

    def function(x):
        return eval(f"np.{call.replace('(', '(x, ')}", {"np": np, "x": x})

    (y, pull_y), (z, pull_z) = vjp(method, FORTRAN), vjp(function, FORTRAN)
    assert np.array_equal(y, z)
    assert np.array_equal(y, method(FORTRAN))
    assert np.array_equal(pull_y(y)[0], pull_z(z)[0])
