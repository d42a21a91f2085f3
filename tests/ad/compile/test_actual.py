"""A branch on what a loop made: taken as the arguments say, be the loop interpreted or compiled for that."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile import actual, record


@pytest.fixture(params=[0, 10**9], ids=["by machine code", "interpreted"])
def most(request, monkeypatch):
    monkeypatch.setattr(actual, "MOST_OPERATIONS", request.param)
    monkeypatch.setattr(actual, "EACH", 0)


def chosen(x, end):
    return x * 2.0 if end > 1.0 else x * 3.0


def counted(x, ws):
    """Carries of all kinds, and a stack."""
    def step(carry, w):
        n, fine, h = carry
        h = np.tanh(w @ h + x)
        return (n + 1, fine and h[0] > -0.5, h), h
    (n, fine, h), hs = dp.scan(step, (0, True, np.zeros(2)), xs=ws.T)
    return chosen(x, h[1] + n) if fine and np.sum(hs[-1] * h) > 0.0 else x


def repeated(x, ws):
    end = dp.while_loop(lambda c: c[0] < 3.0, lambda c: (c[0] + x, c[1] * 0.5), (0.0, np.sum(ws[0])))
    return chosen(x, end[0]) + chosen(x, end[1])


def until(x, ws):
    end = dp.integrate(lambda s, h: (s[0] + h * s[1], s[1] - h), (1.0, x), lambda s: s[0], dt=0.1)
    return chosen(x, end[1] + 3.0)


def nested(x, ws):
    def inner(c, w):
        return dp.scan(lambda c, w: (0.5 * c + w * x, None), c, w)[0], c
    end, ys = dp.scan(inner, x, ws[0])
    return chosen(x, end) + chosen(x, ys[1])


def solved(x, ws):
    def step(c, w):
        return dp.root(lambda y: y ** 3 + y - c - w, c), None
    return chosen(x, dp.scan(step, x, ws[0, 0])[0])


@pytest.mark.parametrize("f", [counted, repeated, until, nested, solved])
@pytest.mark.parametrize("x", [0.3, 1.7])
def test_the_branch_is_the_one_of_plain_python(f, x, most):
    ws = np.linspace(-1.0, 1.0, 12).reshape(2, 2, 3)
    compiled = dp.compile(f)
    assert dp.value_and_grad(compiled)(x, ws) == pytest.approx(dp.value_and_grad(f)(x, ws), rel=1e-14)
    assert len(compiled.made.programs) == 1      # the first one was right
    assert all(len(variants) == 1 for variants in compiled.made.programs.values())


def test_what_fails_leaves_the_example(most):
    """A singular matrix on the way: NumPy's own error is raised by plain Python."""
    def f(x):
        end = dp.scan(lambda a, _: (np.linalg.inv(a), None), x * np.ones((2, 2)), length=3)[0]
        return chosen(x, end[0, 0])

    with pytest.raises(np.linalg.LinAlgError):
        dp.compile(f)(1.0)


def test_a_long_loop_is_not_interpreted(monkeypatch):
    """Of a million steps no one could wait for the end."""
    compiled_alone = []
    by_machine_code = actual._by_machine_code
    monkeypatch.setattr(actual, "_by_machine_code",
                        lambda op, given: compiled_alone.append(op.name) or by_machine_code(op, given))

    def f(x):
        end = dp.scan(lambda c, _: (c * 0.999999 + x, None), 0.0, length=1_000_000)[0]
        again = dp.while_loop(lambda c: c < 1e6, lambda c: c + x, 0.0)
        return chosen(x, end) + chosen(x, again)

    monkeypatch.setenv("TINYDP_VERIFY", "first")
    assert dp.compile(f)(1.0) == 4.0
    assert compiled_alone == ["scan", "while_loop"]


def test_a_loop_is_looked_at_once_however_often_the_function_is_traced(monkeypatch):
    looked = []
    results_at = record.results_at
    monkeypatch.setattr(record, "results_at",
                        lambda op, given: looked.append(op.name) or results_at(op, given))
    compiled = dp.compile(lambda x: chosen(x, dp.scan(lambda c, _: (c + x, None), 0.0, length=5)[0]))
    assert compiled(1.0) == 2.0
    assert looked.count("scan") == 1
