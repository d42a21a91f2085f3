"""What to write instead of a method of a plain array that was given a traced value.

NumPy's functions ask their arguments whether they know better (`operators.py`); the methods of a plain
array do not, and turn what they are given into plain arrays. So the function, or another, is what is meant.

    >>> instead_of_method("weights.dot(x)")
    'write np.dot(weights, x) instead.'
    >>> instead_of_method("prices.take(k)")
    'write dp.lookup(prices, k) instead, where k is an integer or an array of them.'
"""

import ast

# Of the array {a}, the first argument {x} and the others {more}.
_FUNCTION = "write np.{name}({a}, {x}{more}) instead."
_SELECTED = "write {a}.{name}(np.array(dp.value({x}), int){more}): what only selects has no derivative."
_METHODS = {
    "dot": _FUNCTION,
    "searchsorted": _FUNCTION,
    "choose": "write np.select([{a} == k for k in range(len({x}))], {x}) instead.",
    "take": "write dp.lookup({a}, {x}) instead, where {x} is an integer or an array of them.",
    **dict.fromkeys(["repeat", "partition", "argpartition"], _SELECTED),
    "compress": _SELECTED.replace("int", "bool"),
    "fill": "write {a} = np.broadcast_to({x}, np.shape({a})) instead.",
    "put": "collect the values in a list and write np.stack(values) at the end.",
}


def instead_of_method(expression: str) -> str:
    """What to write instead of this call of a method, or nothing if it is another expression."""
    try:
        call = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        return ""
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args):
        return ""
    receiver, name = call.func.value, call.func.attr
    if name not in _METHODS or (isinstance(receiver, ast.Name) and receiver.id in ("np", "numpy")):
        return ""
    first, *others = map(ast.unparse, call.args)
    more = "".join(f", {part}" for part in [*others, *map(ast.unparse, call.keywords)])
    return _METHODS[name].format(a=ast.unparse(receiver), x=first, more=more, name=name)


def subscript_advice(expression: str) -> str:
    """What to write instead of `table[i]`, where Python wants an integer that is known.

        >>> subscript_advice("prices[k, 0]")
        'write dp.lookup(prices, (k, 0)), which takes an index that is computed.'
    """
    try:
        found = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        found = None
    table, index = ("table", "i") if not isinstance(found, ast.Subscript) else (
        ast.unparse(found.value), ast.unparse(found.slice))
    index = f"({index})" if isinstance(found, ast.Subscript) and isinstance(found.slice, ast.Tuple) and (
        not index.startswith("(")) else index
    return f"write dp.lookup({table}, {index}), which takes an index that is computed."


def at_advice(name: str) -> tuple[str, str]:
    """What is wrong with `np.add.at(array, index, values)`, and what to write instead."""
    what = f"np.{name}.at changes an array in place, which would lose the derivative."
    if name == "subtract":
        return what, "write array = dp.add_at(array, index, -values) instead."
    if name == "add":
        return what, "write array = dp.add_at(array, index, values) instead."
    return what, (f"write array = np.where(np.arange(len(array)) == i, np.{name}(array, value), array) for each "
                  "index i.")
