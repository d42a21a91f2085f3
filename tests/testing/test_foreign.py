"""Gradients from elsewhere: by hand, from autograd, from JAX; right ones and the usual mistakes."""

import numpy as np
import pytest

from tinydp.testing import GradientError, check_grads


def test_foreign_gradients():
    f = np.hypot
    assert check_grads(f, (3.0, 4.0), grad=lambda a, b: (a / f(a, b), b / f(a, b))).verdict == "right"
    with pytest.raises(GradientError, match=r"the gradient says 0\.6006"):
        check_grads(f, (3.0, 4.0), grad=lambda a, b: (1.001 * a / f(a, b), b / f(a, b)))
    assert check_grads(lambda x: np.sum(x**2), np.ones((2, 2)), grad=lambda x: 2 * x).verdict == "right"


@pytest.mark.parametrize(("grad", "message"), [
    (lambda a, b: 0.6, "by the first argument only"),
    (lambda a, b: [0.6], "built neither like"),
    (lambda a, b: (np.ones(2), 0.8), r"shape \(2,\)"),
])
def test_foreign_gradients_of_another_shape_are_refused(grad, message):
    with pytest.raises(ValueError, match=message):
        check_grads(np.hypot, (3.0, 4.0), grad=grad)


# ---------------------------------------------------------------------------- by hand

X = np.array([0.3, 0.2, -0.1])
A = np.array([[2.0, 1.0], [0.5, 3.0]])


def log_likelihood(z):
    return -z[1] + np.log(np.sum(np.exp(z)))


def softmax(z):
    return np.exp(z) / np.sum(np.exp(z))


ONE = np.array([0.0, 1.0, 0.0])
HAND_MADE = {
    "sign forgotten":      (np.cos, 1.0, np.sin, "wrong"),
    "sign, where it is 0": (np.cos, 0.0, np.sin, "right"),
    "side of abs":         (abs, -0.3, lambda x: 1.0, "wrong"),
    "kink of abs":         (abs, 0.0, lambda x: 0.0, "right"),
    "power":               (lambda x, n: x**n, (2.0, 3), lambda x, n: n * x ** (n - 1), "right"),
    "mean":                (lambda w: np.mean((w - 1) ** 2), X, lambda w: 2 * (w - 1) / 3, "right"),
    "mean forgotten":      (lambda w: np.mean((w - 1) ** 2), X, lambda w: 2 * (w - 1), "wrong"),
    "softmax":             (log_likelihood, 10 * X, lambda z: softmax(z) - ONE, "right"),
    "of another class":    (log_likelihood, 10 * X, lambda z: softmax(z) - ONE[[1, 0, 2]], "wrong"),
    "log of determinant":  (lambda a: np.linalg.slogdet(a)[1], A, lambda a: np.linalg.inv(a).T, "right"),
    "transpose forgotten": (lambda a: np.linalg.slogdet(a)[1], A, np.linalg.inv, "wrong"),
    "a list":              (lambda x: x[0] * x[1], ([2.0, 3.0],), lambda x: [x[1], x[0]], "right"),
    "a list, swapped":     (lambda x: x[0] * x[1], ([2.0, 3.0],), lambda x: [x[0], x[1]], "wrong"),
    "two arguments":       (np.logaddexp, (1.0, 2.0), lambda a, b: (softmax(np.array([a, b]))[0],
                                                                    softmax(np.array([a, b]))[1]), "right"),
    "swapped":             (np.logaddexp, (1.0, 2.0), lambda a, b: (softmax(np.array([a, b]))[1],
                                                                    softmax(np.array([a, b]))[0]), "wrong"),
    "nan":                 (np.sqrt, 0.5, lambda x: np.nan, "wrong"),
    "differences":         (np.exp, 1.0, lambda x: (np.exp(x + 1e-3) - np.exp(x)) / 1e-3, "wrong"),
    "tiny":                (np.log1p, 1e-12, lambda x: 1 / (1 + x), "right"),
    "saturated":           (np.tanh, 30.0, lambda x: 1 - np.tanh(x) ** 2, "right"),
    "infinitely steep":    (np.sqrt, 0.0, lambda x: 0.0, "inconclusive"),
}



@pytest.mark.parametrize("name", HAND_MADE)
def test_made_by_hand(name):
    f, args, grad, verdict = HAND_MADE[name]
    report = check_grads(f, args, grad=grad, raises=False)
    assert report.verdict == verdict, str(report)
    assert len(str(report).splitlines()) <= 6


def test_f_must_return_one_number():
    with pytest.raises(ValueError, match=r"f returned an array of shape \(3,\); .* such as its sum"):
        check_grads(lambda x: 2 * x, X, grad=lambda x: 2 * np.ones(3))


# ---------------------------------------------------------------------------- other engines

def test_autograd_is_right():
    autograd = pytest.importorskip("autograd")
    anp = pytest.importorskip("autograd.numpy")
    f = lambda x: anp.sum(anp.tanh(x) * x)
    assert check_grads(f, np.linspace(-1, 1, 5), grad=autograd.grad(f)).verdict == "right"


def test_autograd_at_a_tie():
    autograd = pytest.importorskip("autograd")
    anp = pytest.importorskip("autograd.numpy")
    f = lambda x: anp.sum(anp.sort(x) * anp.array([1.0, 2.0, 3.0]))
    assert check_grads(f, np.array([2.0, 1.0, 1.0]), grad=autograd.grad(f)).verdict == "right"


def test_jax_sorts_the_keys_of_a_dict():
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        f = lambda p: jax.numpy.tanh(p["w"] @ jax.numpy.arange(3.0)) * p["b"]
        args = ({"w": X, "b": 2.0},)
        assert check_grads(f, args, grad=jax.grad(f)).verdict == "right"
        wrong = lambda p: {name: 1.0001 * g for name, g in jax.grad(f)(p).items()}
        assert check_grads(f, args, grad=wrong, raises=False).verdict == "wrong"


def test_in_float32_it_says_so():
    jax = pytest.importorskip("jax")
    with jax.enable_x64(False):
        f = lambda x: jax.numpy.sum(jax.numpy.sin(x) * x)
        report = check_grads(f, np.linspace(0.1, 2.0, 5), grad=jax.grad(f), raises=False)
        assert report.verdict == "inconclusive"
        assert "f computes in float32" in str(report)
        wrong = check_grads(f, np.linspace(0.1, 2.0, 5), grad=lambda x: 1.1 * jax.grad(f)(x), raises=False)
        assert wrong.verdict == "wrong"
