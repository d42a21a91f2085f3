"""Functions of two numbers at a time have the bits of those of one, for all kinds of numbers."""

import math

import numpy as np
import pytest

from tests.ad.export.engines import NODE, in_node
from tests.ad.export.test_export import RESULTS
from tinydp.ad.compile.wasm import Module
from tinydp.ad.compile.wasm_pairs import LANEWISE
from tinydp.ad.export.modules import module, prepared

wasmtime = pytest.importorskip("wasmtime")
SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 5e-324, -1e-310, 1e-300, 1.5e308, -745.1,
           1e-17, 709.79, 1e5, 1.0000001e5, 1e17, 0.4375, 0.7, 1.2, 2.5, 39.9, 40.1, 3.5, -7.0, math.pi]
NAMES = ["expm1_near_zero", "sine_near_zero", "cosine_near_zero", "_log_of_fraction", "rint", "trunc", "sign",
         "fmax", "fmin", "maximum", "minimum", "clip", "square", "cube", "logaddexp",
         "exp", "tanh", "sin", "cos", "tan", "log", "log2", "log10", "log1p", "expm1", "exp2", "arctan",
         "arctan2", "power", "mod", "hypot", "sinh", "cosh", "cbrt", "arcsin", "arccos", "arcsinh", "arccosh",
         "arctanh"]


def called_by(name, both):
    """The function, exported: of numbers, or of pairs of them that are in memory."""
    made = Module({})
    f = made.kernel(name)
    label = made.pair_kernel(name)
    given = "".join(f" (param $x{k} f64) (param $y{k} f64)" for k, _ in enumerate(f.parameters))
    kept = "(local $r v128)"
    if both:
        pairs = " ".join(f"(f64x2.replace_lane 1 (f64x2.splat (local.get $x{k})) (local.get $y{k}))"
                         for k, _ in enumerate(f.parameters))
        body = (f"(local.set $r (call ${label} {pairs})) (f64x2.extract_lane 0 (local.get $r)) "
                "(f64x2.extract_lane 1 (local.get $r))")
    else:
        body = " ".join(f"(call ${f.label} " + " ".join(f"(local.get ${lane}{k})" for k, _ in enumerate(
            f.parameters)) + ")" for lane in "xy")
    made.functions.append(f'(func $asked (export "asked"){given} (result f64 f64) {kept} {body})')
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    instance = wasmtime.Instance(store, wasmtime.Module(engine, wasmtime.wat2wasm(made.text())), [])
    asked = instance.exports(store)["asked"]
    return lambda *args: np.array(asked(store, *map(float, args))), len(f.parameters)


def same(a, b):
    """Whether they are equal: the bits of a nan do not count, those of zeros do."""
    zeros = a == 0.0
    return np.array_equal(a, b, equal_nan=True) and np.array_equal(np.signbit(a[zeros]), np.signbit(b[zeros]))


@pytest.mark.parametrize("name", NAMES)
def test_a_pair_has_the_bits_of_two_numbers(name):
    (pair, n), (singly, _) = called_by(name, True), called_by(name, False)
    rng = np.random.default_rng(0)
    numbers = [*SPECIAL, *rng.normal(size=20), *(10.0 ** rng.uniform(-12, 12, 20) * rng.choice([-1, 1], 20))]
    for _ in range(600):
        args = rng.choice(numbers, 2 * n)
        assert same(pair(*args), singly(*args)), args


def test_all_that_loops_call_is_there():
    made = Module({})
    assert all(made.pair_kernel(name) for name in LANEWISE)
    assert made.pair_kernel("fmod")              # without its loop, where both numbers are small
    assert made.pair_kernel("dot") is None       # arrays
    assert made.pair_kernel("search_left") is None
    assert made.pair_kernel("unheard_of") is None


@pytest.mark.skipif(NODE is None, reason="there is no Node on this machine")
def test_engines_agree_about_arrays(tmp_path):
    x = np.concatenate([[x for x in SPECIAL if not abs(x) > 1e16 or np.isinf(x)], np.linspace(-9.0, 9.0, 31)])

    def f(x):
        waves = np.tanh(x) + np.sin(x) * np.exp(-np.abs(x))
        return waves + np.log1p(np.abs(x)) + np.arctan2(x, 0.5) + x % 0.7

    with np.errstate(all="ignore"):
        made = prepared({"f": (f, x)}, check=True)
        found = [in_node(module(made, engine) + RESULTS, tmp_path) for engine in ("wasm", "javascript")]
        assert found[0] == found[1]
        np.testing.assert_allclose([*map(float, found[0]["f"])], f(x), rtol=1e-13)
