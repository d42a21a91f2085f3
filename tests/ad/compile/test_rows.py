"""Rows of arrays: one index for many, and stacks that are parts of arrays."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinydp.ad.compile.program import interpret, verify
from tinydp.ad.compile.record import Builder
from tinydp.ad.compile.rows import GETITEM, Rewriting, rows_of
from tinydp.ad.parts import scatter
from tinydp.ad.rules.shaping import stacked

ARRAY = np.arange(4 * 3 * 2.0).reshape(4, 3, 2)
NUMBERS = st.tuples(st.integers(-4, 3), st.integers(-3, 2), st.integers(-2, 1) | st.just(slice(None)))


@given(st.lists(NUMBERS, min_size=2, max_size=5), st.integers(1, 3))
def test_one_index_takes_what_many_take(indices, depth):
    indices = [index[:depth] if depth > 1 else index[0] for index in indices]
    found = rows_of(indices, ARRAY.shape)
    if found is not None:
        assert np.array_equal(ARRAY[found], np.stack([ARRAY[index] for index in indices]))
    elif depth < 3:
        assert len(set(map(str, indices))) == 1


@given(st.lists(st.one_of(st.tuples(st.sampled_from([0, 1]), st.integers(0, 3)), st.just(None)),
                min_size=1, max_size=9))
def test_stacks_of_rows(places):
    builder = Builder()
    arrays = [builder.input(ARRAY[:, 0, 0]), builder.input(ARRAY[:, 1, 1])]
    values = [0.5 if place is None else builder.record(GETITEM, (arrays[place[0]], place[1]), {})[0]
              for place in places]
    program = builder.program(builder.record(stacked, tuple(values), {}))
    rewriting = Rewriting(program)
    rewriting.copy(program.ops)
    after = verify(rewriting.program(program.outputs))
    args = ARRAY[:, 0, 0], ARRAY[:, 1, 1]
    if any(place is not None for place in places):
        assert np.array_equal(interpret(after, *args)[0], interpret(program, *args)[0])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=2, max_size=9))
def test_rows_that_are_scattered_are_one_array(pairs):
    builder = Builder()
    array, other = builder.input(ARRAY[:, :, 0]), builder.input(np.ones(3))
    rows = [builder.record(GETITEM, (array, k), {})[0] for k, _ in pairs]
    places = [(np.array([at, at + 1, at]),) for _, at in pairs]
    options = {"shape": (6,), "indices": ((np.array([0, 1, 2]),), *places)}
    program = builder.program(builder.record(scatter, (other, *rows), options))
    rewriting = Rewriting(program)
    rewriting.copy(program.ops)
    after = verify(rewriting.program(program.outputs))
    args = ARRAY[:, :, 0], np.ones(3)
    assert np.array_equal(interpret(after, *args)[0], interpret(program, *args)[0])
    if [k for k, _ in pairs] == [0, 1, 2, 3]:
        assert len(after.ops[-1].args) == 2
