"""Which expression of the user's source asked for the value of a condition, and what stands around it.

    >>> source = "def f(x, limit):\\n    if x > limit and x < 2:\\n        x = limit\\n    return x\\n"
    >>> asked = asked_in(source, (2, 2, 7, 16))
    >>> ast.unparse(asked.expression), type(asked.owner).__name__, asked.function.name
    ('x > limit and x < 2', 'If', 'f')
"""

import ast
import linecache
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from ..errors import Spot, position_of
from .naming import file_in_our_names
from .syntax import Position, of_file, path_to

Definition = ast.FunctionDef | ast.AsyncFunctionDef
_OF_CONDITIONS = (ast.BoolOp, ast.UnaryOp, ast.NamedExpr)


class Asked(NamedTuple):
    """What asked for a condition."""

    expression: ast.expr                         # all of the condition, or a call that asked
    owner: ast.AST                               # what decides by it
    around: tuple[ast.AST, ...]                  # all that the owner is in, the innermost first
    module: ast.AST
    source: str

    def source_of(self, node: ast.AST) -> str:
        """A node as the user wrote it."""
        return ast.get_source_segment(self.source, node) or ""

    @property
    def function(self) -> Definition | None:
        """The function whose statement it is."""
        return next((x for x in (self.owner, *self.around) if isinstance(x, Definition)), None)


def asked_at(spot: Spot, names: Mapping[str, str] | None = None) -> Asked | None:
    """What asked at this place, in our `names` if they are known; None if the source is not to be had."""
    source = "".join(linecache.getlines(spot.code.co_filename))
    return asked_in(source, position_of(spot), names or {})


def asked_in(source: str, position: Position, names: Mapping[str, str] = MappingProxyType({})
             ) -> Asked | None:
    """What asked, by the source of the file and the position in it."""
    tree = of_file(source)
    tree = tree and file_in_our_names(tree, names)
    path = [*path_to(position, tree)] if tree is not None else []
    if path and isinstance(path[-1], (ast.If, ast.While)):       # if a call is asked, Python says no more
        path.append(path[-1].test)
    k = next((k for k in reversed(range(len(path))) if isinstance(path[k], ast.expr)), 0)
    if k == 0:
        return None
    while isinstance(path[k - 1], _OF_CONDITIONS):
        k -= 1
    expression = path[k]
    assert isinstance(expression, ast.expr)
    return Asked(expression, path[k - 1], tuple(path[:k - 1][::-1]), path[0], source)
