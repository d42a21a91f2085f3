"""Where Python would raise, a tape looks; what the program does not do, whatever LLVM does, is nobody's."""

import numpy as np
import pytest

import tinydp as dp


def chosen(x):
    """LLVM divides by each side of a choice, if one of them is known."""
    return 1.0 * (2.0 / np.where(x > 0.1, x, 0.1))


def chosen_in_a_loop(x):
    return dp.scan(lambda c, k: (c + (k / max(x - k, 0.1)) ** 2, None), 0.0, np.arange(3.0))[0]


def on_a_way(v):
    """In a loop, it divides on either way."""
    def slow(speed):
        return 0.0 * speed if speed <= 0.0 else speed * (1.0 - 0.01 / speed)

    def step(v, _):
        return np.stack([slow(v[k]) for k in range(4)]), None

    return np.sum(dp.scan(step, v * np.arange(4.0), length=20)[0])


def in_rows(x):
    """... and in several rows at once."""
    return np.sum(dp.vmap(lambda k: dp.cond(k > x, lambda: 1.0 / (k - x), lambda: x * k))(np.arange(64.0)))


FALSE_ALARMS = {f.__name__: f for f in (chosen, chosen_in_a_loop, on_a_way, in_rows)}

# what is divided by zero at 0.0, or is too large, though the results hide it
TRUE_ALARMS = {
    "hidden": lambda x: 1.0 / (1.0 / x) if x < 1.0 else x,
    "of a choice": lambda x: 1.0 / (2.0 / max(x, -x)),
    "in a loop": lambda x: dp.scan(lambda c, k: (1.0 / (1.0 / c + k), None), x, np.arange(4.0))[0],
    "on a way": lambda x: dp.scan(lambda c, _: (1.0 / (1.0 / x) if c < 0.4 else c, None), x, length=4)[0],
    "power": lambda x: 1.0 / (x ** -2.0),
    "too large": lambda x: 1.0 / (((0.3 - x) * 1e200) ** 2.0 + 1.0),
}

ORDERS = {"value": lambda f: f, "gradient": dp.grad, "second": lambda f: dp.grad(dp.grad(f))}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("f", FALSE_ALARMS.values(), ids=FALSE_ALARMS)
def test_no_tape_looks_at_what_the_program_did_not_do(f, order):
    g = dp.compile(order(f))
    built, leaves = g.program_for(0.0)
    for _ in range(3):
        (result,) = built.results_of(leaves)
        assert result == pytest.approx(order(f)(0.0), 1e-13)
    assert built.results_of([0.3])[0] == pytest.approx(order(f)(0.3), 1e-13)


@pytest.mark.parametrize("f", TRUE_ALARMS.values(), ids=TRUE_ALARMS)
def test_each_alarm_that_is_true_is_found_each_time(f):
    compiled = dp.compile(f)
    built, _ = compiled.program_for(0.3)
    for _ in range(2):
        with pytest.raises(ArithmeticError):
            built.results_of([0.0])
        assert built.results_of([0.3])[0] == f(0.3)
    with pytest.raises(ArithmeticError):
        compiled(0.0)


def test_what_is_true_is_found_after_what_was_not():
    def f(x, y):
        return (1.0 / max(x, 0.1)) ** 2 * (1.0 / (1.0 / y))

    built, leaves = dp.compile(dp.grad(f)).program_for(0.0, 1.0)
    for _ in range(2):
        assert built.results_of(leaves) == [0.0]
    with pytest.raises(FloatingPointError):
        built.results_of([0.0, 0.0])
