"""The self-check: planted errors are found and named; right programs, rough ones too, pass."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile import cache, kernels, verify
from tinydp.ad.errors import SelfCheckError, SideEffectError

from .conftest import SWITCHED_OFF

pytestmark = pytest.mark.usefixtures("interpreted")

X = np.array([0.5, -0.3, 0.8])


@pytest.fixture
def plant(monkeypatch):
    """Replace a piece of the text of each program, as a wrong printer would."""

    def planted(right, wrong):
        def load(name, text):
            text = text.replace("from numba import njit", SWITCHED_OFF)
            return unchanged(name, text.replace(right, wrong))
        unchanged = cache.load
        monkeypatch.setattr(cache, "load", load)
    return planted


def value(x):
    y = np.sin(x)
    return np.sum(y * np.exp(x))


def scalar(x):
    y = np.tanh(x)
    return y * 3.0 + x


def loop(x):
    return dp.scan(lambda s, _: (s * 0.5 + np.tanh(x), None), 0.0, length=5)[0]


@pytest.mark.parametrize("setting", ["first", "always"])
@pytest.mark.parametrize(("f", "x", "right", "wrong", "name", "line"), [
    (value, X, "exp(", "1.001 * exp(", "exp", "return np.sum(y * np.exp(x))"),
    (scalar, 0.7, "tanh(", "1.000001 * tanh(", "tanh", "y = np.tanh(x)"),
    (loop, 0.7, "tanh(", "1.001 * tanh(", "tanh", "return dp.scan(lambda s, _: (s * 0.5 + np.tanh(x)"),
    (loop, 0.7, "* 0.5", "* 0.6", "multiply", "return dp.scan(lambda s, _: (s * 0.5 + np.tanh(x)"),
])
def test_a_planted_error_is_found_and_named(plant, monkeypatch, setting, f, x, right, wrong, name, line):
    monkeypatch.setenv("TINYDP_VERIFY", setting)
    plant(right, wrong)
    with pytest.raises(SelfCheckError) as caught:
        dp.compile(f)(x)
    assert f"the first that differs is {name}, " in str(caught.value)
    assert caught.value.place.text.startswith(line)
    assert "its value is" in str(caught.value)
    assert "report" in caught.value.advice
    with pytest.raises(SelfCheckError):
        dp.value_and_grad(dp.compile(f))(x)


def test_a_wrong_gradient_is_found(plant):
    plant("cos(", "1.1 * cos(")
    assert np.isclose(dp.compile(lambda x: np.sin(x))(0.7), np.sin(0.7))
    with pytest.raises(SelfCheckError) as caught:
        dp.grad(dp.compile(lambda x: np.sin(x)))(0.7)
    assert "the derivative by x is" in str(caught.value)
    assert "the first that differs is cos" in str(caught.value)


@pytest.mark.parametrize("use", [
    lambda f: dp.vjp(f, X)[1](np.ones(3)), lambda f: dp.jacobian(f)(X),
    lambda f: dp.grad(lambda x: np.sum(f(x)))(X)])
def test_a_wrong_pullback_is_found(plant, use):
    plant("3.0 * ", "3.1 * ")
    with pytest.raises(SelfCheckError):
        use(dp.compile(lambda x: x**3))


def test_a_wrong_kernel_is_found(monkeypatch):
    monkeypatch.setattr(kernels, "matvec", lambda a, b, *more: a @ b * 1.0001, raising=True)
    monkeypatch.setattr(kernels, "dot", lambda a, b: np.sum(a * b) * 1.0001)
    with pytest.raises(SelfCheckError):
        dp.compile(lambda x: np.sum(x @ (x * 2.0)) + 0.0 * np.sum(x))(np.arange(1.0, 9.0))


def test_a_wrong_condition_is_found(plant):
    plant("x > ", "x < ")
    with pytest.raises(SelfCheckError):
        dp.compile(lambda x: x > 0.5)(1.0)


def test_another_number_of_results():
    with pytest.raises(SelfCheckError, match="the number of its results is 0, and by the tape 1"):
        dp.compile(lambda x: x if type(x) is float else ())(2.0)


def test_never(plant, monkeypatch):
    monkeypatch.setenv("TINYDP_VERIFY", "never")
    plant("sin(x)", "(x + 1.0)")
    assert dp.compile(lambda x: np.sin(x) * 1.5)(0.0) == 1.5


def counted(setting, monkeypatch):
    monkeypatch.setenv("TINYDP_VERIFY", setting)
    plain = []

    def f(x):
        if isinstance(x, float):
            plain.append(x)
        return x * 2.0
    compiled = dp.compile(f)
    for _ in range(4):
        compiled(1.0)
    return len(plain)


def test_how_often_it_compares(monkeypatch):
    assert [counted(setting, monkeypatch) for setting in ("never", "first", "always")] == [0, 1, 4]


def test_an_unknown_setting_is_refused(monkeypatch):
    monkeypatch.setenv("TINYDP_VERIFY", "sometimes")
    with pytest.raises(ValueError, match="'sometimes' is not known: set it to always, first, never"):
        dp.compile(lambda x: x * 2.0)(1.0)


def test_a_long_loop_is_given_up(monkeypatch):
    monkeypatch.setenv("TINYDP_VERIFY", "first")
    monkeypatch.setattr(verify, "LEAST", -1.0)
    monkeypatch.setattr(verify, "SHARE", 0.0)
    steps = []

    def step(s, _):
        if isinstance(s, float):
            steps.append(s)
        return s * 0.5, None
    f = dp.compile(lambda x: dp.scan(step, x, length=1000)[0])
    assert f(1.0) == 0.5**1000
    fall = dp.compile(lambda x: dp.integrate(lambda s: step(s, None)[0] - 0.01, x, lambda s: s))
    assert abs(fall(1.0)) < 1e-12
    assert not steps


# ---------------------------------------------------------------------------- rounding is no error

def logistic(x):
    return dp.scan(lambda s, _: (3.99 * s * (1.0 - s), None), x, length=300)[0]


def double_pendulum_like(x):
    def step(s, _):
        a, b = s
        return (a + 0.3 * np.sin(5.0 * b), b + 0.3 * np.sin(5.0 * a)), None
    return dp.scan(step, (x, 0.3), length=400)[0][0]


def cancelling(x):
    big = x * 1e15
    return np.sum(np.stack([big, x, -big, x * 0.1, big, -big]))


def cancelling_gradient(x):
    return np.sum(x * np.tile([1e16, 1.0, -1e16, 3.0], 25)[: x.shape[0]])


@pytest.mark.parametrize(("f", "x"), [
    (logistic, 0.3), (double_pendulum_like, 0.4), (cancelling, 0.7), (cancelling_gradient, np.ones(99)),
    (lambda x: np.sum(np.sin(x)) - np.sum(np.sin(x[::-1])), np.linspace(0.0, 9.0, 57))])
def test_rough_programs_pass(f, x, monkeypatch):
    monkeypatch.setenv("TINYDP_VERIFY", "always")
    compiled = dp.compile(f)
    for k in range(3):
        compiled(x * (1.0 + 0.01 * k))
        dp.grad(compiled)(x * (1.0 + 0.01 * k))


@pytest.mark.parametrize("f", [
    lambda x: np.sum(x), lambda x: np.sum(np.ones(len(x)) * x), lambda x: np.mean(x**3),
    lambda x: np.tanh(x) @ np.ones(len(x)), lambda x: np.sum(np.sin(x)) * 1e6])
def test_what_cancels_to_nothing_passes(f):
    """All that is left is rounding: different digits, of which some runs share all by chance."""
    for n in range(60, 84, 3):
        x = np.linspace(-1.0, 1.0, n)
        assert dp.compile(f)(x) == pytest.approx(f(x), abs=1e-6)


def test_within_a_differentiation_around(monkeypatch):
    """The comparison leaves nothing on the tape of the caller."""
    monkeypatch.setenv("TINYDP_VERIFY", "always")
    inner = dp.compile(loop)
    found = dp.grad(lambda x: inner(x) * inner(0.3))(0.7)
    assert np.isclose(found, dp.grad(loop)(0.7) * loop(0.3), rtol=1e-13)


def test_a_compiled_function_inside_is_not_compiled_for_it():
    inner = dp.compile(lambda x: np.sin(x))
    assert np.isclose(dp.grad(dp.compile(lambda x: inner(x) * 2.0))(0.5), 2.0 * np.cos(0.5))
    assert not inner.made.programs


def test_side_effects_that_came_late():
    """Three runs saw nothing; the plain one does."""
    runs = []

    def f(x):
        runs.append(x)
        return x * (1.0 if len(runs) < 4 else float(len(runs)))
    with pytest.raises((SideEffectError, SelfCheckError)):
        dp.compile(f)(2.0)


@pytest.mark.parametrize("change", [1.0, 1e-3, 1e-7, 1e-8])
@pytest.mark.parametrize("f", [lambda x, k: x * (1.0 + k), lambda x, k: x + k * (x - dp.stop_gradient(x))])
def test_small_side_effects_are_no_rounding(f, change):
    """They came after three runs that were the same; the second changes the gradient alone."""
    runs = []

    def changing(x):
        runs.append(x)
        return f(x, change * max(len(runs), 3))
    with pytest.raises(SideEffectError):
        dp.value_and_grad(dp.compile(changing))(2.0)


def test_rounding_is_explained_by_few_runs(monkeypatch):
    """After the tape: one that rounds otherwise, and plain Python for the same value again."""
    def f(x):
        return dp.scan(lambda s, _: (3.99 * s * (1.0 - s), None), x, length=20)[0]

    compiled, right, kinds, apart = dp.compile(f), dp.value_and_grad(f)(0.3), [], verify._apart
    call = compiled._taken_apart((0.3,), {})
    run = verify.CheckedRun(compiled, compiled._variants(call, [0.3], (0,))[0], call, [0.3], (0,), (), [])

    def noted(f, seconds, kind=None):
        kinds.append(kind)
        return apart(f, seconds, kind)
    monkeypatch.setattr(verify, "_apart", noted)
    assert verify._beyond_rounding(run._replace(results=[right[0], right[1] * (1.0 + 1e-11)]), right) is None
    assert kinds == [verify.JitteredTape, None]
    for wrong in (right[0], right[1] * (1.0 + 1e-5)), (right[0] * (1.0 + 1e-5), right[1]), (right[0], np.nan):
        assert verify._beyond_rounding(run._replace(results=[*wrong]), right) is not None


def test_no_more_runs_than_tell_rounding_from_an_error(monkeypatch):
    """The tape runs anew, rounding otherwise, until that explains the difference."""
    compiled, value, kinds = dp.compile(logistic), logistic(0.3), []
    call = compiled._taken_apart((0.3,), {})
    run = verify.CheckedRun(compiled, compiled.built(0.3), call, [0.3], None, (), [])
    apart = verify._apart

    def noted(f, seconds, kind=None):
        kinds.append(kind)
        return apart(f, seconds, kind)
    monkeypatch.setattr(verify, "_apart", noted)
    assert verify._beyond_rounding(run._replace(results=[value * (1.0 + 1e-11)]), [value]) is None
    jittered = [verify.JitteredTape] * verify.FEWEST_CHAOTIC
    assert kinds == [jittered[0], jittered[1], None, *jittered[2:]]
    assert verify._beyond_rounding(run._replace(results=[1e9]), [value]) == (0, 1e9, value)
    assert len(kinds) == verify.FEWEST_CHAOTIC + verify.RUNS + 2


def at_a_branch(x):
    """Rounding decides which way it goes."""
    if (x + 0.1) + 0.2 > x + (0.1 + 0.2) - 1e-17 * x:
        return x * 2.0
    return x * 4.0


def at_a_choice(x):
    nearly_zero = (x * 0.1 + x * 0.2) - x * 0.3
    return np.where(nearly_zero > 0.0, x * 2.0, x * 4.0)


def at_many_choices(x):
    nearly_zero = (x * 0.1 + x * 0.2) - x * 0.3
    return np.sum(np.where(nearly_zero > 0.0, x * 2.0, x * 4.0))


@pytest.mark.parametrize("f", [at_a_branch, at_a_choice])
@pytest.mark.parametrize("x", [0.7, 1.1, 2.3])
def test_where_rounding_turns_a_condition_one_of_two_results_is_right(f, x):
    compiled = dp.compile(f)
    run = verify.CheckedRun(compiled, compiled.built(x), compiled._taken_apart((x,), {}), [x], None, (), [])
    for right in (2.0 * x, 4.0 * x):
        assert verify._beyond_rounding(run._replace(results=[right]), [float(f(x))]) is None
    for wrong in (3.0 * x, 2.001 * x, 0.0, np.nan):
        assert verify._beyond_rounding(run._replace(results=[wrong]), [float(f(x))]) is not None


def test_a_run_that_raises_explains_nothing():
    def f(x):
        assert (x * 0.1 + x * 0.2) - x * 0.3 >= 0.0
        return x * 2.0

    x = next(x for x in np.linspace(1.0, 2.0, 99).tolist() if (x * 0.1 + x * 0.2) - x * 0.3 > 0.0)
    compiled = dp.compile(f)
    run = verify.CheckedRun(compiled, compiled.built(x), compiled._taken_apart((x,), {}), [x], None, (), [])
    assert verify._beyond_rounding(run._replace(results=[2.1 * x]), [2.0 * x]) is not None


@pytest.mark.parametrize("error", [IndexError("there is none"), AssertionError(), np.linalg.LinAlgError()])
def test_what_plain_python_raises_is_raised(error):
    """A program that has lost what raises returns something, and the first call says that it must not."""
    compiled = dp.compile(lambda x: 2.0 * x)

    def raising(x):
        raise error

    built, call = compiled.built(1.0), compiled._taken_apart((1.0,), {})
    run = verify.CheckedRun(compiled, built, call, [1.0], None, (), [2.0])
    verify.compare(run, 1.0)
    compiled.f = raising
    with pytest.raises(type(error)):
        verify.compare(run, 1.0)
