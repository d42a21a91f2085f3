"""Exported programs: what they return in Node and in wasmtime is what plain Python returns."""

import subprocess
import sys

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile import lower_arrays
from tinydp.ad.errors import BranchError, NotCompiledError, StructureError
from tinydp.ad.export.modules import module, prepared
from tinydp.optim import Adam
from tinydp.sims import trebuchet

from ... import test_optim as training
from ..compile import integer_programs
from ..compile.test_simulators import balance, swing
from .engines import CHECK, NODE, differentiated, errors, in_node, in_wasmtime, random_programs

pytestmark = pytest.mark.skipif(NODE is None, reason="there is no Node on this machine")
RNG = np.random.default_rng(0)
BOTH = pytest.mark.parametrize("engine", ["wasm", "javascript"])


def assert_equal(found, sources=None):
    wrong = {name: error for name, error in found.items() if isinstance(error, str)}
    assert not wrong, "\n".join(f"{name}: {x}\n{(sources or {}).get(name, '')}" for name, x in wrong.items())


# ---------------------------------------------------------------------------- the same numbers

@BOTH
@pytest.mark.parametrize("kind", ["straight", "scan", "event", "while", "root", "all"])
def test_random_programs_and_their_gradients(kind, engine, tmp_path):
    given, sources = random_programs(kind, range(2))
    assert_equal(errors(given, tmp_path, engine), sources)


@BOTH
def test_integers(engine, tmp_path):
    given = {}
    for seed in range(3):
        text, arguments = integer_programs.program(seed)
        f = integer_programs.function(text)
        given |= {f"plain{seed}": (f, *arguments), f"back{seed}": differentiated(f, arguments)}
    assert_equal(errors(given, tmp_path, engine))


@BOTH
def test_simulators(engine, tmp_path):
    gains, start = np.array([0.3, 0.8, 9.0, 1.7]), (0.1, 0.2, -0.1, 0.05)
    given = {"swing": differentiated(swing, (np.array([1.5, -0.4]), 2.0, 0.5)),
             "many": differentiated(swing, (gains[:2], RNG.uniform(-3, 3, 7), RNG.uniform(-8, 8, 7))),
             "balance": differentiated(balance, (gains, *start)),
             "shoot": differentiated(trebuchet.shoot, (3.0, 60.0, 400.0))}
    assert_equal(errors(given, tmp_path, engine))


def eigenvalues(s):
    return np.linalg.eigvalsh(s) @ np.arange(len(s))


@BOTH
def test_linear_algebra(engine, tmp_path):
    def all_of(a, b):
        s = a @ a.T + np.eye(len(a))
        solved = np.linalg.solve(a, b) + dp.linalg.solve_triangular(np.linalg.cholesky(s), b, lower=True)
        of_s = np.sum(np.linalg.inv(s)) + np.linalg.slogdet(s)[1] + eigenvalues(s)
        return np.sum(solved) + np.linalg.det(a) + of_s

    sizes = {n: (RNG.normal(size=(n, n)), RNG.normal(size=(n, 2))) for n in (2, 3, 6)}
    given = {f"of{n}": differentiated(all_of, matrices) for n, matrices in sizes.items()}
    assert_equal(errors(given, tmp_path, engine, tolerance=1e-11))


@BOTH
def test_products_that_blas_does_elsewhere(engine, tmp_path, monkeypatch):
    def all_of(a, across_a, b, across_b):
        c = np.tanh(a @ b) + np.tanh(across_a.T @ b) + a @ across_b.T + np.tanh(across_a.T @ across_b.T)
        return np.sum(np.tanh(c), axis=0) @ np.tanh(c.T @ c[:, 0]) + c[0] @ b.T @ b[:, 1]

    monkeypatch.setattr(lower_arrays, "FOR_BLAS", (0, 0))
    matrices = [RNG.normal(size=shape) / 6.0 for shape in ((6, 9), (9, 6), (9, 10), (10, 9))]
    assert "function product_into(" in module(prepared({"f": (all_of, *matrices)}), "javascript")
    assert_equal(errors({"f": differentiated(all_of, matrices)}, tmp_path, engine, tolerance=1e-11))


FUNCTIONS = ("sin", "cos", "tan", "exp", "expm1", "tanh", "sinh", "cosh", "arcsinh", "arctan", "cbrt", "exp2",
             "rint", "trunc", "floor", "ceil", "sign", "signbit", "isfinite", "abs", "negative")
OF_POSITIVE = ("log", "log1p", "log2", "log10", "sqrt")
WITHIN_ONE = ("arcsin", "arccos", "arctanh")
OF_TWO = ("arctan2", "hypot", "power", "fmod", "remainder", "floor_divide", "maximum", "fmin", "copysign",
          "logaddexp")


def elementary():
    """Every elementary function by its name, as a program, with arguments."""
    rng = np.random.default_rng(0)
    sizes = np.concatenate([[0.0, -0.0, 1.0, -1.0, 0.5, 2.0], rng.normal(0, 3, 400), rng.normal(0, 1e-9, 40),
                            rng.normal(0, 300, 100)])
    big = np.concatenate([sizes, rng.normal(0, 1e6, 40), rng.normal(0, 1e12, 40)])
    positive, small = np.abs(big) + 1e-12, np.tanh(sizes)
    found = {f"np_{name}": (getattr(np, name), big if name in ("sin", "cos", "tan") else sizes)
             for name in FUNCTIONS}
    found |= {f"np_{name}": (getattr(np, name), positive) for name in OF_POSITIVE}
    found |= {f"np_{name}": (getattr(np, name), small) for name in WITHIN_ONE}
    found["np_arccosh"] = (np.arccosh, 1.0 + positive)
    for name in OF_TWO:
        first = positive[:len(sizes)] if name == "power" else sizes
        found[f"np_{name}"] = (getattr(np, name), first, np.clip(sizes[::-1], -30, 30) + 0.1)
    return {name: (lambda *xs, f=f: f(*xs), *xs) for name, (f, *xs) in found.items()}


@BOTH
def test_elementary_functions(engine, tmp_path):
    """Within a few units in the last place of NumPy's, of each element."""
    given = elementary()
    with np.errstate(all="ignore"):
        text = module(prepared(given, check=True), engine) + RESULTS
    for name, texts in in_node(text, tmp_path).items():
        f, *xs = given[name]
        with np.errstate(all="ignore"):
            wanted = f(*xs)
        found = np.array([float(x) for x in texts])
        rtol = {"np_power": 2e-13, "np_tan": 1e-14}.get(name, 2e-15)
        atol = 1e-15 if name in ("np_sin", "np_cos", "np_tan") else 2e-16        # of large angles
        np.testing.assert_allclose(found, wanted, rtol=rtol, atol=atol, err_msg=name)


RESULTS = """
const found = {};
for (const [name, program] of Object.entries(programs)) {
  const results = Object.values(program.example().run().results);
  found[name] = results.flatMap(x => x.held ? [...x.data] : [x.value]).map(String);
}
console.log(JSON.stringify(found));
"""


def test_all_engines_give_the_same_bits(tmp_path):
    with np.errstate(all="ignore"):
        made = prepared(elementary(), check=True)
    texts = [in_node(module(made, engine) + RESULTS, tmp_path) for engine in ("wasm", "javascript")]
    assert texts[0] == texts[1]
    for one in made[:8]:
        (found,) = in_wasmtime(one)
        assert np.array_equal(found.astype(float), [float(x) for x in texts[0][one.name]], equal_nan=True)


# ---------------------------------------------------------------------------- arguments and results

def push(state, force):
    """A block, pushed."""
    moved = {"x": state["x"] + 0.1 * state["v"], "v": state["v"] + 0.1 * force}
    return {"state": moved, "work": np.sum(state["v"]) * force}


def energy(state):
    return 0.5 * np.sum(state["v"]**2)


STATE = {"x": np.zeros(2), "v": np.ones(2)}
PAIR = {"push": (push, STATE, 2.0), "energy": (energy, STATE)}


@BOTH
def test_results_become_arguments_and_are_shared(engine, tmp_path):
    text = module(prepared(PAIR), engine) + """
        energy.share("state", push);
        push.set({ state: { x: [0, 0], v: [1, 1] }, force: 2 });
        for (let k = 0; k < 3; k++) push.run().next();
        const alone = push.another().run({ "state.v": [5, 5] }).get("state.v");
        console.log(JSON.stringify([[...push.get("state.v")], push.get("work"), energy.run().get("result"),
          [...push.copy("state")["state.v"]], Object.keys(push.inputs), [...alone]]));
    """
    of_last, work, total, kept, names, alone = in_node(text, tmp_path)
    assert of_last == pytest.approx([1.4, 1.4])          # the results now are the arguments of the last step
    assert kept == pytest.approx([1.6, 1.6])
    assert work == pytest.approx(2 * 1.4 * 2.0)
    assert total == pytest.approx(1.6**2)
    assert names == ["state.x", "state.v", "force"]
    assert alone == [5, 5]                               # with no force


@BOTH
@pytest.mark.parametrize(("given", "what"), [
    ("push.set({ stat: 1 })", "push has no argument stat: it has state.x, state.v, force"),
    ("push.set({ state: { x: [1, 2, 3] } })", "an array of shape (2), and was given an array with 3 numbers"),
    ("push.set({ force: '1' })", "force is a number, and was given string"),
    ("push.set({ 'state.x': ['1', 2] })", "with other things than numbers"),
    ("push.get('y')", "push has no result y"),
    ("push.check()", "was exported without an example")])
def test_misuse(engine, given, what, tmp_path):
    text = module(prepared(PAIR), engine) + f"""
        let found = ""; try {{ {given} }} catch (error) {{ found = String(error); }}
        console.log(JSON.stringify(found));"""
    assert what in in_node(text, tmp_path)


@BOTH
def test_what_fails_in_python_fails(engine, tmp_path):
    def looked_up(x, k):
        return x[k] / k

    def chosen(x):
        return x if x > 0.0 else -2.0 * x

    made = prepared({"looked_up": (looked_up, np.arange(3.0), 1), "chosen": (chosen, 1.0)}, check=True)
    text = module(made, engine) + """
        const tried = f => { try { return f(); } catch (error) { return String(error); } };
        looked_up.set({ x: [4, 5, 6] });
        console.log(JSON.stringify([tried(() => looked_up.run({ k: 2 }).get("result")),
          tried(() => looked_up.run({ k: 3 })), tried(() => looked_up.run({ k: 0 })),
          tried(() => looked_up.set({ k: 0.5 })),
          tried(() => chosen.run({ x: -1 })), check() < 1e-15]));"""
    fine, beyond, by_zero, half, other, same = in_node(text, tmp_path)
    assert (fine, beyond, same) == (3.0, "Failure: an index is out of range", True)
    assert "Failure" in by_zero
    assert "another branch" in other
    assert half == "Failure: k is an integer, and was given number"


def test_a_check_that_is_wrong(tmp_path):
    text = module(prepared(PAIR, check=True))
    off = text.replace("error <= tolerance", "error < -1")
    found = in_node(off + CHECK.replace("TOLERANCE", "1e-12"), tmp_path)["push"]
    assert found.startswith("Failure: push: state.x is off")


# ---------------------------------------------------------------------------- files, and refusals

def test_files(tmp_path):
    path = tmp_path / "block.js"
    dp.export(path, PAIR, engine="javascript", check=False)
    text = path.read_text()
    assert "// test_export.py:" in text                  # the user's lines
    assert "state_x" in text                             # ... and names
    declared = path.with_suffix(".d.ts").read_text()
    assert '/** f[2] */\n  "state.x": Float64Array;' in declared
    assert '"force": number;' in declared


def test_shapes_alone(tmp_path):
    given = {"energy": (energy, {"x": dp.Shape(2), "v": dp.Shape(2)})}
    text = module(prepared(given)) + """
        console.log(JSON.stringify(energy.run({ state: { x: [0, 0], v: [2, 2] } }).get("result")))"""
    assert in_node(text, tmp_path) == 4.0
    with pytest.raises(BranchError, match="of which only a shape was given"):
        prepared({"chosen": (lambda x: x if x > 0.0 else 0.0, dp.Shape())})


def test_no_numba_is_needed(tmp_path):
    program = (f"import sys, numpy as np, tinydp as dp; dp.export({str(tmp_path / 'a.js')!r}, "
               "{'f': (dp.grad(lambda x: np.sum(np.sin(x @ x))), np.ones((3, 3)))}, engine='javascript'); "
               "print({'numba', 'llvmlite', 'scipy'} & set(sys.modules))")
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def triangle(a):
    return np.linalg.qr(a)[1]


def test_refusals():
    with pytest.raises(NotCompiledError, match=r"triangle cannot be exported: qr.*\n.*return np.linalg.qr"):
        prepared({"triangle": (triangle, np.eye(3))})
    with pytest.raises(StructureError, match="has the name of an argument, which is not like it"):
        prepared({"step": (lambda x: {"x": np.sum(x)}, np.ones(3))})
    with pytest.raises(StructureError, match=r"returns an argument without its part x\.b"):
        prepared({"step": (lambda x: {"x": {"a": x["a"]}}, {"a": 1.0, "b": 2.0})})
    with pytest.raises(ValueError, match="cannot be the name of a program"):
        prepared({"class": (np.sin, 1.0)})
    with pytest.raises(ValueError, match="pass \\(function"):
        prepared({"f": np.sin})
    with pytest.raises(TypeError, match="float"):
        dp.Shape(2.5)
    with pytest.raises(ValueError, match="no array has the shape"):
        dp.Shape(2, -1)
    with pytest.raises(ValueError, match="engine='c' is not known"):
        module([], "c")


@BOTH
def test_a_training_step(engine, tmp_path):
    """As plain Python, step after step, while its results become its arguments in the module."""
    rng = np.random.default_rng(0)
    params = {"w": rng.normal(size=(2, 5)), "v": rng.normal(size=5)}
    x, y = rng.normal(size=(8, 2)), rng.normal(size=8)
    made = {"params": params, "average": params, "state": Adam().init(params)}
    given = {"update": (training.update, params, params, made["state"], x, y)}
    text = module(prepared(given, check=True), engine)
    ending = """
        update.example();
        const values = [];
        for (let k = 0; k < 30; k++) values.push(update.run().next().get("value"));
        console.log(JSON.stringify([check(), values, [...update.copy("average")["average.w"]]]));"""
    error, values, average = in_node(text + ending, tmp_path)
    wanted = []
    for _ in range(30):
        made = training.update(made["params"], made["average"], made["state"], x, y)
        wanted.append(made["value"])
    assert error < 1e-12
    np.testing.assert_allclose(values, wanted, rtol=1e-12)
    np.testing.assert_allclose(average, made["average"]["w"].ravel(), rtol=1e-10)
