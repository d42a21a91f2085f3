"""Guarantees of the table as a whole: every rule is tested, and no test would let an error pass."""

import inspect
import operator
from importlib import import_module
from pathlib import Path
from types import FunctionType

import numpy as np
import pytest
from hypothesis import Phase, given, settings

from tinydp.ad import parts, registry, rules
from tinydp.ad.binding import parameters_of
from tinydp.ad.primitives import FlatPrimitive, Primitive
from tinydp.ad.registry import PRIMITIVES

from .checks import WrongGradient, check_gradients

MODULES = [registry, parts, *(import_module(f"{rules.__name__}.{name}") for name in rules.__all__)]
TESTS = [import_module(f"{__package__}.{path.stem}") for name in rules.__all__
         for path in Path(__file__).parent.glob(f"test_{name}.py")]
CASES = [case for test in TESTS for case in test.CASES]
FLAT = [case for test in TESTS for case in getattr(test, "FLAT", [])]

# All that tinydp registers, and the primitives that only its own rules call.
OURS = {f: rule for f, rule in PRIMITIVES.items() if not f.__module__.startswith("tests")}
OURS |= {p: p for module in MODULES for p in vars(module).values() if type(p) is Primitive}


def arguments(rule):
    """The arguments in which a function has a derivative, as far as the registry tells."""
    if isinstance(rule, FlatPrimitive):
        return []
    if not isinstance(rule, Primitive):          # computed by other functions, which have the rules
        return [0]
    if rule.each:                                # any number of arguments: two stand for all
        return [0, 1]
    return [i for i, pull in enumerate(rule.rules) if pull]


def test_every_rule_has_a_case():
    tested = {covered for case in CASES for covered in case.covered}
    assert {(f, i) for f, rule in OURS.items() for i in arguments(rule)} <= tested


def test_every_case_has_a_rule():
    assert {case.rule for case in CASES + FLAT} <= OURS.keys()


def test_every_flat_function_has_a_case():
    assert {f for f, rule in OURS.items() if isinstance(rule, FlatPrimitive)} == {case.rule for case in FLAT}


# ---------------------------------------------------------------------------- planted errors

UNSEEN = {(operator.pos, 0), (np.copysign, 1)}   # +x is x, nothing is recorded; and always zero
PLANTED = [
    pytest.param(case, PRIMITIVES.get(f, f), i, id=f"{case}-{getattr(f, 'name', f.__name__)}-{i}")
    for case in CASES for f, i in case.covered
    if type(PRIMITIVES.get(f, f)) is Primitive and (f, i) not in UNSEEN
]


@pytest.mark.parametrize(("case", "primitive", "argument"), PLANTED)
def test_error_of_a_thousandth_is_found(case, primitive, argument, monkeypatch):
    plant(monkeypatch, primitive, argument)
    with pytest.raises(WrongGradient):
        check_up_to_first_failure(case)


def plant(monkeypatch, primitive, argument):
    """Make the rule of one argument too large by 0.1 %."""
    rules, each = list(primitive.rules), primitive.each
    if each:
        monkeypatch.setattr(primitive, "each", lambda g, *args, **options: lambda i: each(
            enlarged(g) if i == argument else g, *args, **options)(i))
    else:
        rule = rules[argument]
        rules[argument] = lambda g, *args, **options: rule(enlarged(g), *args, **options)
        monkeypatch.setattr(primitive, "rules", tuple(rules))


def enlarged(g):
    return tuple(map(enlarged, g)) if isinstance(g, tuple) else 1.001 * g


def check_up_to_first_failure(case):
    """The property that each rule is tested for."""
    @settings(max_examples=200, database=None, derandomize=True, phases=[Phase.generate])
    @given(case.calls())
    def check(call):
        check_gradients(call)

    check()


# ---------------------------------------------------------------------------- signatures

REPLACED = [f for f, rule in OURS.items() if isinstance(rule, FunctionType) and parameters_of(f)]


@pytest.mark.parametrize("f", REPLACED, ids=lambda f: f.__name__)
def test_replacement_is_called_like_numpys_function(f):
    """The same parameters, in the same order, with the same defaults; some of NumPy's may be missing."""
    theirs, ours = inspect.signature(f).parameters, inspect.signature(PRIMITIVES[f]).parameters
    in_order = [p.name for p in theirs.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    positional = [p.name for p in ours.values() if p.kind == p.POSITIONAL_OR_KEYWORD]
    assert positional == in_order[: len(positional)]
    assert ours.keys() <= theirs.keys()
    assert all(theirs[name].default in (p.default, np._NoValue) for name, p in ours.items())
