"""Which names a statement leaves behind, by the user's source: those that are read before they are set anew.

    >>> source = '''def f(x, y):
    ...     for k in range(3):
    ...         if x > y:
    ...             d = x - y
    ...             x = d * d
    ...         if y > 1:
    ...             d = y - 1
    ...             y = y - d
    ...     return x
    ... '''
    >>> scope = ast.parse(source).body[0]
    >>> first, second = scope.body[0].body
    >>> [(name, is_needed_after(first, scope, name)) for name in ("d", "x", "y")]
    [('d', False), ('x', True), ('y', True)]

Whoever leaves by `break`, `continue` or an exception may come to any other statement: where somebody may, a
name is needed if it is read at all.
"""

import ast
from collections.abc import Iterable

from .asked import Definition
from .sides import Statements, own_nodes

READ, SET, ON = "read", "set", "on"              # first; or there is a way on to what follows

_OF_NAMES = (*Definition.__args__, ast.Lambda)
_WITHOUT_BLOCKS = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Return, ast.Pass, ast.Assert)


def is_needed_after(statement: ast.stmt, scope: ast.AST, name: str) -> bool:
    """Whether a name may be read after a statement of a function before it is set again."""
    around = [x for x in ast.walk(scope) if any(y is statement for y in ast.walk(x))]
    if not _is_read(ast.iter_child_nodes(scope), name, statement):
        return False
    within = [x for x in ast.walk(scope) if isinstance(x, _OF_NAMES) and x not in around]
    if _is_read(within, name, statement):
        return True                              # whenever that is called
    later = [y for x in around if isinstance(x, ast.Try) for y in (*x.handlers, *x.orelse, *x.finalbody)]
    if _is_read(later, name):
        return True
    for block, k in reversed(_path(statement, scope)):
        found = first_use(block[k + 1:], name)
        if found is not ON:
            return found is READ
        owner = _owner(block, scope)
        if isinstance(owner, (ast.For, ast.While)) and block is owner.body and (
                first_use([owner], name) is READ):
            return True                          # in the next round
    return False


def first_use(block: Statements, name: str) -> str:
    """What some statements do with a name first, on any way: read it, or set it on all ways, or neither."""
    for statement in block:
        found = _of_one(statement, name)
        if found is not ON:
            return found
    return ON


def _of_one(x: ast.stmt, name: str) -> str:
    if isinstance(x, _WITHOUT_BLOCKS):
        return _in_parts(x, name)
    if isinstance(x, ast.If):
        sides = first_use(x.body, name), first_use(x.orelse, name)
        return READ if _is_read([x.test], name) or READ in sides else SET if sides == (SET, SET) else ON
    if isinstance(x, ast.For):
        body = ON if _is_stored([x.target], name) else first_use(x.body, name)
        return READ if _is_read([x.iter], name) or READ in (body, first_use(x.orelse, name)) else ON
    if isinstance(x, ast.While):
        is_read = _is_read([x.test], name) or READ in (first_use(x.body, name), first_use(x.orelse, name))
        return READ if is_read else ON
    if isinstance(x, ast.With):
        return READ if _is_read(x.items, name) else first_use(x.body, name)
    if isinstance(x, ast.Try):
        return READ if READ in [first_use(block, name) for block in _blocks(x)] else ON
    return READ if _is_read([x], name) or isinstance(x, (ast.Break, ast.Continue, ast.Raise)) else ON


def _in_parts(x: ast.stmt, name: str) -> str:
    """The same of a statement without others in it, whose targets are set last."""
    if _is_read([x], name):
        return READ
    return SET if isinstance(x, ast.Return) or _is_stored([x], name) else ON


def _is_read(xs: Iterable[ast.AST], name: str, apart: ast.AST | None = None) -> bool:
    """Whether a name is read, but for what is `apart`; what a function within calls so is another one."""
    for x in xs:
        place = x.target if isinstance(x, ast.AugAssign) else x
        if isinstance(place, ast.Name):
            if place.id == name and (place is not x or isinstance(place.ctx, ast.Load)):
                return True
        elif x is not apart and not (isinstance(x, _OF_NAMES) and name in _own_names(x)) and _is_read(
                ast.iter_child_nodes(x), name, apart):
            return True
    return False


def _own_names(x: ast.AST) -> set[str]:
    """The arguments of a function, and what it sets."""
    return {y.arg for y in ast.walk(x) if isinstance(y, ast.arg)} | {
        y.id for y in own_nodes(x) if isinstance(y, ast.Name) and isinstance(y.ctx, ast.Store)}


def _is_stored(xs: Iterable[ast.AST], name: str) -> bool:
    return any(isinstance(y, ast.Name) and y.id == name and isinstance(y.ctx, ast.Store)
               for x in xs for y in ast.walk(x))


def _blocks(x: ast.AST) -> list[list]:
    """The lists of statements in one."""
    found = [getattr(y, field, None) for y in (x, *getattr(x, "handlers", ()), *getattr(x, "cases", ()))
             for field in ("body", "orelse", "finalbody")]
    return [block for block in found if isinstance(block, list)]


def _path(statement: ast.stmt, scope: ast.AST) -> list[tuple[list, int]]:
    """The lists of statements around it, the outermost first, and where in each of them it is."""
    for block in _blocks(scope):
        for k, x in enumerate(block):
            if x is statement:
                return [(block, k)]
            if inner := _path(statement, x):
                return [(block, k), *inner]
    return []


def _owner(block: list, scope: ast.AST) -> ast.AST | None:
    return next((x for x in ast.walk(scope) if any(each is block for each in _blocks(x))), None)
