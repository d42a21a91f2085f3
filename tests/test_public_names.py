"""Every public name says what it takes, gives and raises, and has an example that is run."""

import ast
import doctest
import importlib
import inspect
import pathlib
import re
import sys
import textwrap

import pytest

import tinydp as dp
from tinydp import sims
from tinydp.ad import errors
from tinydp.ad.custom import Custom

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "docs" / "site"))

import reference

ENTRIES = reference.entries()
SHOWN = {name: thing for name, thing in ENTRIES.items()
         if inspect.isroutine(thing) or isinstance(thing, Custom)
         or (inspect.isclass(thing) and thing.__module__ != errors.__name__)}

RESULT = re.compile(r"\b(returns?|results?|gives)\b", re.IGNORECASE)
VERB = re.compile(r"(As|Begin|Check|Compare|Decorator|Do|Give|Make|Register|Run|Step|Stop|Within)\b")


def complaints(thing):
    """What a docstring lacks, in words."""
    text = inspect.getdoc(thing) or ""
    found = [] if doctest.DocTestParser().get_examples(text) else ["has no example"]
    is_function = inspect.isroutine(thing)
    if is_function and returns_something(thing) and not says_result(text.partition(">>>")[0]):
        found.append("does not say what it returns")
    if is_function:
        found += [f"does not say that it raises {name}" for name in raised(thing) if name not in text]
    return found


def says_result(text):
    """In so many words, or by being the name of it, such as "The state `dt` later"."""
    return bool(RESULT.search(text)) or (text != "" and not VERB.match(text))


def returns_something(thing):
    return inspect.signature(thing).return_annotation not in (None, "None")


def raised(thing):
    """The names of the errors that the function itself raises, in its source."""
    body = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    raises = [node.exc for node in ast.walk(body) if isinstance(node, ast.Raise) and node.exc is not None]
    names = [ast.unparse(x.func if isinstance(x, ast.Call) else x) for x in raises]
    return sorted({name.removesuffix(".after") for name in names if name[0].isupper()})


@pytest.mark.parametrize("name", SHOWN)
def test_a_public_name_says_what_it_does(name):
    assert complaints(SHOWN[name]) == []


@pytest.mark.parametrize("name", [name for name, thing in SHOWN.items() if inspect.isclass(thing)])
def test_the_methods_of_a_public_class_say_what_they_do(name):
    kind = SHOWN[name]
    for label, member in vars(kind).items():
        thing = member.fget if isinstance(member, property) else member
        if not label.startswith("_") and inspect.isroutine(thing) and inspect.getmodule(thing):
            assert inspect.getdoc(thing), f"{name}.{label} has no docstring"


def test_every_public_name_is_in_the_reference():
    modules = [dp.testing, dp.sims.worlds, dp.nn, dp.optim, dp.linalg, errors,
               *(importlib.import_module(f"tinydp.sims.{name}") for name in sims.__all__)]
    wanted = {getattr(module, name) for module in modules for name in reference.public(module)
              if callable(getattr(module, name))}
    wanted |= {getattr(dp, name) for name in dp.__all__ if not inspect.ismodule(getattr(dp, name))}
    assert not {thing for thing in wanted if thing not in map_of_callables().values()}


def map_of_callables():
    return {name: thing for name, thing in ENTRIES.items() if callable(thing)}


def test_errors_are_all_public():
    """Their page, docs/errors.md, has a program and its message for each; a test runs them."""
    ours = {name for name, e in vars(errors).items()
            if isinstance(e, type) and issubclass(e, (errors.TinydpError, Warning))}
    assert set(errors.__all__) == ours
    assert complaints(errors.TinydpError) == []


# ---------------------------------------------------------------------------- the judge itself

def poor(x: float) -> float:
    """Do something."""
    if x < 0.0:
        raise ValueError("negative")
    return x


def good(x: float) -> float:
    """Do something; returns twice `x`. Raises `ValueError` if it is negative.

        >>> good(1.0)
        2.0
    """
    if x < 0.0:
        raise ValueError("negative")
    return 2.0 * x


def test_a_poor_docstring_is_found():
    assert complaints(poor) == ["has no example", "does not say what it returns",
                                "does not say that it raises ValueError"]
    assert complaints(good) == []
