"""`check_grads`: verdicts, culprits, kinks, structure, surrogates, foreign gradients."""

from collections import namedtuple

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.parts import scatter
from tinydp.ad.registry import PRIMITIVES
from tinydp.testing import GradientError, check_grads

Pair = namedtuple("Pair", "x y")


# ---------------------------------------------------------------------------- right

@pytest.mark.parametrize(("f", "args"), [
    (np.sin, 0.3),
    (lambda x: x**3, (2.0,)),
    (np.hypot, (3.0, 4.0)),
    (lambda w, x: np.tanh(w @ x), (np.full((3, 2), 0.1), np.array([1.0, -2.0]))),
    (lambda p: {"sum": p["a"].x * p["b"][0], "text": "constant"}, {"a": Pair(2.0, 3.0), "b": [np.ones(2)]}),
    (lambda x, n: x**n, (1.5, 3)),
    (lambda x: [x[0] * x[1], np.sum(x)], np.linspace(0.1, 1.0, 40)),
    (lambda x: np.where(x > 0, np.sqrt(np.abs(x)), 0.0), np.array([-1.0, 4.0])),
    (dp.checkpoint(lambda x: np.exp(np.sin(x))), 0.4),
    (lambda x: x * np.float64(1.0), np.float64(0.3)),
], ids=range(10))
@pytest.mark.parametrize("order", [1, 2])
def test_a_right_gradient_is_right(f, args, order):
    report = check_grads(f, args, order=order)
    assert report.verdict == "right", str(report)
    assert report.culprit is None
    assert not report.problems
    assert str(report).startswith("right: ")


def test_where_f_lost_its_digits_it_says_so():
    report = check_grads(lambda x: (1e9 + x * x) - 1e9, 1e-3, grad=lambda x: 2 * x)
    assert report.verdict == "inconclusive"
    assert "too few digits" in str(report)


@pytest.mark.parametrize(("f", "x"), [
    (abs, 0.0), (dp.nn.relu, 0.0), (lambda x: np.maximum(x, 0.0), 0.0),
    (lambda x: np.clip(x, 0.0, 1.0), 1.0), (lambda x: max(x, 2.0), 2.0),
    (lambda x: np.sum(np.abs(x)), np.array([0.0, 1.0, 0.0])),
], ids=range(6))
def test_kinks_are_judged_by_both_sides(f, x):
    report = check_grads(f, x)
    assert report.verdict == "right"
    assert report.count("kink") + report.count("right") == len(report.checks)


def test_a_gradient_of_zero_is_right_at_a_minimum_and_nowhere_else():
    assert check_grads(np.var, np.ones(5)).verdict == "right"
    loss = lambda x: np.sum((x - 1.1) ** 2 * [1.0, 3.0]) + 0.3
    assert check_grads(loss, np.full(2, 1.1)).verdict == "right"
    assert check_grads(loss, np.full(2, 1.1 + 1e-9), grad=lambda x: 0 * x, raises=False).verdict == "wrong"


def test_a_wrong_slope_at_a_kink_is_wrong():
    assert check_grads(abs, 0.0, grad=lambda x: 1.5, raises=False).verdict == "wrong"


@pytest.mark.parametrize("kind", [np.float16, np.float32])
@pytest.mark.parametrize("order", [1, 2])
def test_arguments_of_fewer_digits(kind, order):
    for x in (kind(3), np.array([3.0, 0.1], kind)):
        assert check_grads(lambda x: np.sum(np.sin(x) * x), x, order=order).verdict == "right"
    slightly = dp.custom_gradient(np.sin, lambda g, y, x: 1.00001 * g * np.cos(x))
    assert check_grads(slightly, kind(3), raises=False).culprit == "sin"


@pytest.mark.parametrize("x", [0.1, 0.01346349, 1e9 / 3])
@pytest.mark.parametrize("f", [np.var, np.std])
def test_a_rule_that_lost_its_digits_is_not_wrong(f, x):
    """The mean of equal numbers is rounded, and what remains without it is not zero."""
    assert check_grads(f, np.full(5, x)).verdict == ("right" if x < 1.0 or f is np.std else "inconclusive")


def test_a_rule_is_rounded_as_what_it_is_summed_up_from():
    """Here a difference is exact, and the second derivative a small sum of larger terms."""
    assert check_grads(np.var, np.zeros(5), order=2).verdict == "right"


# ---------------------------------------------------------------------------- wrong, and whose fault

@pytest.mark.parametrize("size", [1e-3, 1e-6, 1e-9, 1e-10])
def test_the_accuracy_is_no_tolerance(size):
    by_hand = lambda x: 2 * x * (1 + size)
    assert check_grads(lambda x: x**2, 1.5, grad=by_hand, raises=False).verdict == "wrong"
    square = dp.custom_gradient(lambda x: x**2, lambda g, y, x: 2 * g * x * (1 + size))
    report = check_grads(lambda x: np.sin(square(x)), 1.5, raises=False)
    assert report.verdict == "wrong"
    assert report.culprit == "<lambda>"


@pytest.mark.parametrize("f", [
    lambda x, wrong: 1e8 * x + wrong,
    lambda x, wrong: (1e8 * x, wrong),
    lambda x, wrong: {"large": 1e20 * x, "others": [wrong, "text", 3]},
    lambda x, wrong: np.stack([wrong, 1e20 * x, -1e30 * x]),
], ids=range(4))
def test_a_small_wrong_part_does_not_hide_behind_a_large_one(f):
    cube = dp.custom_gradient(lambda x: x**3, lambda g, y, x: 0 * g * x)
    report = check_grads(lambda x: f(x, cube(x)), 1.5, raises=False)
    assert (report.verdict, report.culprit) == ("wrong", "<lambda>")
    assert check_grads(lambda x: f(x, x**3), 1.5).verdict == "right"


def test_the_report_names_the_result():
    cube = dp.custom_gradient(lambda x: x**3, lambda g, y, x: 0 * g * x)
    report = check_grads(lambda x: {"large": 1e20 * x, "small": cube(x)}, 1.5, raises=False)
    assert str(report).splitlines()[1].startswith(
        "argument 0, of result['small'] alone: the gradient says 0, measured 6.75 +- ")


def test_the_report_of_a_wrong_rule_reads_well():
    def cube_of(x):
        return x**3

    cube = dp.custom_gradient(cube_of, lambda g, y, x: g * 3.03 * x**2)

    def energy(x):
        y = 2.0 * cube(x)
        return y + x

    with pytest.raises(GradientError) as caught:
        check_grads(energy, 1.5)
    lines = str(caught.value).splitlines()
    assert lines[0] == "wrong: 1 of 1 derivative differs from finite differences"
    assert lines[1].startswith("argument 0: the gradient says 14.635, measured 14.5 +- ")
    assert lines[1].endswith(": 1.00931 times what it should be")
    assert lines[2].startswith("culprit: cube_of, node 0, at ")
    assert lines[2].endswith("test_check.py:" + lines[2].rsplit(":", 2)[1] + ": y = 2.0 * cube(x)")
    assert lines[3] == "  its inputs: 1.5"
    assert lines[4].startswith("  its rule for argument 0 returns 6.8175, measured 6.75 +- ")
    assert lines[4].endswith(": 1.01 times what it should be")
    assert len(lines) == 5
    assert caught.value.report.culprit == "cube_of"


def test_a_wrong_second_derivative():
    sine = dp.custom_gradient(np.sin, lambda g, y, x: g * dp.stop_gradient(np.cos(x)))
    assert check_grads(sine, 0.3).verdict == "right"
    report = check_grads(sine, 0.3, order=2, raises=False)
    assert report.verdict == "wrong"
    assert report.worst.where == "second order, argument 0"
    assert report.culprit == "sin"
    assert "its rule for argument 0, differentiated again, returns 0, measured -0.29" in str(report)


def test_a_rule_that_only_second_derivatives_use():
    """The culprit is found in the sweep, and its place is that of the operation swept."""
    rule = scatter.each
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scatter, "each", lambda h, *rest, **where: rule(1.0001 * h, *rest, **where))
        x = np.array([0.7, 0.3, 0.4])
        report = check_grads(lambda x: np.sin(x)[:2] @ x[1:], x, order=2, raises=False)
    assert report.culprit == "scatter"
    assert report.culprits[0].within == "getitem"
    assert "np.sin(x)[:2] @ x[1:]" in str(report)


def test_a_derivative_that_was_cut_is_explained():
    report = check_grads(lambda x: x * dp.stop_gradient(x), 3.0, raises=False)
    assert (report.verdict, report.culprit) == ("wrong", None)
    assert "dp.stop_gradient or a rounding cut a derivative" in str(report)


def test_only_floats_are_checked():
    with pytest.raises(ValueError, match=r"write 3\.0 instead of 3"):
        check_grads(lambda x: x * x, 3)


def test_near_a_singular_matrix_the_identities_hold_to_rounding():
    """Where few digits are left, the two sides of the adjoint identity differ, and nothing is wrong."""
    hilbert = 1.0 / (np.arange(8.0)[:, None] + np.arange(8.0) + 1.0)
    assert check_grads(lambda a: np.sum(np.linalg.inv(a)), hilbert).verdict != "wrong"
    assert check_grads(lambda a: np.sum(np.linalg.inv(a)), hilbert[:4, :4], order=2).verdict != "wrong"


# ---------------------------------------------------------------------------- structure

def test_a_rule_that_is_not_linear():
    f = dp.custom_gradient(lambda x: x * x, lambda g, y, x: np.clip(g, -0.1, 0.1) * 2.0 * x)
    assert "not linear" in "".join(check_grads(f, 3.0, raises=False).problems)


def test_functions_that_are_not_functions():
    calls = []

    def counting(x):
        calls.append(1)
        return x * len(calls)

    def writing(x, b):
        b += 1
        return np.sum(x * x)

    assert "not deterministic" in str(check_grads(counting, 1.0, raises=False))
    report = check_grads(writing, (np.ones(2), np.arange(2)), raises=False)
    assert "f changed its arguments" in str(report)


def test_surrogates_are_checked_against_their_declaration():
    report = check_grads(lambda x: dp.sign(x) * np.sin(x), 0.7)
    assert report.verdict == "right"
    assert report.surrogates == ["sign"]
    honest = dp.custom_gradient(lambda x: x**2, lambda g, y, x: 3.0 * g * x)
    assert check_grads(honest, 1.0, raises=False).verdict == "wrong"
    declared = dp.custom_gradient(lambda x: x**2, lambda g, y, x: 3.0 * g * x, surrogate=True)
    assert check_grads(lambda x: declared(x) + np.exp(x), 1.0).verdict == "right"


def test_a_wrong_rule_beside_a_surrogate_is_still_found(monkeypatch):
    rule = PRIMITIVES[np.sin].rules[0]
    monkeypatch.setattr(PRIMITIVES[np.sin], "rules", (lambda g, y, x: 1.001 * rule(g, y, x),))
    report = check_grads(lambda x: dp.sign(x) * np.sin(x), 0.7, raises=False)
    assert (report.verdict, report.culprit) == ("wrong", "sin")


# ---------------------------------------------------------------------------- bad usage

def test_order_two_needs_our_own():
    with pytest.raises(ValueError, match="order=2"):
        check_grads(np.sin, 1.0, grad=np.cos, order=2)


@pytest.mark.parametrize("f", [
    lambda x: dp.while_loop(lambda s: s[0] < 3.0, lambda s: (s[0] * 1.5, s[1] + s[0]), (x, 0.0))[1],
    lambda x: dp.integrate(lambda s, dt: (s[0] - dt, s[1] + dt * s[0] * x), (x, 0.0), lambda s: s[0],
        dt=0.1)[1]],
    ids=["while_loop", "integrate"])
def test_the_terms_within_a_loop_that_is_one_node_are_not_seen(f):
    """Then the two sides of the adjoint identity may still differ in the last digit."""
    for x in (0.7, 1.0, 1.1, 1.3):
        assert check_grads(f, x).verdict == "right"


MIRRORED = np.random.default_rng(3).permutation(
    np.repeat(np.linspace(0.3, 2.0, 30), 2) * np.tile([1.0, -1.0], 30))
CANCELLING = {
    "elements": lambda x, part: np.sum(part(MIRRORED * x)),
    "a product": lambda x, part: MIRRORED @ part(MIRRORED**2 * x),
    "steps": lambda x, part: dp.scan(lambda total, c: (total + part(c * x), None), 0.0, MIRRORED)[0],
    "rows": lambda x, part: np.sum(dp.vmap(lambda c: part(c * x))(MIRRORED)),
    "a product of matrices": lambda x, part: np.sum(
        np.stack([MIRRORED, 2 * MIRRORED]) @ part(x * np.ones(60))),
}


@pytest.mark.parametrize("f", CANCELLING.values(), ids=CANCELLING)
@pytest.mark.parametrize("order", [1, 2])
def test_terms_that_cancel_within_one_operation_are_rounded_as_they_are(f, order):
    """The derivative is zero, but for rounding, of which the sum itself tells nothing."""
    for x in (0.7, -1.1, 0.31):
        report = check_grads(lambda x: f(x, np.sin), x, order=order, raises=False)
        assert not report.problems
        assert report.verdict != "wrong"


@pytest.mark.parametrize("f", CANCELLING.values(), ids=CANCELLING)
def test_a_wrong_rule_among_terms_that_cancel_is_seen(f):
    bent = dp.custom_gradient(np.sin, lambda g, y, x: g * np.cos(x) * (1.0 + 1e-9 * np.sin(x)))
    report = check_grads(lambda x: f(x, bent), 0.7, raises=False)
    assert report.verdict == "wrong" or report.count("inconclusive")
    one_way = dp.custom_gradient(np.sin, lambda g, y, x: np.cos(x) * (g + 1e-9 * np.abs(g) * np.sin(x)))
    assert any("identity" in text or "linear" in text for text in
               check_grads(lambda x: f(x, one_way), 0.7, raises=False).problems)

