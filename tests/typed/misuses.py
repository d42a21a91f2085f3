"""Calls that a type checker should find, one on each line that is marked. They are never run."""

import numpy as np

import tinydp as dp


def f(x: float) -> float:
    return x * x


def g(x: float, y: float) -> float:
    return x * y


def pair(x: float) -> tuple[float, str]:
    return x * x, "seen"


def rows(x: np.ndarray) -> np.ndarray:
    return 2.0 * x


def total(x: np.ndarray) -> float:
    y: float = np.sum(x)
    return y


def never_run() -> None:
    dp.grad(f, 2.0)  # wrong: where the gradient is taken comes later
    dp.grad(f)("3.0")  # wrong: a text
    dp.grad(f)(1.0, 2.0)  # wrong: one argument too many
    dp.grad(g)(1.0)  # wrong: one too few
    dp.grad(f(2.0))  # wrong: a number, not a function
    dp.grad(f)(2.0).shape  # wrong: it is a float
    dp.value_and_grad(f)(2.0) + 1.0  # wrong: it is a pair
    a, b, c = dp.value_and_grad(f)(2.0)  # wrong: of two
    dp.value_and_grad(g)("x", 1.0)  # wrong: a text
    dp.grad(g, argnums="y")  # wrong: positions are numbers
    dp.grad(g, argnums=(0, 1))(2.0, 3.0) + 1.0  # wrong: it is a tuple
    dp.grad(rows)(np.ones(2))  # wrong: the gradient of an array
    dp.grad(f, has_aux=True)(2.0)  # wrong: f returns no pair
    dp.grad(pair)(2.0)  # wrong: it returns one
    dp.compile(f)("x")  # wrong: a text
    dp.compile(g)(1.0)  # wrong: one too few
    dp.compile(f)(1.0).append(2.0)  # wrong: it is a float
    dp.compile(2.0)  # wrong: a number
    dp.vjp(f, "x")  # wrong: a text
    dp.vjp(g, 1.0)  # wrong: one too few
    dp.jvp(f, 1.0, 1.0)  # wrong: tuples
    dp.jvp(f, (1.0, 2.0), (1.0, 1.0))  # wrong: f has one argument
    dp.grad(total)(np.ones(2)).nonsense  # wrong: an array has no such thing
    dp.hvp(f, "x", 1.0)  # wrong: a text
