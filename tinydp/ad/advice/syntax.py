"""Source as a syntax tree, what is at a place in it, and parts to make other source of.

    >>> ast.unparse(call("np.stack", node_of("[x, y]")))
    'np.stack([x, y])'
    >>> parsed("x +") is None
    True
"""

import ast
import functools
from collections.abc import Iterator

Position = tuple[int, int, int, int]             # first line, last line, first column, that after the last

# ---------------------------------------------------------------------------- from source


def node_of(source: str) -> ast.expr:
    """The expression that a source is."""
    return ast.parse(source, mode="eval").body


def parsed(source: str) -> ast.expr | None:
    """The same for what the user wrote, on several lines perhaps; None if it is no expression."""
    try:
        return node_of(f"({source.strip()})")
    except (SyntaxError, ValueError):
        return None


def statements(source: str) -> ast.Module | None:
    """The statements in a source; None if they are none in Python, or a part of one."""
    try:
        return ast.parse(source.strip())
    except (SyntaxError, ValueError):
        return None


@functools.lru_cache(16)
def of_file(source: str) -> ast.Module | None:
    """The tree of a whole file, which nobody may change."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


# ---------------------------------------------------------------------------- places

def path_to(position: Position, node: ast.AST) -> Iterator[ast.AST]:
    """From a node to the smallest one in it that has this position in it."""
    yield node
    inner = next((x for x in ast.iter_child_nodes(node) if is_in(position, x) or (
        not isinstance(x, (ast.expr, ast.stmt)) and any(is_in(position, y) for y in ast.walk(x)))), None)
    if inner is not None:
        yield from path_to(position, inner)


def is_in(position: Position, node: ast.AST) -> bool:
    """Whether it is an expression or a statement that has this position in it."""
    if not isinstance(node, (ast.expr, ast.stmt)):
        return False
    first, last, start, stop = position
    return (node.lineno, node.col_offset) <= (first, start) and (last, stop) <= (
        node.end_lineno or 0, node.end_col_offset or 0)


# ---------------------------------------------------------------------------- parts

def name_in_source(x: ast.expr) -> str:
    """The name of a function; nothing if it has none of its own."""
    return x.id if isinstance(x, ast.Name) else ""


def numpys_name(function: ast.expr) -> str:
    """`sin` for `np.sin`; nothing for what is not NumPy's."""
    is_numpys = isinstance(function, ast.Attribute) and name_in_source(function.value) in ("np", "numpy")
    return function.attr if is_numpys else ""                        # type: ignore[attr-defined]


def call(name: str, *args: ast.expr) -> ast.Call:
    """A call of the function of this name."""
    return ast.Call(node_of(name), list(args), [])
