"""What a function returns, in the words of its source: for advice about the result.

>>> import linecache
>>> text = "f = lambda c, x: c + x\\n"
>>> linecache.cache["step.py"] = len(text), None, [text], "step.py"
>>> space = {}
>>> exec(compile(text, "step.py", "exec"), space)
>>> returned_by(space["f"])
(1, 'c + x')
"""

import ast
import linecache
from typing import Any

from .syntax import of_file


def returned_by(f: Any) -> tuple[int, str]:
    """The line and the source of what a function returns, if it returns in one place; else 0 and nothing."""
    node = _node(f)
    if node is None:
        return 0, ""
    if isinstance(node, ast.Lambda):
        return node.body.lineno, ast.unparse(node.body)
    found = [x for x in _own(node) if isinstance(x, ast.Return) and x.value is not None]
    return (found[0].lineno, ast.unparse(found[0].value)) if len(found) == 1 else (0, "")  # type: ignore[arg-type]


def last_value_of(f: Any) -> str:
    """The source of the value that a function computes last, and does not return; or nothing."""
    node = _node(f)
    last = node.body[-1] if isinstance(node, ast.FunctionDef) else None
    if isinstance(last, ast.Assign) and isinstance(last.targets[0], ast.Name):
        return last.targets[0].id
    return (
        ast.unparse(last.value)
        if isinstance(last, ast.Expr) and not isinstance(last.value, ast.Constant)
        else ""
    )


def _node(f: Any) -> Any:
    """The function in the tree of its file, if there is one that it must be."""
    code: Any = getattr(f, "__code__", None)
    text = "".join(linecache.getlines(code.co_filename)) if code else ""
    found = [
        x
        for x in ast.walk(of_file(text) or ast.Module([], []))
        if isinstance(x, (ast.FunctionDef, ast.Lambda))
        and getattr(x, "name", "<lambda>") == code.co_name
        and min([x.lineno, *(y.lineno for y in getattr(x, "decorator_list", ()))]) == code.co_firstlineno
    ]
    names = [[y.arg for y in (*x.args.posonlyargs, *x.args.args)] for x in found]
    found = [
        x
        for x, known in zip(found, names, strict=True)
        if list(code.co_varnames[: code.co_argcount]) == known
    ]
    return found[0] if len(found) == 1 else None


def _own(node: ast.AST) -> list:
    """What is in a function, without the functions in it."""
    inside = []
    for x in ast.iter_child_nodes(node):
        if not isinstance(x, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            inside += [x, *_own(x)]
    return inside
