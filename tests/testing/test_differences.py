"""Finite differences with an error bar: the true derivative lies within the bar, always."""

import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tinydp.testing.differences import Derivative, derivative, judge, one_sided, verdict

INF = math.inf


def holds(measured, truth):
    """Whether the bar holds the truth, up to the last digit of the truth itself."""
    return measured.error == INF or abs(measured.value - truth) <= measured.error + 4e-16 * abs(truth)


def sharp(measured, truth, accuracy=1e-6):
    """Whether it does and is small enough to be of use."""
    return holds(measured, truth) and measured.error <= accuracy * abs(truth)


# Against the closed forms of the benchmark, at 50 digits

mpmath = pytest.importorskip("mpmath")
benchmark = pytest.importorskip("benchmarks.gradcheck")
CASES = {case.name: case for case in benchmark.CASES}


@pytest.mark.parametrize("name", CASES)
def test_the_bar_holds_the_truth(name):
    case = CASES[name]

    @settings(max_examples=25)
    @given(st.integers(0, 2**32))
    def check(seed):
        x = case.draw(np.random.default_rng(seed))
        truth = benchmark.truth(case, x)
        f = lambda x: float(case.f(benchmark.Numpy, x))
        measured = derivative(f, x, domain=case.domain)
        assert holds(measured, truth)
        assert verdict(truth, measured) != "wrong"
        assert judge(truth, f, x, domain=case.domain)[0] != "wrong"
        if truth:
            assert verdict(truth * 1.0005, measured) != "right"
            assert judge(truth * 1.0005, f, x, domain=case.domain)[0] != "right"

    check()


@pytest.mark.parametrize("name", CASES)
def test_the_closed_forms_of_the_benchmark_are_right(name):
    case = CASES[name]
    rng = np.random.default_rng(1)
    with mpmath.workdps(80):
        for _ in range(3):
            x = mpmath.mpf(case.draw(rng))
            if name == "exp at an edge" or abs(x) > 1e-20:
                numeric = mpmath.diff(lambda x: case.f(mpmath, x), x, h=mpmath.mpf(10)**-35)
                assert abs(numeric - case.slope(mpmath, x)) <= mpmath.mpf(10)**-12 * (1 + abs(numeric))


def test_the_benchmark_prints_a_row_for_each_checker(monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "CASES", [CASES["sin x"], CASES["relu x"]])
    monkeypatch.setattr(benchmark, "POINTS", 5)
    assert set(benchmark.main()) == {case.name for case in [*benchmark.CASES, *benchmark.WHOLE]}
    assert "PyTorch" in capsys.readouterr().out


@pytest.mark.parametrize("case", benchmark.WHOLE, ids=lambda case: case.name)
def test_whole_gradients_of_the_benchmark(case):
    found = benchmark.examine_whole(case, 3)
    assert found["alarms"] == found["10%"] == 0.0


# Sharp at ordinary points

FUNCTIONS = {
    "sin": (math.sin, math.cos), "exp": (math.exp, math.exp), "atan": (math.atan, lambda x: 1 / (1 + x * x)),
    "cube": (lambda x: x**3, lambda x: 3 * x * x), "line": (lambda x: 3 * x - 1, lambda x: 3.0),
    "inverse": (lambda x: 1 / x, lambda x: -1 / (x * x)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@given(x=st.floats(0.01, 100.0), sign=st.sampled_from((-1, 1)))
def test_ordinary_points_are_conclusive(name, x, sign):
    f, slope = FUNCTIONS[name]
    assume(abs(slope(sign * x)) > 1e-3 * abs(f(sign * x)))
    assert sharp(derivative(f, sign * x), slope(sign * x), 1e-8)


@given(st.floats(-1e300, 1e300), st.floats(-1e3, 1e3).filter(lambda slope: abs(slope) > 1e-3))
@example(0.0, 2.0)
@example(5e-324, 2.0)
@example(-1e-310, 2.0)
def test_a_line_at_any_size(x, slope):
    assert sharp(derivative(lambda x: slope * x, x), slope)


@pytest.mark.parametrize("x", [0.0, 5e-324, 1e-300, -1e-100, 1e-30, 1e-8])
def test_functions_change_over_1_even_where_x_is_tiny(x):
    assert sharp(derivative(np.exp, x), 1.0 + x)
    assert sharp(derivative(np.sin, x), 1.0)


def test_no_overflow_in_between():
    assert sharp(derivative(lambda x: 1e308 * math.sin(x), 1.0), 1e308 * math.cos(1.0))
    assert sharp(derivative(lambda x: x, 1.7e308), 1.0)
    assert sharp(derivative(lambda x: 1e300 * x, 1e-310), 1e300)


def test_an_even_function_has_exactly_the_slope_0_at_0():
    assert derivative(math.cos, 0.0).value == 0.0
    assert verdict(-0.0, derivative(math.cos, 0.0)) == "right"


# The digits are lost, and the bar says so

@given(st.floats(40, 300))
def test_saturated(x):
    assert holds(derivative(np.tanh, x), 1 / math.cosh(x)**2)
    assert holds(derivative(lambda x: np.log(1 + np.exp(x)), -x), math.exp(-x))
    assert holds(derivative(lambda x: np.log(np.tanh(28.0 - x)), -x / 300), -4 * math.exp(-56.0 - x / 150))


@given(st.floats(1e-6, 1e3))
def test_the_grain_of_rounding_is_not_a_slope(x):
    assert holds(derivative(lambda x: (1e8 + x * x) - 1e8, x), 2 * x)
    assert holds(derivative(lambda x: float(np.float32(x)), x), 1.0)


def test_underflow():
    assert holds(derivative(lambda x: x * x, 1e-170), 2e-170)


def test_noise_is_measured():
    rng = np.random.default_rng(0)
    measured = derivative(lambda x: x * x + 1e-6 * rng.normal(), 1.0)
    assert holds(measured, 2.0)
    assert 1e-7 < measured.error < 1e-3


@pytest.mark.parametrize("x", [60.0, 83.7, -111.3])
def test_waves_finer_than_the_floats_are_not_a_slope(x):
    assert derivative(lambda x: np.cos(np.cosh(x)), x).error == INF


def test_constants():
    assert derivative(lambda x: 0.0, 2.0).value == 0.0
    assert derivative(lambda x: 5.0, 2.0).value == 0.0
    assert derivative(lambda x: 5.0, 2.0).error < 1e-14


# At a glance

def test_a_right_rule_is_right_at_a_glance():
    calls = []
    assert judge(math.cos(1.0), lambda x: calls.append(x) or math.sin(x), 1.0)[0] == "right"
    assert len(calls) < 30


@pytest.mark.parametrize("fine", [1e-4, 1e-7, 1e-9, 1e-11])
def test_a_glance_is_not_fooled_by_what_is_finer_than_it(fine):
    """Waves of another slope and kinks, all smaller than the windows looked at first."""
    programs = [lambda x: x + 1e-3 * fine * math.sin(x / fine),
                lambda x: x + 1e-3 * abs(x - (1.0 - fine / 3)),
                lambda x: x + 1e-3 * max(x, 1.0 - fine / 3)]
    slopes = [1 + 1e-3 * math.cos(1.0 / fine), 1 + 1e-3, 1 + 1e-3]
    for f, slope in zip(programs, slopes, strict=True):
        assert judge(slope, f, 1.0)[0] != "wrong"
        for wrong in (1.0, 1 - 1e-3):
            if abs(wrong - slope) > 1e-5:
                assert judge(wrong, f, 1.0)[0] != "right"


def test_points_stay_within_reach():
    called = []
    f = lambda x: called.append(x) or max(2 * x, 3 * x - 1.0)
    assert judge(2.0, f, 0.999, reach=(-9.0, 0.001))[0] == "right"
    judge(2.1, lambda x: called.append(x) or x * x, 0.999, direction=-2.0, reach=(-0.0005, 9.0))
    assert max(called) <= 1.0


# Edges

@pytest.mark.parametrize("x", [0.0, 1e-300, 1e-9, 0.3, 1 - 1e-12, 1 - 2**-53, 1.0])
@pytest.mark.parametrize("box", [False, True])
def test_never_called_outside_of_the_domain(x, box):
    called = []

    def f(x):
        called.extend(np.ravel(x))
        return float(np.sum(np.exp(x)))

    if box:
        measured = derivative(f, np.array([x, 0.5]), np.array([1.0, 0.0]), domain=(0.0, 1.0))
    else:
        measured = derivative(f, x, domain=(0.0, 1.0))
    assert sharp(measured, math.exp(x))
    assert min(called) >= 0.0
    assert max(called) <= 1.0


def test_no_room_and_outside():
    assert derivative(math.exp, 1.0, domain=(1.0, 1.0)).error == INF
    assert derivative(math.exp, 2.0, domain=(0.0, 1.0)).error == INF


@pytest.mark.parametrize("f", [math.log, np.log])
@given(x=st.floats(1e-300, 1e300))
def test_an_undeclared_edge(f, x):
    # math.log raises there, and NumPy's is not a number
    assert holds(derivative(f, x), 1 / x)
    assert holds(derivative(lambda t: f(t - x), x * (1 + 2.0**-20)), 1 / (x * (1 + 2.0**-20) - x))


@pytest.mark.parametrize(("f", "x"), [(np.sqrt, 0.0), (np.cbrt, 0.0), (np.arcsin, 1.0), (np.arcsin, -1.0),
                                      (lambda x: x * math.log(x) if x else 0.0, 0.0), (np.sign, 0.0)])
def test_an_infinite_slope_is_not_measured(f, x):
    assert derivative(f, x).error == INF


@pytest.mark.parametrize("x", [math.nan, -1.0])
def test_not_a_number(x):
    assert derivative(math.log, x) == pytest.approx((math.nan, INF), nan_ok=True)


def test_f_that_raises():
    assert derivative(lambda x: 1 / (x - x), 1.0).error == INF
    with pytest.raises(RuntimeError, match="a bug in f"):
        derivative(lambda x: (_ for _ in ()).throw(RuntimeError("a bug in f")), 1.0)


# Kinks

def relu(x):
    return max(x, 0.0)


@pytest.mark.parametrize(("f", "x", "behind", "ahead"), [
    (abs, 0.0, -1.0, 1.0), (relu, 0.0, 0.0, 1.0), (lambda x: abs(x - 1), 1.0, -1.0, 1.0),
    (lambda x: max(x, x * x), 1.0, 1.0, 2.0), (lambda x: abs(math.sin(x)), 0.0, -1.0, 1.0)])
def test_at_a_kink_the_sides_differ(f, x, behind, ahead):
    assert derivative(f, x).error == INF
    for side, slope in ((-1, behind), (1, ahead)):
        measured = one_sided(f, x, side=side)
        assert verdict(slope, measured) == "right"
        # against the direction, ahead is behind
        assert verdict(-2 * slope, one_sided(f, x, -2.0, -side)) == "right"
        assert verdict(slope, one_sided(lambda v: f(v[0]), np.array([x]), np.array([1.0]), side)) == "right"
    with pytest.raises(ValueError, match="side is 1"):
        one_sided(f, x, side=2)


@given(st.floats(-12, 0), st.sampled_from((-1, 1)), st.sampled_from((0.0, 1.0)))
def test_near_a_kink_the_small_steps_win(exponent, sign, kink):
    x = kink + sign * 10.0 ** (exponent if kink == 0.0 else max(exponent, -9))
    assert sharp(derivative(lambda x: abs(x - kink), x), sign)


def test_no_kink_where_a_slope_exists():
    assert holds(derivative(lambda x: abs(x) ** 3, 0.0), 0.0)
    assert holds(derivative(lambda x: x * abs(x), 0.0), 0.0)
    assert holds(derivative(lambda x: x**1.5, 0.0, domain=(0.0, INF)), 0.0)


@pytest.mark.parametrize("x", [0.3, 2.7, 2000.7, 1e6 + 0.7])
def test_a_floor_is_not_a_slope(x):
    assert holds(derivative(lambda x: math.floor(x) + x, x), 1.0)
    assert holds(derivative(lambda x: x % 1.0, x), 1.0)


# Structures

def test_structures():
    a = np.random.default_rng(1).normal(size=(5, 5))
    x, v = np.arange(5.0), np.linspace(-1, 1, 5)
    assert sharp(derivative(lambda x: float(np.sin(a @ x).sum()), x, v), np.cos(a @ x) @ a @ v)
    state = {"w": np.array([1.0, 2.0]), "b": (3.0, None)}
    way = {"w": np.array([0.5, 0.0]), "b": (1.0, None)}
    assert sharp(derivative(lambda s: float((s["w"] ** 2).sum() * s["b"][0]), state, way), 8.0)
    assert sharp(derivative(lambda x: x[0] * x[1], [2, 3]), 5.0)
    assert derivative(lambda x: x[0] * x[1], [2.0, 3.0], [0.0, 0.0]).value == 0.0


def test_the_rounding_of_the_points_is_in_the_bar():
    # one component cannot move by as little as the other asks for
    x, v = np.array([1e-8, 1e8]), np.ones(2)
    assert holds(derivative(lambda x: float(np.sin(1e8 * x[0]) + x[1]), x, v), 1e8 * math.cos(1.0) + 1)


def test_float32_arrays_move_in_float64():
    x = np.array([1.0, 2.0], np.float32)
    assert sharp(derivative(lambda x: float(np.exp(x).sum()), x, np.array([0.0, 1.0])), math.exp(2.0))


# Calls, and verdicts

@pytest.mark.parametrize("x", [0.0, 1e-300, 1e-9, 1.0, 1e9])
@pytest.mark.parametrize("f", [math.sin, abs, lambda x: 1.0, lambda x: math.floor(x), lambda x: 1e8 + x])
def test_the_number_of_calls(f, x):
    calls = []

    def counted(x):
        calls.append(x)
        return f(x)

    derivative(counted, x)
    assert 20 < len(calls) <= 360
    assert len(set(calls)) > len(calls) / 2


@pytest.mark.parametrize(("rule", "measured", "said"), [
    (1.0, (1.0, 0.0), "right"), (1.0, (1.0 + 1e-7, 1e-7), "right"), (1.0, (1.001, 1e-7), "wrong"),
    (1.0, (1.0 + 1e-12, 1e-13), "wrong"), (1.0, (1.0 + 4e-16, 0.0), "right"),
    (1.0, (1.001, 0.1), "inconclusive"), (1.0, (3.0, 0.1), "wrong"), (0.0, (0.0, 1e-9), "right"),
    (1e-12, (0.0, 1e-9), "inconclusive"), (0.0, (0.0, INF), "inconclusive"),
    (1.0, (1.0, INF), "inconclusive"), (math.nan, (1.0, 1e-9), "wrong"),
    (INF, (1.0, 1e-9), "wrong"), (INF, (math.nan, INF), "inconclusive")])
def test_verdict(rule, measured, said):
    assert verdict(rule, Derivative(*measured)) == said
    assert verdict(-rule, Derivative(-measured[0], measured[1])) == said


def test_the_accuracy_is_that_of_the_verdict():
    measured = Derivative(1.0, 1e-5)
    assert verdict(1.0, measured) == "inconclusive"
    assert verdict(1.0, measured, accuracy=1e-4) == "right"
    assert verdict(1.0 + 2e-5, measured, accuracy=1e-4) == "wrong"       # it is no tolerance


def test_a_rule_that_is_rounded_has_a_bar_too():
    assert verdict(1.0 + 1e-9, Derivative(1.0, 1e-12)) == "wrong"
    assert verdict(1.0 + 1e-9, Derivative(1.0, 1e-12), rounding=1e-8) == "right"
    assert verdict(1.0 + 1e-9, Derivative(1.0, 1e-12), rounding=1e-5) == "inconclusive"
    assert judge(2.0 + 1e-9, lambda x: x * x, 1.0)[0] == "wrong"
    assert judge(2.0 + 1e-9, lambda x: x * x, 1.0, rounding=1e-8)[0] == "right"
