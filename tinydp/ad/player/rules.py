"""The rules of an operation as they are written: in the table, or by the user.

    >>> import numpy as np
    >>> from tinydp import record
    >>> sine = written(record(np.sin, 3.0)[0].op, 1)
    >>> sine["symbols"], sine["formulas"]
    (['x'], ['g * np.cos(x)'])
    >>> sine["quotes"][0]["text"]
    'defvjp(np.sin,          lambda g, y, x: g * np.cos(x))'
"""

import ast
import functools
import inspect
import linecache
import os
import textwrap
from types import CodeType
from typing import Any, NamedTuple

from ..advice.syntax import Position, of_file, path_to
from ..loops import LoopOperation
from ..transforms import Checkpoint

FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
LONGEST = 40                                     # lines that are quoted of a function


class Written(NamedTuple):
    """What a rule says, what it calls its operands, and how and where it is written."""

    formula: str                                 # the body of a lambda, or the call of a function
    symbols: list[str]
    file: str
    line: int
    text: str


def written(op: Any, n_args: int) -> dict[str, Any]:
    """For each operand the formula and the symbol, as far as they can be found; and the quotes of both."""
    rules = list(getattr(op, "rules", ()))
    if isinstance(op, (LoopOperation, Checkpoint)):       # their rule is to sweep what is inside
        found: list[Written | None] = [None] * n_args
    elif len(rules) == n_args:
        found = [_written(rule) for rule in rules]
    else:
        found = [_written(getattr(op, "each", None) or getattr(op, "vjp", None))] * n_args
    symbols: list[str] = next((x.symbols for x in found if x and len(rules) == n_args), [])
    quotes = {(x.file, x.line): x for x in found if x}.values()
    return {"symbols": symbols[:n_args], "formulas": [x and x.formula for x in found],
            "quotes": [{"where": f"{_short(x.file)}, line {x.line}", "text": x.text} for x in quotes]}


def _short(file: str) -> str:
    return file.removeprefix(FOLDER) if file.startswith(FOLDER) else os.path.basename(file)


def _written(rule: Any) -> Written | None:
    while isinstance(rule, functools.partial):
        rule = rule.func
    code = getattr(rule, "__code__", None)
    if code is None:
        return None
    if rule.__qualname__ == "steep.<locals>.rule":               # defpartials: the rule is g * partial
        found = _written(dict(zip(code.co_freevars, rule.__closure__, strict=True))["partial"].cell_contents)
        return found and found._replace(formula=f"g * ({found.formula})")
    names = list(code.co_varnames[:code.co_argcount])
    symbols = [name for name in names if name not in ("g", "y")]
    if "<lambda>" in code.co_name:
        return _lambda(code, symbols)
    try:
        lines, first = inspect.getsourcelines(rule)
    except (OSError, TypeError):
        return None
    text = textwrap.dedent("".join([*lines[:LONGEST], "    ...\n" * (len(lines) > LONGEST)])).rstrip()
    bare = [p.replace(annotation=p.empty) for p in inspect.signature(rule).parameters.values()]
    return Written(f"{code.co_name}{inspect.Signature(bare)}", symbols, code.co_filename, first, text)


def _lambda(code: CodeType, symbols: list[str]) -> Written | None:
    """A lambda, and the statement that it stands in: its line of the table."""
    ends = [((a, c), (b, d)) for a, b, c, d in code.co_positions()
            if a is not None and b is not None and c is not None and d is not None and (a, c) != (b, d)]
    lines = linecache.getlines(code.co_filename)
    if not ends or not lines:
        return None
    (first, start), (last, stop) = min(start for start, _ in ends), max(stop for _, stop in ends)
    body = [line.encode() for line in lines[first - 1:last]]
    body[-1] = body[-1][:stop]
    body[0] = body[0][start:]
    formula = " ".join(b" ".join(body).decode(errors="replace").split())
    around = _statement((first, last, start, stop), "".join(lines))
    first, last = (around.lineno, around.end_lineno or last) if around else (first, last)
    text = textwrap.dedent("".join(lines[first - 1:last])).rstrip()
    return Written(formula, symbols, code.co_filename, first, text)


def _statement(position: Position, source: str) -> ast.stmt | ast.expr | None:
    """The statement around a place; of one with a block, such as a decorated function, only the lambda."""
    module = of_file(source)
    path = [x for x in path_to(position, module) if isinstance(x, (ast.stmt, ast.Lambda))] if module else []
    statement = next((x for x in reversed(path) if isinstance(x, ast.stmt)), None)
    if statement is None or hasattr(statement, "body"):
        return next((x for x in path if isinstance(x, ast.Lambda)), None)
    return statement
