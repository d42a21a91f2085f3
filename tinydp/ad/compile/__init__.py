"""`compile(f)`: the program that `f` is, and its derivatives, as machine code.

    >>> import numpy as np
    >>> from tinydp import grad
    >>> @compile
    ... def f(x, y):
    ...     angle = x * y
    ...     return np.sin(angle) + x
    >>> f(2.0, 0.0), grad(f)(2.0, 0.0)
    (2.0, 1.0)
    >>> print(f.source.partition("def ")[2])              # doctest: +ELLIPSIS
    f(x, y):
        # ...: angle = x * y
        angle = x * y
        # ...: return np.sin(angle) + x
        t = sin(angle) + x
        return t, True, True
    <BLANKLINE>

The last two results say whether the gradient is finite and whether the program is the right one:
whether all conditions in `f` turned out as they did when it was traced.

What happens, file by file: `f` is run on values that are not known yet, which gives a `program.py`
(`trace.py`, `proxy.py`, `record.py`); its adjoint is a program, too (`adjoint.py`); so is what the passes
make of it (`passes.py`). Then it is lowered to loops and buffers (`lower.py`), which are written in LLVM's
language (`llvm.py`, `engine.py`), or as Python source to be read (`numba.py`), or for a page (`wasm.py`).
`calls.py` leads from a user's arguments to all that and back.
"""

import functools
from collections.abc import Callable
from typing import Any

from .calls import MOST_BRANCHES, Compiled
from .culprit import TapeWarning

__all__ = ["MOST_BRANCHES", "Compiled", "TapeWarning", "compile"]


def compile(f: Callable | None = None, *, static: tuple[str | int, ...] | str = (),
            parallel: bool | int = False) -> Any:
    """A function equal to `f`, that runs as machine code, and so does its gradient. Also a decorator.

    `f` is traced at the first call with arguments of new structure, shapes or kinds: real numbers, integers,
    arrays, nested structures of them. Strings, booleans, None and functions among the arguments are fixed
    parts of the program, and so are arguments named in `static` (names, or positions), such as a number of
    steps: for a new value, `f` is traced anew. What `f` finds in its
    surroundings is read when it is traced, and looked at in each call: the names that its code and that of
    the functions it calls mention, what is in objects, dictionaries, lists behind them (the first 1,000),
    small arrays, and arrays that meet an argument. If something changed, `f` is traced anew. What cannot be
    seen, such as a file, has to be an argument. What `f` changes itself and reads again raises
    `SideEffectError`.
    The first results of each program are compared with the tape's (see `verify.py`), which runs `f` as well.

        >>> import numpy as np
        >>> from tinydp import grad, scan
        >>> @compile(static="years")
        ... def balance(rate, years):
        ...     return scan(lambda money, _: (money * (1 + rate), None), 100.0, length=years)[0]
        >>> print(f"{balance(0.05, years=10):.2f} {grad(balance)(0.05, years=10):.2f}")
        162.89 1551.33

    With `parallel`, the rows of each outermost `dp.vmap` are spread over so many cores, or all of them if it
    is True, and so is the backward pass over them; the results have the same bits whatever the number of
    cores is. (Without it, sums over rows are made in another order, and their last bits may differ.)

    `.source` and `.adjoint_source` show the programs of the last call as Python source, `.forget()` drops all
    programs. Derivatives of any order are compiled, too: `jvp`, `jacobian`, `hvp`, gradients of gradients.
    With `TINYDP_LOG=1` it says what it does, and how long that takes.

    Returns a `Compiled`. Raises `ValueError` if `parallel` is no number of cores or a name in `static` is no
    parameter; when it is called, `BranchError` where branches cannot be followed (more than 1,024 ways
    through the step of a loop, an array as a condition, `condition is True`), and `NotCompiledError` for a
    function that cannot be compiled; both name your line and what to write instead.
    """
    if f is None:
        return functools.partial(compile, static=static, parallel=parallel)
    if type(parallel) is not bool and (not isinstance(parallel, int) or parallel < 1):
        raise ValueError(f"parallel={parallel!r} is no number of cores: pass True for all, or 1 or more.")
    return Compiled(f, (static,) if isinstance(static, (str, int)) else tuple(static), parallel=parallel)
