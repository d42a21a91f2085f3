"""The twin of a function: its own source, with calls of ours where NumPy would lose what is traced.

A function that is differentiated or compiled is run as its twin, and so is each function of yours that it
calls. The twin is made once, of the syntax tree of your file; only these change, and nothing else is run:

    >>> import linecache
    >>> text = '''
    ... def rate(y, k):
    ...     dy = np.zeros(2)
    ...     dy[0] = y[1]
    ...     dy[1] -= k(y)
    ...     return dy + np.array([y[0], 0.0])
    ... '''.lstrip()
    >>> linecache.cache["spring.py"] = len(text), None, text.splitlines(keepends=True), "spring.py"
    >>> space = {"np": np}
    >>> exec(compile(text, "spring.py", "exec"), space)
    >>> print(source(space["rate"]))
    def rate(y, k):
        dy = np.zeros(2)
        tinydp_value = y[1]
        dy = tinydp_writable(dy, tinydp_value)
        dy[0] = tinydp_value
        tinydp_value = None
        tinydp_index = 1
        tinydp_old = dy[tinydp_index]
        tinydp_value = tinydp_twin(k)(y)
        dy = tinydp_writable(dy, tinydp_value, tinydp_old)
        dy[tinydp_index] = tinydp_combined(tinydp_isub, tinydp_old, tinydp_value)
        tinydp_index = tinydp_old = tinydp_value = None
        return dy + tinydp_array(np.array, [y[0], 0.0])

What these do is in `running.py`. The lines keep their numbers, so that a debugger, a profile and an error
show
your file. A function of which there is no source, or whose source was changed since, is run as it is.
"""

import __future__

import ast
import builtins
import copy
import dis
import functools
import linecache
import operator
import types
import weakref
from collections.abc import Callable
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

import numpy as np

from .. import neighbours
from ..advice.syntax import of_file
from ..errors import is_library
from . import running
from .statements import METHODS, PREFIX, Rewriter, nodes_inside

_FUTURE = functools.reduce(
    operator.or_, [getattr(__future__, name).compiler_flag for name in __future__.all_feature_names]
)


class TwinCode:
    """The code of a twin; None if the function needs none."""

    __slots__ = ("cells", "code", "last", "original")

    def __init__(self, original: Any, code: CodeType | None = None, names: tuple[str, ...] = ()):
        self.original, self.code = original, code  # a weak reference to the code that it is of
        self.last: tuple | None = None  # the last function, weakly, and its twin
        # where each variable around it comes from: a cell of ours, or which one of the function's
        self.cells: list = (
            []
            if code is None
            else [names.index(name) if name in names else HELPERS[name] for name in code.co_freevars]
        )


_KNOWN: dict[int, TwinCode] = {}  # by the identity of the code


def twin(f: Any) -> Any:
    """What to run for `f`: a function of the same name and place, or `f` itself.

    It has the globals, the defaults and the very cells of `f`.
    """
    kind = type(f)
    if kind is FunctionType:
        if neighbours.is_known(f):
            return neighbours.instead_of(f)
        made = _KNOWN.get(id(f.__code__)) or _look(f)
        return f if made.code is None else _function(f, made)
    if kind is MethodType:
        inner = twin(f.__func__)
        return f if inner is f.__func__ else MethodType(inner, f.__self__)
    if kind is functools.partial:
        inner = twin(f.func)
        return f if inner is f.func else functools.partial(inner, *f.args, **f.keywords)
    call = vars(kind).get("__call__")  # an object of the user's that is called
    if type(call) is FunctionType and not is_library(call.__code__.co_filename):
        return twin(MethodType(call, f))
    return f


def source(f: Callable) -> str:
    """The source of the twin of a function; nothing if it is run as it is."""
    inner: Any = f
    found = _found(getattr(inner, "__func__", inner))
    return ast.unparse(found[1]) if found else ""


# ---------------------------------------------------------------------------- functions


def _function(f: FunctionType, made: TwinCode) -> FunctionType:
    last = made.last
    if last is not None and last[0]() is f and last[1] is f.__defaults__ and last[2] is f.__kwdefaults__:
        return last[3]
    own: Any = f.__closure__
    cells = tuple([own[x] if type(x) is int else x for x in made.cells])
    new = FunctionType(made.code, f.__globals__, f.__name__, f.__defaults__, cells)  # type: ignore[arg-type]
    if f.__kwdefaults__:
        new.__kwdefaults__ = f.__kwdefaults__
    if f.__dict__:
        new.__dict__.update(f.__dict__)
    made.last = weakref.ref(f, lambda _: _forget(made)), f.__defaults__, f.__kwdefaults__, new
    return new


def _forget(made: TwinCode) -> None:
    """Let go of what the last function has around it."""
    if made.last is not None and made.last[0]() is None:
        made.last = None


def _look(f: FunctionType) -> TwinCode:
    code = f.__code__
    key = id(code)
    entries = _KNOWN

    def forget(_: Any) -> None:
        entries.pop(key, None)

    known = weakref.ref(code, forget)
    found = None if is_library(code.co_filename) or not _may_change(code, f.__globals__) else _found(f)
    made = TwinCode(known) if found is None else TwinCode(known, found[0], code.co_freevars)
    _KNOWN[key] = made
    return made


def _may_change(code: CodeType, space: dict) -> bool:
    """Whether there may be anything to change, as far as can be told without reading a file.

    Python pushes a NULL before it calls what is neither global nor a method.
    """
    operations = {
        x.opname if not x.argrepr.endswith("=") else "in place"
        for x in dis.get_instructions(code)
        if x.opname != "COMPARE_OP"
    }
    if not operations.isdisjoint(
        ("STORE_SUBSCR", "in place", "PUSH_NULL", "LOAD_CLOSURE", "LOAD_DEREF", "CALL_FUNCTION_EX")
    ):
        return True
    if not all(
        name in METHODS
        or isinstance(_global(space, name), types.ModuleType)
        or _global(space, name) in ("known", "numpy")
        or kind_of(getattr(np, name, None)) == "numpy"
        for name in code.co_names
    ):
        return True
    return any(_may_change(x, space) for x in code.co_consts if isinstance(x, CodeType))


def _found(f: FunctionType) -> tuple[CodeType, ast.AST] | None:
    """The code and the tree of the twin of a function, if it has any."""
    code = f.__code__
    text = "".join(linecache.getlines(code.co_filename, f.__globals__))
    if not text or PREFIX in text:
        return None
    functions, imports = _functions(text)
    for node in functions.get((code.co_name, code.co_firstlineno), ()):
        if not _same(code, _compiled(_bare(node), code, code.co_freevars, imports)):
            continue  # another one of this line, or an older text
        rewriter = Rewriter(functools.partial(_global, f.__globals__))
        new = ast.fix_missing_locations(rewriter.visit(_bare(node)))
        if not rewriter.changed:
            return None
        made = _compiled(new, code, (*code.co_freevars, *HELPERS), imports)
        return (made, new) if made else None
    return None


@functools.lru_cache(16)
def _functions(text: str) -> tuple[dict[tuple[str, int], list[ast.AST]], list]:
    """The functions in a file, by name and first line; and its imports."""
    found: dict[tuple[str, int], list[ast.AST]] = {}
    tree = of_file(text) or ast.Module([], [])
    imports = [
        x
        for x in nodes_inside(tree)
        if isinstance(x, ast.Import) or (isinstance(x, ast.ImportFrom) and x.module != "__future__")
    ]
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            name = getattr(node, "name", "<lambda>")
            first = min([node.lineno, *(x.lineno for x in getattr(node, "decorator_list", ()))])
            found.setdefault((name, first), []).append(node)
    return found, imports


def _bare(node: ast.AST) -> Any:
    """A copy of a function without decorators, defaults and types: these have been evaluated."""
    new: Any = copy.deepcopy(node)
    args = new.args
    args.defaults, args.kw_defaults = [], [None] * len(args.kwonlyargs)
    for x in (*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg):
        if x is not None:
            x.annotation = None
    if isinstance(new, ast.FunctionDef):
        new.decorator_list, new.returns = [], None
    return new


def _compiled(node: Any, like: CodeType, cells: tuple[str, ...], imports: list) -> CodeType | None:
    """The code of a function in whose surroundings there are variables of these names.

    The imports of the file are not run: Python calls a function of a module by other instructions.
    """
    returned = node if isinstance(node, ast.Lambda) else ast.Name(node.name, ast.Load())
    body = [ast.Return(returned)] if isinstance(node, ast.Lambda) else [node, ast.Return(returned)]
    outer = ast.FunctionDef(
        PREFIX + "around", ast.arguments([], [ast.arg(x) for x in cells], None, [], [], None, []), body, []
    )
    outer.type_params = []  # type: ignore[attr-defined]
    module = ast.fix_missing_locations(ast.Module([*imports, outer], []))
    try:
        made = compile(module, like.co_filename, "exec", like.co_flags & _FUTURE, True)
    except (SyntaxError, ValueError, TypeError):
        return None
    around = next(x for x in made.co_consts if isinstance(x, CodeType))
    inner = next(x for x in around.co_consts if isinstance(x, CodeType))
    return _renamed(inner, inner.co_qualname, like.co_qualname)


def _renamed(code: CodeType, old: str, new: str) -> CodeType:
    """Code whose qualified name, and that of the functions in it, begins with another one."""
    consts = tuple([_renamed(x, old, new) if isinstance(x, CodeType) else x for x in code.co_consts])
    return code.replace(co_consts=consts, co_qualname=code.co_qualname.replace(old, new, 1))


def _same(a: CodeType, b: CodeType | None) -> bool:
    """Whether both do the same, step by step."""
    if b is None or len(a.co_consts) != len(b.co_consts):
        return False
    return all(
        getattr(a, name) == getattr(b, name)
        for name in ("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_firstlineno")
    ) and all(
        _same(x, y) if isinstance(x, CodeType) else type(x) is type(y) and repr(x) == repr(y)
        for x, y in zip(a.co_consts, b.co_consts, strict=True)
    )


# ---------------------------------------------------------------------------- whose is it?


def _global(space: dict, name: str) -> Any:
    """What a global name stands for: see `kind_of`."""
    x = space.get(name, getattr(builtins, name, None))
    return kind_of(x)


def kind_of(x: Any) -> Any:
    """Of what kind a function is: "array" or "full" of NumPy's, another of "numpy", one of the "users", or
    "known".

    A module itself; None for what is not known.
    """
    if x is None or isinstance(x, types.ModuleType):
        return x
    if any(x is maker for maker in running.MAKERS):
        return "array"
    if x is np.full or x is np.full_like:
        return "full"
    if isinstance(x, np.ufunc) or (callable(x) and str(getattr(x, "__module__", "")).startswith("numpy")):
        return "numpy"
    if isinstance(x, (types.BuiltinFunctionType, type)):
        return "known"
    if neighbours.is_known(x):
        return "users"  # of which there is a twin
    code = getattr(x, "__code__", None)
    return "known" if code is not None and is_library(code.co_filename) else "users"


HELPERS = {
    PREFIX + name: CellType(x)
    for name, x in {
        "array": running.array,
        "full": running.full,
        "to_fill": running.to_fill,
        "writable": running.writable,
        "combined": running.combined,
        "twin": twin,
        "slice": slice,
        **{name: getattr(operator, name) for name in running.OPERATIONS},
    }.items()
}
