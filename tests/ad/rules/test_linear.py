"""The rules of the products of vectors and matrices."""

import functools
import operator

import numpy as np
import pytest
from hypothesis import strategies as st

from tinydp import grad, record, vjp
from tinydp.ad.errors import UnsupportedArgumentError
from tinydp.ad.rules.linear import dot, einsum

from .cases import REAL, SIDE, DrawnCall, broadcasting, case, shapes
from .checks import check_first_order, rules_test

LENGTH = st.integers(0, 6)                       # of the axis that is summed


@st.composite
def multiplied(draw):
    """Vectors, matrices and stacks of matrices that broadcast, in all combinations."""
    n, k, m = draw(SIDE), draw(LENGTH), draw(SIDE)
    stack_a, stack_b = draw(broadcasting(2))
    a = draw(st.sampled_from([(k,), (n, k), (*stack_a, n, k)]))
    b = draw(st.sampled_from([(k,), (k, m), (*stack_b, k, m)]))
    return a, b


@st.composite
def contracted(draw, axis):
    """Shapes of 0 to 3 dimensions; the last of `a` is as long as this axis of `b`."""
    a, b, length = draw(shapes()), draw(shapes()), draw(LENGTH)
    if a and b:
        k = max(len(b) + axis, 0)
        a, b = (*a[:-1], length), (*b[:k], length, *b[k + 1:])
    return a, b


@st.composite
def of_stacks(draw):
    """Any array, and a stack of matrices; or a stack and a vector."""
    stack, length = draw(shapes(2, 2)), draw(LENGTH)
    b = draw(st.sampled_from([(length,), (2, length, 3), (1, 2, length, 1)]))
    return (*stack, length), b


def of_one_size(shape):
    """Shapes with equally many elements."""
    return st.tuples(st.just(shape), st.sampled_from([shape, (int(np.prod(shape)),)]))


def pairs_of_axes(a, b):
    """All `axes` of tensordot that fit: how many, or which, also counted from the end."""
    counts = [n for n in range(min(len(a), len(b)) + 1) if a[len(a) - n:] == b[:n]]
    pairs = [(i, j) for i, n in enumerate(a) for j, m in enumerate(b) if n == m]
    ones = [((i,), (j - len(b),)) for i, j in pairs] + [(i - len(a), j) for i, j in pairs]
    twos = [((i, k), (j, m)) for i, j in pairs for k, m in pairs if i != k and j != m]
    return st.fixed_dictionaries({"axes": st.sampled_from(counts + ones + twos)})


# Subscripts of one, two and three arrays: sums, diagonals, broadcast axes, implied results
SUBSCRIPTS = [
    "ij->", "ij->j", "ij->ji", "ji", "ii", "ii->i", "iij->ij", "iii->i", "iji->",
    "...i->...", "...ii->i...", "i...", "i...->...",
    "ij,jk", "ij,jk->ki", "i,i", "i,j->ji", "ij,ij->i", "ij,k->ik", "ii,i->", "ij,jj->i", ",i->i", "ij, j",
    "...ij,...jk->...ik", "i...,i...", "...,...",
    "ij,jk,kl", "i,j,k->", "ij,j,i->", "i,ij,ik->jk", "ii,jj,i->j",
]


@functools.cache
def fits(subscripts, *shapes):
    filled = ([n or 5 for n in shape] for shape in shapes)           # NumPy lets 0 pass for any length
    try:
        np.einsum(subscripts, *map(np.zeros, filled))
    except ValueError:
        return False
    return True


def summed(*shapes):
    """All subscripts that fit."""
    fitting = [subscripts for subscripts in SUBSCRIPTS if fits(subscripts, *shapes)]
    return st.fixed_dictionaries({"subscripts": st.sampled_from(fitting)},
                                 optional={"optimize": st.booleans()})


@st.composite
def labelled(draw, count):
    """Shapes that fit some subscripts; the first may be thin, all of its sides 1."""
    subscripts = draw(st.sampled_from([s for s in SUBSCRIPTS if s.count(",") == count - 1]))
    sides = {c: draw(SIDE) for c in "ijkl"}
    stack = draw(shapes(0, 2))
    drawn = []
    for labels in subscripts.replace(" ", "").split("->")[0].split(","):
        before, dots, after = labels.partition("...")
        own = stack[draw(st.integers(0, len(stack))):] if dots else ()
        drawn.append((*(sides[c] for c in before), *own, *(sides[c] for c in after)))
    if count > 1 and draw(st.booleans()):
        thin = (1,) * len(drawn[0])
        drawn = [thin, *drawn[1:]] if fits(subscripts, thin, *drawn[1:]) else drawn
    return tuple(drawn)


def of_einsum(*arrays, subscripts, **options):
    return np.einsum(subscripts, *arrays, **options)


@st.composite
def chained(draw):
    """Four factors of a chain of products; the ends may be vectors."""
    a, b, c, d, e = (draw(SIDE) for _ in range(5))
    return draw(st.sampled_from([(a, b), (b,)])), (b, c), (c, d), draw(st.sampled_from([(d, e), (d,)]))


def of_chain(*arrays):
    return np.linalg.multi_dot(arrays)


@st.composite
def applied(draw, to_the_right):
    """A matrix and a vector, or stacks of them that broadcast, in this order or the other."""
    n, m, (stack_a, stack_x) = draw(SIDE), draw(SIDE), draw(broadcasting(2))
    matrix, vector = (*stack_a, m, n), (*stack_x, n)
    return (matrix, vector) if to_the_right else (vector, (*stack_a, n, m))


def with_axis(n):
    """Shapes that broadcast together, with an axis of length `n` in the end."""
    return broadcasting(2).map(lambda drawn: tuple((*shape, n) for shape in drawn))


def last_axis(a, b):
    return st.fixed_dictionaries({}, optional={"axis": st.just(-1)})


TWO = st.tuples(shapes(), shapes())
SMALL = st.tuples(*2 * [shapes(side=st.integers(1, 2))])

CASES = [
    case(np.matmul,       REAL, REAL, shapes=multiplied()),
    case(operator.matmul, REAL, REAL, shapes=multiplied()),
    case(np.dot,          REAL, REAL, shapes=contracted(-2)),
    case(np.dot,          REAL, REAL, shapes=of_stacks(), reaches=[(dot, 0), (dot, 1)]),
    case(np.inner,        REAL, REAL, shapes=contracted(-1)),
    case(np.vdot,         REAL, REAL, shapes=shapes().flatmap(of_one_size)),
    case(np.outer,        REAL, REAL, shapes=TWO),
    case(np.tensordot,    REAL, REAL, shapes=SMALL, options=pairs_of_axes),
    case(np.kron,         REAL, REAL, shapes=TWO),
    case(np.cross,        REAL, REAL, shapes=with_axis(3)),
    case(np.vecdot,       REAL, REAL, shapes=LENGTH.flatmap(with_axis)),

    case(np.einsum,       REAL,             shapes=labelled(1), options=summed, call=of_einsum),
    case(np.einsum,       REAL, REAL,       shapes=labelled(2), options=summed, call=of_einsum,
         reaches=[(einsum, 0), (einsum, 1)]),
    case(np.einsum,       REAL, REAL, REAL, shapes=labelled(3), options=summed, call=of_einsum),

    case(np.linalg.matmul,    REAL, REAL, shapes=multiplied().filter(lambda drawn: min(map(len, drawn)) > 1)),
    case(np.linalg.outer,     REAL, REAL, shapes=st.tuples(shapes(1, 1), shapes(1, 1))),
    case(np.linalg.tensordot, REAL, REAL, shapes=SMALL, options=pairs_of_axes),
    case(np.linalg.cross,     REAL, REAL, shapes=with_axis(3)),
    case(np.linalg.vecdot,    REAL, REAL, shapes=LENGTH.flatmap(with_axis), options=last_axis),
    case(np.linalg.multi_dot, REAL, REAL, REAL, REAL, shapes=chained(), call=of_chain),
]

if hasattr(np, "matvec"):                        # since NumPy 2.2
    CASES += [
        case(np.matvec,   REAL, REAL, shapes=applied(True)),
        case(np.vecmat,   REAL, REAL, shapes=applied(False)),
    ]


test_rule = rules_test(CASES)


@pytest.mark.parametrize("case", [case for case in CASES if case.call is case.rule], ids=str)
@pytest.mark.parametrize("traced", [0, 1])
def test_other_argument_is_a_list(case, traced):
    args = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    if case.call.__name__ in ("matvec", "vecmat"):
        args[case.call.__name__ == "vecmat"] = [[1.0, 2.0, 3.0], [2.0, 4.0, 1.0], [3.0, 2.0, 5.0]]
    args[traced] = np.array(args[traced])
    options = {"axes": 1} if case.rule in (np.tensordot, np.linalg.tensordot) else {}
    check_first_order(DrawnCall(case.call, tuple(args), (traced,), options, seed=0))


# ---------------------------------------------------------------------------- one by one

A, B = np.random.default_rng(0).normal(size=(2, 2, 3, 3))


@pytest.mark.parametrize(("lists", "subscripts"), [
    ([A, [0, 1, 2], B, [0, 2, 3], [3, 1]],                             "abc,acd->db"),
    ([A, [0, 1, 2], B, [0, 2, 3]],                                     "abc,acd"),
    ([A, [Ellipsis, 1, 2], B, [Ellipsis, 2, 3], [Ellipsis, 3, 1]],     "...bc,...cd->...db"),
    ([A[0], [30, 1]],                                                  "eB"),
    ([A[0], [3, 3]],                                                   "aa"),
])
def test_einsum_of_lists(lists, subscripts):
    arrays = tuple(lists[: len(lists) // 2 * 2 : 2])

    def f(*xs):
        return np.einsum(*(xs[i // 2] if isinstance(part, np.ndarray) else part
                           for i, part in enumerate(lists)))

    y, pullback = vjp(f, *arrays)
    assert np.array_equal(y, np.einsum(*lists))
    expected, pull = vjp(lambda *xs: np.einsum(subscripts, *xs), *arrays)
    assert np.array_equal(y, expected)
    for found, g in zip(pullback(y), pull(y), strict=True):
        assert np.array_equal(found, g)


def test_einsum_complains_like_numpy():
    for subscripts in ("ij,jk", "ij->k", "i", "...->"):
        with pytest.raises(ValueError, match=r"einstein|operand"):
            grad(lambda x, s=subscripts: np.einsum(s, x))(A[0])


@pytest.mark.parametrize("axes", [
    {"axis": 0}, {"axisa": 0, "axisb": 0}, {"axisa": 0, "axisb": 0, "axisc": 0},
    {"axisa": 1, "axisb": 0, "axisc": 1}])
def test_axes_of_cross(axes):
    check_first_order(DrawnCall(np.cross, (A[0], B[0]), (0, 1), axes, seed=0))
    y, _ = vjp(lambda a, b: np.cross(a, b, **axes), A[0], B[0])
    assert np.array_equal(y, np.cross(A[0], B[0], **axes))


def test_cross_in_the_plane_is_refused():
    with pytest.raises(UnsupportedArgumentError):
        grad(lambda a: np.cross(a, [1.0, 2.0]))(np.ones(2))


@pytest.mark.parametrize("count", [2, 3, 5])
def test_multi_dot_of(count):
    arrays = tuple(np.random.default_rng(0).normal(size=(k + 1, k + 2)) for k in range(count))
    check_first_order(DrawnCall(lambda *xs: np.linalg.multi_dot(xs), arrays, (0, count - 1), {}, seed=0))


def test_multi_dot_takes_the_cheapest_order():
    """From the left, the product of a column and a row would come first: a large matrix."""
    column, row = np.ones((100, 1)), np.ones((1, 100))
    tape = record(lambda x: np.linalg.multi_dot([column, row, x, row]), column)
    assert max(node.value.size for node in tape if node.op.name == "matmul") == 100 * 100
    assert sum(node.value.size for node in tape if node.op.name == "matmul") < 100 * 100 + 200
