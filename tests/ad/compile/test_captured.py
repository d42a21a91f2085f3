"""Large arrays around a function: what is there at the call counts, and is not looked at before."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile.captured import LEAST_CAPTURED, Captured

SIDE = 64                                        # 4,096 elements
assert SIDE * SIDE >= LEAST_CAPTURED


@pytest.fixture(autouse=True)
def compared_once(monkeypatch):
    """So that quick ways are taken as well."""
    monkeypatch.setenv("TINYDP_VERIFY", "first")


def matrix(seed=0):
    return np.random.default_rng(seed).normal(size=(SIDE, SIDE))


x = np.linspace(-1.0, 2.0, SIDE)
GLOBAL = matrix(1)


def of_global(x):
    return np.sum((GLOBAL @ x) ** 2)


def same(f, *args, times=3):
    """A compiled function and its gradient are those of plain Python."""
    compiled = dp.compile(f) if not hasattr(f, "made") else f
    for _ in range(times):
        np.testing.assert_allclose(compiled(*args), compiled.f(*args), 1e-12, 1e-12)
        found, expected = (dp.value_and_grad(g)(*args) for g in (compiled, compiled.f))
        np.testing.assert_allclose(np.hstack(found), np.hstack(expected), 1e-11, 1e-11)
    return compiled


def captured(f):
    """The names that the programs of a function take as arguments."""
    return {name for form, good in f.made.captures.items() if good for name, _ in form[-1][1:]}


def watched(f):
    return [x for programs in f.made.programs.values() for each in programs for x in each.watched]


def test_a_matrix_in_a_closure_is_an_argument():
    a = matrix()
    f = same(lambda x: np.sum((a @ x) ** 2), x)
    assert captured(f) == {"a"}
    assert not watched(f)
    assert all(not program.constants for programs in f.made.programs.values() for program in programs)


def test_a_matrix_in_globals_is_an_argument():
    assert captured(same(of_global, x)) == {"GLOBAL"}


def test_a_change_in_place_counts():
    a = matrix()
    f = same(lambda x: np.sum((a @ x) ** 2), x)
    a[3, 5] += 1.0
    same(f, x)
    a *= -2.0
    same(f, x)
    assert len(f.made.programs) == 2             # one for the value, one for the gradient


def test_another_array_at_the_name_counts(monkeypatch):
    a = matrix()
    f = same(lambda x: np.sum((a @ x) ** 2), x)
    a = matrix(7)
    same(f, x)
    a = matrix(7)[:40].copy()
    same(f, x)
    a = np.asfortranarray(matrix(8))
    same(f, x)
    a = matrix(9).astype(np.float32)
    np.testing.assert_allclose(f(x), np.sum((a.astype(float) @ x) ** 2), 1e-5)
    a = 2.0
    same(dp.compile(lambda x: np.sum((a * x) ** 2)), x)
    g = same(of_global, x)
    monkeypatch.setitem(globals(), "GLOBAL", matrix(11))
    same(g, x)


def test_a_number_or_a_smaller_array_at_the_name_counts():
    a = matrix()
    f = same(lambda x: np.sum(a * x), x)
    for other in (3.0, np.ones(SIDE), matrix(2), np.float64(2.0), np.ones((SIDE, 1))):
        a = other
        same(f, x)


def test_a_branch_on_its_content_is_a_branch_of_the_program():
    a = matrix()
    f = same(lambda x: np.sum(a @ x) if a[0, 0] > 0.0 else np.sum((a @ x) ** 3), x)
    assert captured(f) == {"a"}
    for number in (1.0, -1.0, 2.0, -3.0):
        a[0, 0] = number
        same(f, x)


@pytest.mark.parametrize("use", [
    lambda a, x: float(a[0, 0]) * np.sum(a @ x), lambda a, x: np.sum(a @ x) * a.tolist()[0][0],
    lambda a, x: np.sum(a @ x) if isinstance(a, np.ndarray) else 0.0 * x[0]])
def test_what_needs_plain_numbers_has_constants(use):
    a = matrix()
    f = same(lambda x: use(a, x), x)
    a[0, 0] += 1.0
    same(f, x)


def test_who_asks_for_classes_has_constants():
    a = matrix()
    f = same(lambda x: np.sum(a @ x) if isinstance(a, np.ndarray) else 0.0 * x[0], x)
    assert not captured(f)


def test_who_asks_whether_two_are_one_has_constants():
    a, b = matrix(), matrix(1)

    def scale(a, b):
        return 1.0 if a is b else 2.0

    for f in (lambda x: (1.0 if a is b else 2.0) * np.sum(a @ x), lambda x: scale(a, b) * np.sum(a @ x)):
        b = matrix(1)
        compiled = same(f, x)
        assert not captured(compiled)
        b = a
        same(compiled, x)


def test_none_is_told():
    a = matrix()
    assert captured(same(lambda x: np.sum(x if a is None else a @ x), x)) == {"a"}


@pytest.mark.parametrize("of", [np.exp, np.linalg.inv, lambda a: a @ a, lambda a: a - np.mean(a)])
def test_what_is_computed_of_it_alone_is_computed_once(of):
    a = matrix() + 9.0 * np.eye(SIDE)
    f = same(lambda x: np.sum(of(a) @ x), x)
    assert not captured(f)
    a[0, 0] += 1.0
    same(f, x)


@pytest.mark.parametrize("of", [lambda a: a.T, lambda a: a[:, ::2].T, lambda a: a.reshape(-1, 2 * SIDE).T])
def test_views_of_it_are_of_an_argument(of):
    a = matrix()
    x = np.linspace(-1.0, 2.0, of(a).shape[1])
    f = same(lambda x: np.sum(np.tanh(of(a) @ x)), x)
    assert captured(f) == {"a"}
    a[1, 1] = 5.0
    same(f, x)


def test_the_same_array_by_another_way():
    a = matrix()
    held = [a]

    def helper(x):
        return a @ x

    f = same(lambda x: np.sum(a @ x) + np.sum(np.sin(helper(x))) + np.sum(held[0] @ x), x)
    a[2, 2] = 9.0
    same(f, x)
    a = matrix(3)
    same(f, x)
    held[0] = matrix(4)
    same(f, x)


def test_rows_and_captures_of_a_loop():
    a, rows = matrix(), matrix(1)

    def f(x):
        def step(h, row):
            return np.tanh(a @ h * 0.1 + row), None
        return np.sum(dp.scan(step, x, rows)[0])

    f = same(f, x)
    assert captured(f) == {"a", "rows"}
    rows[5] = 0.5
    a[5] = 0.25
    same(f, x)


def test_the_gradient_is_that_of_what_the_call_found():
    a = matrix()
    f = dp.compile(lambda x: (a @ x) * 2.0)
    f(x)
    want = dp.vjp(f.f, x)[1](x)[0]
    _, pullback = dp.vjp(f, x)
    a[:] = 0.0
    np.testing.assert_allclose(pullback(x)[0], want, 1e-12)


def test_derivatives_of_second_order_and_maps():
    a = matrix()
    f = dp.compile(lambda x: np.sum(np.tanh(a @ x)))
    for _ in range(2):
        np.testing.assert_allclose(dp.hvp(f, x, x), dp.hvp(f.f, x, x), 1e-9, 1e-10)
        np.testing.assert_allclose(dp.vmap(f)(np.stack([x, -x])), [f.f(x), f.f(-x)], 1e-11, 1e-11)
        np.testing.assert_allclose(dp.grad(lambda x: dp.grad(f)(x) @ x)(x),
                                   dp.grad(lambda x: dp.grad(f.f)(x) @ x)(x), 1e-9, 1e-10)
        a[0] += 1.0


def test_a_function_that_binds_globals_or_changes_the_array_is_left_alone():
    a = matrix()

    def writes(x):
        global GLOBAL_COUNT  # noqa: PLW0603  (that is what is tested)
        GLOBAL_COUNT = 3
        return np.sum(a @ x)

    assert not Captured(writes).found()
    assert Captured(lambda x: a @ x).found().keys() == {"a"}
    assert not Captured(np.sum).found()


def test_frozen_and_small_arrays_are_constants():
    a, small = matrix(), np.ones(3)
    a.flags.writeable = False
    assert not Captured(lambda x: a @ x + small).found()


def test_the_source_and_the_adjoints_source_name_it():
    weights = matrix()
    f = same(lambda x: np.sum(weights @ x), x)
    assert "(x, weights)" in f.source
    assert "g_weights" not in f.adjoint_source


def test_other_names_are_still_looked_at():
    a, gain = matrix(), 2.0
    f = same(lambda x: gain * np.sum(a @ x), x)
    gain = 3.0
    same(f, x)
