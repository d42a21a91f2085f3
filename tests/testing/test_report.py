"""Reports read by strangers: what is wrong, where, by how much, in six lines at most."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.testing import Check, Report, check_grads

exp_and_more = dp.custom_gradient(np.exp, lambda g, y, x: 1.001 * g * y)
negative = dp.custom_gradient(np.sin, lambda g, y, x: -g * np.cos(x))


def layer(w, x):
    hidden = np.tanh(w @ x)
    return np.sum(hidden * exp_and_more(hidden))


def counting(x, calls=[]):                       # noqa: B006  (that is what is wrong with it)
    calls.append(x)
    return x * len(calls)


REPORTS = {
    "one rule": (layer, (np.array([[0.1, 0.2], [0.3, -0.4]]), np.array([1.0, 2.0])), [
        "wrong: 6 of 6 derivatives differ from finite differences", "worst: argument ",
        "culprit: exp, node 2, at ", "  its inputs: [ 0.462117, -0.462117]",
        "1.001 times what it should be"]),
    "the sign": (lambda x: negative(x), 0.3, [": the wrong sign"]),
    "many results": (lambda x: (2 * negative(x), x), 0.3, ["gradient of a weighted sum of the results says"]),
    "no function": (counting, 1.0, ["wrong, whatever the derivatives are:", "f is not deterministic"]),
    "cut": (lambda x: x * dp.value(x), 3.0, ["0.5 times what it should be", "cut a derivative"]),
    "nothing recorded": (lambda x: 3.0 * dp.value(x), 2.0, ["nothing was recorded"]),
    "no digits": (lambda x: (1e9 + x * x) - 1e9, 1e-3, ["inconclusive: 0 of 1 derivative ", "few digits"]),
    "infinitely steep": (np.cbrt, 0.0, ["0 of 1 derivative agrees", "no window around here shows a slope"]),
    "an edge": (np.sqrt, 0.0, ["inconclusive: ", "f is not finite, or jumps, here or right beside"]),
    "kink": (abs, 0.0, ["right: 1 of 1 derivative agrees", "(1 at a kink, judged by both sides)"]),
}


@pytest.mark.parametrize("name", REPORTS)
def test_reports(name):
    f, args, parts = REPORTS[name]
    text = str(check_grads(f, args, raises=False))
    for part in parts:
        assert part in text, text
    assert len(text.splitlines()) <= 6


def test_the_same_rule_wrong_at_many_nodes_is_one_line():
    def chain(x):
        for _ in range(5):
            x = exp_and_more(0.3 * x)
        return x

    report = check_grads(chain, 1.0, raises=False)
    assert len(report.culprits) == 5
    assert "culprit 1 of 5: exp, node 1, at " in str(report)


@pytest.mark.parametrize(("verdicts", "expected"), [
    (["right", "right"], "right"), (["right", "kink"], "right"), (["right", "wrong"], "wrong"),
    (["right", "inconclusive"], "inconclusive"), (["right", "inconclusive", "wrong"], "wrong"),
    ([], "inconclusive"),
])
def test_verdicts_add_up(verdicts, expected):
    report = Report([Check(f"argument 0, element [{k}]", 1.0, 1.0, 0.1, v) for k, v in enumerate(verdicts)])
    assert report.verdict == expected


def test_each_argument_needs_a_verdict_of_its_own():
    verdicts = {"argument 0": "right", "argument 1": "inconclusive"}
    report = Report([Check(where, 1.0, 1.0, 0.1, verdict) for where, verdict in verdicts.items()])
    assert report.verdict == "inconclusive"
