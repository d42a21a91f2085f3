"""The command line of tinydp: check a gradient, or all rules of the table.

`python -m tinydp check package.module:function --at "x=0.7, y=[1, 2]"` compares the gradient of a
function with finite differences and prints the report. `python -m tinydp rules` does so for the
rules of NumPy's functions, and those of `dp.linalg`, at random points. `python -m tinydp demo NAME` runs
a demo: it trains a controller through a simulator, and draws what it learned. Where tinydp is installed,
`tinydp` is short for `python -m tinydp`.

Exit codes: 0 all is right; 1 a gradient is wrong; 2 nothing could be checked: bad usage, or the program
raised an error; 3 inconclusive: not all could be judged, or there was nothing to judge.
"""

import argparse
import ast
import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tinydp

CODES = {"right": 0, "wrong": 1, "inconclusive": 3}


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["demo"]:                     # it has flags of its own
        return _demo(argv[1:])
    name = "tinydp" if Path(sys.argv[0]).stem == "tinydp" else "python -m tinydp"
    parser = argparse.ArgumentParser(prog=name, description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version=f"tinydp {tinydp.__version__}")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("demo", help="run a demo, or list them", add_help=False)
    check = commands.add_parser("check", help="check the gradient of a function at a point")
    check.add_argument("function", metavar="MODULE:FUNCTION")
    check.add_argument("--at", default="", help='its arguments, such as "x=0.7, y=[1, 2]"')
    check.add_argument("--order", type=int, choices=(1, 2), default=1, help="2: second derivatives, too")
    rules = commands.add_parser("rules", help="check the rules of NumPy's functions; statistics of each")
    rules.add_argument("names", nargs="*", metavar="NAME", help="only these, such as np.linalg.inv")
    rules.add_argument("--points", type=int, default=50, help="points a function (default 50)")
    options = parser.parse_args(argv)
    if options.command is None:
        parser.print_help()
        return 2
    try:
        return _check(options) if options.command == "check" else _rules(options)
    except UsageError as error:
        parser.exit(2, f"{parser.prog} {options.command}: {error}\n")
    except (Exception, SystemExit) as error:     # Python's own code for a crash is that of a wrong gradient
        traceback.print_exc()
        parser.exit(2, f"{parser.prog} {options.command}: not checked, the program raised "
                       f"{type(error).__name__}\n")


def _demo(argv: list[str]) -> int:
    try:
        demos = importlib.import_module("tinydp.demos.__main__")
    except ModuleNotFoundError as error:
        if error.name != "tinydp.demos":
            raise
        print("tinydp demo needs tinydp to be installed: pip install -e .\nIn the folder of its source, "
              "python -m demos does the same.", file=sys.stderr)
        return 2
    return int(demos.main(argv))


class UsageError(Exception):
    """The command line asks for something that is not there."""


def _check(options: argparse.Namespace) -> int:
    from .ad import tree
    from .testing import check_grads
    from .testing.results import is_float

    function = _function(options.function)
    args = _arguments(options.at, function)
    if not any(map(is_float, tree.flatten(args)[0])):
        raise UsageError(f"--at {options.at!r} holds no float, and only floats are checked: write 3.0 for 3")
    report = check_grads(function, args, order=options.order, raises=False)
    print(report)
    return CODES[report.verdict]


def _rules(options: argparse.Namespace) -> int:
    from .testing import GradientError
    from .testing.domains import DOMAINS, OTHER_NAMES
    try:
        from .testing.strategies import check_property, inputs_for
    except ModuleNotFoundError as error:
        raise UsageError(f"it draws its points by {error.name}: pip install {error.name}") from None

    if options.points < 1:
        raise UsageError("--points must be at least 1")
    table = {_public_name(function): function for function in DOMAINS if function not in OTHER_NAMES}
    unknown = [name for name in options.names if name not in table]
    if unknown:
        raise UsageError(f"there is no rule of {unknown[0]} to check")
    codes = []
    for name in options.names or table:
        function = table[name]
        try:
            found = check_property(function, inputs_for(function), max_examples=options.points)
            outcome = str(found)
            codes.append(CODES["right" if found.right else "inconclusive"])
        except GradientError as error:
            outcome = str(error)
            codes.append(CODES["wrong"])
        print(f"{name:26s} {outcome}", flush=True)
    return CODES["wrong"] if CODES["wrong"] in codes else max(codes)


def _public_name(function: Callable) -> str:
    module = function.__module__.strip("_") if hasattr(function, "__module__") else "numpy"
    return f"{module.replace('numpy', 'np').replace('tinydp', 'dp')}.{function.__name__}"


def _function(name: str) -> Callable:
    module_name, _, path = name.partition(":")
    if not path:
        raise UsageError(f"{name!r} is not of the form package.module:function")
    sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module_name)
    except ImportError as error:
        raise UsageError(f"cannot import {module_name}: {error}") from None
    for part in path.split("."):
        if not hasattr(found, part):
            raise UsageError(f"{module_name} has no {path}")
        found = getattr(found, part)
    if not callable(found):
        raise UsageError(f"{name} is a {type(found).__name__}, not a function")
    return found


def _arguments(text: str, function: Callable) -> tuple:
    """The values in `x=0.7, y=[1, 2]`, in the order of the parameters; lists as float arrays."""
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        assert isinstance(call, ast.Call)
        positional = [_value(node) for node in call.args]
        named = {keyword.arg: _value(keyword.value) for keyword in call.keywords if keyword.arg}
    except (SyntaxError, ValueError, AssertionError):
        raise UsageError(f'--at {text!r} is not of the form "x=0.7, y=[1, 2]"') from None
    try:
        bound = inspect.signature(function).bind(*positional, **named)
    except TypeError as error:
        raise UsageError(f"--at {text!r} does not fit {function.__name__}: {error}") from None
    except ValueError:                           # some builtins have no signature to bind
        return (*positional, *named.values())
    if bound.kwargs:
        raise UsageError(f"--at gives {min(bound.kwargs)!r}, which can only be passed by name")
    return bound.args


def _value(node: ast.expr) -> Any:
    value = ast.literal_eval(node)
    return np.array(value, dtype=float) if isinstance(value, list) else value


if __name__ == "__main__":
    sys.exit(main())
