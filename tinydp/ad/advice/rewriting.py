"""The user's own line, written so that derivatives survive: what an error advises can be pasted.

All is read from the syntax tree of the source, and given back as source. Where the line has another form
than those known here, there is no advice, and the caller has a general one.

    >>> instead_of_array("np.array([[1.0, x], [x * x, 0.0]])")
    'np.stack([np.stack([1.0, x]), np.stack([x * x, 0.0])])'
    >>> instead_of_array("np.concatenate([[[x, y]], zeros])")
    'np.concatenate([np.stack([np.stack([x, y])]), zeros])'
    >>> instead_of_change("x += 2 * v")
    'x = x + 2 * v'
    >>> instead_of_change("K[np.ix_(dofs, dofs)] += 2.1e5 * block")
    'K = dp.set_at(K, np.ix_(dofs, dofs), K[np.ix_(dofs, dofs)] + 210000.0 * block)'
    >>> instead_of_change("new[1:-1] = v")
    'new = dp.set_at(new, np.s_[1:-1], v)'
    >>> instead_of_change("x[0], x[1] = x[1], v")
    'x = dp.set_at(dp.set_at(x, 0, x[1]), 1, v)'
    >>> instead_of_change("x[0], v[0] = v[0], 2 * x[0]")
    'x, v = (dp.set_at(x, 0, v[0]), dp.set_at(v, 0, 2 * x[0]))'
"""

import ast
import math
from typing import Any

import numpy as np

from ..errors import in_scipy
from .foreign import instead_of_call
from .naming import Advice
from .syntax import call, name_in_source, node_of, numpys_name, parsed, statements

_ARRAY_MAKERS = frozenset(("array", "asarray", "asanyarray", "ascontiguousarray"))
_LISTS = (ast.List, ast.ListComp)

# ---------------------------------------------------------------------------- arrays of lists


def instead_of_array(expression: str) -> str:
    """The expression with `np.stack` around each of its lists, which NumPy would make plain; or nothing."""
    found = parsed(expression)
    new = _without_lists(found) if found else None
    return ast.unparse(new) if new else ""


def instead_of_conversion(expression: str) -> str:
    """The advice where an expression of the user's makes a plain array of traced values; or nothing.

        >>> print(instead_of_conversion("np.array(rows)"))    # doctest: +NORMALIZE_WHITESPACE
        write np.stack(rows) if rows is a list, np.stack([np.stack(row) for row in rows]) if it is one of
        lists, and rows itself if it is a value; dp.value(rows) has no derivative.
    """
    if in_scipy():
        return instead_of_scipy(expression)
    new = instead_of_array(expression)
    return Advice("write {} instead.", new) if new else _of_name(parsed(expression))


def _of_name(found: ast.expr | None) -> str:
    """The advice for `np.array(x)`, of which the source does not tell what `x` is; or nothing."""
    if not (isinstance(found, ast.Call) and numpys_name(found.func) == "array" and len(found.args) == 1
            and isinstance(found.args[0], ast.Name)):
        return ""
    x = found.args[0].id
    row = "row" if x != "row" else "part"
    return Advice("write {} if {} is a list, {} if it is one of lists, and {} itself if it is a value; "
                  "{} has no derivative.", f"np.stack({x})", x,
                  f"np.stack([np.stack({row}) for {row} in {x}])", x, f"dp.value({x})")


def _without_lists(found: ast.expr) -> ast.expr | None:
    if isinstance(found, ast.BinOp):
        return _of_operands(found)
    if not isinstance(found, ast.Call) or not found.args:
        return None
    name, first = numpys_name(found.func), found.args[0]
    if name in _ARRAY_MAKERS:
        return _stacked(first) if _is_listed(first) else None
    if name in ("full", "full_like") and len(found.args) == 2:
        sides = first if name == "full" else call("np.shape", first)
        return call("np.broadcast_to", found.args[1], sides)
    if name in ("stack", "concatenate", "vstack", "hstack", "dstack", "column_stack", "block"):
        if not isinstance(first, (ast.List, ast.Tuple)):
            return None
        parts: ast.expr = ast.List([_stacked(x) if _is_listed(x) else x for x in first.elts], ast.Load())
        return ast.Call(found.func, [parts, *found.args[1:]], found.keywords)
    args = [_if_traced(x) for x in found.args]
    if args == found.args:
        return None
    return ast.Call(found.func, args, found.keywords)


def _of_operands(found: ast.BinOp) -> ast.expr | None:
    left, right = _if_traced(found.left), _if_traced(found.right)
    return None if (left, right) == (found.left, found.right) else ast.BinOp(left, found.op, right)


def _if_traced(x: ast.expr) -> ast.expr:
    """A list as an array, if it may hold anything but constants."""
    known = all(not isinstance(part, ast.Name) for part in ast.walk(x))
    return _stacked(x) if isinstance(x, _LISTS) and not known else x


def _is_listed(x: ast.expr) -> bool:
    """Whether it is a list by its syntax: `[x, y]`, `[f(x) for x in xs]`, `[x] * 3`."""
    repeated = isinstance(x, ast.BinOp) and (_is_listed(x.left) or _is_listed(x.right))
    return isinstance(x, (*_LISTS, ast.Tuple)) or repeated


def _stacked(x: ast.expr) -> ast.expr:
    """The list as an array: its rows first, if they are lists."""
    if isinstance(x, (ast.List, ast.Tuple)):
        x = ast.List([_stacked(row) if _is_listed(row) else row for row in x.elts], ast.Load())
    elif isinstance(x, ast.ListComp) and _is_listed(x.elt):
        x = ast.ListComp(_stacked(x.elt), x.generators)
    return call("np.stack", x)

# ---------------------------------------------------------------------------- statements that change an array


def instead_of_change(text: str) -> str:
    """An assignment that does the same as `x += v`, `x[i] = v` or `x[i] += v`; or nothing."""
    tree = statements(text)
    found = [x for x in ast.walk(tree) if _changes(x)] if tree else []
    if len(found) != 1:
        return ""
    statement: Any = found[0]
    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
    value = statement.value
    if isinstance(statement, ast.AugAssign):
        value = ast.BinOp(target, statement.op, value)
    if isinstance(target, ast.Tuple):
        return _of_several(target.elts, value)
    changed = _changed(target, value)
    return f"{ast.unparse(changed[0])} = {ast.unparse(changed[1])}" if changed else ""


def _changed(target: ast.expr, value: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """What is to be assigned instead of `target = value`, and what to it."""
    if not isinstance(target, ast.Subscript):
        return target, value
    if not can_be_assigned(target.value):
        return None
    return target.value, call("dp.set_at", target.value, _index(target.slice), value)


def _of_several(targets: list[ast.expr], value: ast.expr) -> str:
    """The same for `x[i], y[j] = v, w`: what is on the right is made before anything is changed."""
    if not isinstance(value, ast.Tuple) or len(value.elts) != len(targets):
        return ""
    new: dict[str, ast.expr] = {}
    for target, part in zip(targets, value.elts, strict=True):
        changed = _changed(target, part)
        if changed is None:
            return ""
        name, after = ast.unparse(changed[0]), changed[1]
        if name in new:                          # changed twice: the second begins with what the first made
            if not (isinstance(target, ast.Subscript) and isinstance(after, ast.Call)):
                return ""
            after.args[0] = new[name]
        new[name] = after
    values = [*map(ast.unparse, new.values())]
    return f"{', '.join(new)} = " + (values[0] if len(values) == 1 else f"({', '.join(values)})")


def can_be_assigned(x: ast.expr) -> bool:
    """Whether it is a name, an element or an attribute, and no view of an array, such as `x.T`."""
    if isinstance(x, ast.Attribute):
        return x.attr not in ("T", "mT", "flat", "real", "imag") and can_be_assigned(x.value)
    return isinstance(x, ast.Name) or (isinstance(x, ast.Subscript) and can_be_assigned(x.value))


def _changes(x: ast.AST) -> bool:
    """Whether it is a statement that may change an array in place."""
    if isinstance(x, ast.Assign) and len(x.targets) == 1:
        target = x.targets[0]
        parts = target.elts if isinstance(target, ast.Tuple) else [target]
        return any(isinstance(part, ast.Subscript) for part in parts)
    return isinstance(x, ast.AugAssign) or (
        isinstance(x, ast.AnnAssign) and isinstance(x.target, ast.Subscript) and x.value is not None)


def _index(index: ast.expr) -> ast.expr:
    """What stands between the brackets as an argument: with slices, by `np.s_`."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    if any(isinstance(part, (ast.Slice, ast.Starred)) for part in parts):
        return ast.Subscript(node_of("np.s_"), index, ast.Load())
    return index


_STACK = "collect the values in a list and write {} at the end.", "np.stack(values)"


def instead_of_writing(text: str) -> str:
    """The advice where a value is written into a plain array, for the line that does it."""
    new = instead_of_change(text)
    if new:
        return Advice("write {}, or " + _STACK[0], new, _STACK[1])
    return Advice("write {} for x[i] = v, or " + _STACK[0], "x = dp.set_at(x, i, v)", _STACK[1])


def instead_of_setting(text: str) -> str:
    """The same where the array is one of ours."""
    new = instead_of_change(text)
    built = ", or build it with np.stack or np.concatenate."
    if new:
        return Advice("write {}" + built, new)
    return Advice("write {} for x[i] = v" + built, "x = dp.set_at(x, i, v)")


_CHANGED = {"sort": "np.sort({x}{more})", "partition": "np.partition({x}{more})",
            "resize": "np.resize({x}{more})", "put": "dp.set_at({x}{more})",
            "fill": "np.broadcast_to({first}, np.shape({x}))"}


def instead_of_changing(expression: str) -> str:
    """The advice where a method changes an array in place.

        >>> instead_of_changing("v.sort(axis=0)")
        'write v = np.sort(v, axis=0) instead.'
    """
    found = parsed(expression)
    if not (isinstance(found, ast.Call) and isinstance(found.func, ast.Attribute)
            and found.func.attr in _CHANGED and (found.args or found.func.attr == "sort")):
        return "build a new array instead."
    x, args = ast.unparse(found.func.value), [*map(ast.unparse, found.args)]
    more = "".join(f", {part}" for part in [*args, *map(ast.unparse, found.keywords)])
    new = _CHANGED[found.func.attr].format(x=x, more=more, first=args[0] if args else "")
    return Advice("write {} instead.", f"{x} = {new}")


def rewritten_fill(expression: str) -> str:
    """The same for `np.full_like(a, v)`, which makes an array and copies to it, and for `np.copyto`."""
    new = instead_of_array(expression)
    return (Advice("write {} instead.", new) if new else
            Advice("to fill an array with it, write {}.", "np.broadcast_to(x, shape)"))


def without_out(name: str, expression: str) -> str:
    """The same for `a += v` of a plain array, which is `np.add(a, v, out=a)`, and for that."""
    new = instead_of_change(expression)
    return (Advice("write {} instead.", new) if new else
            Advice("write {} without out=, and x = x + v for x += v.", f"array = np.{name}(...)"))

# ---------------------------------------------------------------------------- functions of math and SciPy

_NUMPY_NAMES = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2",
                "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "pow": "power", "fsum": "sum",
                "dist": "linalg.norm"}


def instead_of_math(expression: str) -> tuple[str, str, list[str]] | None:
    """For a call of a function of `math`: its name, what to write instead (or nothing), the arguments.

        >>> instead_of_math("math.atan2(y, 2 * x)")
        ('atan2', 'np.arctan2(y, 2 * x)', ['y', '2 * x'])
    """
    found = parsed(expression)
    if not isinstance(found, ast.Call) or found.keywords:
        return None
    name = _last_name(found.func)
    of_math = isinstance(found.func, ast.Name) or ast.unparse(found.func) == f"math.{name}"
    if not of_math or not hasattr(math, name):
        return None
    numpys = _NUMPY_NAMES.get(name, name)
    arguments = [*map(ast.unparse, found.args)]
    listed = ", ".join(arguments)
    if name == "dist":
        new = f"np.linalg.norm({' - '.join(f'np.stack({x})' for x in arguments)})"
    elif name == "hypot" and len(found.args) != 2:
        new = f"np.linalg.norm(np.stack([{listed}]))"
    else:
        new = f"np.{numpys}({listed})" if hasattr(np, numpys) else ""
    return name, new, arguments


def _last_name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else name_in_source(function)


# SciPy's functions of one or two arguments, without options, as functions that take traced values.
_SCIPYS = {
    "expm": "dp.linalg.expm({})", "inv": "np.linalg.inv({})", "det": "np.linalg.det({})",
    "solve": "np.linalg.solve({})", "eigh": "np.linalg.eigh({})", "norm": "np.linalg.norm({})",
    "pinv": "np.linalg.pinv({})", "svdvals": "np.linalg.svd({}, compute_uv=False)",
    "expit": "0.5 + 0.5 * np.tanh(0.5 * ({}))", "logsumexp": "np.logaddexp.reduce(np.ravel({}))",
}


def called(expression: str, otherwise: str) -> str:
    """The function in the source of a call, for one whose module it does not tell."""
    found = parsed(expression)
    return ast.unparse(found.func) if isinstance(found, ast.Call) else otherwise


_NO_SCIPY = Advice("write it with NumPy's functions, {} or {}; or make a function that calls SciPy a {}, "
                   "with a rule by {}.", "dp.linalg.expm", "dp.linalg.solve_triangular",
                   "dp.primitive", "dp.defvjp")


def instead_of_scipy(expression: str, otherwise: str = _NO_SCIPY) -> str:
    """What to write instead of a call of SciPy.

        >>> instead_of_scipy("scipy.linalg.solve(A, b)")
        'write np.linalg.solve(A, b) instead.'
    """
    found = parsed(expression)
    if advice := instead_of_call(expression):
        return advice
    if isinstance(found, ast.Call):
        name = _last_name(found.func)
        if name == "solve_triangular":
            ours = ast.Call(node_of(f"dp.linalg.{name}"), found.args, found.keywords)
            return Advice("write {} instead.", ast.unparse(ours))
        if name == "cholesky" and len(found.args) == 1 and all(k.arg == "lower" for k in found.keywords):
            factor = f"np.linalg.cholesky({ast.unparse(found.args[0])})"
            lower = bool(found.keywords) and ast.unparse(found.keywords[0].value) == "True"
            return Advice("write {} instead.", factor if lower else factor + ".T")
        if name in _SCIPYS and not found.keywords and len(found.args) == (2 if name == "solve" else 1):
            return Advice("write {} instead.", _SCIPYS[name].format(', '.join(map(ast.unparse, found.args))))
    return otherwise
