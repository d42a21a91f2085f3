"""How the statements and calls of a function change in its twin: see `rewrite.py`."""

import ast
import copy
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

PREFIX = "tinydp_"
_VIEWS = ("T", "mT", "flat", "real")

# What is called by one of these names is a method of an array, a text or a container, as a rule.
METHODS = frozenset(
    name
    for kind in (np.ndarray, list, dict, str, set, tuple, np.random.Generator)
    for name in dir(kind)
    if not name.startswith("__")
)

# NumPy's functions that make plain arrays, and others whose result is always an array of its own.
_PLAIN = frozenset(("zeros", "ones", "empty", "zeros_like", "ones_like", "empty_like", "eye", "identity"))
_FRESH = frozenset(
    (
        "array",
        "copy",
        "full",
        "full_like",
        "linspace",
        "arange",
        "concatenate",
        "stack",
        "vstack",
        "hstack",
        "column_stack",
        "append",
        "tile",
        "repeat",
        "where",
        "outer",
        "dot",
        "matmul",
        "cumsum",
        "cumprod",
        "roll",
        "kron",
        "cross",
        "add",
        "subtract",
        "multiply",
        "divide",
        "sin",
        "cos",
        "tan",
        "exp",
        "log",
        "sqrt",
        "tanh",
        "abs",
        "maximum",
        "minimum",
        "clip",
    )
)

FUNCTION_NODES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Rewriter(ast.NodeTransformer):
    """Makes the tree of a twin. `kind` tells of what kind a global name is."""

    def __init__(self, kind: Callable[[str], Any]):
        self.kind = kind
        self.changed = False
        self.scopes: list[Scope | None] = []  # the functions around; None is the body of a class

    # -- scopes

    def visit_FunctionDef(self, node: Any) -> Any:
        for x in node.decorator_list:
            self.visit(x)
        self.scopes.append(Scope(node))
        node.body = [new for x in node.body for new in _listed(self.visit(x))]
        self.scopes.pop()
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        self.scopes.append(Scope(node))
        node.body = self.visit(node.body)
        self.scopes.pop()
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        self.scopes.append(None)
        self.generic_visit(node)
        self.scopes.pop()
        return node

    # -- calls

    def visit_Call(self, node: ast.Call) -> Any:
        kind = self.kind_of(node.func)
        self.generic_visit(node)
        if kind in ("array", "full"):
            node.args = [node.func, *node.args]
            node.func = self.ours(kind, node.func)
        elif kind in (None, "users"):
            node.func = ast.copy_location(ast.Call(self.ours("twin", node.func), [node.func], []), node.func)
        return node

    def kind_of(self, function: ast.expr) -> Any:
        """What is called: see `kind_of`. None if only the running program knows."""
        if isinstance(function, ast.Name):
            scope = next((x for x in reversed(self.scopes) if x and function.id in x.bound), None)
            if scope is None:
                found = self.kind(function.id)
            else:
                found = scope.imported(function.id)
            return "known" if isinstance(found, types.ModuleType) else found
        if isinstance(function, ast.Attribute):
            found = self.module(function.value)
            if found is not None:
                from .rewrite import kind_of  # noqa: PLC0415  (each needs the other)

                return kind_of(getattr(found, function.attr, None))
            return "known" if function.attr in METHODS else None
        return "known" if isinstance(function, ast.Lambda) else None

    def module(self, x: ast.expr) -> types.ModuleType | None:
        """The module that a name or a dotted name stands for."""
        found: Any = None
        if isinstance(x, ast.Name):
            scope = next((s for s in reversed(self.scopes) if s and x.id in s.bound), None)
            found = scope.imported(x.id) if scope else self.kind(x.id)
        elif isinstance(x, ast.Attribute):
            outer = self.module(x.value)
            found = getattr(outer, x.attr, None) if outer else None
        return found if isinstance(found, types.ModuleType) else None

    # -- statements

    def visit_Assign(self, node: ast.Assign) -> Any:
        scope = self.scopes[-1]
        is_new = scope is not None and len(node.targets) == 1 and self.fresh(node.targets[0], node.value)
        self.generic_visit(node)
        if scope is None or len(node.targets) != 1:
            return node
        (target,) = node.targets
        if is_new:
            node.value = self.owned(target, node.value, is_new)
        if isinstance(target, ast.Subscript):
            return self.stored(node, target, node.value, scope)
        if isinstance(target, (ast.Tuple, ast.List)) and any(
            isinstance(x, ast.Subscript) and _root(x) in scope.own for x in ast.walk(target)
        ):
            return self.unpacked(node, target, scope)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        scope, target = self.scopes[-1], node.target
        is_new = scope is not None and node.value is not None and self.fresh(target, node.value)
        self.generic_visit(node)
        if is_new:
            node.value = self.owned(target, node.value, is_new)
        return node

    def stored(self, node: ast.stmt, target: ast.Subscript, value: ast.expr, scope: "Scope") -> Any:
        """`y[i] = value`."""
        name = _root(target)
        if name not in scope.own:
            return node
        new = self.temporary("value")
        return self.placed(
            node,
            [
                _assign(new, value),
                self.made_writable(name, new),
                ast.Assign([target], _load(new)),
                _assign(new, ast.Constant(None)),
            ],
        )

    def unpacked(self, node: ast.Assign, target: Any, scope: "Scope") -> Any:
        """`x[i], y[j] = values`: first all values, then one target after the other, as Python does it."""
        after: list[ast.stmt] = []
        names: list[str] = []

        def part(x: Any) -> Any:
            if isinstance(x, (ast.Tuple, ast.List)):
                return type(x)([part(y) for y in x.elts], ast.Store())
            if isinstance(x, ast.Starred):
                return ast.Starred(part(x.value), ast.Store())
            new = self.temporary(f"value_{len(names)}")
            names.append(new)
            if isinstance(x, ast.Subscript) and _root(x) in scope.own:
                after.append(self.made_writable(_root(x), new))
            after.append(ast.Assign([x], _load(new)))
            return _store(new)

        return self.placed(
            node,
            [
                ast.Assign([part(target)], node.value),
                *after,
                ast.Assign([*map(_store, names)], ast.Constant(None)),
            ],
        )

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        self.generic_visit(node)
        scope, target = self.scopes[-1], node.target
        if scope is None:
            return node
        if isinstance(target, ast.Name):
            if (
                target.id not in scope.arrays
                or target.id in scope.captured
                or any(isinstance(x, ast.NamedExpr) for x in ast.walk(node.value))
            ):
                return node
            new = self.temporary("value")
            return self.placed(
                node,
                [
                    _assign(new, node.value),
                    self.made_writable(target.id, new),
                    ast.AugAssign(target, node.op, _load(new)),
                    _assign(new, ast.Constant(None)),
                ],
            )
        if (
            not isinstance(target, ast.Subscript)
            or _root(target) not in scope.own
            or not _is_simple(target.value)
        ):
            return node
        index, old, new = map(self.temporary, ("index", "old", "value"))
        there = ast.Subscript(copy.deepcopy(target.value), _load(index), ast.Load())
        back = ast.Subscript(target.value, _load(index), ast.Store())
        operation = f"i{_OPERATIONS[type(node.op)]}"
        combined = ast.Call(
            self.ours("combined", node), [self.ours(operation, node), _load(old), _load(new)], []
        )
        return self.placed(
            node,
            [
                _assign(index, _index(target.slice)),
                _assign(old, there),
                _assign(new, node.value),
                self.made_writable(_root(target), new, old),
                ast.Assign([back], combined),
                ast.Assign([*map(_store, (index, old, new))], ast.Constant(None)),
            ],
        )

    # -- parts

    def fresh(self, target: ast.expr, value: ast.expr) -> Any:
        """Whether an array is made here that is filled later on; of a tuple, which parts."""
        scope = self.scopes[-1]
        if (
            isinstance(target, ast.Tuple)
            and isinstance(value, ast.Tuple)
            and len(target.elts) == len(value.elts)
        ):
            found = [self.fresh(x, y) for x, y in zip(target.elts, value.elts, strict=True)]
            return found if any(found) else None
        if not (
            isinstance(target, ast.Name) and scope and target.id in scope.filled and target.id in scope.own
        ):
            return None
        if isinstance(value, (ast.BinOp, ast.UnaryOp)):
            return True
        if not (isinstance(value, ast.Call) and isinstance(value.func, (ast.Attribute, ast.Name))):
            return None
        name = value.func.attr if isinstance(value.func, ast.Attribute) else value.func.id
        if name == "copy" and not value.args:
            return True
        return name in _FRESH and self.kind_of(value.func) in ("numpy", "array", "full")

    def owned(self, target: Any, value: Any, parts: Any) -> ast.expr:
        if isinstance(parts, list):
            value.elts = [
                self.owned(x, y, k) if k else y
                for x, y, k in zip(target.elts, value.elts, parts, strict=True)
            ]
            return value
        return ast.copy_location(ast.Call(self.ours("to_fill", value), [value], []), value)

    def ours(self, name: str, place: Any) -> ast.expr:
        self.changed = True
        return ast.copy_location(_load(PREFIX + name), place)

    def temporary(self, name: str) -> str:
        return PREFIX + name

    def made_writable(self, name: str, *values: str) -> ast.stmt:
        self.changed = True
        return _assign(name, ast.Call(_load(PREFIX + "writable"), [_load(name), *map(_load, values)], []))

    def placed(self, node: ast.stmt, new: list) -> list:
        for statement in new:
            for x in ast.walk(statement):
                if isinstance(x, (ast.expr, ast.stmt)) and not hasattr(x, "lineno"):
                    ast.copy_location(x, node)
        return new


class Scope:
    """What is known of the names in a function."""

    def __init__(self, node: Any):
        body = node.body if isinstance(node.body, list) else [node.body]
        arguments = node.args
        given = [
            *arguments.posonlyargs,
            *arguments.args,
            *arguments.kwonlyargs,
            arguments.vararg,
            arguments.kwarg,
        ]
        found = [x for statement in body for x in nodes_inside(statement)]
        outer = {name for x in found if isinstance(x, (ast.Global, ast.Nonlocal)) for name in x.names}
        self.own = {x.arg for x in given if x} | {name for x in found for name in _bound(x)} - outer
        comprehended = {
            x.id
            for y in found
            if isinstance(y, ast.comprehension)
            for x in ast.walk(y.target)
            if isinstance(x, ast.Name)
        }
        self.bound = self.own | comprehended
        self.own -= comprehended
        targets = [y for x in found for y in _targets(x)]
        changed = {
            x.target.id for x in found if isinstance(x, ast.AugAssign) and isinstance(x.target, ast.Name)
        }
        self.filled = ({_root(x) for x in targets if isinstance(x, ast.Subscript)} | changed) & self.own
        self.arrays = (
            self.filled
            | {
                x.targets[0].id
                for x in found
                if isinstance(x, ast.Assign)
                and isinstance(x.targets[0], ast.Name)
                and isinstance(x.value, ast.Call)
                and isinstance(x.value.func, (ast.Attribute, ast.Name))
                and getattr(x.value.func, "attr", getattr(x.value.func, "id", "")) in _FRESH | _PLAIN
            }
            & self.own
        )
        self.captured = {
            y.id
            for x in found
            if isinstance(x, (*FUNCTION_NODES, ast.ClassDef))
            for y in ast.walk(x)
            if isinstance(y, ast.Name)
        }
        self._imports = [x for x in found if isinstance(x, (ast.Import, ast.ImportFrom))]

    def imported(self, name: str) -> Any:
        """What a name stands for that the function imports itself; None for all others."""
        from .rewrite import kind_of  # noqa: PLC0415  (each needs the other)

        for statement in self._imports:
            for x in statement.names:
                if (x.asname or x.name.partition(".")[0]) != name:
                    continue
                if isinstance(statement, ast.Import):
                    return sys.modules.get(x.name if x.asname else name)
                module = sys.modules.get(statement.module or "") if not statement.level else None
                return kind_of(getattr(module, x.name, None))
        return None


# ---------------------------------------------------------------------------- trees

_OPERATIONS = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "truediv",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.MatMult: "matmul",
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.BitXor: "xor",
    ast.LShift: "lshift",
    ast.RShift: "rshift",
}


def nodes_inside(node: ast.AST) -> Iterator[ast.AST]:
    """What is in a function, without what is in the functions and classes in it."""
    yield node
    if not isinstance(node, (*FUNCTION_NODES, ast.ClassDef)):
        for x in ast.iter_child_nodes(node):
            yield from nodes_inside(x)


def _bound(x: ast.AST) -> list[str]:
    """The names that a node gives a value to."""
    if isinstance(x, ast.Name):
        return [x.id] if isinstance(x.ctx, (ast.Store, ast.Del)) else []
    if isinstance(x, (ast.Import, ast.ImportFrom)):
        return [y.asname or y.name.partition(".")[0] for y in x.names]
    if isinstance(x, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [x.name]
    name = getattr(x, "name", None) or getattr(x, "rest", None)  # except, match
    return (
        [name]
        if isinstance(name, str)
        and isinstance(x, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping))
        else []
    )


def _targets(x: ast.AST) -> list[ast.AST]:
    found = x.targets if isinstance(x, ast.Assign) else [x.target] if isinstance(x, ast.AugAssign) else []
    return [
        z
        for y in found
        for z in (
            [y]
            if isinstance(y, ast.Subscript)
            else ast.walk(y)
            if isinstance(y, (ast.Tuple, ast.List))
            else []
        )
    ]


def _root(x: ast.AST) -> str:
    """The name of which something is set: `y` of `y[i]`, `y[i][j]` and `y.T[i]`."""
    while isinstance(x, ast.Subscript) or (isinstance(x, ast.Attribute) and x.attr in _VIEWS):
        x = x.value
    return x.id if isinstance(x, ast.Name) else ""


def _is_simple(x: ast.AST) -> bool:
    """Whether it can be evaluated twice."""
    return all(
        isinstance(y, (ast.Name, ast.Constant, ast.Attribute, ast.Subscript, ast.Load)) for y in ast.walk(x)
    )


def _index(x: ast.expr) -> ast.expr:
    """What stands between brackets as an expression."""
    if isinstance(x, ast.Slice):
        ends = [y or ast.Constant(None) for y in (x.lower, x.upper, x.step)]
        return ast.Call(_load(PREFIX + "slice"), ends, [])
    return ast.Tuple([*map(_index, x.elts)], ast.Load()) if isinstance(x, ast.Tuple) else x


def _load(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _store(name: str) -> ast.Name:
    return ast.Name(name, ast.Store())


def _assign(name: str, value: ast.expr) -> ast.Assign:
    return ast.Assign([_store(name)], value)


def _listed(x: Any) -> list:
    return x if isinstance(x, list) else [x]
