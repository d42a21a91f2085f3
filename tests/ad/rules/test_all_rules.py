"""Guarantees of the table as a whole: every rule is tested, and no test would let an error pass.

What is missing is said with the line to add: docs/add-a-rule.md has the steps in their order.
"""

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


def told(f):
    """The name of a function as one writes it."""
    return getattr(f, "name", "") or f"{f.__module__.removeprefix('_').replace('numpy', 'np')}.{f.__name__}"


def fail_for(missing, step):
    """Fail, with the next step for each function that is missing, and without a traceback."""
    if missing:
        pytest.fail("\n".join(step.format(told(f), *rest) for f, *rest in missing), pytrace=False)


def test_every_rule_has_a_case():
    tested = {covered for case in CASES for covered in case.covered}
    missing = [(f, i) for f, rule in OURS.items() for i in arguments(rule) if (f, i) not in tested]
    fail_for(missing, "{0} has a rule for argument {1}, and no case tests it: to CASES in "
                      "tests/ad/rules/test_X.py, where X.py has the rule, add `case({0}, ...)`, with a "
                      "sampler of cases.py for each argument.")


def test_every_case_has_a_rule():
    extra = {case.rule for case in CASES + FLAT} - OURS.keys()
    fail_for([(f,) for f in extra], "{0} has a case and no rule: add `defvjp({0}, lambda g, y, x: ...)` to a "
                                    "module of tinydp/ad/rules; `__all__` of that package names them.")


def test_every_flat_function_has_a_case():
    ours = {f for f, rule in OURS.items() if isinstance(rule, FlatPrimitive)}
    tested = {case.rule for case in FLAT}
    fail_for([(f,) for f in ours - tested], "{0} is flat, and no case tests it: add `case({0}, ...)` to FLAT "
                                            "in tests/ad/rules/test_X.py, where X.py registers it.")
    fail_for([(f,) for f in tested - ours], "{0} is in FLAT, and no module registers it by `flat({0})`.")


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
    try:
        check_up_to_first_failure(case)
    except WrongGradient:
        return
    pytest.fail(f"the rule of {primitive.name} for argument {argument} was made wrong by 0.1 %, and the case "
                f"of {case} did not see it: let its samplers draw arguments at which that derivative is not "
                "zero, or give it another `call`.", pytrace=False)


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
    same = f"write the parameters of the replacement like those of {told(f)}{inspect.signature(f)}"
    assert positional == in_order[: len(positional)], same
    assert ours.keys() <= theirs.keys(), same
    assert all(theirs[name].default in (p.default, np._NoValue) for name, p in ours.items()), same
