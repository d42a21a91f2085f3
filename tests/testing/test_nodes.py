"""Node by node: every kind of operation can be checked by itself."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.primitives import pick
from tinydp.ad.registry import PRIMITIVES
from tinydp.testing import check_grads
from tinydp.testing.nodes import culprits_among, local_checks, nodes_of_run, nodes_of_slope

RNG = np.random.default_rng(0)


def several_results(a):
    values, vectors = np.linalg.eigh(a @ a.T)
    return np.sum(values) + np.sum(vectors[0] ** 2)


def loop(x):
    (y, _), _ = dp.scan(lambda carry, _: ((np.sin(carry[0]), carry[1] * carry[0]), None), (x, 1.0), length=3)
    return y


def structure(x):
    return dp.checkpoint(lambda p: p["a"] * p["b"])({"a": x, "b": np.sin(x)})


A = np.array([[2.0, 1.0], [0.5, 3.0]])
PROGRAMS = {"several results": (several_results, [A]), "loop": (loop, [0.7]), "structure": (structure, [0.3])}


@pytest.mark.parametrize("name", PROGRAMS)
def test_right_nodes_are_right(name):
    f, leaves = PROGRAMS[name]
    way = [np.ones(np.shape(x)) if np.ndim(x) else 1.0 for x in leaves]
    for entries in (nodes_of_run(f, leaves), nodes_of_slope(f, way, leaves)):
        assert entries
        assert not culprits_among(entries, 1e-6, RNG)
        for entry in entries:
            assert "wrong" not in {check.verdict for _, check in local_checks(entry, 1e-6, RNG)}


def test_a_wrong_pick_is_named(monkeypatch):
    rule = pick.rules[0]
    monkeypatch.setattr(pick, "rules", (lambda g, *rest: rule(1.0001 * g, *rest), None))
    report = check_grads(several_results, A, raises=False)
    assert {culprit.op for culprit in report.culprits} == {"pick"}


def test_a_wrong_rule_inside_of_a_loop_is_named(monkeypatch):
    rule = PRIMITIVES[np.sin].rules[0]
    monkeypatch.setattr(PRIMITIVES[np.sin], "rules", (lambda g, y, x: 1.0001 * rule(g, y, x),))
    report = check_grads(loop, 0.7, raises=False)
    assert [culprit.op for culprit in report.culprits] == ["sin"] * 3
    assert "np.sin(carry[0])" in str(report)


def test_nodes_of_the_sweep_know_what_was_swept():
    entries = nodes_of_slope(lambda x: np.sqrt(np.sin(x)), [1.0], [0.7])
    assert [entry.node.op.name for entry in entries[:2]] == ["sin", "sqrt"]
    assert [entry.within for entry in entries[:2]] == ["", ""]
    assert {entry.within for entry in entries if entry.node.op.name in ("divide", "cos")} == {"sqrt", "sin"}
