"""Kinks close by: recognised from the tape, judged on the side on which x lies, and never flaky."""

import math

import numpy as np
import pytest

import tinydp as dp
from tinydp.testing import check_grads
from tinydp.testing.kinks import course_of, margins, same_course

W = np.array([1.0, 3.0, -2.0])


def branch(x):
    return x * x if x > 1 else x


def other_constant(x):
    if x > 1:
        slope, start = 3.0, -2.0
    else:
        slope, start = 1.0, 0.0
    return slope * x + start


def in_a_loop(x):
    y, _ = dp.scan(lambda carry, _: (np.maximum(carry, 0.5 + 0.5 * carry), None), x, length=3)
    return y * x


# Each has a kink at 1, and none anywhere near.
KINKED = {
    "abs":         lambda x: abs(x - 1) + 3 * x,
    "maximum":     lambda x: np.maximum(x, 1.0) * x,
    "minimum":     lambda x: np.minimum(1.0, x) + 2 * x,
    "where":       lambda x: np.where(x > 1, x * x, x),
    "clip":        lambda x: np.clip(x, -5.0, 1.0) * x,
    "sort":        lambda x: np.sort(np.stack([x, 1.0, 3.0])) @ W,
    "max":         lambda x: np.max(np.stack([x, 1.0, -3.0])) + x,
    "median":      lambda x: np.median(np.stack([x, 1.0, 3.0])) + x,
    "norm":        lambda x: np.linalg.norm(np.stack([x - 1, 0.0])) + 3 * x,
    "relu":        lambda x: dp.nn.relu(x - 1) + 3 * x,
    "python max":  lambda x: max(x, 1.0) + x,
    "if":          branch,
    "constants":   other_constant,
    "interp":      lambda x: np.interp(x, [0.0, 1.0, 3.0], [0.0, 1.0, 7.0]),
    "scan":        in_a_loop,
    "custom":      dp.checkpoint(lambda x: abs(x - 1) + 3 * x),
}
DISTANCES = [0.0, 1e-17, 2.0**-52, 3e-16, 1e-15, 1e-13, 1e-11, 1e-9, 1e-7, 1e-5, 1e-4, 1e-3]


@pytest.mark.parametrize("name", KINKED)
@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_beside_a_kink_a_right_gradient_is_right(name, side):
    for distance in DISTANCES:
        report = check_grads(KINKED[name], 1.0 + side * distance, raises=False)
        seen = name not in FIRST or distance == 0.0 or distance > DISTANCES[FIRST[name]]
        assert report.verdict in (("right",) if seen else ("right", "inconclusive")), f"{distance}: {report}"


FIRST = {"custom": 8, "scan": 5}         # from where on it is seen: a custom operation hides its inside


@pytest.mark.parametrize("name", KINKED)
@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_beside_a_kink_a_wrong_gradient_is_wrong(name, side):
    identity = dp.custom_gradient(lambda x: x, lambda g, y, x: 1.0001 * g)
    for distance in DISTANCES[FIRST.get(name, 2) :: 2]:
        report = check_grads(lambda x: KINKED[name](identity(x)), 1.0 + side * distance, raises=False)
        assert (report.verdict, report.culprit) == ("wrong", "<lambda>"), f"{distance}: {report}"


@pytest.mark.parametrize("f", [abs, dp.nn.relu, lambda x: max(x, 0.0), lambda x: np.where(x > 0, x, 0.1 * x),
                               lambda x: np.maximum(x, 0.3 * x), lambda x: np.linalg.norm(np.stack([x, x]))])
@pytest.mark.parametrize("x", [0.0, 5e-324, -1e-300, 1e-100, -1e-30, 1e-16, -1e-9])
def test_kinks_at_zero(f, x):
    assert check_grads(f, x).verdict == "right"


@pytest.mark.parametrize("f", [np.sort, np.median, np.max, np.ptp, np.std, np.linalg.norm,
                               lambda x: np.partition(x, 2), lambda x: np.quantile(x, 0.4),
                               lambda x: np.sum(np.abs(x - x[0]))])
@pytest.mark.parametrize("x", [np.zeros(4), np.ones(4), np.array([1.0, 2.0, 2.0, 1.0]),
                               np.array([3.0, 1.0, 1.0, 1.0])])
def test_ties_of_several(f, x):
    assert check_grads(f, x).verdict == "right"


def test_at_a_tie_a_slope_that_no_side_has_is_wrong():
    wrong = dp.custom_gradient(np.sort, lambda g, y, x: 1.7 * g)
    assert check_grads(lambda x: np.sum(wrong(x) * W), np.ones(3), raises=False).verdict == "wrong"
    assert check_grads(abs, 0.0, grad=lambda x: 1.5, raises=False).verdict == "wrong"


@pytest.mark.parametrize(("f", "x"), [
    (lambda x: 1.0 + 0 * x if x == 0 else (np.exp(x) - 1) / x, 0.0),
    (lambda x: 3.0 if x == 1.0 else 3 * x, 1.0),
    (lambda x: np.sum(np.where(x == 0, 1.0, (np.exp(x) - 1) / np.where(x == 0, 1.0, x))),
     np.array([0.0, 1.0, 2.0])),
    (lambda x: dp.nn.relu(x) - dp.nn.relu(-x), 0.0),
], ids=["if", "constant", "where", "two kinks that cancel"])
def test_a_course_that_only_this_point_takes_says_nothing(f, x):
    """Both sides agree, and the gradient of the course taken is another."""
    assert check_grads(f, x, raises=False).verdict == "wrong"


@pytest.mark.parametrize("f", [
    lambda x: np.sum(np.clip(x, 0.0, 1.0)),
    lambda x: np.sum(np.clip(x, 0.0, 1.0) * [2.0, -3.0, 1.0]),
    lambda x: dp.nn.relu(x[0]) - dp.nn.relu(x[1] - 1.0) + x[2],
], ids=range(3))
def test_several_numbers_at_kinks_of_their_own(f):
    x = np.array([0.0, 1.0, 0.5])
    assert check_grads(f, x).verdict == "right"
    wrong = dp.custom_gradient(lambda x: x, lambda g, y, x: 1.7 * g)
    assert check_grads(lambda x: f(wrong(x)), x, raises=False).verdict == "wrong"


def test_several_kinks_of_a_function_from_elsewhere():
    """At 0 the slope of a relu is 0 by convention, also of those that are subtracted."""
    w = np.array([2.0, -3.0, 1.0])
    f = lambda x: w @ np.maximum(x, 0.0)
    assert check_grads(f, np.zeros(3), grad=lambda x: w * (x > 0)).verdict == "right"
    assert check_grads(f, np.zeros(3), grad=lambda x: -0.1 * w, raises=False).verdict == "wrong"


def test_numbers_that_are_tied_again_by_rounding():
    """Beside the tie of three, two of them are equal at the nearest point, and at the next no more."""
    x = [[-0.5697055, 1.0, -1.0, 2.0], [-0.5697055, 0.5, 1.0000023, 1.0000023], [1.0, 2.0, 1.0, 2.0]]
    assert check_grads(np.max, np.array(x)).verdict == "right"


def test_between_two_kinks_close_together():
    report = check_grads(lambda x: np.clip(x, 1.0 - 1e-5, 1.0 + 1e-5), 1.0)
    assert [check.verdict for check in report.checks] == ["right"]


def test_second_derivatives_beside_a_kink():
    for distance in (1e-3, 1e-6, 1e-9):
        assert check_grads(lambda x: np.maximum(x, 1.0) ** 3, 1.0 + distance, order=2).verdict == "right"
        assert check_grads(lambda x: abs(x - 1) * x**2, 1.0 - distance, order=2).verdict == "right"


def test_constants_that_move_with_x_are_no_kinks():
    """The shift in a softmax is a constant of no influence."""
    def log_sum(x):
        shift = dp.stop_gradient(np.max(x))
        return np.log(np.sum(np.exp(x - shift))) + shift

    assert check_grads(log_sum, np.array([1.0, 3.0, 2.0])).verdict == "right"


# ---------------------------------------------------------------------------- the parts

@pytest.mark.parametrize("distance", [1e-9, 1e-4, 0.3])
def test_the_margin_is_the_distance(distance):
    for name in KINKED.keys() - {"custom"}:
        f, x = KINKED[name], 1.0 + distance
        reach, like = margins(lambda t, f=f, x=x: course_of(f, [x + t]), 2.0**-46, 8.0)
        assert like == (True, True)
        assert -distance <= reach[0] <= -0.8 * distance
        assert reach[1] == math.inf or (name in ("sort", "median", "interp") and 1.0 < reach[1] < 2.0)


def test_at_a_kink_x_is_like_one_side_or_none():
    for f, x, expected in [(KINKED["abs"], 1.0, (False, False)), (KINKED["if"], 1.0, (True, False)),
                           (KINKED["abs"], np.nextafter(1.0, 2.0), (False, True))]:
        _, like = margins(lambda t, f=f, x=x: course_of(f, [x + t]), 2.0**-46, 8.0)
        assert like == expected


def test_the_course_taken_goes_on_smoothly():
    for name in ("if", "constants", "where", "sort", "scan"):
        f = KINKED[name]
        taken = same_course(f, [1.1])
        assert taken(1.3) == f(1.3)
        if name != "scan":                       # a maximum stays one
            assert taken(0.9) != f(0.9)
