"""What raises in plain Python raises in compiled programs, whoever needs the result; in derivatives, too."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile.build import machine_code
from tinydp.ad.compile.lower import lowered
from tinydp.ad.compile.program import Op, Program, Value
from tinydp.ad.rules.gathers import gather

T = np.array([0.5, 1.5, 2.5, 3.5])
TRANSFORMED = {
    "value": lambda f: f, "gradient": dp.grad, "hessian": dp.hessian}


def in_a_loop(x, k):
    def step(c, _):
        dp.lookup(T, k)
        return c * x[0], dp.lookup(T, k - 1)

    return dp.scan(step, 1.0, length=3)[0]


def on_one_way(x, k):
    def step(c, _):
        if c > 0.5:
            dp.lookup(T, np.rint(k + c).astype(int))
        else:
            np.linalg.solve(np.eye(2) * (k - 2), np.ones(2))
        return c - 0.4, None

    dp.scan(step, x[0], length=3)
    return x[0] * 2.0


def of_a_row(x, k):
    def row(i):
        dp.lookup(T, i)
        return x[0] * x[1]

    return np.sum(dp.vmap(row)(k + np.arange(3)))


def of_a_side(x, k):
    return dp.cond(x[0] > 0.0, lambda x: (dp.lookup(T, k), x[0])[1], lambda x: x[1], x)


def of_rounds(x, k):
    dp.while_loop(lambda h: h > 0.0, lambda h: h - 0.1, x[0] * k, max_steps=20)
    return x[1]


# a function, an argument with which all is fine, and one with which it raises
PROGRAMS = {
    "an element": (lambda x, k: (x[k], x[0] * x[1])[1], 1, 4),
    "a linear function of an element": (lambda x, k: np.sum(x[k]), 1, -5),
    "elements that are not all read": (lambda x, k: x[k][0] ** 2, np.array([1, 3]), np.array([1, 4])),
    "a solution": (lambda x, k: (np.linalg.solve(np.eye(2) * k, x[:2]), x[0])[1], 1, 0),
    "an inverse": (lambda x, k: (np.linalg.inv(np.outer(x, x) + np.eye(4) * k), x[1])[1], 1, 0),
    "a root of a matrix": (lambda x, k: (np.linalg.cholesky(np.eye(2) * k), x[0] ** 2)[1], 1, -1),
    "a division of integers": (lambda x, k: (7 // k, x[0] ** 2)[1], 1, 0),
    "in a loop": (in_a_loop, 2, 4),
    "on one way": (on_one_way, 1, 3),
    "on the other way": (on_one_way, 1, 2),
    "of a row": (of_a_row, 1, 2),
    "of a side": (of_a_side, 1, 4),
    "an event": (lambda x, k: x[1] + 0.0 * dp.integrate(lambda h: h - 0.1, x[0] * k, lambda h: h, 20), 1, 9),
    "a while": (of_rounds, 1, 9),
    "a root": (lambda x, k: (dp.root(lambda y: y * y + x[0] * k, 1.0), x[1])[1], -1, 1),
}


@pytest.mark.parametrize("transformed", TRANSFORMED.values(), ids=TRANSFORMED)
@pytest.mark.parametrize(("f", "fine", "wrong"), PROGRAMS.values(), ids=PROGRAMS)
def test_raises_as_plain_python_does(f, fine, wrong, transformed):
    x = np.array([0.9, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(transformed(dp.compile(f))(x, fine), transformed(f)(x, fine), 1e-12)
    with pytest.raises((LookupError, ArithmeticError, ValueError, RuntimeError)) as plain:
        transformed(f)(x, wrong)
    with pytest.raises(type(plain.value)):
        transformed(dp.compile(f))(x, wrong)


@pytest.mark.parametrize(("f", "fine", "wrong"), PROGRAMS.values(), ids=PROGRAMS)
def test_no_tape_looks_where_all_is_fine(f, fine, wrong):
    x = np.array([0.9, 2.0, 3.0, 4.0])
    for g in (f, dp.grad(f), dp.hessian(f)):
        built, leaves = dp.compile(g).program_for(x, fine)
        assert built.results_of(leaves) is not None


def test_what_is_on_a_way_not_taken_is_not_done():
    """Also in the runs after the first, where what is known from the run before is not done again."""
    def f(x, k):
        def step(c, _):
            a = k // 2
            if c > 10.0:
                a = 7 // k
            if c > 0.5:
                c = c - 0.4
            return c + 0.0 * a, None

        return dp.scan(step, x, length=3)[0]

    compiled = dp.compile(f)
    built, leaves = compiled.program_for(0.9, 0)
    assert built.results_of(leaves)[0] == f(0.9, 0)
    with pytest.raises(ZeroDivisionError):
        compiled(20.0, 0)


def test_a_position_that_is_known_is_inside_of_the_array():
    """A gather whose position is a constant, as passes may make one, may count from the end; no more."""
    def program(position):
        x, y = Value(T), Value(T[np.asarray(position)])
        return Program([x], [Op(gather, (x, position), {"index": ("#0", Ellipsis)}, [y])], [y])

    assert machine_code(program(-1), "f", "").run(T) == 3.5
    code = machine_code(program(np.array([-1, 2])), "f", "")
    np.testing.assert_array_equal(code.run(T, *code.constants), [3.5, 2.5])
    x, y = Value(T), Value(0.0)
    with pytest.raises(IndexError):
        lowered(Program([x], [Op(gather, (x, 7), {"index": ("#0", Ellipsis)}, [y])], [y]), "f")


def test_an_index_that_becomes_a_constant_raises_when_the_program_runs():
    def f(x):
        return dp.scan(lambda c, _: ((c[0] + x[c[1]], c[1]), None), (0.0, 7), length=3)[0][0]

    with pytest.raises(IndexError, match="index 7 is out of bounds"):
        dp.compile(f)(T)


# ---------------------------------------------------------------------------- on the way back

def with_rule(rule):
    """x**2 + k, whose own rule does something beside the derivative."""
    def vjp(g, y, x, k):
        rule(x, k)
        return 2.0 * g * x, 0.0 * k

    return dp.custom_gradient(lambda x, k: x * x + k, vjp)


RULES = {
    "an element": (with_rule(lambda x, k: dp.lookup(T, np.rint(k).astype(int))), 1.0, 4.0),
    "a solution": (with_rule(lambda x, k: np.linalg.solve(np.eye(2) * k, np.ones(2))), 1.0, 0.0),
    "a division": (with_rule(lambda x, k: 1.0 / k), 1.0, 0.0),
    "a gradient": (with_rule(lambda x, k: dp.grad(lambda x: dp.lookup(T, np.rint(k).astype(int)) * x)(x)),
                   1.0, 4.0),
    "a loop": (with_rule(lambda x, k: dp.scan(
        lambda c, _: (c + dp.lookup(T, np.rint(k).astype(int)), None), x, length=2)), 1.0, 4.0),
    "on a way": (with_rule(lambda x, k: dp.lookup(T, np.rint(k).astype(int)) if k > 2.0 else 0.0), 1.0, 4.0),
}
PLACES = {
    "plain": lambda f: f,
    "in steps": lambda f: lambda x, k: dp.scan(lambda c, _: (0.3 * f(c, k), f(c, k)), x, length=3)[0],
    "on a way of a step": lambda f: lambda x, k: dp.scan(
        lambda c, _: (0.3 * f(c, k) if c > 0.1 else np.sin(c), None), x, length=3)[0],
    "of a side": lambda f: lambda x, k: dp.cond(x > 0.0, f, lambda x, k: x + k, x, k),
    "of rows": lambda f: lambda x, k: np.sum(dp.vmap(lambda a: f(a * x, k))(T)),
    "in rounds": lambda f: lambda x, k: dp.while_loop(
        lambda s: s[0] < 2.5, lambda s: (s[0] + 1.0, 0.3 * f(s[1], k)), (0.0, x))[1],
    "until an event": lambda f: lambda x, k: dp.integrate(
        lambda s: (s[0] - 0.3, 0.3 * f(s[1], k)), (1.0, x), lambda s: s[0], 9)[1],
    "a parameter of a root": lambda f: lambda x, k: dp.root(lambda z: z**3 + z - f(x, k), 1.0),
    "at a root": lambda f: lambda x, k: dp.root(lambda z: f(z, k) - x - k, 1.0),
    "at a minimum": lambda f: lambda x, k: dp.argmin(lambda z: f(z, k) - x * z, 1.0),
}


PAIRS = [*((rule, "in steps") for rule in RULES), *(("on a way", place) for place in PLACES)]


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize(("rule", "place"), PAIRS)
def test_what_a_rule_does_raises_on_the_way_back(rule, place):
    """Whoever needs its result; and where all is fine, the compiled gradient is taken."""
    rule, fine, wrong = RULES[rule]
    f = PLACES[place](rule)
    compiled, slope = dp.compile(f), dp.grad(f)(0.8, fine)
    assert dp.grad(compiled)(0.8, fine) == pytest.approx(slope, rel=1e-12)
    assert compiled(0.8, fine) == pytest.approx(f(0.8, fine), rel=1e-12)
    with pytest.raises((LookupError, ArithmeticError, ValueError)) as plain:
        dp.grad(f)(0.8, wrong)
    for gradient in (dp.grad(compiled), dp.compile(dp.grad(f))):
        assert gradient(0.8, fine) == pytest.approx(slope, rel=1e-12)
        with pytest.raises(type(plain.value)):
            gradient(0.8, wrong)


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_rule_that_may_raise_is_compiled(place):
    rule, fine, _ = RULES["an element"]
    f = place(rule)
    for g in (dp.grad(f), dp.hessian(f)):
        built, leaves = dp.compile(g).program_for(0.8, fine)
        assert built.results_of(leaves) is not None
