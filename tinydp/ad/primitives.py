"""Primitives: functions that the tape records as one node, and how each pulls a cotangent back.

A rule is one level: `rule(g, y, *args, **kwargs)` returns the cotangent of one argument, given the
cotangent `g` of the result `y`. Rules are written with NumPy functions, so that they can be recorded
themselves: that is where second derivatives come from.

    >>> import numpy as np
    >>> cube = Primitive(lambda x: x**3, "cube")
    >>> cube.rules = (lambda g, y, x: g * 3 * x**2,)
    >>> tape = Tape()
    >>> x = tape.input(2.0)
    >>> y = cube(x)
    >>> y.value, cube.pull(y, 1.0)
    (8.0, [(Var(2.0), 12.0)])

Two things are done here for all rules. A share is summed to the shape of its operand where NumPy stretched
that (`broadcasting.py`). And a zero which says that no path leads from an operand to the result wins over an
infinite slope (`reach.py`). `registry.py` has the table of all primitives.
"""

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from . import fast, tree
from .binding import bound, options_of, positional
from .broadcasting import fitted
from .drafts import Draft, settled
from .errors import NotDifferentiableError
from .reach import reached
from .selected import NOTHING, Cotangent, Selected
from .tape import Tape, Var
from .values import FLOAT64, Abstract, as_float64, listed, plain, settle, snapshot, youngest

Rule = Callable[..., Any]

# While a program is compiled: is shown the arguments of functions as the user passed them.
witness: ContextVar[Callable[..., None] | None] = ContextVar("witness", default=None)

# Whether it is a gradient rule that computes now, and not the user's program.
sweeping: ContextVar[bool] = ContextVar("sweeping", default=False)


class Primitive:
    """A function that the tape records as one node.

    `fn` computes it; `rules[i]` pulls a cotangent back to argument `i` (None: it has no
    derivative there). With `each` instead of `rules`, the function takes any number of
    arguments, and `each(g, y, *args, **kwargs)` returns the function from `i` to its cotangent.
    """

    loop = False                                 # one node that has others inside, see loops.py
    pythons = False                              # gives Python's numbers and not NumPy's

    # for zeros that say that no path leads here, see reach.py
    product = False                              # linear in each argument
    at_zero: "Primitive | None" = None           # the same, for constant factors that are zero somewhere
    mover = False                                # only moves or sums elements
    steep = False                                # its derivative is infinite somewhere

    # for the compiler
    open_ended = False                           # a loop of who knows how many steps before it has run
    opaque: tuple[int, ...] = ()                 # results that only another operation can read

    def __init__(self, fn: Callable, name: str | None = None):
        functools.update_wrapper(self, fn, updated=())
        self.__qualname__ = str(getattr(fn, "__qualname__", ""))
        self.fn = fn
        self.name = name or str(getattr(fn, "__name__", type(fn).__name__))
        self.rules: tuple[Rule | None, ...] = ()
        self.each: Rule | None = None
        self.operator: Callable | None = None    # Python's, that does the same
        self.methods: tuple = ()                 # ... and what a value calls for it, in both orders
        self.elementwise = isinstance(fn, np.ufunc) and fn.signature is None

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:     # as a method
        return self if instance is None else functools.partial(self, instance)

    def __reduce__(self) -> str:                 # pickled like a function: by its name
        return self.__qualname__

    @property
    def differentiable(self) -> bool:
        """Whether there is any rule."""
        return bool(self.rules or self.each)

    def ruled(self, i: int) -> bool:
        """Whether there is a rule for argument `i`."""
        return bool(self.each) or (i < len(self.rules) and self.rules[i] is not None)

    @functools.cached_property
    def parameters(self) -> tuple[str, ...]:
        """The names of the positional parameters, if Python can tell."""
        return positional(self.fn)

    @functools.cached_property
    def options(self) -> frozenset[str] | None:
        """The options that every rule takes; None if one takes any."""
        return options_of((self.each, *self.rules))

    # -- recording

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute; and record, if an argument is traced."""
        y = fast.recorded_several(self, args, kwargs) if kwargs or len(args) > 2 or self.each \
            else fast.recorded_fast(self, args)
        if y is not NotImplemented:
            return y
        if args and isinstance(args[-1], Cotangent):             # var + parts is for Parts.__radd__
            return NotImplemented
        if any(type(x) is Draft for x in args):
            return self(*map(settled, args), **kwargs)
        if not self.differentiable and youngest((*args, *kwargs.values())) is not None:
            self.refuse(0)
        if kwargs or (len(args) > len(self.rules) and not self.each):
            args, kwargs = bound(self, args, kwargs)
        tape = youngest(args)
        if tape is None:
            unknown = next((x for x in args if isinstance(x, Abstract)), None)
            return self.fn(*args, **kwargs) if unknown is None else unknown.call(self, args, kwargs)
        # `value` is what `fn` computes on, `operand` what the node keeps. `outer`: a value is itself traced,
        # by an older tape or a compiler; then this primitive is called again, and is recorded there
        values, operands, outer = [], [], False
        for i, x in enumerate(args):
            value = operand = x
            if type(x) is Var and x.tape is tape:
                value = x.value
                if not self.ruled(i):
                    self.refuse(i)
            elif type(x) not in (float, int, Var):
                if self.ruled(i):
                    operand = as_float64(x)      # like the traced ones, whatever it came as
                    if not (type(x) is np.ndarray and x.dtype.kind in "iu" and x.dtype.itemsize >= 4):
                        value = operand          # NumPy raises to whole powers by other means
                operand = snapshot(tape, listed(operand))
            outer = outer or type(value) is Var or isinstance(value, Abstract)
            values.append(value)
            operands.append(operand)
        if outer and (see := witness.get()):
            see(args, kwargs)
        if kwargs:
            kwargs = {name: snapshot(tape, x) for name, x in kwargs.items()}
        y = self(*values, **kwargs) if outer else self.fn(*values, **kwargs)
        return self.met(*operands).record(tape, y, tuple(operands), kwargs)

    def record(self, tape: Tape, value: Any, args: tuple, kwargs: dict) -> Any:
        """Put `value` on the tape as the result for these operands; several are picked from one node."""
        if type(value) is np.ndarray and value.ndim and value.dtype is FLOAT64:
            return tape.record(self, value, args, kwargs)
        if not isinstance(value, tuple):
            return tape.record(self, settle(value, self.name), args, kwargs)
        whole = tape.record(self, tuple(settle(v, self.name) for v in value), args, kwargs)
        return tree.rebuild(value, [pick(whole, i) for i in range(len(value))])

    def met(self, *operands: Any) -> "Primitive":
        """This operation, or the one that knows that a constant factor is zero: no path leads through that.

        The factors that rules multiply by are no constants of the program: there, 0 may be a slope.
        """
        return self.at_zero if self.at_zero and any(map(_has_zero, operands)) and not sweeping.get() else self

    def refuse(self, i: int) -> None:
        """Raise `NotDifferentiableError`: a traced value came to argument `i`, which has no rule."""
        if not self.differentiable:
            raise NotDifferentiableError(
                f"{self.name} has no gradient rule yet.",
                f"register one: dp.defvjp({self.name}, lambda g, y, *args: ...)",
            )
        raise NotDifferentiableError(
            f"{self.name} is not differentiable in argument {i}, and a traced value came there.",
            "pass dp.stop_gradient(x) if a constant is meant.",
        )

    # -- the pullback

    def pull(self, node: Any, g: Any) -> list[tuple[Var, Any]]:
        """For each traced operand of `node` that a path leads to, the cotangent that `g` brings it."""
        g, live = g.opened() if isinstance(g, Cotangent) else (g, None)
        tape, y, args, kwargs = node.tape, node.value, node.args, node.kwargs
        values = tuple([x.value if type(x) is Var and x.tape is tape else x for x in args])
        each = self.each and self.each(g, y, *values, **kwargs)
        found = []
        for i, x in enumerate(args):
            if type(x) is Var and x.tape is tape:
                c = each(i) if each else self.applied(i, g, y, values, kwargs)
                found += self.shares(i, c, y, values, args, live, kwargs)
        return found

    def shares(self, i: int, c: Any, y: Any, values: tuple, operands: tuple, live: Selected | None = None,
               kwargs: dict = fast.NO_OPTIONS) -> list[tuple[Var, Any]]:
        """The cotangent `c` of argument `i`, in the shape of its value, if a path leads there."""
        if live is not None or type(c) is Selected or self.product:
            c = reached(self, i, c, y, values, operands, live, kwargs)
        else:
            c = fitted(c, values[i], y, self.name, i)
        return [] if c is NOTHING else [(operands[i], c)]

    def applied(self, i: int, g: Any, y: Any, values: tuple, kwargs: dict) -> Any:
        """What the rule of argument `i` returns."""
        rule: Any = self.rules[i]
        try:
            c = rule(g, y, *values, **kwargs)
            if type(c) is not complex:
                return c
        except ArithmeticError:
            pass
        # Python's numbers raise, or become complex, where NumPy's are infinite or nan
        g, y, *numbers = [np.float64(x) if type(x) in (float, int) else x for x in (g, y, *values)]
        return rule(g, y, *numbers, **kwargs)

    def cotangent(self, i: int, g: Any, y: Any, values: tuple, kwargs: dict) -> Any:
        """The numbers that the rule makes of `g` for argument `i`."""
        c = self.each(g, y, *values, **kwargs)(i) if self.each else self.applied(i, g, y, values, kwargs)
        return c.opened()[0] if isinstance(c, Cotangent) else c


def _has_zero(x: Any) -> bool:
    """Whether an operand is a constant that is exactly zero somewhere."""
    if type(x) is np.ndarray:
        return bool(np.count_nonzero(x) < x.size)
    return bool(x == 0) if isinstance(x, (float, int)) else False


class ProductAtZero(Primitive):
    """A product that met a constant factor of zero: the same, but no path leads through the zero."""

    product = True

    def __init__(self, whole: Primitive):
        self.__dict__.update({**vars(whole), "whole": whole, "at_zero": None})
        self.__dict__.pop("rules", None)
        self.__dict__.pop("each", None)

    def __getattr__(self, name: str) -> Any:     # its rules are those of the whole, whatever becomes of them
        return getattr(self.__dict__["whole"], name)


class FlatPrimitive(Primitive):
    """A function whose derivative is zero wherever it has one: its result is a constant."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("out") is not None:
            bound(self, args, kwargs)
        return self.fn(*(plain(x) for x in args), **{k: plain(x) for k, x in kwargs.items()})


pick = Primitive(lambda x, i: x[i], "pick")      # one of the several results of a node; its rule: parts.py
