"""A failing program, made small: parts are left out for as long as it still fails."""

import ast
import contextlib
import copy
import signal
import time
from collections.abc import Callable, Iterator

BLOCKS = ("body", "orelse")


def shrunk(source: str, fails: Callable[[str], bool], seconds: float = 60.0) -> str:
    """The smallest program found within the time that still fails; the source itself if none does."""
    best, end = source, time.perf_counter() + seconds
    progress = True
    while progress:
        progress = False
        for text in smaller(best):
            if time.perf_counter() > end:
                return best
            with contextlib.suppress(Exception), limited(10.0):
                if len(text) < len(best) and fails(text):
                    best, progress = text, True
                    break
    return best


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """A context that raises `TimeoutError` after so long, and again: a loop may have lost what ends it."""
    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def smaller(source: str) -> Iterator[str]:
    """The programs that lack one statement, then those that lack a part of an expression."""
    tree = ast.parse(source)
    nodes = [*ast.walk(tree)]
    for changes in (without_statement, with_part_instead):
        for k, node in enumerate(nodes):
            for i, _ in enumerate(changes(node)):
                other = copy.deepcopy(tree)
                [*changes([*ast.walk(other)][k])][i]()
                with contextlib.suppress(Exception):
                    yield ast.unparse(other)


def without_statement(node: ast.AST) -> Iterator[Callable[[], None]]:
    """Ways to leave a statement of a block out, or to put its own block in its place."""
    for field in BLOCKS:
        statements = getattr(node, field, None)
        if not isinstance(statements, list):
            continue
        for i, statement in enumerate(statements):
            yield lambda field=field, i=i: delete(node, field, i)
            if isinstance(statement, (ast.For, ast.While, ast.If)):
                yield lambda field=field, i=i: unwrap(node, field, i)


def delete(node: ast.AST, field: str, i: int) -> None:
    statements = getattr(node, field)
    statements[i : i + 1] = [] if len(statements) > 1 or field == "orelse" else [ast.Pass()]


def unwrap(node: ast.AST, field: str, i: int) -> None:
    statements = getattr(node, field)
    statements[i : i + 1] = statements[i].body


def with_part_instead(node: ast.AST) -> Iterator[Callable[[], None]]:
    """Ways to put a part of an expression in its place."""
    for field, value in ast.iter_fields(node):
        if isinstance(value, ast.expr):
            for part in parts(value):
                yield lambda field=field, part=part: setattr(node, field, part)
        elif isinstance(value, list):
            for i, item in enumerate(value):
                if isinstance(item, ast.expr):
                    for part in parts(item):
                        yield lambda value=value, i=i, part=part: value.__setitem__(i, part)


def parts(value: ast.expr) -> list[ast.expr]:
    """The expressions that an expression is made of."""
    if isinstance(value, (ast.Name, ast.Constant)):
        return []
    return [child for child in ast.iter_child_nodes(value) if isinstance(child, ast.expr)]
