"""Arrays of other libraries: those that stand for them here say that they come from one."""

import linecache

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import ConversionError, DtypeError, MutationError

X = np.array([1.0, 2.0])


LIBRARY = """
class Tensor:
    # an array that NumPy can read

    __module__ = "torch"
    __array_ufunc__ = None

    def __init__(self, numbers):
        self.numbers = numbers

    def __array__(self, dtype=None, copy=None):
        return np.array(self.numbers, dtype)

    def __mul__(self, other):
        return Tensor(np.asarray(self) * np.asarray(other))

    def __setitem__(self, name, value):
        self.numbers = np.asarray(value)
"""
space = {"np": np}
exec(compile(LIBRARY, "<frozen torch>", "exec"), space)           # no file of the user's
Tensor = space["Tensor"]


def traced(line, run):
    """What a function of one line gives, in a file."""
    text = f"def f(x):\n    {line}\n"
    linecache.cache["neighbour.py"] = len(text), None, text.splitlines(keepends=True), "neighbour.py"
    names = {"np": np, "t": Tensor([1.0, 3.0]), "dp": dp}
    exec(compile(text, "neighbour.py", "exec"), names)
    return run(names["f"])


def test_a_constant_is_taken_by_its_numbers():
    t = Tensor([1.0, 3.0])
    assert np.array_equal(dp.grad(lambda x: np.sum(x * t))(X), [1.0, 3.0])
    assert dp.grad(lambda x: np.sum(dp.ad.primitives.Primitive.__call__(
        dp.ad.registry.PRIMITIVES[np.multiply], t, x)))(X).tolist() == [1.0, 3.0]


@pytest.mark.parametrize(("line", "kind", "advice"), [
    ("return np.sum(t * x)", ConversionError, "write np.asarray(t) * x"),
    ("t['height'] = x", MutationError, "height = x"),
])
def test_what_takes_plain_values_says_what_to_write(line, kind, advice):
    with pytest.raises(kind) as caught:
        traced(line, lambda f: dp.grad(f)(X))
    assert advice in caught.value.advice
    assert caught.value.place.line == 2


def test_a_gradient_is_by_arrays():
    with pytest.raises(DtypeError, match=r"np.asarray\(x, float\)"):
        dp.grad(lambda x: x)(Tensor([1.0]))
