"""What the user's file calls NumPy and us: advice is written in these names, and says what to import.

Advice is made of code in our names, `np`, `dp` and `math`. Where a file begins with `import numpy as num`
and does not import us, it reads so:

    >>> names = names_in({"num": np, "x": 1.0})
    >>> in_our_names("num.array([x])", names)
    'np.array([x])'
    >>> print(Advice("write {} instead.", "K = dp.set_at(K, 0, np.sin(x))").in_names(names))
    write K = dp.set_at(K, 0, num.sin(x)) instead. It needs: import tinydp as dp

If `dp` is something else there, such as a difference of pressures, we are `tinydp`:

    >>> names = names_in({"np": np, "dp": 0.5})
    >>> code = f"p = dp.set_at(p, 0, {in_our_names('2 * dp', names)})"
    >>> print(Advice("write {}.", code).in_names(names))
    write p = tinydp.set_at(p, 0, 2 * dp). It needs: import tinydp
"""

import ast
import copy
import sys
import textwrap
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from .syntax import node_of, parsed, statements

MODULES = {"np": "numpy", "dp": "tinydp", "math": "math", "functools": "functools", "itertools": "itertools"}
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, np.ufunc, type(np.sum))
_THE_USERS = "users_"                            # before a name of ours that is the user's for another thing


def names_in(space: Mapping[str, Any]) -> dict[str, str]:
    """The names in a space that stand for modules we know and functions in them, with what we call these.

        >>> names_in({"numpy": np, "solve": np.linalg.solve, "dp": 3.0, "y": 4.0})
        {'numpy': 'np', 'solve': 'np.linalg.solve', 'dp': 'users_dp'}
    """
    ours = {module: name for name, module in MODULES.items()}
    found = {}
    for name, x in [*space.items()]:
        if isinstance(x, types.ModuleType):
            known = ours.get(x.__name__, "")
        else:
            known = _function(x) if isinstance(x, _FUNCTIONS) else ""
        if known:
            found[name] = known
        elif name in MODULES:
            found[name] = _THE_USERS + name
    return found


def _function(x: Any) -> str:
    """What we call a function of one of the modules; nothing if it is none of theirs."""
    name = getattr(x, "__name__", "")
    for ours, module in (*MODULES.items(), ("np.linalg", "numpy.linalg")):
        if module in sys.modules and getattr(sys.modules[module], name, None) is x:
            return f"{ours}.{name}"
    return ""


class _Renamed(ast.NodeTransformer):
    """Names and dotted names in a tree, as `known` has them; all the first names that are left."""

    def __init__(self, known: Mapping[str, str]):
        self.known, self.left = known, set[str]()

    def visit_Name(self, node: ast.Name) -> ast.expr:
        new = self.known.get(node.id)
        if new is None:
            self.left.add(node.id)
            return node
        return _there(node_of(new) if isinstance(node.ctx, ast.Load) else ast.Name(new, node.ctx), node)

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        new = self.known.get(ast.unparse(node))
        return _there(node_of(new), node) if new else self.generic_visit(node)


def _there(new: ast.expr, old: ast.expr) -> ast.expr:
    """A node in the place of another one, so that what is there is found."""
    for x in ast.walk(new):
        if isinstance(x, ast.expr):
            ast.copy_location(x, old)
    return new


def _renamed(code: str, known: Mapping[str, str]) -> tuple[str, set[str]]:
    """Source with other names, as it is if none of them is there; and the names that are left in it."""
    tree = parsed(code) or statements(textwrap.dedent(code))
    if tree is None:
        return code, set()
    before, rename = ast.unparse(tree), _Renamed(known)
    after = textwrap.indent(ast.unparse(rename.visit(tree)), code[: len(code) - len(code.lstrip())])
    return (code if before == after.strip() else after), rename.left


def file_in_our_names(tree: ast.Module, names: Mapping[str, str]) -> ast.Module:
    """The tree of a file of the user's, as we would write it: what is in it stands where it stood."""
    known = {name: ours for name, ours in names.items() if name != ours}
    return _Renamed(known).visit(copy.deepcopy(tree)) if known else tree


def in_our_names(code: str, names: Mapping[str, str]) -> str:
    """Source of the user's, as we would write it."""
    known = {name: ours for name, ours in names.items() if name != ours}
    return _renamed(code, known)[0] if known and code else code


class Advice(str):
    """What to write, with the code in it: `codes`, which go to the places of `{}` in `text`."""

    __slots__ = ("codes", "text")
    text: str
    codes: tuple[str, ...]

    def __new__(cls, text: str, *codes: str) -> "Advice":
        advice = super().__new__(cls, text.format(*codes))
        advice.text, advice.codes = text, codes
        return advice

    def in_names(self, names: Mapping[str, str]) -> str:
        """The advice for a place where things have these names; and what else it has to import."""
        known = {ours: name for name, ours in [*names.items()][::-1]}
        for name, module in MODULES.items():     # what is not there yet, by a name that is free
            known.setdefault(name, module if name in names else name)
        codes, needed = [], dict[str, None]()
        for code in self.codes:
            new, _ = _renamed(code, known)
            codes.append(new)
            needed |= dict.fromkeys(_roots(new) - names.keys())
        imports = [f"import {module}" if name == module else f"import {module} as {name}"
                   for ours, module in MODULES.items() if (name := known[ours]) in needed]
        new = self.text.format(*codes)
        behind = "\n" if self.text.endswith("\n{}") else " "     # lines to be copied end there
        return f"{new}{behind}It needs: {'; '.join(imports)}" if imports else new


def _roots(code: str) -> set[str]:
    """The names in source that attributes are taken from."""
    return _renamed(code, {})[1]
