"""What a loop runs along: `range`, `enumerate`, `zip` and iterators mean what they mean in a `for`."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinydp as dp
from tinydp.ad.along import columns
from tinydp.ad.errors import LoopError

TABLE = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
ROW = np.array([0.5, -1.0, 2.0])

# how to write it, and what of: the arguments are arrays of 3 rows
WAYS = {
    "enumerate": lambda a, b: enumerate(a),
    "enumerate from 5": lambda a, b: enumerate(a, 5),
    "zip": lambda a, b: zip(a, b, strict=False),
    "strict zip": lambda a, b: zip(a, b, strict=True),
    "the shorter ends it": lambda a, b: zip(a, b[:2], range(10**12), strict=False),
    "enumerate of zip": lambda a, b: enumerate(zip(a, b, strict=False)),
    "zip of enumerate": lambda a, b: zip(enumerate(b), a, strict=False),
    "range": lambda a, b: range(1, 9, 3),
    "range backwards": lambda a, b: range(3, -1, -2),
    "iterator": lambda a, b: iter(a),
    "generator": lambda a, b: (2 * row for row in a),
    "reversed": lambda a, b: reversed(list(a)),
    "map": lambda a, b: map(np.sin, a),
    "list": lambda a, b: iter([*a]),
    "pairwise": lambda a, b: itertools.pairwise(b),
    "endless": lambda a, b: zip(itertools.count(2), itertools.repeat(0.5), a),
    "begun": lambda a, b: begun(enumerate(a)),
    "zip of begun": lambda a, b: zip(begun(iter(a)), b, strict=False),
    "tuples": lambda a, b: zip((1.0, 2.0, 3.0), [True, False, True], a, strict=False),
    "nothing": lambda a, b: zip([], a, strict=False),
    "nothing at all": lambda a, b: zip(),
}


def begun(rows):
    next(rows)
    return rows


def weighed(s, x):
    """Something that tells all numbers in a row, and their places, apart."""
    total = s
    for k, leaf in enumerate(dp.ad.tree.flatten(x)[0]):
        total = 0.7 * total + (k + 1.0) * np.sum(leaf * 1.5)
    return total


def looped(rows, a, b):
    s, ys = 0.1, []
    for x in rows(a, b):
        s = weighed(s, x)
        ys.append(s)
    return s + (np.sum(np.stack(ys)) if ys else 0.0)


def scanned(rows, a, b):
    s, ys = dp.scan(lambda s, x: (weighed(s, x),) * 2, 0.1, rows(a, b))
    return s + (0.0 if ys is None else np.sum(ys))


@pytest.mark.parametrize("way", WAYS)
def test_the_rows_are_those_of_a_for(way):
    rows, args = WAYS[way], (TABLE, ROW)
    wanted = looped(rows, *args)
    assert scanned(rows, *args) == pytest.approx(wanted, rel=1e-13)
    assert dp.compile(lambda a, b: scanned(rows, a, b))(*args) == pytest.approx(wanted, rel=1e-13)
    if way not in ("nothing", "nothing at all", "range", "range backwards"):
        _, slopes = dp.value_and_grad(lambda a, b: looped(rows, a, b), (0, 1))(*args)
        for f in (lambda a, b: scanned(rows, a, b), dp.compile(lambda a, b: scanned(rows, a, b))):
            value, found = dp.value_and_grad(f, (0, 1))(*args)
            assert value == pytest.approx(wanted, rel=1e-13)
            for x, y in zip(found, slopes, strict=True):
                np.testing.assert_allclose(x, y, rtol=1e-12)


@pytest.mark.parametrize("way", ["enumerate", "zip", "strict zip", "generator", "map", "list",
                                 "zip of enumerate"])
def test_rows_are_given_once(way):
    rows = WAYS[way](TABLE, ROW)
    columns(rows)
    assert list(rows) == []


def test_a_traced_table_is_taken_whole():
    f = dp.compile(lambda table: dp.scan(lambda s, x: (s + x[0] * x[1][0], None), 0.0, enumerate(table))[0])
    table = np.ones((500, 2))
    assert f(table) == 500 * 499 / 2
    assert "scan" in dp.record(lambda table: scanned(WAYS["zip of enumerate"], table, table), TABLE).__str__()
    assert len(f.built(table).program.ops) < 10


def test_the_numbers_of_rows_are_integers():
    seen = []
    dp.scan(lambda s, x: (s, seen.append(x)), 0.0, enumerate(ROW))
    assert seen == [(0, 0.5), (1, -1.0), (2, 2.0)]
    assert all(type(k) is int for k, _ in seen)
    seen.clear()
    dp.scan(lambda s, x: (s, seen.append(x)), 0.0, range(3))
    assert [type(k) for k in seen] == [int] * 3


def test_within_a_structure_and_beside_a_length():
    f = lambda xs, **options: dp.scan(lambda s, x: (s + x["k"] * x["row"], None), 0.0, xs, **options)[0]
    assert f({"k": range(3), "row": ROW}) == 0.5 * 0 - 1.0 + 4.0
    assert f({"k": range(3), "row": iter(ROW)}, length=3) == 3.0
    with pytest.raises(LoopError, match="disagree"):
        f({"k": range(2), "row": ROW})
    with pytest.raises(LoopError, match="disagree"):
        dp.scan(lambda s, x: (s, None), 0.0, enumerate(ROW), length=2)


@pytest.mark.parametrize("segment", [1, 2])
def test_in_segments(segment):
    f = lambda a, b, s: dp.scan(lambda c, x: (weighed(c, x), None), 0.1, enumerate(zip(a, b, strict=True)),
                                segment=s)[0]
    wanted = dp.grad(f, (0, 1))(TABLE, ROW, None)
    for g in (f, dp.compile(f, static=2)):
        for x, y in zip(dp.grad(g, (0, 1))(TABLE, ROW, segment), wanted, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-12)


@pytest.mark.parametrize(("rows", "message"), [
    (lambda: zip(["a", "b"], [1.0, 2.0], strict=True),
     "row 1 of xs is not built like row 0.*'a' does not match 'b'"),
    (lambda: iter([np.ones(2), np.ones(3)]), r"row 1 .*its shape is \(3,\), not \(2,\)"),
    (lambda: iter([(1.0, 2.0), 1.0]), "row 1 .*tuple of 2 does not match float"),
    (lambda: iter([1.0, 1j]), "row 1 .*complex is no number or array"),
    (lambda: iter([1.0, 10**30]), "row 1 .*int is no number or array"),
    (lambda: (None for _ in range(3)), r"no number.*\n.*\n.*length=3"),
    (lambda: [(0, 1.0), (1, 2.0)], r"single number.*\n.*\n.*iter\(rows\)"),
])
@pytest.mark.parametrize("wrap", [lambda f: f, dp.compile], ids=["eager", "compiled"])
def test_rows_that_are_refused(rows, message, wrap):
    with pytest.raises(LoopError, match=message):
        wrap(lambda s: dp.scan(lambda s, x: (s, None), s, rows())[0])(0.0)


def test_what_is_advised_for_lists_works():
    rows = [(0, 1.0), (1, 2.0)]
    assert dp.scan(lambda s, x: (s + x[0] * x[1], None), 0.0, iter(rows))[0] == 2.0


def test_a_strict_zip_of_different_lengths():
    with pytest.raises(ValueError, match="shorter"):
        dp.scan(lambda s, x: (s, None), 0.0, zip(ROW, ROW[:2], strict=True))


def test_an_iterator_over_a_traced_value_is_pythons():
    """`for` over it is as it was, and `iter` knows where it is."""
    def f(x):
        rows = iter(x)
        first = next(rows)
        return first * dp.scan(lambda s, row: (s + row, None), 0.0, rows)[0]

    for g in (f, dp.compile(f)):
        np.testing.assert_allclose(dp.grad(g)(ROW), [1.0, 0.5, 0.5])


@given(st.lists(st.integers(0, 5), min_size=1, max_size=3), st.integers(0, 2))
def test_a_zip_ends_with_the_shortest(lengths, skipped):
    parts = [np.arange(float(n)) for n in lengths]
    def rows():
        return zip(*[itertools.islice(x, skipped, None) if k == 0 else iter(x) for k, x in enumerate(parts)],
                   strict=False)
    n = min(len(range(skipped, lengths[0])), *lengths)
    found = columns(rows())
    if n:
        assert [tuple(row) for row in zip(*found, strict=True)] == list(rows())
    else:
        assert len(found) == 0
