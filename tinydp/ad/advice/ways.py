"""What to write where a step has too many ways: the user's own `if` as a choice between values.

A choice takes no ways; nor does `dp.cond`, whose sides may decide by themselves: their ways are added, where
those of one `if` after the other are multiplied.

    >>> advice = advised("def f(x):\\n    if x < 2:\\n        x = 2 * x\\n    return x\\n", (2, 2, 7, 12))
    >>> print(advice.text)
        x = np.where(x < 2, 2 * x, x)
    >>> advice.first, advice.last
    (2, 3)
    >>> print(advised("y = 1 / x if x > 1 else x\\n", (1, 1, 13, 18)).text)
    dp.cond(x > 1, lambda: 1 / x, lambda: x)
"""

import ast
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..errors import Spot, position_of
from .asked import Asked, Definition, asked_at, asked_in
from .choices import choice, condition, extreme, function, parameters, truth, tuple_of
from .naming import Advice
from .needed import READ, first_use, is_needed_after
from .sides import (
    Statements,
    assigned_on_each,
    chosen_value,
    is_closed,
    own_nodes,
    returned,
    returns,
    side,
    stored,
    surely,
    until_return,
    values,
    ways,
)
from .syntax import Position, call, is_in, node_of


class Instead(NamedTuple):
    """What to write instead of some lines, or of an expression."""

    text: str
    first: int = 0                               # the lines
    last: int = 0
    instead_of: str = ""                         # or the expression


def instead_of_branch(spot: Spot, decided: Iterable[Spot] = (), names: Mapping[str, str] | None = None
                      ) -> tuple[Advice, str]:
    """What to write instead of what asked at a spot; and the source that this replaces, of an expression.

    `decided` are all spots that asked, and `names` what things are called there.
    """
    asked = asked_at(spot, names)
    found = asked and _advised(asked, [position_of(x) for x in decided if x.code is spot.code])
    if not found:
        return _by_hand(asked), ""
    if found.instead_of:
        old = found.instead_of.replace("{", "{{").replace("}", "}}")
        return Advice(f"write {{}} instead of {old}.", found.text), found.instead_of
    lines = f"lines {found.first} to {found.last}" if found.last > found.first else f"line {found.first}"
    return Advice(f"instead of {lines}, write\n{{}}", found.text), ""


def advised(source: str, position: Position, decided: Sequence[Position] = ()) -> Instead | None:
    """The advice for what asked at a position in a source; None if it has to be written by hand."""
    asked = asked_in(source, position)
    return asked and _advised(asked, decided)


def _advised(asked: Asked, decided: Sequence[Position]) -> Instead | None:
    owner, test = asked.owner, asked.expression
    if isinstance(owner, (ast.comprehension, ast.Assert)):
        return None
    if isinstance(owner, ast.If) and test is owner.test:
        return _of_statements(asked, decided)
    if isinstance(owner, ast.While) and test is owner.test:
        return _of_while(owner)
    new, old = extreme(test) or truth(test), test
    if isinstance(owner, ast.IfExp) and test is owner.test:
        new, old = choice(owner.test, owner.body, owner.orelse), owner
    is_new = ast.unparse(new) != ast.unparse(old)
    return Instead(ast.unparse(new), instead_of=asked.source_of(old)) if is_new else None


def _by_hand(asked: Asked | None) -> Advice:
    """What is said where no advice can be written down."""
    if asked is not None and isinstance(asked.expression, ast.Call):
        name = ast.unparse(asked.expression.func)
        return Advice("{} asks for it. If it is Python's min or max by another name, call it by its own: it "
                      "decides nothing then. If not, let {} choose by {} or {}.", name, name, "np.where",
                      "dp.cond(c, f, g, ...)")
    test = "test" if asked is None else ast.unparse(condition(asked.expression))
    return Advice("what follows from this condition is more than the values of some names, so it has to be "
                  "written by hand: as two functions f and g of what they need, that return what comes of "
                  "it, and {}, which takes no ways of the step.", f"dp.cond({test}, f, g, ...)")


# ---------------------------------------------------------------------------- an if

def _of_statements(asked: Asked, decided: Sequence[Position]) -> Instead | None:
    """The advice for the outermost `if` around that is decided, too, or for one further in."""
    chain = [asked.owner]
    for x in asked.around:
        if not isinstance(x, ast.If):
            break
        chain.append(x)
    scope = asked.function or asked.module
    for x in reversed(chain):
        if isinstance(x, ast.If) and (x is asked.owner or any(is_in(each, x.test) for each in decided)):
            found = _Choice(x, scope).advice()
            if found is not None:
                return found
    return None


class _Choice:
    """An `if` of a function, to be written as a choice."""

    def __init__(self, statement: ast.If, scope: ast.AST):
        self.statement, self.scope = statement, scope
        self.before = _names_before(statement, scope)

    def advice(self) -> Instead | None:
        x, last = self.statement, self.statement.end_lineno or 0
        if any(_is_elif_of(x, other) for other in ast.walk(self.scope)):
            return None
        new: list[ast.stmt] | None
        if any(isinstance(part, ast.Return) for part in own_nodes(x)):
            rest = self.rest()
            new = None if rest is None else self.returned(rest)
            last = (rest[-1].end_lineno or 0) if rest else last
        else:
            new = self.assigned() or self.by_functions()
        if new is None:
            return None
        text = "\n".join(ast.unparse(ast.fix_missing_locations(statement)) for statement in new)
        return Instead("\n".join(" " * x.col_offset + line for line in text.splitlines()), x.lineno, last)

    def rest(self) -> Statements | None:
        """What follows in the function, if it is a statement of its body."""
        body = self.scope.body if isinstance(self.scope, Definition) else []
        return body[body.index(self.statement) + 1:] if self.statement in body else None

    def assigned(self) -> list[ast.stmt] | None:
        """One assignment: of a choice for each name, or of one choice for all."""
        found = ways(self.statement)
        if found is None:
            return None
        targets = [*dict.fromkeys(target for leaf in assigned_on_each(found) for target in leaf)]
        is_set = all(target in leaf or not target.isidentifier() or target in self.before
                     for leaf in assigned_on_each(found) for target in targets)
        if not targets or not is_set:
            return None
        new = [chosen_value(found, target) for target in targets]
        if len(new) > 1 and any(isinstance(part, ast.Lambda) for x in new for part in ast.walk(x)):
            new = [values(found, targets)]       # at once, and not one `dp.cond` for each
        return [ast.Assign([tuple_of([*map(node_of, targets)])], tuple_of(new))]

    def by_functions(self) -> list[ast.stmt] | None:
        """Each side as a function that returns the names which it may set."""
        x = self.statement
        names = [*dict.fromkeys([*stored(x.body), *stored(x.orelse)])]
        own = {name for name in names if not self.is_shared(name)}
        if not all(is_closed(block, self.before - own) for block in (x.body, x.orelse)):
            return None
        given = [name for name in names if name in self.before and name not in own]
        made = [name for name in names if name not in self.before and name not in own]
        if not (given or made) or not set(made) <= surely(x.body) & surely(x.orelse):
            return None
        results = tuple_of([ast.Name(name) for name in [*given, *made]])
        chosen = self.between([*x.body, ast.Return(results)], [*x.orelse, ast.Return(results)], given)
        return [*chosen[:-1], ast.Assign([results], chosen[-1])]

    def is_shared(self, name: str) -> bool:
        """Whether the statement has a name that it sets from before, or leaves it to what follows."""
        return is_needed_after(self.statement, self.scope, name) or READ in (
            first_use(self.statement.body, name), first_use(self.statement.orelse, name))

    def returned(self, rest: Statements) -> list[ast.stmt] | None:
        """What the function returns from here on, as one choice."""
        found = returned([self.statement, *rest])
        if found is not None:
            return [ast.Return(found)]
        blocks = then, otherwise = [until_return(block, rest)
                                    for block in (self.statement.body, self.statement.orelse)]
        if not all(returns(block) and is_closed(block, self.before, may_return=True) for block in blocks):
            return None
        names = dict.fromkeys(name for block in blocks for name in stored(block) if name in self.before)
        chosen = self.between(then, otherwise, [*names])
        return [*chosen[:-1], ast.Return(chosen[-1])]

    def between(self, then: Statements, otherwise: Statements, names: Sequence[str]) -> list:
        """Definitions of two functions of these names, and the call of `dp.cond` with them."""
        taken = {x.id for x in ast.walk(self.scope) if isinstance(x, ast.Name)}
        made: list[ast.stmt] = []
        sides: list[ast.expr] = []
        for default, block in (("then", then), ("otherwise", otherwise)):
            if len(block) == 1 and isinstance(block[0], ast.Return) and block[0].value is not None:
                sides.append(function(block[0].value, names))
                continue
            name = default
            while name in taken:
                name += "_"
            made.append(ast.FunctionDef(name, parameters(names), list(block), []))
            sides.append(ast.Name(name))
        return [*made, call("dp.cond", condition(self.statement.test), *sides, *map(ast.Name, names))]


def _names_before(x: ast.If, scope: ast.AST) -> set[str]:
    """The names of a function that have got a value before a statement."""
    arguments = {y.arg for y in ast.walk(scope) if isinstance(y, ast.arg)}
    return arguments | {y.id for y in own_nodes(scope) if isinstance(y, ast.Name)
                        and isinstance(y.ctx, ast.Store) and y.lineno < x.lineno}


def _is_elif_of(x: ast.If, other: ast.AST) -> bool:
    return isinstance(other, ast.If) and other.orelse == [x] and other.col_offset == x.col_offset


# ---------------------------------------------------------------------------- a while

def _of_while(x: ast.While) -> Instead | None:
    """A `while` that changes one name."""
    found = side(x.body)
    if not isinstance(found, dict) or len(found) != 1 or x.orelse:
        return None
    ((target, new),) = found.items()
    if not target.isidentifier():
        return None
    functions = [function(each, [target]) for each in (condition(x.test), new)]
    loop = call("dp.while_loop", *functions, node_of(target))
    return Instead(" " * x.col_offset + f"{target} = {ast.unparse(loop)}", x.lineno, x.end_lineno or x.lineno)
