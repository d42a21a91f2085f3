"""Loops over two elements have the bits of loops over one, whatever is in them and how many there are."""

import numpy as np
import pytest

import tinydp as dp
from tests.ad.export.engines import NODE, in_node
from tests.ad.export.test_export import RESULTS
from tinydp.ad.compile import wasm
from tinydp.ad.export.modules import module, prepared

pytestmark = pytest.mark.skipif(NODE is None, reason="there is no Node on this machine")


def mixed(x, y, a):
    """Most of what a loop can have: choices, ends, conditions that are stored, functions, sums of rows."""
    chosen = np.where(x > y, x * a, np.clip(y, -a, x))
    large = np.maximum(chosen, y) - np.minimum(chosen, 0.3) + np.abs(x) / (1.0 + y**2)
    is_odd = (large > 0.0) & ~(x < -0.5)
    return {"r": np.tanh(large) + np.sqrt(np.abs(x)), "b": is_odd, "c": np.where(is_odd, large, -x) % 0.7,
            "d": np.floor(large) + np.rint(y) + 1.0 / (2.0 + y * y)}


def relu(w, x):
    return np.sum(np.maximum(x @ w, 0.0) ** 2)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 9])
def test_pairs_and_single_elements(n, tmp_path):
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=(2, n)), rng.normal(size=(2, n))
    x[0, 0], y[1, n - 1] = np.nan, 0.0
    w, z = rng.normal(size=(n, n + 1)), rng.normal(size=(3, n))
    with np.errstate(all="ignore"):
        back = dp.value_and_grad(relu, (0, 1))
        made = prepared({"mixed": (mixed, x, y, 0.4), "back": (back, w, z)}, check=True)
    found = [in_node(module(made, engine) + RESULTS, tmp_path) for engine in ("wasm", "javascript")]
    assert found[0] == found[1]
    with np.errstate(all="ignore"):
        wanted = [x for part in mixed(x, y, 0.4).values() for x in np.asarray(part, float).ravel()]
    np.testing.assert_allclose(list(map(float, found[0]["mixed"])), wanted, rtol=1e-14, atol=1e-15)
    if n > 1:
        text = wasm.Module({p.name: p.module for p in made}).text()
        assert "f64x2.mul" in text
        assert "v128.bitselect" in text


def test_what_depends_on_the_round_before_stays_single(tmp_path):
    made = prepared({"sums": (lambda x: np.cumsum(x) + x[::-1], np.arange(5.0))}, check=True)
    text = wasm.Module({"sums": made[0].module}).text()
    found = in_node(module(made) + RESULTS, tmp_path)
    assert [float(x) for x in found["sums"]] == [4.0, 4.0, 5.0, 7.0, 10.0]
    assert text.count("(v128.store") <= 2        # ... and a copy or a sum of arrays
