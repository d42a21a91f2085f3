"""Pasting what an error advises into the program that it is about, until it runs."""

import ast
import linecache

import numpy as np

import tinydp as dp
from tinydp.ad.advice.naming import in_our_names
from tinydp.ad.errors import TinydpError

X = np.array([0.3, 0.7, 0.9])
FILE = "pasted_file.py"
RUNS = {"traced": lambda f: dp.vjp(f, X)[0], "compiled": lambda f: dp.compile(f)(X)}


def run_file(source, names=()):
    """The function `f` of a file, in which these names are known."""
    linecache.cache[FILE] = len(source), None, source.splitlines(keepends=True), FILE
    space = {"__name__": "pasted_file", **dict(names)}
    exec(compile(source, FILE, "exec"), space)
    return space["f"]


def followed(source, run, names=(), rounds=8):
    """What the program gives after all advice is followed; the errors that gave it, and what it is then."""
    errors = []
    for _ in range(rounds):
        try:
            return run(run_file(source, names)), errors, source
        except TinydpError as error:
            errors.append(error)
            source = pasted(source, error)
    raise AssertionError("\n".join(["it is still refused:", source, *map(str, errors)]))


def pasted(source, error):
    """The file, with what is advised in place of the statement or of the expression that it is about."""
    code, _, needed = error.advice.partition(" It needs: ")
    _, _, code = code.partition("write ")
    for end in (" instead", ", or build it", ", or collect", " for a number"):
        code = code.partition(end)[0]
    kind = ast.stmt if isinstance(ast.parse(code).body[0], ast.Assign) else ast.expr
    assert error.place.file == FILE
    first, column = error.place.start
    lines = source.splitlines(keepends=True)
    start = sum(len(line.encode()) for line in lines[: first - 1]) + column
    spans = [(_offset(lines, x.lineno, x.col_offset), _offset(lines, x.end_lineno, x.end_col_offset))
             for x in ast.walk(ast.parse(source)) if isinstance(x, kind) and hasattr(x, "lineno")
             and not (kind is ast.stmt and hasattr(x, "body"))]
    raw = source.encode()

    def is_meant(begin, end):
        found = in_our_names(raw[begin:end].decode(), error.place.names)
        return begin == start and normal(found) == normal(error.place.expression)

    if kind is ast.stmt:
        begin, end = next(span for span in spans if span[0] <= start < span[1])
    else:
        begin, end = next(span for span in spans if is_meant(*span))
        code = f"({code})"
    return f"{needed}\n" + (raw[:begin] + code.encode() + raw[end:]).decode()


def normal(expression):
    return ast.unparse(ast.parse(f"({expression})", mode="eval"))


def _offset(lines, line, column):
    return sum(len(x.encode()) for x in lines[: line - 1]) + column
