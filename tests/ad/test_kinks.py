"""The table of kinks in docs/kinks.md holds, line by line."""

import pathlib
import re

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import SteepGradientWarning

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "kinks.md"
ROW = re.compile(r"^\| `(?P<program>[^`]+)` \| (?P<at>\S+) \| (?P<derivative>\S+) \|", re.MULTILINE)
TABLE = [(row["program"], float(row["at"]), float(row["derivative"]))
         for row in ROW.finditer(PAGE.read_text())]
TWICE = re.compile(ROW.pattern + r" (?P<second>nan|inf|-?[\d.]+) \|", re.MULTILINE)
SECOND = [(row["program"], float(row["at"]), float(row["second"]))
          for row in TWICE.finditer(PAGE.read_text())]
RELUS = ("np.maximum(x, 0)", "np.where(x > 0, x, 0)", "np.clip(x, 0, np.inf)", "(x + abs(x)) / 2")


def function(program):
    return eval(f"lambda x: {program}", {"np": np, "dp": dp})


def test_the_page_has_a_table():
    assert len(TABLE) > 30


@pytest.mark.filterwarnings("ignore::tinydp.ad.errors.SteepGradientWarning")
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value|overflow) encountered:RuntimeWarning")
@pytest.mark.parametrize(("program", "at", "derivative"), TABLE, ids=[row[0] for row in TABLE])
def test_derivative_at_the_kink(program, at, derivative):
    f = function(program)
    assert np.array_equal(dp.grad(f)(at), derivative, equal_nan=True)
    if not re.search(r"max\(x|max\(0|if x|stack", program):      # these are of numbers only
        array = dp.grad(lambda x: np.sum(f(x)))(np.array([at, at]))
        assert np.array_equal(array, [derivative] * 2, equal_nan=True)


@pytest.mark.filterwarnings("ignore::tinydp.ad.errors.SteepGradientWarning")
@pytest.mark.parametrize(("program", "at", "second"), SECOND, ids=[row[0] for row in SECOND])
def test_second_derivative_at_the_kink(program, at, second):
    f = function(program)
    assert np.array_equal(dp.grad(dp.grad(f))(at), second, equal_nan=True)
    if not np.isnan(dp.grad(f)(at)):
        assert np.array_equal(dp.jvp(dp.grad(f), (at,), (1.0,))[1], second, equal_nan=True)
    if "stack" not in program:
        array = np.diagonal(dp.hessian(lambda x: np.sum(f(x)))(np.array([at, at])))
        assert np.array_equal(array, [second] * 2, equal_nan=True)


def test_the_page_has_second_derivatives():
    assert len(SECOND) > 25


def test_infinite_derivatives_warn():
    for program in ("np.sqrt(x)", "x**0.5", "np.cbrt(x)"):
        with pytest.warns(SteepGradientWarning, match="infinite here") as caught:
            dp.grad(function(program))(0.0)
        assert caught[0].filename == __file__


@pytest.mark.parametrize("program", RELUS)
@pytest.mark.parametrize("x", [-2.0, -1e-9, 1e-9, 3.0])
def test_the_four_relus_agree_off_the_kink(program, x):
    assert dp.grad(function(program))(x) == (x > 0)


def test_the_four_relus_at_the_kink_are_subgradients_as_the_page_says():
    assert [dp.grad(function(program))(0.0) for program in RELUS] == [0.5, 0.0, 1.0, 0.5]
    for program in RELUS:
        assert f"`{program}`" in PAGE.read_text()


@pytest.mark.parametrize("inner", ["np.sqrt(x)", "x**0.5", "x**1.5", "np.cbrt(x)"])
def test_zero_is_strong_in_second_derivatives(inner):
    f = function(f"np.where(x > 0, {inner}, 0.0) + x**2")
    assert dp.grad(dp.grad(f))(0.0) == 2.0
    assert np.array_equal(dp.hessian(lambda x: np.sum(f(x)))(np.zeros(2)), 2 * np.eye(2))


def test_a_zero_factor_still_has_its_own_derivative():
    """w * sqrt(x) at w = 0: zero is strong, and yet d/dw must not be lost."""
    mixed = dp.grad(lambda w: dp.grad(lambda x: w * np.sqrt(x))(4.0))(0.0)
    assert mixed == 0.25
