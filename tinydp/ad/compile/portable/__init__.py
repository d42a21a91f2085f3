"""What programs in a page call: kernels and elementary functions, written once, in plain Python.

A page has no NumPy, no LAPACK and no `libm`; and the sine of one browser differs from that of another in
the last bit. So what is more than an instruction of the processor comes with the program, printed like the
program itself. Most of it is what compiled programs call anyway (`kernels/`, `events.py`), read from there;
the rest stands in `elementary.py`, `angles.py` and `linear.py`, in the same small part of Python.

    >>> [x.label for x in function_named("dot").parameters], function_named("dot").results[0].kind
    (['x', 'x_size', 'y', 'y_size'], 'f')

Nothing here needs Numba.
"""

import ast
import functools
from pathlib import Path
from typing import Any

from ..statements import Function
from .reader import Reader

HERE = Path(__file__).parent
FILES = [HERE.parent / "polynomials.py",
         *(HERE / name for name in ("elementary.py", "angles.py", "linear.py")),
         *(HERE.parent / "kernels" / name for name in ("__init__.py", "sorting.py", "products.py")),
         HERE.parents[1] / "events.py"]                          # the first that has a function is asked
LETTERS = {                                      # of the arrays of each: v a vector, m a matrix, i integers
    "dot": "vv", "vecmat_by_rows": "vmv", "matvec": "mvv", "matmul": "mmm", "matmul_tn": "mmm",
    "matmul_nt": "mmm", "sin_into": "vv", "cos_into": "vv", "all_finite": "v", "argsort_into": "vii",
    "search_left": "v", "search_right": "v", "lu_into": "mmv", "lu_solve_into": "mvvm",
    "determinant_into": "mmv", "cholesky_into": "mm", "triangular_into": "mm", "eigh_into": "mvvv",
    "product_into": "mmm", "sum_rows": "mv"}
OWN_NAMES = {                                    # of functions, where another name is asked for
    "remainder": "mod", "float_power": "power", "vecmat": "vecmat_by_rows"}


class Unknown(Exception):
    """There is no such function in a page."""


CONSTANT_NODES = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.Name, ast.Load)


@functools.cache
def _found() -> dict[str, tuple[Any, dict[str, Any]]]:
    """Each function, and the constants of its file, with those from a file before it."""
    found: dict[str, tuple[Any, dict[str, Any]]] = {}
    constants: dict[str, dict[str, Any]] = {}    # of each file
    for file in FILES:
        known = constants[file.stem] = dict[str, Any]()
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign):
                known.update(_constants(node, known))
            elif isinstance(node, ast.ImportFrom):
                others = constants.get((node.module or "").rpartition(".")[2], {})
                known.update({x.name: others[x.name] for x in node.names if x.name in others})
            elif isinstance(node, ast.FunctionDef):
                found.setdefault(node.name, (node, known))
    return found


def _constants(node: ast.Assign, known: dict[str, Any]) -> dict[str, Any]:
    """What an assignment of numbers sets."""
    values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
    targets = node.targets[0].elts if isinstance(node.targets[0], ast.Tuple) else [node.targets[0]]
    found = {}
    for target, value in zip(targets, values, strict=False):
        if all(isinstance(x, CONSTANT_NODES) for x in ast.walk(value)) and isinstance(target, ast.Name):
            try:
                found[target.id] = eval(compile(ast.Expression(value), "", "eval"), {}, dict(known))
            except NameError:
                continue
    return found


def names() -> list[str]:
    """Those of all functions."""
    return [*_found()]


def has_function(name: str) -> bool:
    """Whether there is such a function."""
    return OWN_NAMES.get(name, name) in _found()


@functools.cache
def function_named(name: str) -> Function:
    """The function of this name."""
    node, known = _found()[OWN_NAMES.get(name, name)]
    return Reader(node, known, Library, LETTERS.get(node.name, "")).function()


class Library:
    """Where the reader finds other functions."""

    function = staticmethod(function_named)
