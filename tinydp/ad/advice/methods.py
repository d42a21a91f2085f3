"""What to write instead of a method of a plain array that was given a traced value.

NumPy's functions ask their arguments whether they know better (`operators.py`); the methods of a plain
array do not, and turn what they are given into plain arrays. So the function, or another, is what is meant.

    >>> instead_of_method("weights.dot(x)")
    'write np.dot(weights, x) instead.'
    >>> instead_of_method("prices.repeat(k, axis=0)")
    'write prices.repeat(np.array(dp.value(k), int), axis=0): what only selects has no derivative.'
"""

import ast

from .naming import Advice
from .rewriting import can_be_assigned
from .syntax import name_in_source, parsed, statements

# Of the array {a}, the first argument {x} and the others {more}.
_FUNCTION = "write {} instead.", "np.{name}({a}, {x}{more})"
_SELECTED = ("write {}: what only selects has no derivative.",
             "{a}.{name}(np.array(dp.value({x}), int){more})")
_METHODS = {
    "dot": _FUNCTION,
    "searchsorted": _FUNCTION,
    "choose": ("write {} instead.", "np.select([{a} == k for k in range(len({x}))], {x})"),
    "take": (_SELECTED[0], "{a}.{name}(np.rint({x}).astype(int){more})"),
    **dict.fromkeys(["repeat", "partition", "argpartition"], _SELECTED),
    "compress": (_SELECTED[0], "{a}.{name}(np.array(dp.value({x}), bool){more})"),
    "fill": ("write {} instead.", "{a} = np.broadcast_to({x}, np.shape({a}))"),
    "put": ("collect the values in a list and write {} at the end.", "np.stack(values)"),
}


def instead_of_method(expression: str) -> str:
    """What to write instead of this call of a method, or nothing if it is another expression."""
    call = parsed(expression)
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args):
        return ""
    receiver, name = call.func.value, call.func.attr
    if name not in _METHODS or (isinstance(receiver, ast.Name) and receiver.id in ("np", "numpy")):
        return ""
    first, *others = map(ast.unparse, call.args)
    more = "".join(f", {part}" for part in [*others, *map(ast.unparse, call.keywords)])
    text, code = _METHODS[name]
    return Advice(text, code.format(a=ast.unparse(receiver), x=first, more=more, name=name))


def instead_of_index(expression: str, rounded: bool = False) -> str:
    """What to write instead of `table[i]` or a `take`, where the table is not asked; or nothing.

    If the index is no integer, it is `rounded` first.

        >>> instead_of_index("prices[k, 0]")
        'write dp.lookup(prices, (k, 0)), which takes a computed index.'
        >>> instead_of_index("np.take(prices, k, axis=1)", rounded=True)
        'write dp.lookup(prices, (slice(None), np.rint(k).astype(int))), which takes a computed index.'
    """
    found = parsed(expression)
    taken = _indexed(found) if isinstance(found, ast.Subscript) else _taken(found)
    if taken is None:
        return ""
    table, parts = taken
    if rounded:
        fixed = [part.startswith(("slice(", "...")) or part.isdecimal() for part in parts]
        parts = [part if known else f"np.rint({part}).astype(int)"
                 for part, known in zip(parts, fixed, strict=True)]
    return Advice("write {}, which takes a computed index.", f"dp.lookup({table}, {_as_index(parts)})")


def _indexed(found: ast.Subscript) -> tuple[str, list[str]]:
    parts = found.slice.elts if isinstance(found.slice, ast.Tuple) else [found.slice]
    return ast.unparse(found.value), [*map(_part_of_index, parts)]


def _taken(found: ast.expr | None) -> tuple[str, list[str]] | None:
    """The table and the index of `np.take(table, i)` or `table.take(i)`."""
    if not (isinstance(found, ast.Call) and isinstance(found.func, ast.Attribute)
            and found.func.attr == "take"):
        return None
    receiver = ast.unparse(found.func.value)
    args = [*map(ast.unparse, found.args)]
    table, *others = args if receiver in ("np", "numpy") else [receiver, *args]
    if len(others) != 1 or len(found.keywords) > 1:
        return None
    if not found.keywords:
        return f"np.ravel({table})", others
    axis = found.keywords[0]
    if axis.arg != "axis" or not isinstance(axis.value, ast.Constant) or type(axis.value.value) is not int:
        return None
    return table, ["slice(None)"] * axis.value.value + others


def _part_of_index(part: ast.expr) -> str:
    """A part of an index as an expression: `:` is `slice(None)`."""
    if not isinstance(part, ast.Slice):
        return ast.unparse(part)
    ends = ["None" if x is None else ast.unparse(x) for x in (part.lower, part.upper, part.step)]
    return "slice(None)" if ends == ["None"] * 3 else f"slice({', '.join(ends)})"


def _as_index(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"


def at_advice(name: str, expression: str = "") -> tuple[str, str]:
    """What is wrong with `np.add.at(array, index, values)`, and what to write instead.

        >>> at_advice("add", "np.add.at(density, left % n, 1.0 - w)")[1]
        'write density = dp.add_at(density, left % n, 1.0 - w) instead.'
    """
    what = f"np.{name}.at changes an array in place, which would lose the derivative."
    if name in ("add", "subtract"):
        array, index, values = _three(expression)
        if name == "subtract":
            values = f"-{values}" if values.isidentifier() else f"-({values})"
        return what, Advice("write {} instead.", f"{array} = dp.add_at({array}, {index}, {values})")
    return what, Advice("write {} for each index i.",
                        f"array = np.where(np.arange(len(array)) == i, np.{name}(array, value), array)")


def _three(expression: str) -> list[str]:
    """The arguments of a call of three, or names for them."""
    call = parsed(expression)
    if isinstance(call, ast.Call) and len(call.args) == 3 and can_be_assigned(call.args[0]):
        return [*map(ast.unparse, call.args)]
    return ["array", "index", "values"]


def instead_of_increase(text: str) -> str:
    """What to write instead of `x[i] += v`, a line of the user's; nothing for other statements.

        >>> instead_of_increase("counts[k, 0] -= 2.0 * x")
        'write counts = dp.add_at(counts, (k, 0), -(2.0 * x)) instead.'
    """
    statement = _increase(text)
    if statement is None:
        return ""
    array, parts = _indexed(statement.target)        # type: ignore[arg-type]
    value = ast.unparse(statement.value)
    value = f"-({value})" if isinstance(statement.op, ast.Sub) else value
    return Advice("write {} instead.", f"{array} = dp.add_at({array}, {_as_index(parts)}, {value})")


def is_increased(expression: str, text: str) -> bool:
    """Whether the expression is the `x[i]` of the statement `x[i] += v`."""
    statement, found = _increase(text), parsed(expression)
    return statement is not None and found is not None and (
        ast.unparse(statement.target) == ast.unparse(found))


def _increase(text: str) -> ast.AugAssign | None:
    """The statement `x[i] += v`, or `x[i] -= v`; None if it is another."""
    tree = statements(text)
    if tree is None or len(tree.body) != 1:
        return None
    statement = tree.body[0]
    known = (isinstance(statement, ast.AugAssign) and isinstance(statement.op, (ast.Add, ast.Sub))
             and isinstance(statement.target, ast.Subscript) and can_be_assigned(statement.target.value))
    return statement if known else None          # type: ignore[return-value]


def instead_of_int(expression: str) -> str:
    """What gives an integer of the program, for a call of `int`; or nothing.

        >>> instead_of_int("int(x / h)")
        'write math.trunc(x / h), an integer of the program.'
    """
    call = parsed(expression)
    if not (isinstance(call, ast.Call) and is_call_of("int", call)
            and len(call.args) == 1 and not call.keywords):
        return ""
    return Advice("write {}, an integer of the program.", f"math.trunc({ast.unparse(call.args[0])})")


def instead_of_key(expression: str) -> str:
    """What to write instead of `{0: a, 1: b}[k]`, where the key is computed.

        >>> instead_of_key("{0: 1.5, 1: x}[k]")
        'write dp.lookup([1.5, x], k), which takes a computed index.'
        >>> instead_of_key("powers[k]")
        'write dp.lookup([*powers.values()], i), with the place i of the key among the keys.'
    """
    found = parsed(expression)
    if isinstance(found, ast.Subscript) and isinstance(found.value, ast.Dict):
        keys = [key.value if isinstance(key, ast.Constant) else None for key in found.value.keys]
        if keys == [*range(len(keys))]:
            table = ast.unparse(ast.List(found.value.values, ast.Load()))
            return Advice("write {}, which takes a computed index.",
                          f"dp.lookup({table}, {ast.unparse(found.slice)})")
    if not isinstance(found, ast.Subscript):
        return "use a key that is known, such as a text, or the number of a Python loop."
    table = ast.unparse(found.value)
    return Advice("write {}, with the place i of the key among the keys.",
                  f"dp.lookup([*{table}.values()], i)")


def is_call_of(name: str, found: ast.expr | None) -> bool:
    """Whether it is a call of this function of Python's own."""
    return isinstance(found, ast.Call) and name_in_source(found.func) == name
