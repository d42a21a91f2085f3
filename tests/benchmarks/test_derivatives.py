"""The benchmark of derivatives compares equal things."""

import functools

import numpy as np
import pytest

import tinydp as dp
from benchmarks import derivatives
from benchmarks.harness import Row, compare


@pytest.mark.parametrize("problem", derivatives.PROBLEMS)
def test_there_are_200_residuals_of_the_size_of_the_noise_at_the_truth(problem):
    residuals, squares = derivatives.functions(problem, dp.scan, np)
    at_truth = residuals(derivatives.TRUE)
    assert at_truth.shape == (derivatives.RESIDUALS,)
    assert np.std(at_truth) == pytest.approx(0.1, rel=0.2)
    assert squares(derivatives.GUESS) > squares(derivatives.TRUE)


@pytest.mark.parametrize("problem", derivatives.PROBLEMS)
@pytest.mark.parametrize("derivative", ["jvp", "Hessian", "hvp"])
def test_compiled_derivatives_are_the_tapes(derivative, problem):
    compiled, eager = (derivatives.tinydp(derivative, problem, x)() for x in (True, False))
    np.testing.assert_allclose(compiled, eager, rtol=0, atol=derivatives.TOLERANCE * np.max(abs(eager)))


@pytest.mark.parametrize("problem", derivatives.PROBLEMS)
def test_the_derivatives_agree_with_each_other(problem):
    made = {name: derivatives.tinydp(name, problem)() for name in ("Jacobian", "jvp", "Hessian", "hvp")}
    jacobian, hessian = made["Jacobian"].reshape(-1, 4), made["Hessian"].reshape(4, 4)
    value, change = np.split(made["jvp"], 2)
    np.testing.assert_allclose(change, jacobian @ derivatives.ALONG, rtol=1e-9)
    np.testing.assert_allclose(made["hvp"], hessian @ derivatives.ALONG, rtol=1e-9)
    np.testing.assert_allclose(value, derivatives.functions(problem, dp.scan, np)[0](derivatives.GUESS))


def test_the_product_of_a_short_window():
    compiled, eager = (derivatives.window(x, steps=3)() for x in (True, False))
    np.testing.assert_allclose(compiled, eager, rtol=0, atol=derivatives.TOLERANCE * np.max(abs(eager)))


def test_ratios_are_to_the_faster_mode_of_jax():
    rows = [Row(peer, seconds, seconds / 2.0, seconds, seconds) for peer, seconds in (
        ("JAX jit, forward mode", 2.0), ("JAX jit, reverse mode", 1.0), ("tinydp compiled", 4.0))]
    assert [(row.peer, row.ratio) for row in derivatives.to_the_fastest(rows)] == [
        ("JAX jit, reverse mode", 1.0), ("JAX jit, forward mode", 2.0), ("tinydp compiled", 4.0)]
    assert derivatives.to_the_fastest(rows[2:]) == rows[2:]


def test_results_are_compared_before_anything_is_timed():
    def peers(error):
        return {name: functools.partial(lambda x: lambda: np.array([1.0, x]), x)
                for name, x in (("a", 1e-12), ("b", 1e-12 + error))}

    assert len(compare(peers(1e-11), rounds=1, rtol=1e-10, of_largest=True)) == 2
    for error, options in ((1e-11, {}), (1e-9, {"of_largest": True})):
        with pytest.raises(AssertionError, match="b"):
            compare(peers(error), rounds=1, rtol=1e-10, **options)
