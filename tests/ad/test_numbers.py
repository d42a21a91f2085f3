"""Whose number is it? One table of what a program does where Python's numbers raise and NumPy's do not.

A number that came from NumPy (an element, a reduction, a result of np.sin, an np.float64) follows NumPy,
with its warnings; one that a user gave as a float follows Python. The plain program is the oracle.
"""

import warnings

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad import origin
from tinydp.ad.values import is_finite

double = dp.custom_gradient(lambda x: 2.0 * x, lambda g, y, x: 2.0 * g)

inverse = dp.custom_gradient(lambda x: 1.0 / x, lambda g, y, x: g)


def scanned(x, segment=None):
    return dp.scan(lambda s, _: (0.5 * s, None), x, length=2, segment=segment)[0]


# a name -> (the program of one number x, the number); run on a float, an np.float64, an element of an array
OPERATIONS = {
    "1 / x": (lambda x: 1.0 / x, 0.0),
    "x / x": (lambda x: x / x, 0.0),
    "-1 / x": (lambda x: -1 / x, 0.0),
    "1 / (1 / x)": (lambda x: 1.0 / (1.0 / x), 0.0),
    "x / 0": (lambda x: x / 0.0, 1.0),
    "x / (x - x)": (lambda x: x / (x - x), 2.0),
    "1 % x": (lambda x: 1.0 % x, 0.0),
    "x % 0": (lambda x: x % 0.0, 1.0),
    "x ** -1": (lambda x: x**-1, 0.0),
    "x ** -0.5": (lambda x: x**-0.5, 0.0),
    "0 ** x": (lambda x: 0.0**x, -1.0),
    "x ** x": (lambda x: x**x, 1e200),
    "2 ** x": (lambda x: 2.0**x, 1e200),
    "x ** 2, too large": (lambda x: x**2, 1e200),
    "x // 0, added": (lambda x: x + x // 0.0, 1.0),
    "1 // x, added": (lambda x: x + 1.0 // x, 0.0),
    "divmod": (lambda x: divmod(1.0, x)[1] + x, 0.0),
    "1 / -x": (lambda x: 1.0 / -x, 0.0),
    "1 / abs(x)": (lambda x: 1.0 / abs(x), 0.0),
    "1 / np.abs(x)": (lambda x: 1.0 / np.abs(x), 0.0),
    "1 / np.add(x, x)": (lambda x: 1.0 / np.add(x, x), 0.0),
    "1 / np.sin(x)": (lambda x: 1.0 / np.sin(x), 0.0),
    "1 / (2 x + 3 x)": (lambda x: 1.0 / (2.0 * x + x * 3), 0.0),
    "1 / (x K), K of NumPy": (lambda x: 1.0 / (x * np.float64(2.0)), 0.0),
    "1 / (K x), K of NumPy": (lambda x: 1.0 / (np.float64(2.0) * x), 0.0),
    "x / 0 of NumPy": (lambda x: x / np.float64(0.0), 1.0),
    "1 / a custom function": (lambda x: 1.0 / double(x), 0.0),
    "1 / a loop's result": (lambda x: 1.0 / scanned(x), 0.0),
    "1 / a segmented loop's result": (lambda x: 1.0 / scanned(x, 1), 0.0),
    "a custom function of a segmented loop's result": (lambda x: inverse(scanned(x, 1)), 0.0),
    "1 / x in a checkpoint": (lambda x: dp.checkpoint(lambda x: 1.0 / x)(x), 0.0),
    "1 / x in a custom function": (lambda x: inverse(x), 0.0),
    "1 / a checkpoint of np.sin": (lambda x: 1.0 / dp.checkpoint(np.sin)(x), 0.0),
    "1 / a checkpoint": (lambda x: 1.0 / dp.checkpoint(lambda x: x + x)(x), 0.0),
    "1 / an inner gradient": (lambda x: 1.0 / dp.grad(lambda y: 0.0 * y)(x), 1.0),
    "1 / an inner gradient that moves": (lambda x: 1.0 / dp.grad(lambda y: y * y)(x), 0.0),
    "a branch not taken": (lambda x: np.where(x > 0, 1.0 / x, x), 0.0),
    "a product that overflows": (lambda x: x * x, 1e200),
    "inf - inf": (lambda x: x * x - x * x, 1e200),
}
QUIET = ("a product that overflows", "inf - inf")        # only NumPy itself warns of these
KINDS = {"Python's": lambda f, x: (f, x), "NumPy's": lambda f, x: (f, np.float64(x)),
         "an element": lambda f, x: (lambda v: f(v[0]), np.array([x, 1.0]))}


def outcome(run):
    """The value and whether NumPy warned, or the error's class."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            y = run()
        except ArithmeticError as error:
            return type(error), None
    warned = any(w.category is RuntimeWarning for w in caught)
    return float(y), warned


def same(a, b):
    return a == b if isinstance(a, type) or isinstance(b, type) else np.array_equal(a, b, equal_nan=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_traced_program_computes_as_the_plain_one(name, kind):
    f, x = KINDS[kind](*OPERATIONS[name])
    value, warned = outcome(lambda: f(x))
    traced, warned_too = outcome(lambda: dp.value_and_grad(f)(x)[0])
    assert same(traced, value)
    assert warned_too or not warned or name in QUIET
    inner = lambda x: dp.value_and_grad(f)(x)[0]
    assert same(outcome(lambda: dp.value_and_grad(inner)(x)[0])[0], value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_compiled_program_computes_as_the_plain_one(name, kind):
    f, x = KINDS[kind](*OPERATIONS[name])
    value, _ = outcome(lambda: f(x))
    compiled = outcome(lambda: dp.compile(f)(x))[0]
    assert same(compiled, value)
    assert same(outcome(lambda: dp.value_and_grad(dp.compile(f))(x)[0])[0], value)
    gradient = outcome(lambda: np.sum(dp.grad(dp.compile(f))(x)))[0]
    assert same(gradient, outcome(lambda: np.sum(dp.grad(f)(x)))[0])


def test_what_a_function_is_handed_is_what_it_is_handed_in_the_plain_program():
    """... forwards, on the way back, and in the rule of its gradient."""
    seen = []

    def note(*xs):
        seen.append([isinstance(dp.value(x), np.floating) or hasattr(x, "sum") for x in xs])

    def f(x, p):
        note(x, p)
        return x * p

    def rule(g, y, x, p):
        note(x, p, y)
        return g * p, g * x

    for noted in (dp.custom_gradient(f, rule), dp.custom_gradient(dp.checkpoint(f), rule)):
        seen.clear()
        dp.grad(noted, argnums=(0, 1))(np.float64(2.0), 3.0)
        assert seen[0] == [True, False] or noted.fn is not f
        assert seen[-1] == [True, False, True]
    assert dp.grad(lambda x: dp.checkpoint(lambda y: y.mean())(np.sum(x)))(np.ones(2)).tolist() == [1.0, 1.0]
    mean = dp.custom_gradient(lambda y: y.mean(), lambda g, y, x: g)
    assert dp.grad(lambda x: mean(np.sum(x)))(np.ones(2)).tolist() == [1.0, 1.0]
    assert dp.grad(lambda x: mean(x * np.float64(1.0)))(2.0) == 1.0


def test_a_choice_inside_a_checkpoint():
    inverse = dp.checkpoint(lambda y: np.where(y != 0, 1 / y, 0.0))
    with np.errstate(divide="ignore"):
        value, gradient = dp.value_and_grad(lambda x: inverse(np.sum(x)))(np.zeros(2))
    assert value == 0.0
    assert gradient.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("segment", [None, 1])
def test_rows_of_numbers_are_pythons(segment):
    """... in a plain loop, in a traced one, and of what is differentiated by."""
    def f(xs, c):
        return dp.scan(lambda s, x: (s + c / x, x), c, xs, segment=segment)[0]

    ones, rows = np.ones(2), np.array([1.0, 0.0])
    for run in (lambda xs: f(xs, 1.0), lambda xs: dp.grad(f)(xs, 1.0),
                lambda xs: dp.grad(f, argnums=1)(xs, 1.0)):
        run(ones)
        with pytest.raises(ZeroDivisionError):
            run(rows)
    assert dp.grad(f)(ones, 1.0).tolist() == [-1.0, -1.0]
    assert dp.hessian(lambda xs: f(xs, 1.0))(ones).tolist() == [[2.0, 0.0], [0.0, 2.0]]


def test_asking_often_takes_no_longer(monkeypatch):
    """Each value on the way is looked at once, whichever is asked about."""
    looked = []
    monkeypatch.setattr(origin, "_made_of", lambda x, look=origin._made_of: looked.append(x) or look(x))

    def f(x):
        for _ in range(1000):
            x = 0.5 * x + 1.0
            origin.from_numpy(abs(x))
        return x

    for start in (1.0, np.float64(1.0)):
        looked.clear()
        dp.grad(f)(start)
        assert 1000 < len(looked) < 4000


def test_a_complex_power_is_refused():
    with pytest.raises(dp.ad.errors.DtypeError, match="complex"):
        dp.grad(lambda x: x**0.5)(-2.0)
    with pytest.warns(RuntimeWarning, match="invalid value"):
        assert np.isnan(dp.grad(lambda x: x[0] ** 0.5)(np.array([-2.0])))[0]


def test_dividing_in_a_branch_not_taken():
    """The plain program gives 0, and so do the traced and the compiled one, with the gradient 0."""
    f = lambda x: np.where(np.sum(x) > 0, x[0] / np.sum(x), 0.0)
    with np.errstate(invalid="ignore"):
        assert f(np.zeros(2)) == 0.0
        for g in (f, dp.compile(f)):
            value, gradient = dp.value_and_grad(g)(np.zeros(2))
            assert value == 0.0
            assert np.array_equal(gradient, np.zeros(2))


# ---------------------------------------------------------------------------- indices of a number

INDICES = {
    "a condition": lambda x: x[x > 0],
    "a condition that is false": lambda x: x[x < 0],
    "True": lambda x: x[True],
    "an array without axes": lambda x: x[np.array(True)],
    "None": lambda x: x[None],
    "two of None": lambda x: x[None, None],
    "None and a condition": lambda x: x[None, x > 0],
    "dots": lambda x: x[...],
    "dots and None": lambda x: x[..., None],
    "nothing": lambda x: x[()],
}


@pytest.mark.parametrize("f", INDICES.values(), ids=INDICES)
def test_indices_that_numpys_numbers_take(f):
    x = np.float64(0.5)
    y, pullback = dp.vjp(f, x)
    assert np.array_equal(y, f(x))
    assert np.shape(y) == np.shape(f(x))
    assert pullback(np.full(np.shape(y), 3.0)) == (3.0 * np.size(y),)
    assert dp.hessian(lambda x: np.sum(f(x) ** 3))(x) == 3.0 * np.size(y)


@pytest.mark.parametrize("index", [0, slice(None), [], [True], np.array([True])], ids=str)
def test_indices_that_no_number_takes(index):
    with pytest.raises(IndexError, match="invalid index to scalar variable"):
        np.float64(0.5)[index]
    with pytest.raises(IndexError, match="invalid index to scalar variable"):
        dp.grad(lambda x: x[index])(np.float64(0.5))
    with pytest.raises(TypeError, match="cannot be indexed"):
        dp.grad(lambda x: x[index])(0.5)


def test_a_whole_quotient_is_of_the_kind_of_its_numbers():
    """It has no derivative, and is a plain number: Python's of Python's, NumPy's of NumPy's."""
    seen = []
    dp.grad(lambda x: seen.append(x // 0.4) or 0.0 * x)(1.0)
    dp.grad(lambda x: seen.append(x[0] // 0.4) or 0.0 * x[0])(np.ones(2))
    dp.grad(lambda x: seen.append(1.0 // np.sin(x)) or 0.0 * x)(1.0)
    dp.grad(lambda x: seen.append(x[0] // np.float32(0.4)) or 0.0 * x[0])(np.ones(2))
    assert [type(x) for x in seen] == [float, np.float64, np.float64, np.float64]
    assert seen == [1.0 // 0.4, 1.0 // 0.4, 1.0 // np.sin(1.0), np.float64(1.0) // np.float32(0.4)]


@pytest.mark.parametrize("n", [1, 8192, 8193])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_seen_in_arrays_of_any_length(n, bad):
    """Long ones are not looked at by a product: the threads of BLAS may take long to wake up."""
    x = np.linspace(-1.0, 1.0, n)
    assert is_finite(x)
    x[n // 2] = bad
    assert not is_finite(x)
    assert not is_finite(x[::-1])
