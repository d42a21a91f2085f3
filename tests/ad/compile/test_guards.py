"""Branches are never frozen, and what cannot be compiled is refused with advice."""

import math

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad import compile as compiling
from tinydp.ad.errors import (
    BranchError,
    ClosureError,
    ConversionError,
    DtypeError,
    EventNotReached,
    LoopError,
    MutationError,
    NotCompiledError,
)
from tinydp.ad.values import abstract

from .programs import assert_equal

pytestmark = pytest.mark.usefixtures("interpreted")


def count_traces(f):
    """`f`, and a list that grows whenever it is run by Python."""
    runs = []

    def counted(*args, **kwargs):
        runs.append(args)
        return f(*args, **kwargs)

    return counted, runs


# ---------------------------------------------------------------------------- branches

def bent(x):
    return 3.0 * x if x > 1 else x ** 2


def test_both_branches_of_an_if():
    counted, traces = count_traces(bent)
    f = dp.compile(counted)
    for x in (0.5, 2.0, 0.7, 3.0, -1.0, 1.0):
        assert f(x) == bent(x)
        assert dp.grad(f)(x) == dp.grad(bent)(x)
    assert len([x for (x,) in traces if abstract(x)]) == 4 * 3     # two branches; values and gradients


@pytest.mark.parametrize("f", [
    lambda x, y: max(x, y) * x, lambda x, y: min(x, 0.3, y), lambda x, y: sorted([x, y])[0] * 2,
    lambda x, y: x if x and y > 0 else y, lambda x, y: abs(x) if not x > y else y,
    lambda x, y: [x, y][x > y], lambda x, y: x * (x > y) + y * (x == y)])
def test_pythons_own_choices(f):
    compiled = dp.compile(f)
    for x, y in [(0.5, 0.2), (0.2, 0.5), (-1.0, 0.1), (0.3, 0.3), (0.0, 2.0)]:
        assert compiled(x, y) == f(x, y)
        assert dp.grad(compiled, (0, 1))(x, y) == dp.grad(f, (0, 1))(x, y)


def test_a_while_loop_of_any_length():
    def newton(a):
        x = a
        while abs(x * x - a) > 1e-12 * a:
            x = (x + a / x) / 2
        return x

    f = dp.compile(newton)
    for a in np.linspace(0.5, 1e4, 30).tolist():
        assert f(a) == newton(a)


def test_more_branches_than_programs():
    def staircase(x):
        for k in range(40):
            if x < k:
                return x * k
        return x

    counted, _ = count_traces(staircase)
    f = dp.compile(counted)
    for x in np.arange(39.0) + 0.5:
        assert f(x) == staircase(x)
        assert dp.grad(f)(x) == dp.grad(staircase)(x)
    assert all(len(programs) <= compiling.MOST_BRANCHES for programs in f.made.programs.values())


def test_other_branches_may_return_other_shapes():
    def f(x):
        return x * 2.0 if np.sum(x) > 0 else np.sum(x) ** 2

    compiled = dp.compile(f)
    for x in (np.array([1.0, 2.0]), np.array([-1.0, 0.5]), np.array([3.0, 2.0])):
        y, pull = dp.vjp(f, x)
        g = np.ones(np.shape(y)) if np.shape(y) else 1.0
        assert_equal(compiled(x), f(x))
        assert_equal(dp.vjp(compiled, x)[1](g), pull(g))


def test_errors_of_the_function_are_raised():
    def root(x):
        if x < 0:
            raise ValueError(f"{x} has no root")
        return x ** 0.5

    f = dp.compile(root)
    assert f(4.0) == 2.0
    for _ in range(2):
        with pytest.raises(ValueError, match="has no root"):
            f(-1.0)
        with pytest.raises(ValueError, match="has no root"):
            dp.grad(f)(-1.0)
    assert f(9.0) == 3.0


def test_a_branch_on_an_array_is_refused():
    def f(x):
        return dp.scan(lambda s, _: (s + 1.0 if s < 3 else s, None), x, length=4)[0]

    for run in (dp.compile(f), dp.grad(dp.compile(lambda x: np.sum(f(x))))):
        with pytest.raises(BranchError, match=r"np\.any\(x\).*np\.where") as caught:
            run(np.zeros(2))
        assert caught.value.place.text.startswith("return dp.scan(lambda s, _: (s + 1.0 if")


def test_a_branch_in_a_loop_on_what_is_known_before_it():
    def f(w, xs):
        return dp.scan(lambda c, x: (c + 2.0 * x if w > 0.0 else c + x, None), 0.0, xs)[0]

    compiled, xs = dp.compile(f), np.ones(3)
    assert [compiled(w, xs) for w in (1.0, -1.0, 2.0)] == [6.0, 3.0, 6.0]
    assert [dp.compile(dp.vmap(f, in_axes=(None, 0)))(w, np.ones((2, 3))).tolist() for w in (1.0, -1.0)] == [
        [6.0, 6.0], [3.0, 3.0]]


def test_not_of_a_number_is_refused():
    with pytest.raises(NotCompiledError, match="logical_not"):
        dp.compile(lambda x: np.where(~(x > 0), 1.0, x))(1.0)


# ---------------------------------------------------------------------------- loops

def test_shape_that_changes():
    def f(x):
        return dp.scan(lambda s, _: (np.concatenate([s, s]), None), x, length=3)[0]

    for run in (f, dp.compile(f)):
        with pytest.raises(LoopError, match=r"shape of carry, from \(2,\) to \(4,\)"):
            run(np.ones(2))


def test_structure_that_changes():
    def f(x):
        return dp.scan(lambda s, _: ((s, s), None), x, length=3)[0]

    for run in (f, dp.compile(f)):
        with pytest.raises(LoopError, match="structure of the carry"):
            run(1.0)


def test_event_that_never_comes():
    def rise(x):
        return dp.integrate(lambda s, dt: (s[0] + dt, s[1]), (x, 2.0), until=lambda s: s[0], max_steps=7,
                            dt=0.5)

    last = []
    for run in (rise, dp.compile(rise), lambda x: dp.value_and_grad(dp.compile(lambda x: rise(x)[0]))(x)):
        with pytest.raises(EventNotReached, match="7 steps") as caught:
            run(1.0)
        last.append([dp.value(x) for x in caught.value.state])
    assert last == [[4.5, 2.0]] * 3


def test_a_long_loop_is_differentiated_twice_and_once_more():
    def f(x):
        chain = lambda y: dp.scan(lambda s, _: (np.sin(s), None), y, length=100)[0]
        return dp.grad(dp.grad(chain))(x)

    assert np.isclose(dp.grad(dp.compile(f))(0.5), dp.grad(f)(0.5), rtol=1e-11)


# ---------------------------------------------------------------------------- what is unknown

def test_unknown_function_names_the_line():
    def f(x):
        return np.sum(np.partition(x, 1))

    with pytest.raises(NotCompiledError) as caught:
        dp.compile(f)(np.ones(3))
    assert "np.partition" in str(caught.value)
    assert caught.value.place.text == "return np.sum(np.partition(x, 1))"
    assert caught.value.place.file == __file__
    assert "np.where" in caught.value.advice


@pytest.mark.parametrize(("f", "error"), [
    (lambda x: math.sin(x), ConversionError), (lambda x: float(x), ConversionError),
    (lambda x: int(x), ConversionError), (lambda x: np.array([x, x]), ConversionError),
    (lambda x: np.fft.fft(np.stack([x, x])), NotCompiledError), (lambda x: [1, 2][x], ConversionError),
    (lambda x: np.add.reduceat(np.stack([x, x]), [0]), NotCompiledError),
    (lambda x: np.arange(3.0)[np.argmax(np.stack([x, x]))], ConversionError)])
def test_what_would_lose_the_program(no_source, f, error):
    with pytest.raises(error):
        dp.compile(f)(1.0)


def test_writing_into_arrays(no_source):
    def fill(x):
        a = np.zeros(3)
        a[0] = x
        return a

    def change(x):
        x[0] = 1.0
        return x

    with pytest.raises(MutationError, match=r"write a = dp.set_at\(a, 0, x\)"):     # NumPy wraps it
        dp.compile(fill)(1.0)
    with pytest.raises(MutationError):
        dp.compile(change)(np.ones(2))
    with pytest.raises(MutationError):
        dp.compile(lambda x: np.sin(x, out=np.zeros(2)))(np.ones(2))


def test_traced_values_of_the_surroundings():
    def loss(w):
        return dp.compile(lambda x: x * w)(3.0)

    with pytest.raises(ClosureError, match="argument"):
        dp.grad(loss)(2.0)


def test_what_is_no_argument():
    with pytest.raises(DtypeError):
        dp.compile(lambda x: x)(np.array([1j]))
    with pytest.raises(DtypeError):
        dp.compile(lambda x: 1.0)({1, 2})
    with pytest.raises(DtypeError):
        dp.compile(lambda x: "text")(1.0)
    with pytest.raises(ValueError, match="not a parameter"):
        dp.compile(lambda x: x, static="y")
    with pytest.raises(TypeError, match="needs a function"):
        dp.compile(3)


def test_an_argument_may_be_asked_for_after_a_loop():
    def f(x, gain):
        last, _ = dp.scan(lambda c, row: (c * row, None), 2.0, x)
        return last * (gain or 3.0)

    compiled = dp.compile(f)
    for gain in (0.5, 0.0):
        assert compiled(np.ones(3), gain) == f(np.ones(3), gain)
        assert_equal(dp.grad(compiled, (0, 1))(np.ones(3), gain), dp.grad(f, (0, 1))(np.ones(3), gain))


@pytest.mark.parametrize("other", [lambda x: np.argmax(x), lambda x: x[:2] * x[1:], lambda x: (np.sum(x), x)])
def test_branches_may_return_what_is_no_real_number_or_of_another_form(other):
    def f(x):
        return other(x) if np.sum(x) > 2.0 else np.mean(x)

    compiled = dp.compile(f)
    large, small = np.array([0.5, 3.0, 1.0]), np.array([0.1, 0.2, 0.3])
    for x in (small, large, small, large):
        y, pull = dp.vjp(f, x)
        found, pull_found = dp.vjp(compiled, x)
        assert_equal(found, y)
        u = dp.ad.tree.map(np.ones_like, y)
        assert_equal(pull_found(u), pull(u))


# ---------------------------------------------------------------------------- keys

def chosen(x):
    return {True: x, False: 2.0 * x}[x > 1.0]


def chosen_twice(x):
    return {(True, True): x, (False, True): 3.0 * x, (False, False): 0.5 * x}[x > 3.0, x > 1.0]


def chosen_by_number(x):
    return {1: x, 0: 2.0 * x}.get(x > 1.0)


def among(x):
    return 3.0 * x if (x > 1.0) in {True} else x


@pytest.mark.parametrize("f", [chosen, chosen_twice, chosen_by_number, among])
def test_a_condition_is_a_key(f):
    def loop(x):
        return dp.scan(lambda s, _: (0.8 * f(s), None), x, length=6)[0]

    for g in (f, loop):
        compiled = dp.compile(g)
        for x in (5.0, 2.0, 0.5):
            assert dp.value_and_grad(compiled)(x) == dp.value_and_grad(g)(x)


def test_a_number_is_no_key():
    with pytest.raises(ConversionError) as caught:
        dp.compile(lambda x: {0: 1.5, 1: x, 2: x * x}[math.trunc(x)])(1.5)
    pasted = "dp.lookup([1.5, x, x * x], math.trunc(x))"
    assert caught.value.advice == f"write {pasted}, which takes a computed index."
    assert dp.compile(eval(f"lambda x: {pasted}", {"dp": dp, "math": math}))(1.5) == 1.5
    powers = {0: 1.0, 1: 2.0}
    with pytest.raises(ConversionError) as caught:
        dp.compile(lambda x: x * powers[math.trunc(x)])(1.5)
    assert "dp.lookup([*powers.values()], i)" in caught.value.advice
    assert dp.compile(lambda x: x * dp.lookup([*powers.values()], math.trunc(x)))(1.5) == 3.0
    with pytest.raises(ConversionError, match="a key that is known"):
        dp.compile(lambda x: x if x in powers else 2.0 * x)(1.5)
