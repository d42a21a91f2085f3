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
