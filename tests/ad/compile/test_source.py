"""The written programs can be read, and do no needless work."""

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tinydp as dp

pytestmark = pytest.mark.usefixtures("interpreted")


def lines_with(text, source):
    return [line for line in source.splitlines() if text in line and not line.lstrip().startswith("#")]


def loop_of(source):
    """The lines of the function's last loop over steps."""
    lines = source.splitlines()
    start = max(k for k, line in enumerate(lines) if re.match(r"    for step\w* in range", line))
    inside = [line for line in lines[start + 1:] if line.startswith("        ")]
    return "\n".join(inside)


def policy_loss(w, b, theta):
    def step(carry, _):
        theta, speed = carry
        hidden = np.tanh(w @ np.stack([np.sin(theta), speed]) + b)
        torque = np.sum(hidden)
        return (theta + 0.1 * speed, speed + 0.1 * torque), torque ** 2

    return np.sum(dp.scan(step, (theta, 0.0), length=20)[1])


ARGS = np.full((3, 2), 0.1), np.zeros(3), 0.5


@pytest.fixture
def compiled():
    f = dp.compile(policy_loss)
    dp.grad(f, (0, 1, 2))(*ARGS)
    return f


def test_names_and_lines_are_the_users(compiled):
    source = compiled.source
    assert "def policy_loss(w, b, theta" in source
    for line in ("hidden = np.tanh(w @ np.stack([np.sin(theta), speed]) + b)", "torque = np.sum(hidden)"):
        assert re.search(r"# test_source\.py:\d+: " + re.escape(line), source)
    assert "# back through test_source.py:" in compiled.adjoint_source
    assert "g_hidden" in compiled.adjoint_source or "g_torque" in compiled.adjoint_source


def test_every_line_is_short(compiled):
    assert max(map(len, compiled.adjoint_source.splitlines())) <= 130


def test_no_step_allocates(compiled):
    for source in (compiled.source, compiled.adjoint_source):
        assert lines_with("np.empty", source)
        inside = loop_of(source)
        assert not re.search(r"np\.(empty|zeros|array|copy)|\.copy\(|\.T\b", inside)


def test_weights_gradients_are_formed_after_the_loop(compiled):
    lines = compiled.adjoint_source.splitlines()
    products = [line for line in lines if "matmul_tn(" in line]
    assert len(products) == 1
    assert products[0].startswith("    matmul_tn")               # not indented: in no loop


def test_what_is_not_needed_is_not_written():
    @dp.compile
    def f(x, y):
        unused = np.exp(x) * np.sin(y)               # noqa: F841
        return x * y

    f(2.0, 3.0)
    assert "exp" not in f.source.partition("def ")[2].replace("np.exp(x) * np.sin(y)", "")


def test_common_subexpressions_are_computed_once():
    f = dp.compile(lambda x: np.sin(x) * np.cos(x) + np.sin(x))
    f(2.0)
    assert len(re.findall(r"\bsin\(x\)", "\n".join(lines_with("sin(", f.source)))) == 1


def test_an_unused_part_of_the_carry_is_not_carried():
    def step(carry, _):
        x, counter = carry
        return (x * 0.9, counter + 1.0), None

    f = dp.compile(lambda x: dp.scan(step, (x, 0.0), length=5)[0][0])
    assert f(2.0) == pytest.approx(2.0 * 0.9 ** 5)
    assert "counter" not in "\n".join(lines_with("counter", f.source))
    assert "+ 1.0" not in "\n".join(lines_with("+", f.source))


def stored_numbers(f, *args):
    """How many numbers the adjoint program keeps in arrays."""
    compiled = dp.compile(f)
    dp.grad(compiled)(*args)
    shapes = re.findall(r"= np\.empty\(\(([\d, ]+)\)", compiled.adjoint_source)
    return sum(int(np.prod([int(n) for n in shape.split(",") if n.strip()])) for shape in shapes)


@pytest.mark.parametrize("n", [100, 400, 1600])
def test_segments_limit_the_memory(n):
    def chain(x, segment=None):
        step = lambda state, _: (np.sin(state) + 0.1 * np.cos(state), None)
        return dp.scan(step, x, length=n, segment=segment)[0]

    root = round(n ** 0.5)
    whole, parts = stored_numbers(chain, 0.3), stored_numbers(lambda x: chain(x, root), 0.3)
    assert n <= whole <= 6 * n
    assert parts <= 12 * root
    everything = dp.grad(dp.compile(chain))(0.3)
    assert dp.grad(dp.compile(lambda x: chain(x, root)))(0.3) == pytest.approx(everything, rel=1e-13)


def test_source_needs_a_call():
    with pytest.raises(dp.ad.errors.NotCompiledError, match="not called yet"):
        dp.compile(policy_loss).source       # noqa: B018


# ---------------------------------------------------------------------------- precedence

def conditions():
    """Texts of conditions on `x` and `y`, nested, with the parentheses where the tree has them."""
    numbers = st.sampled_from(["x", "y", "-x", "x + y", "x * y", "(x - 1) ** 2", "0.5", "x - (y - 1)"])
    compared = st.builds("({} {} {})".format, numbers, st.sampled_from(["<", "<=", ">", "==", "!="]), numbers)
    return st.recursive(compared, lambda inner: st.one_of(
        st.builds("np.logical_{}({}, {})".format, st.sampled_from(["and", "or", "xor"]), inner, inner),
        st.builds("({} {} {})".format, inner, st.sampled_from(["==", "!="]), inner),
        st.builds("np.logical_not({})".format, inner),
        st.builds("(np.where({}, x, y) < {})".format, inner, numbers)), max_leaves=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=conditions())
def test_conditions_are_nested_as_they_were_written(text, interpreted):
    condition = eval(f"lambda x, y: {text}", {"np": np})
    xs, ys = (a.ravel() for a in np.meshgrid([-1.0, 0.0, 0.5, 1.0, 2.0], [-1.0, 0.5, 1.0, 1.5]))

    def f(x, y):
        return np.where(condition(x, y), 1.0, 2.0) * x

    assert np.array_equal(dp.compile(f)(xs, ys), f(xs, ys))
    for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
        compiled = dp.compile(f)
        assert compiled(x, y) == f(x, y)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(conditions(), min_size=1, max_size=3))
def test_a_guard_is_a_condition_that_was_met(texts, interpreted):
    """One program for each way through the branches, and no more."""
    conditions = [eval(f"lambda x, y: {text}", {"np": np}) for text in texts]

    def f(x, y):
        return sum((k + 1) * (x if condition(x, y) else y) for k, condition in enumerate(conditions))

    compiled, ways = dp.compile(f), set()
    for x in (-1.0, 0.0, 0.5, 1.0, 2.0):
        for y in (-1.0, 0.5, 1.5):
            assert compiled(x, y) == f(x, y)
            ways.add(tuple(bool(condition(x, y)) for condition in conditions))
    assert len(next(iter(compiled.made.programs.values()))) == len(ways)


def test_numba_compiles_conditions_that_are_numbers(monkeypatch):
    monkeypatch.setenv("TINYDP_ENGINE", "numba")
    f = lambda x, y: np.arctan2(18.0, x * (x > 1.65)) + y * (np.pi < 2.0) + np.sum(np.ones(3) * (x < 2.0))
    for x in (1.0, 1.8, 3.0):
        assert np.isclose(dp.compile(f)(x, 0.5), f(x, 0.5), rtol=1e-14)
