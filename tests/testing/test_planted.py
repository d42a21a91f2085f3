"""An error of 0.01 % in any one rule, planted in a program of about 200 operations, is caught and named."""

import pytest

from benchmarks import planted
from tinydp.testing import check_grads

RULES, MISSING = planted.table()


def test_every_primitive_of_the_registry_is_reached():
    assert not MISSING
    assert {rule.primitive for rule in RULES} == planted.all_primitives()


def test_the_programs_have_about_200_operations():
    for rule in RULES:
        f, leaves = planted.traceable(rule.function, planted.visible(rule, planted.np.random.default_rng(0)))
        assert 180 <= len(planted.nodes_of_run(f, leaves)) <= 300


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule}-{rule.function.__name__}")
def test_a_planted_error_is_caught_and_named(rule):
    args = planted.visible(rule, planted.np.random.default_rng(1))
    f = planted.program(rule.function)
    assert check_grads(f, args, order=rule.order).verdict == "right"
    with planted.planted(rule.primitive, rule.operand, 1.0001):
        report = check_grads(f, args, order=rule.order, raises=False)
    assert report.verdict == "wrong"
    assert planted.is_named(report, rule), str(report)
    assert report.culprits[0].ratio == pytest.approx(1.0001, rel=1e-5)
    assert len(str(report).splitlines()) <= 6
