"""The user's own `if`, written as a choice between values: what is advised where a step has too many ways.

`np.where` computes both sides, so it stands where that does no harm: sums and products, comparisons, functions
that are defined everywhere. Else it is `dp.cond`, which runs one side, and whose sides may decide by themselves:
that adds ways, where an `if` multiplies them.

    >>> advice = advised("def f(x, low):\\n    if x < low:\\n        x = 2 * low\\n    return x\\n", (2, 2, 7, 14))
    >>> print(advice.text)
        x = np.where(x < low, 2 * low, x)
    >>> advice.first, advice.last
    (2, 3)
    >>> print(advised("y = 1 / x if x > 1 else x\\n", (1, 1, 13, 18)).text)
    dp.cond(x > 1, lambda: 1 / x, lambda: x)
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from .asked import Asked, Function, Position, asked_at, asked_in, is_in, position_of
from .errors import Spot
from .rewriting import numpys_name

Block = Sequence[ast.stmt]


class Advice(NamedTuple):
    """What to write instead of some lines, or of an expression."""

    text: str
    first: int = 0                               # the lines; 0 if it is an expression
    last: int = 0
    instead_of: str = ""


def instead_of_branch(spot: Spot, decided: Iterable[Spot] = ()) -> tuple[str, str]:
    """What to write instead of what asked at a spot; and the source that this replaces, if it is an expression.

    `decided` are all spots that asked.
    """
    asked = asked_at(spot)
    found = asked and _advised(asked, [position_of(x) for x in decided if x.code is spot.code])
    if not found:
        return _not_rewritten(asked), ""
    if found.instead_of:
        return f"write {found.text} instead of {found.instead_of}.", found.instead_of
    lines = f"lines {found.first} to {found.last}" if found.last > found.first else f"line {found.first}"
    return f"instead of {lines}, write\n{found.text}", ""


def advised(source: str, position: Position, decided: Sequence[Position] = ()) -> Advice | None:
    """The advice for what asked at a position in the source of a file."""
    asked = asked_in(source, position)
    return asked and _advised(asked, decided)


def _advised(asked: Asked, decided: Sequence[Position]) -> Advice | None:
    owner = asked.owner
    if isinstance(owner, ast.If) and asked.expression is owner.test:
        return _of_statements(asked, decided)
    if isinstance(owner, ast.IfExp) and asked.expression is owner.test:
        return Advice(ast.unparse(_choice(owner.test, owner.body, owner.orelse)), instead_of=asked.source_of(owner))
    if isinstance(owner, ast.While) and asked.expression is owner.test:
        return _of_while(owner)
    if isinstance(owner, (ast.comprehension, ast.Assert)):
        return None
    new = _extreme(asked.expression) or _truth(asked.expression)
    if ast.unparse(new) == ast.unparse(asked.expression):
        return None
    return Advice(ast.unparse(new), instead_of=asked.source_of(asked.expression))


def _not_rewritten(asked: Asked | None) -> str:
    """What is said where these lines are no choice that could be written for the user."""
    if asked is not None and isinstance(asked.expression, ast.Call):
        name = ast.unparse(asked.expression.func)
        return (f"{name} asks for it. If it is Python's own min or max by another name, call that by its own, "
                f"which decides nothing; otherwise make {name} choose by np.where, or by dp.cond(test, f, g, ...).")
    test = "test" if asked is None else ast.unparse(condition(asked.expression))
    return ("what follows from this condition is more than the values of some names, so it has to be written by "
            f"hand: as two functions f and g of what they need, that return what comes of it, and "
            f"dp.cond({test}, f, g, ...), which takes no ways of the step.")


# ---------------------------------------------------------------------------- expressions

def condition(test: ast.expr) -> ast.expr:
    """A test as one condition: its `and`, `or`, `not` and chains ask nothing."""
    if isinstance(test, ast.BoolOp):
        found, is_and = condition(test.values[0]), isinstance(test.op, ast.And)
        for value in map(condition, test.values[1:]):
            if _is_known(found) or _is_known(value):
                found = ast.BoolOp(test.op, [found, value])
            elif _is_total(value):
                found = _call("np.logical_and" if is_and else "np.logical_or", found, value)
            else:
                sides = (value, ast.Constant(False)) if is_and else (ast.Constant(True), value)
                found = _call("dp.cond", found, *map(_lambda, sides))
        return found
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and not _is_known(test.operand):
        return _call("np.logical_not", condition(test.operand))
    if isinstance(test, ast.Compare) and len(test.ops) > 1 and not _is_known(test):
        sides = [test.left, *test.comparators]
        pairs = [ast.Compare(a, [op], [b]) for a, op, b in zip(sides, test.ops, sides[1:], strict=False)]
        return condition(ast.BoolOp(ast.And(), list(pairs)))
    return test


def _truth(x: ast.expr) -> ast.expr:
    """The value of `a and b`, which is `b` or `a`; of conditions, a condition."""
    if _is_condition(x) or not isinstance(x, ast.BoolOp):
        return condition(x)
    found = _truth(x.values[-1])
    for value in map(_truth, x.values[-2::-1]):
        found = _choice(value, *((found, value) if isinstance(x.op, ast.And) else (value, found)))
    return found


def _is_condition(x: ast.expr) -> bool:
    """Whether it is surely a condition, and no number that counts as one."""
    if isinstance(x, ast.BoolOp):
        return all(map(_is_condition, x.values))
    is_numpys = isinstance(x, ast.Call) and numpys_name(x.func) in (
        "logical_and", "logical_or", "logical_not", "any", "all", "isnan", "isfinite", "isinf", "signbit")
    return is_numpys or isinstance(x, ast.Compare) or (isinstance(x, ast.UnaryOp) and isinstance(x.op, ast.Not))


def _is_known(test: ast.expr) -> bool:
    """Whether it is surely no condition on values: `x is None`, `key in names`, `isinstance(x, float)`."""
    if isinstance(test, ast.BoolOp):
        return all(map(_is_known, test.values))
    if isinstance(test, ast.Compare):
        return all(isinstance(op, (ast.Is, ast.IsNot, ast.In, ast.NotIn)) for op in test.ops)
    if isinstance(test, ast.UnaryOp):
        return _is_known(test.operand)
    return isinstance(test, ast.Constant) or (isinstance(test, ast.Call) and _name(test.func) in (
        "isinstance", "hasattr", "callable", "len"))


_DEFINED = frozenset((                           # NumPy's functions that are defined everywhere
    "sin", "cos", "tanh", "abs", "absolute", "minimum", "maximum", "clip", "sign", "zeros", "ones", "zeros_like",
    "ones_like", "dot", "sum", "mean", "stack", "where", "logical_and", "logical_or", "logical_not", "less",
    "greater", "floor", "ceil", "rint", "any", "all", "cbrt", "arctan", "max", "min", "square", "float64"))
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.MatMult)


def _is_total(x: ast.expr) -> bool:
    """Whether it can be computed whatever the condition is, without an error, a warning or an infinity."""
    if isinstance(x, ast.Constant):
        return isinstance(x.value, (int, float))
    if isinstance(x, ast.BinOp):
        by_number = isinstance(x.right, ast.Constant) and bool(x.right.value)
        fits = isinstance(x.op, _ARITHMETIC) or (by_number and (
            isinstance(x.op, ast.Div) or (isinstance(x.op, ast.Pow) and type(x.right.value) is int)))  # type: ignore[attr-defined]
        return fits and _is_total(x.left) and _is_total(x.right)
    if isinstance(x, ast.UnaryOp):
        return _is_total(x.operand)
    if isinstance(x, ast.Compare):
        return not _is_known(x) and all(map(_is_total, [x.left, *x.comparators]))
    if isinstance(x, ast.Subscript):
        return _is_total(x.value) and isinstance(x.slice, (ast.Constant, ast.Name, ast.Tuple, ast.Slice))
    if isinstance(x, ast.Call):
        is_defined = numpys_name(x.func) in _DEFINED or _name(x.func) in ("abs", "min", "max", "float")
        return is_defined and not x.keywords and all(
            _is_total(a) or isinstance(a, (ast.List, ast.Tuple)) and all(map(_is_total, a.elts)) for a in x.args)
    return isinstance(x, ast.Name) or (isinstance(x, ast.Attribute) and _is_total(x.value))


def _is_number(x: ast.expr) -> bool:
    """Whether it is surely a number or an array, and no structure."""
    if isinstance(x, ast.Constant):
        return isinstance(x.value, (int, float))
    is_ours = isinstance(x, ast.Call) and (numpys_name(x.func) or _name(x.func) in ("abs", "min", "max", "float"))
    return bool(is_ours) or isinstance(x, (ast.UnaryOp, ast.BinOp, ast.Compare))


def _choice(test: ast.expr, a: ast.expr, b: ast.expr) -> ast.expr:
    """`a if test else b`, as a call."""
    a, b = (_inner(x) for x in (a, b))
    if ast.unparse(a) == ast.unparse(b):
        return a
    is_plain = _is_condition(test) and all(map(_is_total, (a, b))) and any(map(_is_number, (a, b)))
    sides = (a, b) if is_plain else map(_lambda, (a, b))
    return _call("np.where" if is_plain else "dp.cond", condition(test), *sides)


def _inner(x: ast.expr) -> ast.expr:
    return _choice(x.test, x.body, x.orelse) if isinstance(x, ast.IfExp) else x


_OF_TWO = {"min": "minimum", "max": "maximum"}


def _extreme(x: ast.expr) -> ast.expr | None:
    """`min(a, b)` as a function of NumPy; None if it is another call, or of something else."""
    if not isinstance(x, ast.Call) or x.keywords or not x.args or any(isinstance(a, ast.Starred) for a in x.args):
        return None
    name, args = _name(x.func), [_extreme(a) or a for a in x.args]
    if name in _OF_TWO and len(args) > 1:
        found = args[0]
        for a in args[1:]:
            found = _call(f"np.{_OF_TWO[name]}", found, a)
        return found
    if name in ("min", "max", "any", "all", "sorted") and len(args) == 1:
        of_list = isinstance(args[0], (ast.List, ast.Tuple, ast.Name, ast.ListComp, ast.GeneratorExp))
        listed = ast.ListComp(args[0].elt, args[0].generators) if isinstance(
            args[0], ast.GeneratorExp) else args[0]
        return _call(f"np.{'sort' if name == 'sorted' else name}", _call("np.stack", listed)) if of_list else None
    return None


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else ""


def _call(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.parse(name, mode="eval").body, list(args), [])


def _lambda(x: ast.expr) -> ast.expr:
    return ast.Lambda(_parameters(()), x)


def _parameters(names: Iterable[str]) -> ast.arguments:
    return ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])


# ---------------------------------------------------------------------------- statements

def _of_statements(asked: Asked, decided: Sequence[Position]) -> Advice | None:
    """The advice for an `if`: for the outermost around it that is decided too, or one further in."""
    chain = [asked.owner]
    for x in asked.around:
        if not isinstance(x, ast.If):
            break
        chain.append(x)
    function = asked.function
    for x in reversed(chain):
        assert isinstance(x, ast.If)
        if x is asked.owner or any(is_in(position, x.test) for position in decided):
            found = _Statement(x, function if function is not None else asked.module).advice()
            if found is not None:
                return found
    return None


class _Statement:
    """An `if` in a function, or in a module."""

    def __init__(self, statement: ast.If, scope: ast.AST):
        self.statement, self.scope = statement, scope

    def advice(self) -> Advice | None:
        x = self.statement
        tail = self.tail()
        new: list[ast.stmt] | None
        if any(isinstance(part, ast.Return) for part in _own(x)):
            new = self.returned(x, tail) if tail is not None else None
            last = tail[-1] if tail else x
        else:
            new, last = self.assigned(x) or self.functions(x), x
        if new is None or any(_is_elif_of(x, part) for part in ast.walk(self.scope)):
            return None
        text = "\n".join(ast.unparse(ast.fix_missing_locations(statement)) for statement in new)
        indented = "\n".join(" " * x.col_offset + line for line in text.splitlines())
        return Advice(indented, x.lineno, last.end_lineno or x.lineno)

    def tail(self) -> Block | None:
        """What follows in the function, if it is a statement of its body."""
        body = self.scope.body if isinstance(self.scope, Function) else []
        return body[body.index(self.statement) + 1:] if self.statement in body else None

    # -- names that get values

    def assigned(self, x: ast.If) -> list[ast.stmt] | None:
        """One assignment, of a choice for each name; or of one choice between all."""
        ways = _ways(x)
        if ways is None:
            return None
        targets = [*dict.fromkeys(name for way in _leaves(ways) for name in way)]
        if not targets or any(name not in way and not self.is_there(name) for way in _leaves(ways)
                              for name in targets):
            return None
        values = [_value(ways, name) for name in targets]
        if not all(_is_where(value) for value in values):
            values = [_values(ways, targets)]
        left, right = ([*map(_parsed, targets)], values)
        return [ast.Assign([_tuple(left)], _tuple(right))]

    def is_there(self, target: str) -> bool:
        """Whether a target has a value before the statement: all but names do that are set only there."""
        return not target.isidentifier() or target in self.names_before()

    def names_before(self) -> set[str]:
        """The names of the function that have got a value before the statement."""
        x, found = self.statement, set[str]()
        for y in ast.walk(self.scope):
            if isinstance(y, ast.arg):
                found.add(y.arg)
            elif isinstance(y, ast.Name) and isinstance(y.ctx, ast.Store) and (
                    y.lineno < x.lineno):
                found.add(y.id)
        return found

    # -- functions of its own

    def functions(self, x: ast.If) -> list[ast.stmt] | None:
        """Each side as a function that returns the names which it may set."""
        if not _is_closed(x.body, self.names_before()) or not _is_closed(x.orelse, self.names_before()):
            return None
        names = [*dict.fromkeys([*_stored(x.body), *_stored(x.orelse)])]
        before = [name for name in names if name in self.names_before()]
        after = [name for name in names if name not in before and self.is_read_elsewhere(name)]
        if any(name not in _surely(side) for name in after for side in (x.body, x.orelse)):
            return None
        outputs = [*before, *after]
        if not outputs:
            return None
        result = ast.Return(_tuple([ast.Name(name) for name in outputs]))
        target = _tuple([ast.Name(name) for name in outputs])
        call, made = self.sides(x, [*x.body, result], [*x.orelse, result], before)
        return [*made, ast.Assign([target], call)]

    def is_read_elsewhere(self, name: str) -> bool:
        inside = set(map(id, ast.walk(self.statement)))
        return any(isinstance(y, ast.Name) and y.id == name and isinstance(y.ctx, ast.Load)
                   and id(y) not in inside for y in ast.walk(self.scope))

    def sides(self, x: ast.If, then: Block, otherwise: Block, names: Sequence[str]
              ) -> tuple[ast.expr, list[ast.stmt]]:
        """The call of `dp.cond` between two functions of these names, and their definitions."""
        taken = {y.id for y in ast.walk(self.scope) if isinstance(y, ast.Name)}
        made: list[ast.stmt] = []
        sides: list[ast.expr] = []
        for name, block in (("then", then), ("otherwise", otherwise)):
            if len(block) == 1 and isinstance(block[0], ast.Return) and block[0].value is not None:
                sides.append(ast.Lambda(_parameters(names), block[0].value))
                continue
            while name in taken:
                name += "_"                      # noqa: PLW2901
            made.append(ast.FunctionDef(name, _parameters(names), list(block), []))
            sides.append(ast.Name(name))
        return _call("dp.cond", condition(x.test), *sides, *map(ast.Name, names)), made

    # -- functions that return

    def returned(self, x: ast.If, tail: Block) -> list[ast.stmt] | None:
        """What the function returns on both sides, as one choice."""
        found = _returned([x, *tail])
        if found is not None:
            return [ast.Return(found)]
        then, otherwise = ([*side, *([] if _returns(side) else tail)] for side in (x.body, x.orelse))
        before = self.names_before()
        if not (_returns(then) and _returns(otherwise)):
            return None
        if not all(_is_closed(block, before, may_return=True) for block in (then, otherwise)):
            return None
        names = [name for name in dict.fromkeys([*_stored(then), *_stored(otherwise)]) if name in before]
        call, made = self.sides(x, then, otherwise, names)
        return [*made, ast.Return(call)]


def _is_elif_of(x: ast.If, other: ast.AST) -> bool:
    return isinstance(other, ast.If) and other.orelse == [x] and other.col_offset == x.col_offset


def _own(x: ast.AST) -> Iterator[ast.AST]:
    """All in a statement that belongs to its function, and to none within."""
    yield x
    for child in ast.iter_child_nodes(x):
        if not isinstance(child, (Function, ast.Lambda, ast.ClassDef)):
            yield from _own(child)


# -- what some statements do

Leaf = dict[str, ast.expr]                       # the values that targets get, by their source
Ways = Leaf | tuple                              # or (test, ways, ways)


def _ways(x: ast.If) -> Ways | None:
    """What an `if` assigns on its ways; None if that is not all it does, or one value needs another."""
    sides = [_side(x.body), _side(x.orelse)]
    return None if sides[0] is None or sides[1] is None else (x.test, *sides)


def _side(block: Block) -> Ways | None:
    if len(block) == 1 and isinstance(block[0], ast.If):
        return _ways(block[0])
    found: Leaf = {}
    for statement in block:
        pairs = _assignments(statement)
        if pairs is None:
            return None
        for target, value in pairs:
            read = {ast.unparse(y) for y in ast.walk(value) if isinstance(y, (ast.Name, ast.Subscript, ast.Attribute))}
            if ast.unparse(target) in found or not read.isdisjoint(found):
                return None
        found |= {ast.unparse(target): value for target, value in pairs}
    return found


def _assignments(statement: ast.stmt) -> list[tuple[ast.expr, ast.expr]] | None:
    """The targets of a statement that only assigns, and their values."""
    if isinstance(statement, ast.Pass):
        return []
    if isinstance(statement, ast.AugAssign):
        found = [(statement.target, ast.BinOp(_parsed(ast.unparse(statement.target)), statement.op,
                                              statement.value))]
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        found = [(statement.target, statement.value)]
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, value = statement.targets[0], statement.value
        found = [(target, value)]
        if isinstance(target, ast.Tuple):
            if not isinstance(value, ast.Tuple) or len(value.elts) != len(target.elts):
                return None
            found = [*zip(target.elts, value.elts, strict=True)]
    else:
        return None
    are_simple = all(isinstance(target, ast.Name) or (isinstance(target, (ast.Subscript, ast.Attribute))
                     and _is_total(target)) for target, _ in found)
    return found if are_simple and not any(map(_is_impure, (value for _, value in found))) else None


def _is_impure(x: ast.AST) -> bool:
    """Whether it cannot go into a lambda."""
    return any(isinstance(y, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)) for y in ast.walk(x))


def _leaves(ways: Ways) -> Iterator[Leaf]:
    if isinstance(ways, dict):
        yield ways
    else:
        yield from _leaves(ways[1])
        yield from _leaves(ways[2])


def _value(ways: Ways, target: str) -> ast.expr:
    """The value of a target, as a choice."""
    if isinstance(ways, dict):
        return ways.get(target, _parsed(target))
    return _choice(ways[0], _value(ways[1], target), _value(ways[2], target))


def _values(ways: Ways, targets: Sequence[str]) -> ast.expr:
    """The values of all targets, as a choice between two functions."""
    if isinstance(ways, dict):
        return _tuple([_value(ways, target) for target in targets])
    return _call("dp.cond", condition(ways[0]), *(_lambda(_values(side, targets)) for side in ways[1:]))


def _is_where(x: ast.expr) -> bool:
    """Whether it is a choice between values, all of which are computed."""
    return isinstance(x, ast.Call) and not any(isinstance(y, ast.Lambda) for y in ast.walk(x))


def _returned(block: Block) -> ast.expr | None:
    """The value that some statements return, as one expression; None if they do anything else."""
    first, *rest = block or [ast.Pass()]
    if isinstance(first, ast.Return) and first.value is not None and not _is_impure(first.value):
        return _inner(first.value)
    if not isinstance(first, ast.If):
        return None
    sides = [_returned([*side, *([] if _returns(side) else rest)]) for side in (first.body, first.orelse)]
    return None if sides[0] is None or sides[1] is None else _choice(first.test, *sides)


def _returns(block: Block) -> bool:
    """Whether all ways through some statements return a value."""
    if not block:
        return False
    last = block[-1]
    if isinstance(last, ast.If):
        return _returns(last.body) and _returns(last.orelse)
    return isinstance(last, ast.Return) and last.value is not None


def _stored(block: Block) -> list[str]:
    """The names that some statements set."""
    found = [x for statement in block for x in _own(statement)]
    names = [x.id for x in found if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)]
    return [*names, *(x.name for x in found if isinstance(x, (Function, ast.ClassDef)))]


def _surely(block: Block) -> set[str]:
    """The names that they set, whatever way they take."""
    plain = [x for x in block if isinstance(x, (ast.Assign, ast.AugAssign, ast.AnnAssign))]
    inner = [_surely(x.body) & _surely(x.orelse) for x in block if isinstance(x, ast.If)]
    return set(_stored(plain)).union(*inner)


_LEAVING = (ast.Break, ast.Continue, ast.Yield, ast.YieldFrom, ast.Await, ast.Global, ast.Nonlocal, ast.Delete,
            ast.NamedExpr, ast.Import, ast.ImportFrom)


def _is_closed(block: Block, before: set[str], may_return: bool = False) -> bool:
    """Whether some statements can be a function: they leave nothing behind but names of their own."""
    own = set(_stored(block)) - before
    for x in (x for statement in block for x in _own(statement)):
        if isinstance(x, _LEAVING) or (isinstance(x, ast.Return) and not may_return):
            return False
        is_stored = isinstance(x, (ast.Subscript, ast.Attribute)) and not isinstance(x.ctx, ast.Load)
        called = x.value if isinstance(x, ast.Expr) and not isinstance(x.value, ast.Constant) else None
        changed = x if is_stored else called
        if changed is not None and _root(changed) not in own:
            return False
    return True


def _root(x: ast.AST) -> str:
    """The name that `x.a[0].append(1)` begins with."""
    while not isinstance(x, ast.Name):
        inner = getattr(x, "value", getattr(x, "func", None))
        if not isinstance(inner, ast.AST):
            return ""
        x = inner
    return x.id


# ---------------------------------------------------------------------------- loops

def _of_while(x: ast.While) -> Advice | None:
    """A `while` that changes one name."""
    ways = _side(x.body)
    if not isinstance(ways, dict) or len(ways) != 1 or x.orelse:
        return None
    (target, value), = ways.items()
    if not target.isidentifier():
        return None
    functions = [ast.Lambda(_parameters([target]), side) for side in (condition(x.test), value)]
    new = ast.Assign([_parsed(target)], _call("dp.while_loop", *functions, _parsed(target)))
    text = ast.unparse(ast.fix_missing_locations(new))
    return Advice(" " * x.col_offset + text, x.lineno, x.end_lineno or x.lineno)


def _parsed(target: str) -> ast.expr:
    return ast.parse(target, mode="eval").body


def _tuple(parts: list[ast.expr]) -> ast.expr:
    return parts[0] if len(parts) == 1 else ast.Tuple(parts, ast.Load())
