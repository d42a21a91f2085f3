"""The fast sweep does what the plain one does: on random programs, and on rules that are wrong."""

import warnings

import numpy as np
import pytest

import tinydp as dp
from benchmarks.agree.check import Program
from benchmarks.agree.module import draw
from benchmarks.agree.structures import leaves
from tinydp.ad import fast, integers
from tinydp.ad.errors import DtypeError, RuleError


def outcome(run):
    """What a run returns, or what it raises."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return [(path, repr(np.asarray(x).tolist())) for path, x in leaves(run())]      # all digits
        except Exception as error:               # whatever it is, it is compared
            return type(error), str(error).partition("\n")[0]


def both(run):
    """The outcome with each sweep."""
    found = outcome(run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast, "sweep", lambda tape, seeds, keep=False: tape.sweep(seeds, keep))
        patch.setattr(fast, "recorded_several", lambda op, args, kwargs: NotImplemented)
        patch.setattr(fast, "recorded_fast", lambda op, args: NotImplemented)
        patch.setattr(integers, "_is_basic", lambda index: False)
        return found, outcome(run)


@pytest.mark.parametrize("seed", range(60))
def test_random_programs(seed):
    program = Program(draw(seed))

    def run():
        y, pullback = dp.vjp(program.real["f"], *program.arguments("args"), **program.real["keywords"])
        ones = [np.ones(np.shape(leaf)) if np.ndim(leaf) else 1.0 for _, leaf in leaves(y)]
        return y, pullback(dp.ad.tree.rebuild(y, ones) if len(ones) != 1 else ones[0])

    quick, plain = both(run)
    assert quick == plain


ROW = np.array([1.0, 0.0, -2.0])
RECORDED = {                                     # what is recorded in fewer steps
    "stack": lambda x: np.stack([x, x * ROW, ROW], axis=1),
    "numbers": lambda x: np.stack([x[0], 2.0, x[-1]]),
    "concatenate": lambda x: np.concatenate([ROW, x[1:], x[::-1]]),
    "where": lambda x: np.where(ROW > 0.5, x, x * x) + np.where([True, False, True], x, 1.0),
    "where with numbers": lambda x: np.where(ROW, 3.0, x) * np.where(ROW > 0.0, x, 0),
    "operators": lambda x: (x + ROW) * ROW - ROW / x - ROW @ x + (x ** 2 - ROW) % np.ones(3),
    "a column": lambda x: np.ones((4, 3)) @ np.stack([x, x]).T + x[None, :2],
    "an outer tape": lambda x: dp.grad(lambda z: np.sum(np.stack([z, x]) ** 2) * z[1] * x[0])(x * ROW),
    "indices": lambda x: x[1] * x[:2] * x[..., 0] * x[None, 1] * x[[0, 0]] * x[(0,)] + x[2:1].sum(),
    "indices of a table": lambda x: np.stack([x, x])[1, ::-1] * np.stack([x, x])[:, 1:2] * x[True],
    "too many": lambda x: x[0, 0],
    "beyond": lambda x: x[3],
    "of other lengths": lambda x: np.concatenate([x, np.stack([x, x])]),
    "no real numbers": lambda x: np.stack([x, np.array([1j, 0.0, 0.0])]),
    "a bias": lambda x: np.tanh(np.ones((5, 3)) * 0.1 + x) + x,
}


REFUSED = ("too many", "beyond", "of other lengths", "no real numbers")


@pytest.mark.parametrize("name", RECORDED)
def test_what_is_recorded_in_fewer_steps(name):
    at = np.array([1.5, -0.5, 2.0])
    runs = [lambda: dp.vjp(RECORDED[name], at)[0], lambda: dp.grad(lambda x: np.sum(RECORDED[name](x)))(at),
            lambda: dp.grad(lambda x: np.sum(dp.grad(lambda z: np.sum(RECORDED[name](z)))(x)))(at)]
    for run in runs:
        quick, plain = both(run)
        assert quick == plain
        assert (quick[0] in (IndexError, ValueError, DtypeError)) == (name in REFUSED)


@pytest.mark.parametrize("use", [
    lambda x, c: x * c, lambda x, c: x / c, lambda x, c: np.stack([x, c]) ** 2, lambda x, c: c - x * c,
    lambda x, c: np.where(c > 0.5, x, 2 * x), lambda x, c: np.concatenate([c, x]) * np.concatenate([c, c]),
    lambda x, c: np.stack([x] * 3) @ c])
def test_a_constant_is_kept_as_it_was(use):
    def f(x, c):
        total = np.sum(use(x, c))
        c[:] = -7.0                              # before the sweep
        return total

    at, c = np.array([1.5, -0.5, 2.0]), np.array([1.0, 0.25, 3.0])
    expected = dp.grad(lambda x: np.sum(use(x, c)))(at)
    assert np.array_equal(dp.grad(f)(at, c.copy()), expected)


def energy(k, steps=200):
    """A spring of plain numbers, with what numbers do: powers, quotients, functions, a choice."""
    x, v = 1.0, 0.0
    for _ in range(steps):
        force = -k * x - 0.5 * x**3 - np.sin(v) / (1.0 + x * x)
        v = v + 0.01 * (force if abs(force) < 3.0 else np.tanh(force))
        x = x + 0.01 * v
    return 0.5 * v * v + 0.5 * k * x * x


@pytest.mark.parametrize("point", [2.0, 0.0, -3.0, 1e200, np.inf, np.nan])
def test_numbers(point):
    quick, plain = both(lambda: dp.grad(energy)(point))
    assert quick == plain
    quick, plain = both(lambda: dp.grad(dp.grad(energy))(point, 20))
    assert quick == plain


@pytest.mark.parametrize("at", [2.0, np.array([2.0, 3.0])])
def test_it_is_the_fast_one_that_runs(monkeypatch, at):
    _, pullback = dp.vjp(lambda x: np.sin(x) * x - 2.0 / x, at)
    monkeypatch.setattr(dp.ad.primitives.Primitive, "pull", None)
    monkeypatch.setattr(dp.ad.tape.Tape, "sweep", None)
    assert np.shape(pullback(np.ones(np.shape(at)))[0]) == np.shape(at)


RULES = {
    "right": lambda g, y, a, b: g * b,
    "an array": lambda g, y, a, b: np.array([g, g]),
    "of a column": lambda g, y, a, b: np.array([[g]]),
    "nothing": lambda g, y, a, b: None,
    "a text": lambda g, y, a, b: "g",
    "an integer": lambda g, y, a, b: 1,
    "true": lambda g, y, a, b: True,
    "of NumPy": lambda g, y, a, b: np.float64(g) * b,
    "float32": lambda g, y, a, b: np.float32(1.0),
    "complex": lambda g, y, a, b: 1j * g,
    "infinite": lambda g, y, a, b: g / 0.0,
    "too large": lambda g, y, a, b: g * 1e300 ** 2,
    "an error of its own": lambda g, y, a, b: {}["no such key"],
}


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("kind", RULES)
def test_rules_right_and_wrong(kind, which):
    @dp.primitive
    def product(a, b):
        return a * b

    rules = [lambda g, y, a, b: g * b, lambda g, y, a, b: g * a]
    rules[which] = RULES[kind]
    dp.defvjp(product, *rules)
    for program in (lambda x: product(x, x + 1.0), lambda x: product(3.0, x), lambda x: product(x, 3.0)):
        quick, plain = both(lambda program=program: dp.grad(program)(2.0))
        assert quick == plain
    if kind == "an array":
        with pytest.raises(RuleError, match="shape"):
            dp.grad(lambda x: product(x, x))(2.0)
