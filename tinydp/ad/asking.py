"""NumPy is asked first: what a traced call accepts is what NumPy accepts of the plain values.

A function without a rule of its own is computed by others, which need not look at their arguments as it
does: a sum of products is an average of weights that do not fit. So NumPy's own function is called
first, with the plain values. Its error and its warnings are those of the plain program, and what the
others make has to have the shape of its result.

    >>> from tinydp import grad
    >>> grad(lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 2.0, 99.0]))(0.5)
    Traceback (most recent call last):
    ...
    ValueError: fp and xp are not of the same length.
"""

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from .errors import MutationError, TinydpError, UnsupportedArgumentError
from .tape import Var
from .values import Abstract, Unsized, abstract, plain, shape

# Whether NumPy has been asked about the call around: its parts are ours, and need no asking.
asked: ContextVar[bool] = ContextVar("asked", default=False)


def checked_replacement(f: Callable, replacement: Callable, args: tuple, options: dict) -> Any:
    """What `replacement` makes of a call of `f`, if NumPy takes it and gives a result of the same shape."""
    known, said = spelled(f, replacement, args, options)
    return compared(f, args, options, lambda: replacement(*known, **said))


def compared(f: Callable, args: tuple, options: dict, make: Callable, warns: bool = True) -> Any:
    """What `make()` returns instead of `f(*args, **options)`, if NumPy takes that; it may warn if `warns`."""
    if asked.get():
        return make()
    try:
        with np.errstate() if warns else np.errstate(all="ignore"):
            expected, refusal = answer(f, args, options), None
    except TinydpError:
        raise
    except Exception as error:                   # ours says more, if there is one
        expected, refusal = None, error
    before = asked.set(True)
    try:
        with np.errstate(all="ignore"):          # NumPy has warned of what is to be warned of
            y = make()
    except TinydpError:
        raise
    except Exception as error:
        raise (refusal or _unknown_call(f)) from (None if refusal else error)
    finally:
        asked.reset(before)
    if refusal:
        raise refusal
    if not isinstance(y, Unsized) and _shapes(y) != _shapes(expected) and (
            _shapes(y) != _shapes(_typical(f, args, options))):
        raise _unknown_call(f)
    return y if isinstance(y, Unsized) else _like(expected, y)


def answer(f: Callable, args: tuple, options: dict) -> Any:
    """What NumPy says of the plain values: its result, or its error. It must not write anywhere."""
    place = _place_of_out(f)
    if options.get("out") is not None or (len(args) > place and args[place] is not None):
        raise _writing(f)
    try:
        return f(*map(_shown, args), **{name: _shown(x) for name, x in options.items()})
    except np.linalg.LinAlgError:
        if not any(map(abstract, args)):
            raise
        return _typical(f, args, options)


def _typical(f: Callable, args: tuple, options: dict) -> Any:
    """The same where matrices are of full rank: an example may not be, and the value is not known yet."""
    given = [regular(_shown(x)) if abstract(x) else _shown(x) for x in args]
    return f(*given, **{name: _shown(x) for name, x in options.items()})


def regular(x: Any) -> Any:
    """A matrix of the shape of `x`, of which everything can be computed; what is no matrix, as it is."""
    return np.broadcast_to(np.eye(*np.shape(x)[-2:]), np.shape(x)) if np.ndim(x) >= 2 else x


def _shown(x: Any) -> Any:
    """An argument as NumPy sees it in the plain program; a value that is not known yet as its example."""
    if isinstance(x, tuple):                     # a named one, too
        return tuple(map(_shown, x))
    if isinstance(x, list):
        return list(map(_shown, x))
    if isinstance(x, Sequence) and any(isinstance(child, (Var, Abstract)) for child in x):
        return list(map(_shown, x))              # of another kind
    x = plain(x)
    return x.example if isinstance(x, Abstract) else x       # type: ignore[attr-defined]


def _shapes(y: Any) -> Any:
    return list(map(shape, y)) if isinstance(y, (tuple, list)) else shape(y)


# Those whose result may be an array without axes, where others give a number. See `is_array`.
_MAKERS = frozenset((
    "where", "getitem", "reshape", "squeeze", "transpose", "copy", "broadcast_to", "moveaxis", "swapaxes",
    "ravel", "real", "nan_to_num", "real_if_close", "flip", "roll", "expand_dims"))


def is_array(y: Any) -> bool:
    """Whether a traced number is an array without axes in the plain program, which `+=` would change."""
    op, args, options = (y.op, y.args, y.kwargs) if type(y) is Var else y.made()
    if op is None or op.name not in _MAKERS:
        return False
    with np.errstate(all="ignore"):
        return isinstance(op.fn(*map(_shown, args), **options), np.ndarray)


def _like(expected: Any, y: Any) -> Any:
    """`y`, known to be a number if NumPy gave one."""
    if isinstance(expected, np.ndarray) or shape(y) or not isinstance(y, (Var, Abstract)):
        return y
    return np.positive(y) if is_array(y) else y                # type: ignore[call-overload]


def _writing(f: Callable) -> MutationError:
    return MutationError(f"np.{f.__name__} would overwrite an array that the tape may need.",
                         f"write array = np.{f.__name__}(...) without out=.")


def _unknown_call(f: Callable) -> UnsupportedArgumentError:
    return UnsupportedArgumentError(
        f"the gradient of np.{f.__name__} is not known for arguments such as these.",
        "write them as NumPy's documentation has them, or compute the same with other functions.")


# ---------------------------------------------------------------------------- options

# Those of the functions that work element by element; older NumPy does not tell.
_OF_UFUNCS = {"out": None, "where": True, "casting": "same_kind", "order": "K", "dtype": None, "subok": True,
              "axes": np._NoValue, "axis": np._NoValue, "keepdims": False}

_NONE_IS_FALSE = ("where", "copy")


@functools.cache
def _defaults(f: Callable) -> dict[str, Any]:
    """The parameters of a function and their defaults, as far as NumPy tells."""
    return _OF_UFUNCS if isinstance(f, np.ufunc) else {p.name: p.default for p in _parameters(f)}


@functools.cache
def _parameters(f: Callable) -> tuple[inspect.Parameter, ...]:
    try:
        return tuple(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):              # some builtins have none to show
        return ()


@functools.cache
def _place_of_out(f: Callable) -> int:
    names = [p.name for p in _parameters(f) if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return names.index("out") if "out" in names and not isinstance(f, np.ufunc) else sys.maxsize


def is_default(f: Callable, name: str, x: Any) -> bool:
    """Whether a call of `f` without this option is the same call."""
    if x is np._NoValue or (name == "where" and x is True):
        return True
    if name == "dtype" and isinstance(x, (type, np.dtype)) and x in (float, np.float64):
        return True
    defaults = _defaults(f)
    default = defaults.get(name, np._NoValue if defaults else None)
    return x is default or (type(x) in (int, float, str) and type(x) is type(default) and x == default)


def says_nothing(f: Callable, name: str, x: Any) -> bool:
    """Whether a rule need not know this option: a default, or a None, if NumPy takes that."""
    return is_default(f, name, x) or (x is None and name not in _NONE_IS_FALSE)


@functools.cache
def _most(replacement: Callable) -> int:
    """How many positional arguments it takes."""
    kinds = [p.kind for p in _parameters(replacement)]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return sys.maxsize
    return kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD)


def spelled(f: Callable, replacement: Callable, args: tuple, options: dict) -> tuple[tuple, dict]:
    """The arguments of a call of `f` as its replacement takes them; refuses what that does not know."""
    most = _most(replacement)
    if len(args) > most:
        names = [p.name for p in _parameters(f)[most : len(args)]]
        if len(names) < len(args) - most or not options.keys().isdisjoint(names):
            if _parameters(f):
                answer(f, args, options)         # which are too many
            raise _unknown_call(f)
        args, options = args[:most], dict(zip(names, args[most:], strict=True)) | options
    return args, known_options(f, replacement, options) if options else options


def known_options(f: Callable, replacement: Callable, options: dict) -> dict:
    """The options that say anything; refuses those that the replacement of `f` lacks."""
    known = {p.name for p in _parameters(replacement)}
    options = {name: x for name, x in options.items()
               if x is not np._NoValue and (name in known or not says_nothing(f, name, x))}
    unknown = options.keys() - known
    if "out" in unknown:
        raise _writing(f)
    if unknown and all(p.kind is not p.VAR_KEYWORD for p in _parameters(replacement)):
        raise UnsupportedArgumentError(
            f"the gradient of np.{f.__name__} does not know the argument {min(unknown)!r}.",
            "leave it out, or compute the same with other functions.")
    return options
