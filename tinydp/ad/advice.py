"""What to write instead of a method of a plain array that was given a traced value.

NumPy's functions ask their arguments whether they know better (`operators.py`); the methods of a plain
array do not, and turn what they are given into plain arrays. So the function, or another, is what is meant.

    >>> instead_of_method("weights.dot(x)")
    'write np.dot(weights, x) instead.'
    >>> instead_of_method("prices.take(k, axis=0)")
    'write prices.take(np.array(dp.value(k), int), axis=0): what only selects has no derivative.'
"""

import ast

# Of the array {a}, the first argument {x} and the others {more}.
_FUNCTION = "write np.{name}({a}, {x}{more}) instead."
_SELECTED = "write {a}.{name}(np.array(dp.value({x}), int){more}): what only selects has no derivative."
_METHODS = {
    "dot": _FUNCTION,
    "searchsorted": _FUNCTION,
    "choose": "write np.select([{a} == k for k in range(len({x}))], {x}) instead.",
    **dict.fromkeys(["take", "repeat", "partition", "argpartition"], _SELECTED),
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


def instead_of_branch(expression: str) -> str:
    """What chooses between two values, for the source of a condition, or of a call that asks for one.

        >>> instead_of_branch("min(a, 2 * b)"), instead_of_branch("x > 0")
        ('write np.minimum(a, 2 * b)', 'write np.where(x > 0, a, b)')
    """
    try:
        asked: ast.AST | None = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        asked = None
    if (isinstance(asked, ast.Call) and isinstance(asked.func, ast.Name) and asked.func.id in _OF_TWO
            and len(asked.args) == 2 and not asked.keywords):
        return f"write {_OF_TWO[asked.func.id]}({', '.join(map(ast.unparse, asked.args))})"
    if isinstance(asked, ast.Compare) and len(asked.ops) == 1:
        return f"write np.where({ast.unparse(asked)}, a, b)"
    return "write np.where(c, a, b) for `a if c else b`, np.clip(x, low, high) for min(max(x, low), high)"


_OF_TWO = {"min": "np.minimum", "max": "np.maximum"}
