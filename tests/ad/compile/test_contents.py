"""Things around a function whose parts are not names: what is in them is seen, and a change of it."""

import array
import collections
import contextvars
import functools
import operator
import os
import sys
import types
import weakref

import numpy as np
import pytest

import tinydp as dp

pytestmark = pytest.mark.usefixtures("interpreted")

CONSTANTS = types.ModuleType("constants_of_a_test")
CONSTANTS.GAIN = 1.0
GAIN = 1.0


def of_elements(make, change=lambda gains: operator.setitem(gains, 0, 5)):
    """A function that reads the first element of a thing, and what changes that."""
    def made():
        gains = make()
        return lambda x: x * float(gains[0]), lambda: change(gains)

    return made


def of_a_key(gains, key="gain"):
    return lambda: (lambda x: x * gains[key], lambda: operator.setitem(gains, key, 5.0))


def of_a_view():
    memory = bytearray(b"ab")
    view = memoryview(memory)
    return lambda x: x * view[0], lambda: operator.setitem(memory, 0, 5)


def of_a_context():
    gain = contextvars.ContextVar("gain", default=1.0)
    return lambda x: x * gain.get(), lambda: gain.set(5.0)


def of_a_view_of_a_dictionary():
    gains = {"gain": 1.0}
    view = types.MappingProxyType(gains)
    return lambda x: x * view["gain"], lambda: gains.update(gain=5.0)


def of_a_weak_reference():
    class Settings:
        pass

    settings = Settings()
    settings.gain = 1.0
    found = weakref.ref(settings)
    return lambda x: x * found().gain, lambda: setattr(settings, "gain", 5.0)


def of_a_module(read):
    def made():
        CONSTANTS.GAIN = 1.0
        return lambda x: x * read(), lambda: setattr(CONSTANTS, "GAIN", 5.0)

    return made


def of_the_globals():
    globals()["GAIN"] = 1.0
    return lambda x: x * globals()["GAIN"], lambda: globals().update(GAIN=5.0)


def imported(x):
    import constants_of_a_test  # noqa: PLC0415

    return x * constants_of_a_test.GAIN


def of_an_import():
    sys.modules["constants_of_a_test"] = CONSTANTS
    CONSTANTS.GAIN = 1.0
    return imported, lambda: setattr(CONSTANTS, "GAIN", 5.0)


def of_the_environment(read):
    def made():
        os.environ["TINYDP_TEST_GAIN"] = "1.0"
        return (lambda x: x * float(read("TINYDP_TEST_GAIN")),
                lambda: os.environ.update(TINYDP_TEST_GAIN="5.0"))

    return made


def of_a_list_with_a_rule_of_its_own():
    class Doubled(list):
        def __getitem__(self, k):
            return 2.0 * list.__getitem__(self, k)

    gains = Doubled([1.0])
    return lambda x: x * gains[0], lambda: gains.append(gains.pop() + 4.0)


def of_what_a_dictionary_lacks():
    factor = [1.0]

    class Made(dict):
        def __missing__(self, key):
            return factor[0]

    gains = Made()
    return lambda x: x * gains["gain"], lambda: operator.setitem(factor, 0, 5.0)


def of_a_class():
    class Kind(type):
        @property
        def gain(cls):
            return cls._gain

    class Settings(metaclass=Kind):
        _gain = 1.0

    return lambda x: x * Settings.gain, lambda: setattr(Settings, "_gain", 5.0)


def of_a_partial():
    gains = [1.0]
    return functools.partial(lambda gains, x: gains[0] * x, gains), lambda: operator.setitem(gains, 0, 5.0)


def of_a_long_list():
    gains = [1.0] * 5000
    return lambda x: x * gains[4321], lambda: operator.setitem(gains, 4321, 5.0)


READINGS = {
    "array.array": of_elements(lambda: array.array("d", [1.0, 2.0])),
    "bytes": of_elements(lambda: bytearray(b"ab")),
    "a view of bytes": of_a_view,
    "an array that is not small": of_elements(lambda: np.ones(50_000)),
    "an array of complex numbers": of_elements(lambda: np.ones(2, complex).view(float).view(complex).real),
    "an array with fields": of_elements(lambda: np.ones(2, [("a", float)])["a"]),
    "an array of texts": of_elements(lambda: np.array(["1.0", "2.0"])),
    "an array of objects": of_elements(lambda: np.array([1.0, None], object)),
    "a masked array": of_elements(lambda: np.ma.array([1.0, 2.0])),
    "a defaultdict": of_a_key(collections.defaultdict(lambda: 1.0)),
    "a dictionary with a rule for what it lacks": of_what_a_dictionary_lacks,
    "a view of a dictionary": of_a_view_of_a_dictionary,
    "a list with a rule of its own": of_a_list_with_a_rule_of_its_own,
    "a long list": of_a_long_list,
    "a context": of_a_context,
    "a weak reference": of_a_weak_reference,
    "a module, by name": of_a_module(lambda: getattr(CONSTANTS, "GAIN")),        # noqa: B009
    "a module, as a dictionary": of_a_module(lambda: vars(CONSTANTS)["GAIN"]),
    "a module, imported within": of_an_import,
    "the globals": of_the_globals,
    "os.environ": of_the_environment(lambda name: os.environ[name]),
    "os.environ.get": of_the_environment(lambda name: os.environ.get(name)),
    "os.getenv": of_the_environment(lambda name: os.getenv(name)),
    "os.getenv, by a name of its own": of_the_environment(os.getenv),
    "a class of classes": of_a_class,
    "a partial": of_a_partial,
}


@pytest.mark.parametrize("made", READINGS.values(), ids=READINGS)
def test_a_change_is_seen(made):
    f, change = made()
    compiled = dp.compile(f)
    before = f(2.0)
    for _ in range(2):
        assert compiled(2.0) == before
        assert dp.grad(compiled)(2.0) == dp.grad(f)(2.0)
    change()
    assert f(2.0) != before
    assert compiled(2.0) == f(2.0)
    assert dp.grad(compiled)(2.0) == dp.grad(f)(2.0)


@pytest.mark.parametrize("made", READINGS.values(), ids=READINGS)
def test_what_does_not_change_is_not_traced_again(made):
    f, change = made()                           # which keeps what a weak reference refers to
    compiled = dp.compile(f)
    compiled(2.0)
    built, _ = compiled.program_for(2.0)
    for _ in range(3):
        compiled(2.0)
        assert compiled.program_for(2.0)[0] is built
    change()
