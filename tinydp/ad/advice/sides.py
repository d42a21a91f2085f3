"""What the statements of an `if` do, by the user's source: the names that they set, and to what.

    >>> block = ast.parse("if x > 0:\\n    y, z = x, 2.0\\nelse:\\n    y += 1").body
    >>> found = ways(block[0])
    >>> [{name: ast.unparse(value) for name, value in leaf.items()} for leaf in assigned_on_each(found)]
    [{'y': 'x', 'z': '2.0'}, {'y': 'y + 1'}]
    >>> stored(block), surely(block)
    (['y', 'z', 'y'], {'y'})
"""

import ast
from collections.abc import Iterator, Sequence

from .asked import Definition
from .choices import choice, condition, function, inner, is_total, tuple_of
from .syntax import call, node_of

Statements = Sequence[ast.stmt]

# ---------------------------------------------------------------------------- assignments alone

Leaf = dict[str, ast.expr]                       # the values that targets get, by their source
Ways = Leaf | tuple                              # or (test, ways, ways)


def ways(x: ast.If) -> Ways | None:
    """What an `if` assigns on its ways; None if that is not all it does, or one value needs another."""
    then, otherwise = side(x.body), side(x.orelse)
    return None if then is None or otherwise is None else (x.test, then, otherwise)


def side(block: Statements) -> Ways | None:
    """The same for some statements: an `if`, or assignments."""
    if len(block) == 1 and isinstance(block[0], ast.If):
        return ways(block[0])
    found: Leaf = {}
    for statement in block:
        pairs = _assignments(statement)
        if pairs is None:
            return None
        read = {ast.unparse(x) for _, value in pairs for x in ast.walk(value) if isinstance(x, _PLACES)}
        new = {ast.unparse(target): value for target, value in pairs}
        if not found.keys().isdisjoint(read | new.keys()):
            return None
        found |= new
    return found


_PLACES = (ast.Name, ast.Subscript, ast.Attribute)


def _assignments(x: ast.stmt) -> list[tuple[ast.expr, ast.expr]] | None:
    """The targets of a statement that only assigns, and their values."""
    pairs: list[tuple[ast.expr, ast.expr]] = []
    if isinstance(x, ast.AugAssign):
        pairs = [(x.target, ast.BinOp(node_of(ast.unparse(x.target)), x.op, x.value))]
    elif isinstance(x, ast.AnnAssign) and x.value is not None:
        pairs = [(x.target, x.value)]
    elif isinstance(x, ast.Assign) and len(x.targets) == 1:
        pairs = [(x.targets[0], x.value)]
        if isinstance(x.targets[0], ast.Tuple) and isinstance(x.value, ast.Tuple):
            pairs = [*zip(x.targets[0].elts, x.value.elts, strict=False)]
            pairs = pairs if len(x.targets[0].elts) == len(x.value.elts) else []
    elif isinstance(x, ast.Pass):
        return pairs
    are_simple = all(isinstance(target, _PLACES) and is_total(target) and not _is_lasting(value)
                     for target, value in pairs)
    return pairs if pairs and are_simple else None


def _is_lasting(x: ast.AST) -> bool:
    """Whether it does more than to have a value, so that it cannot go into a lambda."""
    return any(isinstance(y, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)) for y in ast.walk(x))


def assigned_on_each(found: Ways) -> Iterator[Leaf]:
    """What is assigned on each of the ways."""
    if isinstance(found, dict):
        yield found
    else:
        yield from assigned_on_each(found[1])
        yield from assigned_on_each(found[2])


def chosen_value(found: Ways, target: str) -> ast.expr:
    """The value of a target, as a choice."""
    if isinstance(found, dict):
        return found.get(target, node_of(target))
    return choice(found[0], chosen_value(found[1], target), chosen_value(found[2], target))


def values(found: Ways, targets: Sequence[str]) -> ast.expr:
    """The values of several targets, as a choice between all of them."""
    if isinstance(found, dict):
        return tuple_of([chosen_value(found, target) for target in targets])
    return call("dp.cond", condition(found[0]), *(function(values(each, targets)) for each in found[1:]))


# ---------------------------------------------------------------------------- what is returned

def returned(block: Statements) -> ast.expr | None:
    """The value that some statements return, as one expression; None if they do anything else."""
    first, *rest = block or [ast.Pass()]
    if isinstance(first, ast.Return) and first.value is not None and not _is_lasting(first.value):
        return inner(first.value)
    if not isinstance(first, ast.If):
        return None
    then, otherwise = (returned(until_return(each, rest)) for each in (first.body, first.orelse))
    return None if then is None or otherwise is None else choice(first.test, then, otherwise)


def until_return(block: Statements, rest: Statements) -> Statements:
    """A side, and what follows after the `if`, unless the side has returned."""
    return block if returns(block) else [*block, *rest]


def returns(block: Statements) -> bool:
    """Whether all ways through some statements end in `return` with a value."""
    last = block[-1] if block else None
    if isinstance(last, ast.If):
        return returns(last.body) and returns(last.orelse)
    return isinstance(last, ast.Return) and last.value is not None


# ---------------------------------------------------------------------------- names

def own_nodes(x: ast.AST) -> Iterator[ast.AST]:
    """All in a statement that belongs to its function, and to none within."""
    yield x
    for child in ast.iter_child_nodes(x):
        if not isinstance(child, (Definition, ast.Lambda, ast.ClassDef)):
            yield from own_nodes(child)


def stored(block: Statements) -> list[str]:
    """The names that some statements set."""
    found = [x for statement in block for x in own_nodes(statement)]
    return [x.id for x in found if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)]


def surely(block: Statements) -> set[str]:
    """Those that they set, whatever way they take."""
    plain = [x for x in block if isinstance(x, (ast.Assign, ast.AugAssign, ast.AnnAssign))]
    choices = [x for x in block if isinstance(x, ast.If)]
    return set(stored(plain)).union(*(surely(x.body) & surely(x.orelse) for x in choices))


_JUMPS = (ast.Break, ast.Continue, ast.Yield, ast.YieldFrom, ast.Await, ast.Global, ast.Nonlocal,
          ast.Delete, ast.NamedExpr, ast.Import, ast.ImportFrom, ast.Try, ast.With, *Definition.__args__,
          ast.ClassDef)


def is_closed(block: Statements, before: set[str], may_return: bool = False) -> bool:
    """Whether some statements can be a function: they leave nothing behind but names.

    `before` are the names that have a value before them. What belongs to others may be changed.
    """
    new = set(stored(block)) - before
    for statement in block:
        for x in own_nodes(statement):
            if isinstance(x, _JUMPS) or (isinstance(x, ast.Return) and not may_return):
                return False
            changes = (isinstance(x, (ast.Subscript, ast.Attribute)) and not isinstance(x.ctx, ast.Load)) or (
                isinstance(x, ast.Expr) and not isinstance(x.value, ast.Constant))
            if changes and _root(x) not in new:
                return False
    return True


def _root(x: ast.AST) -> str:
    """The name that `x.a[0].append(1)` begins with."""
    while not isinstance(x, ast.Name):
        before = getattr(x, "value", getattr(x, "func", None))
        if not isinstance(before, ast.AST):
            return ""
        x = before
    return x.id
