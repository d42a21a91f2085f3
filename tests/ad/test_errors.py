"""Error messages: base class, place, pickling."""

import inspect
import pickle

import pytest

import tinydp as dp
from tinydp.ad import errors

ALL = [e for _, e in inspect.getmembers(errors, inspect.isclass) if issubclass(e, errors.TinydpError)]


@pytest.mark.parametrize("error", ALL)
def test_every_error_has_a_base_a_place_and_survives_pickling(error):
    raised = error("It happened.", "write this instead.")
    assert raised.place.file == __file__
    assert raised.place.line == inspect.currentframe().f_lineno - 2
    again = pickle.loads(pickle.dumps(raised))
    assert str(again) == str(raised)
    assert str(raised).splitlines()[0] == "It happened."
    assert error.__doc__


def test_the_place_is_the_users_even_from_deep_inside():
    with pytest.raises(errors.TinydpError) as caught:
        dp.grad(lambda x: sum(float(y) for y in [x]))(1.0)
    assert caught.value.place.expression == "float(y)"


def test_a_place_without_source():
    program = compile("def f(x):\n    return float(x)", "<no such file>", "exec")
    names = {}
    exec(program, names)
    with pytest.raises(errors.ConversionError, match=r"at <no such file>:2\n"):
        dp.grad(names["f"])(1.0)
