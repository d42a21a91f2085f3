"""Expressions of the user's source as choices between values: what asks for no condition.

`np.where` computes both sides, so it stands where that does no harm: sums and products, comparisons, and
functions that are defined everywhere. Else it is `dp.cond`, which runs one side.

    >>> from tinydp.ad.advice.syntax import node_of
    >>> print(ast.unparse(truth(node_of("x < 1 and not y < z"))))
    np.logical_and(x < 1, np.logical_not(y < z))
    >>> print(ast.unparse(truth(node_of("x > 0 and 1 / x < 3"))))
    dp.cond(x > 0, lambda: 1 / x < 3, lambda: False)
    >>> print(ast.unparse(choice(node_of("x < 1"), node_of("2 * x"), node_of("x"))))
    np.where(x < 1, 2 * x, x)
"""

import ast
from collections.abc import Iterable

from .syntax import call, name_in_source, numpys_name

# ---------------------------------------------------------------------------- conditions

def condition(test: ast.expr) -> ast.expr:
    """What is tested as one condition: its `and`, `or`, `not` and chains ask nothing."""
    if isinstance(test, ast.BoolOp):
        found = condition(test.values[0])
        for value in test.values[1:]:
            found = _both(test.op, found, condition(value))
        return found
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and not _is_known(test.operand):
        return call("np.logical_not", condition(test.operand))
    if isinstance(test, ast.Compare) and len(test.ops) > 1 and not _is_known(test):
        sides = [test.left, *test.comparators]
        pairs: list[ast.expr] = [ast.Compare(a, [op], [b])
                                 for a, op, b in zip(sides, test.ops, sides[1:], strict=False)]
        return condition(ast.BoolOp(ast.And(), pairs))
    return test


def _both(op: ast.boolop, a: ast.expr, b: ast.expr) -> ast.expr:
    """`a and b`, or `a or b`: Python looks at `b` only if `a` has not decided."""
    is_and = isinstance(op, ast.And)
    if _is_known(a) or _is_known(b):
        return ast.BoolOp(op, [a, b])
    if is_total(b):
        return call("np.logical_and" if is_and else "np.logical_or", a, b)
    return call("dp.cond", a, function(b if is_and else ast.Constant(True)),
                function(ast.Constant(False) if is_and else b))


def truth(x: ast.expr) -> ast.expr:
    """The value of `a and b`, which is one of the two; of conditions, it is a condition."""
    if is_surely_condition(x) or not isinstance(x, ast.BoolOp):
        return condition(x)
    found = truth(x.values[-1])
    for value in map(truth, x.values[-2::-1]):
        found = choice(value, found, value) if isinstance(x.op, ast.And) else choice(value, value, found)
    return found


def is_surely_condition(x: ast.expr) -> bool:
    """Whether it is surely a condition, and no number that counts as one."""
    if isinstance(x, ast.BoolOp):
        return all(map(is_surely_condition, x.values))
    is_numpys = isinstance(x, ast.Call) and numpys_name(x.func) in (
        "logical_and", "logical_or", "logical_not", "any", "all", "isnan", "isfinite", "isinf", "signbit")
    is_not = isinstance(x, ast.UnaryOp) and isinstance(x.op, ast.Not)
    return is_numpys or is_not or isinstance(x, ast.Compare)


def _is_known(test: ast.expr) -> bool:
    """Whether it surely depends on no value: `x is None`, `key in names`, `isinstance(x, float)`."""
    if isinstance(test, ast.BoolOp):
        return all(map(_is_known, test.values))
    if isinstance(test, ast.Compare):
        return all(isinstance(op, (ast.Is, ast.IsNot, ast.In, ast.NotIn)) for op in test.ops)
    if isinstance(test, ast.UnaryOp):
        return _is_known(test.operand)
    return isinstance(test, ast.Constant) or (
        isinstance(test, ast.Call)
        and name_in_source(test.func) in ("isinstance", "hasattr", "callable", "len"))


# ---------------------------------------------------------------------------- choices

def choice(test: ast.expr, a: ast.expr, b: ast.expr) -> ast.expr:
    """`a if test else b`, as a call."""
    a, b = inner(a), inner(b)
    if ast.unparse(a) == ast.unparse(b):
        return a
    if is_surely_condition(test) and is_total(a) and is_total(b) and (_is_number(a) or _is_number(b)):
        return call("np.where", condition(test), a, b)
    return call("dp.cond", condition(test), function(a), function(b))


def inner(x: ast.expr) -> ast.expr:
    """A conditional expression as a choice; others as they are."""
    return choice(x.test, x.body, x.orelse) if isinstance(x, ast.IfExp) else x


_DEFINED = frozenset((                           # NumPy's functions that are defined everywhere
    "sin", "cos", "tanh", "abs", "absolute", "minimum", "maximum", "clip", "sign", "zeros", "ones",
    "zeros_like", "ones_like", "dot", "sum", "stack", "where", "logical_and", "logical_or", "logical_not",
    "floor", "ceil", "rint", "any", "all", "cbrt", "arctan", "square"))
_PYTHONS = ("abs", "min", "max", "float")
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.MatMult)


def is_total(x: ast.expr) -> bool:
    """Whether it can be computed whatever a condition is, without an error, a warning or an infinity."""
    if isinstance(x, ast.Constant):
        return isinstance(x.value, (int, float))
    if isinstance(x, ast.BinOp):
        number = x.right.value if isinstance(x.right, ast.Constant) else None
        is_defined = isinstance(x.op, _ARITHMETIC) or (isinstance(x.op, ast.Div) and bool(number)) or (
            isinstance(x.op, ast.Pow) and type(number) is int)
        return is_defined and is_total(x.left) and is_total(x.right)
    if isinstance(x, ast.UnaryOp):
        return is_total(x.operand)
    if isinstance(x, ast.Compare):
        return not _is_known(x) and all(map(is_total, [x.left, *x.comparators]))
    if isinstance(x, ast.Subscript):
        return is_total(x.value) and isinstance(x.slice, (ast.Constant, ast.Name))
    if isinstance(x, ast.Call):
        is_defined = numpys_name(x.func) in _DEFINED or name_in_source(x.func) in _PYTHONS
        parts = [part for arg in x.args for part in (arg.elts if isinstance(arg, ast.List) else [arg])]
        return is_defined and not x.keywords and all(map(is_total, parts))
    return isinstance(x, ast.Name) or (isinstance(x, ast.Attribute) and is_total(x.value))


def _is_number(x: ast.expr) -> bool:
    """Whether it is surely a number or an array, and no structure."""
    if isinstance(x, ast.Constant):
        return isinstance(x.value, (int, float))
    if isinstance(x, ast.Call):
        return bool(numpys_name(x.func)) or name_in_source(x.func) in _PYTHONS
    return isinstance(x, (ast.UnaryOp, ast.BinOp, ast.Compare))


_OF_TWO = {"min": "np.minimum", "max": "np.maximum"}
_OF_LIST = {"min": "np.min", "max": "np.max", "any": "np.any", "all": "np.all", "sorted": "np.sort"}


def extreme(x: ast.expr) -> ast.expr | None:
    """`min(a, b)` and the like by functions of NumPy; None for other expressions."""
    if not isinstance(x, ast.Call) or x.keywords or any(isinstance(a, ast.Starred) for a in x.args):
        return None
    name, args = name_in_source(x.func), [extreme(a) or a for a in x.args]
    if name in _OF_TWO and len(args) > 1:
        found = args[0]
        for a in args[1:]:
            found = call(_OF_TWO[name], found, a)
        return found
    if name not in _OF_LIST or len(args) != 1:
        return None
    listed = args[0]
    if isinstance(listed, ast.GeneratorExp):
        listed = ast.ListComp(listed.elt, listed.generators)
    is_list = isinstance(listed, (ast.List, ast.Tuple, ast.Name, ast.ListComp))
    return call(_OF_LIST[name], call("np.stack", listed)) if is_list else None


# ---------------------------------------------------------------------------- parts

def function(x: ast.expr, names: Iterable[str] = ()) -> ast.expr:
    """A function of these names with this value."""
    return ast.Lambda(parameters(names), x)


def parameters(names: Iterable[str]) -> ast.arguments:
    """Those of a function of these names."""
    return ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])


def tuple_of(parts: list[ast.expr]) -> ast.expr:
    """Several values with commas between; one as it is."""
    return parts[0] if len(parts) == 1 else ast.Tuple(parts, ast.Load())
