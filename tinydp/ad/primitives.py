"""The registry: which functions the tape can record, and the gradient rules of each.

A rule is one level: `rule(g, y, *args, **kwargs)` returns the cotangent of one argument,
given the cotangent `g` of the result `y`. Rules are written with NumPy functions, so that
they can be recorded themselves: that is where second derivatives come from. Un-broadcasting
is done here, once, so that no rule can forget it.

    >>> import numpy as np
    >>> from tinydp import defvjp, grad, primitive
    >>> @primitive
    ... def area(width, height):
    ...     return width * height
    >>> defvjp(area, lambda g, y, width, height: g * height,
    ...              lambda g, y, width, height: g * width)
    >>> grad(area, argnums=(0, 1))(3.0, 4.0)
    (4.0, 3.0)
"""

import functools
import inspect
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, cast

import numpy as np

from . import tree
from .asking import answer, checked, is_default, says_nothing
from .errors import (
    MutationError,
    NotDifferentiableError,
    RuleError,
    SteepGradientWarning,
    UnsupportedArgumentError,
    user_spot,
)
from .selected import NOTHING, Selected, bare, later, reached_by
from .tape import Tape, Var
from .values import (
    FLOAT64,
    Abstract,
    abstract,
    as_float64,
    is_finite,
    listed,
    plain,
    settle,
    shape,
    snapshot,
    youngest,
    zeros_like,
)

Rule = Callable[..., Any]

_float64 = np.float64

# NumPy function (or one of Python's operators) -> what to call when an argument is traced.
PRIMITIVES: dict[Callable, Callable] = {}

# While a program is compiled: is shown the arguments of functions as the user passed them.
witness: ContextVar[Callable[..., None] | None] = ContextVar("witness", default=None)

# Whether it is a gradient rule that computes now, and not the user's program.
sweeping: ContextVar[bool] = ContextVar("sweeping", default=False)


# ---------------------------------------------------------------------------- primitives

class Primitive:
    """A function that the tape records as one node.

    `fn` computes it; `rules[i]` pulls a cotangent back to argument `i` (None: it has no
    derivative there). With `each` instead of `rules`, the function takes any number of
    arguments, and `each(g, y, *args, **kwargs)` returns the function from `i` to its cotangent.
    """

    loop = False                                 # one node that has others inside, see loops.py
    open_ended = False                           # a loop of who knows how many steps before it has run
    product = False                              # linear in each argument
    cut: "Primitive | None" = None               # the same, with constant factors that are zero somewhere
    mover = False                                # only moves or sums elements
    steep = False                                # its derivative is infinite somewhere
    pythons = False                              # gives Python's numbers and not NumPy's
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

    # -- recording

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and type(args[0]) is Var and self.rules:
            return self.unary(args[0])
        if len(args) == 2 and not kwargs:
            a, b = args
            if len(self.rules) == 2 and None not in self.rules:      # the common cases, without ado
                if type(a) is Var and type(a.value) is not Var:
                    if type(b) is Var and a.tape is b.tape and type(b.value) is not Var:
                        return self._record(a.tape, self.fn(a.value, b.value), a, b)
                    if type(b) is np.ndarray and type(a.value) is np.ndarray and b.dtype is FLOAT64:
                        return self.met(b)._record(a.tape, self.fn(a.value, b), a, snapshot(a.tape, b))
                elif type(b) is Var and type(a) is np.ndarray and type(b.value) is np.ndarray \
                        and a.dtype is FLOAT64:
                    return self.met(a)._record(b.tape, self.fn(a, b.value), snapshot(b.tape, a), b)
            if self.methods:                     # a number of NumPy's, which is slow
                if type(b) is _float64 and type(a) is Var:
                    return self.methods[0](a, b)
                if type(a) is _float64 and type(b) is Var:
                    return self.methods[1](b, a)
        if args and type(args[-1]) in (Parts, Selected):         # var + parts is for Parts.__radd__
            return NotImplemented
        if not self.rules and not self.each and youngest((*args, *kwargs.values())) is not None:
            self._refuse(0)
        if kwargs or (len(args) > len(self.rules) and not self.each):
            args, kwargs = self._bind(args, kwargs)
        tape = youngest(args)
        if tape is None:
            for x in args:
                if isinstance(x, Abstract):
                    return x.call(self, args, kwargs)
            return self.fn(*args, **kwargs)
        values, operands, outer = [], [], False
        for i, x in enumerate(args):
            value = operand = x
            if type(x) is float or type(x) is int:
                pass
            elif type(x) is not Var:
                if self.each or (i < len(self.rules) and self.rules[i]):
                    operand = as_float64(x)      # like the traced ones, whatever it came as
                    if not (type(x) is np.ndarray and x.dtype.kind in "iu" and x.dtype.itemsize >= 4):
                        value = operand          # NumPy raises to whole powers by other means
                operand = snapshot(tape, listed(operand))
            elif x.tape is tape:
                value = x.value
                if not self.each and (i >= len(self.rules) or self.rules[i] is None):
                    self._refuse(i)
            outer = outer or type(value) is Var or isinstance(value, Abstract)
            values.append(value)
            operands.append(operand)
        if outer and (see := witness.get()):
            see(args, kwargs)
        if kwargs:
            kwargs = {name: snapshot(tape, x) for name, x in kwargs.items()}
        y = self(*values, **kwargs) if outer else self.fn(*values, **kwargs)
        return self.met(*operands)._record(tape, y, tuple(operands), kwargs)

    def met(self, *operands: Any) -> "Primitive":
        """This operation, or the one that knows that a constant factor is zero: no path leads through that.

        The factors that rules multiply by are no constants of the program: there, 0 may be a slope.
        """
        return self.cut if self.cut and any(map(_has_zero, operands)) and not sweeping.get() else self

    def unary(self, x: Var) -> Any:
        """The call with one traced argument: the common case, and a hot one."""
        if self.rules[0] is None:
            self._refuse(0)
        value = x.value
        kind = type(value)
        y = self.fn(value) if kind is float or kind is np.ndarray else self(value)
        if type(y) is np.ndarray and y.ndim and y.dtype is FLOAT64:
            return x.tape.record(self, y, x)
        if type(y) is _float64 and not self.operator:
            return x.tape.record(self, float(y), x)
        return self._record(x.tape, y, x)

    def _record(self, tape: Tape, value: Any, a: Any, b: Any = None) -> Any:
        """Put `value` on the tape; operands as in a `Node`."""
        if type(value) is np.ndarray and value.ndim and value.dtype is FLOAT64:
            return tape.record(self, value, a, b)
        if type(a) is not tuple:                 # the sweep's fast lane would not make its shares fit
            a, b = ((a,) if b is None else (a, b)), {}
        if not isinstance(value, tuple):
            return tape.record(self, settle(value, self.name), a, b)
        whole = tape.record(self, tuple(settle(v, self.name) for v in value), a, b)
        return tree.rebuild(value, [pick(whole, i) for i in range(len(value))])

    def _refuse(self, i: int) -> None:
        if not self.rules and not self.each:
            raise NotDifferentiableError(
                f"{self.name} has no gradient rule yet.",
                f"register one: dp.defvjp({self.name}, lambda g, y, *args: ...)",
            )
        raise NotDifferentiableError(
            f"{self.name} is not differentiable in argument {i}, and a traced value came there.",
            "pass dp.stop_gradient(x) if a constant is meant.",
        )

    def _bind(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """Arrays by position, options by name, as the rules expect them; defaults dropped."""
        if kwargs.get("out") is not None:
            raise MutationError(
                f"{self.name}(..., out=array) would overwrite an array that the tape may need.",
                f"write array = {self.name}(...) instead.",
            )
        given = dict(kwargs)
        if self._parameters:
            if len(args) > len(self._parameters):
                self.fn(*args, **kwargs)         # raises Python's own error, or has *args
                return args, kwargs
            given = dict(zip(self._parameters, args, strict=False)) | given
            arrays = self._parameters[: len(self.rules)]
            args = ()
            for name in arrays:
                if name not in given:
                    break
                args += (given.pop(name),)
        known = given.keys() if self._options is None else self._options
        options = {
            name: x for name, x in given.items()
            if x is not np._NoValue and (name in known or not says_nothing(self.fn, name, x))
            and not (x is None and is_default(self.fn, name, x))
        }
        unknown = options.keys() - self._options if self._options is not None else set()
        if unknown and (youngest(args) is not None or any(isinstance(x, Abstract) for x in args)):
            raise UnsupportedArgumentError(
                f"the gradient rule of {self.name} does not know the argument {min(unknown)!r}.",
                "leave it out, or compute the same with other functions (np.where for where=).",
            )
        for name, x in options.items():
            if type(x) is Var:
                raise NotDifferentiableError(
                    f"{self.name} is not differentiable in {name!r}, and a traced value came there.",
                    "pass dp.stop_gradient(x) if a constant is meant.",
                )
        if any(x is None and name not in options and not is_default(self.fn, name, x)
               for name, x in given.items()):
            answer(self.fn, args, given)         # NumPy may not take None there
        return args, options

    @functools.cached_property
    def _parameters(self) -> tuple[str, ...]:
        """The names of the positional parameters of `fn`, if Python can tell."""
        if isinstance(self.fn, np.ufunc):
            return ()
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        parameters = parameters_of(self.fn)
        return tuple(p.name for p in parameters if p.kind in kinds)

    @functools.cached_property
    def _options(self) -> frozenset[str] | None:
        """The options that every rule takes; None if one takes any."""
        names: set[str] = set()
        for rule in (self.each, *self.rules):
            if rule is None:
                continue
            parameters = parameters_of(rule)
            if not parameters or any(p.kind is p.VAR_KEYWORD for p in parameters):
                return None
            names.update(p.name for p in parameters)
        return frozenset(names)

    # -- the pullback

    def pull(self, node: Any, g: Any) -> list[tuple[Var, Any]]:
        """For each traced operand of `node` that a path leads to, the cotangent that `g` brings it."""
        live = None
        if type(g) is Parts:
            masks, g = masks_of(g), g.total()
            live = masks and Selected(g, masks)
        if type(g) is Selected:
            live, g = g, g.g
        y, a, b = node.value, node.a, node.b
        if type(a) is tuple:
            return self._pull_any(node, g, live)
        u = a.value if type(a) is Var else a
        if b is None:
            c = self._share(0, g, y, (u,), (a,), live)
            return [] if c is NOTHING else [(a, c)]
        v = b.value if type(b) is Var else b
        pulled = []
        if type(a) is Var and (c := self._share(0, g, y, (u, v), (a, b), live)) is not NOTHING:
            pulled.append((a, c))
        if type(b) is Var and (c := self._share(1, g, y, (u, v), (a, b), live)) is not NOTHING:
            pulled.append((b, c))
        return pulled

    def _pull_any(self, node: Any, g: Any, live: Any) -> list[tuple[Var, Any]]:
        """The same for a node with any number of operands, and with options."""
        tape, y, args, kwargs = node.tape, node.value, node.a, node.b
        values = tuple([x.value if type(x) is Var and x.tape is tape else x for x in args])
        each = self.each and self.each(g, y, *values, **kwargs)
        return [(x, c) for i, x in enumerate(args) if type(x) is Var and x.tape is tape
                and (c := self._share(i, g, y, values, args, live, kwargs, each)) is not NOTHING]

    def _share(self, i: int, g: Any, y: Any, values: tuple, operands: tuple, live: Any,
               kwargs: dict | None = None, each: Callable | None = None) -> Any:
        """The cotangent of argument `i`, in the shape of its value."""
        c = each(i) if each else self._applied(i, g, y, values, kwargs or {})
        x = values[i]
        if live is not None or type(c) is Selected or self.product:
            if operands[i].op is None and type(bare(c)) is np.ndarray and is_finite(bare(c)):
                c = bare(c)                      # behind an input there is nothing to protect
            elif live is not None and self.elementwise and not self.product and type(c) is np.ndarray \
                    and type(x) is np.ndarray and c.shape == x.shape and is_finite(c):
                return Selected(c, live.mask)    # the common case, without ado
            else:
                return self._selected(i, c, y, values, operands, live, kwargs or {})
        if type(c) is np.ndarray and type(x) is np.ndarray and c.dtype is FLOAT64:
            if c.shape == x.shape:
                return c
            if x.ndim == 1 and c.shape[1:] == x.shape and c.shape == shape(y) and len(c) <= _ONES.size:
                return _ONES[: len(c)].dot(c)    # a bias: three times faster than a sum
        return self._fit(i, c, x, y)

    def _applied(self, i: int, g: Any, y: Any, values: tuple, kwargs: dict) -> Any:
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

    # -- ... where no path leads to some of the elements, see selected.py

    def _selected(self, i: int, c: Any, y: Any, values: tuple, operands: tuple, live: Any,
                  kwargs: dict) -> Any:
        """The share `c` of argument `i` with its mask; `live` is the cotangent with the mask it came with."""
        x, chosen = values[i], None
        if type(c) is Parts:
            c.gs = [Selected(g, live.mask) for g in c.gs]
            return c
        if type(c) is Selected:                  # the rule itself chose
            c, chosen = c.g, c.mask
        mask = self._way(i, live, y, values, operands, kwargs) if live is not None or chosen is None else None
        if mask is None or chosen is None:
            mask = chosen if mask is None else mask
        else:
            mask = later(np.logical_and, mask, chosen)
        if mask is None:                         # this function mixes the elements
            return self._fit(i, c, x, y)
        g = Selected(c, mask)
        if self.steep or not abstract(c):
            g.g = g.kept(c)
        if shape(c) != shape(x):
            fits = later(lambda mask: np.any(mask) if not shape(x) else np.not_equal(
                self._fit(i, np.where(mask, 1.0, 0.0), x, y), 0.0), mask)
            g = Selected(self._fit(i, g.g, x, y), fits)
        if shape(x) or abstract(g.live):
            return g
        return g.g if g.live else NOTHING

    def _way(self, i: int, live: Any, y: Any, values: tuple, operands: tuple, kwargs: dict) -> Any:
        """The mask of the share of argument `i`; None if it cannot be told.

        What only moves or sums shows by its own rule where a cotangent goes, and so does a product, if its
        constant factors are as they are and all others are 1.
        """
        if live is not None and self.elementwise and not self.product:
            return live.mask
        before = None if live is None else live.mask
        if not (self.product or self.cut or self.mover):
            if live is None or any(map(abstract, (*(y if type(y) is tuple else (y,)), *values))):
                return None
            return later(lambda before: self._dyed(i, before, y, values, kwargs), before)

        def way(before: Any) -> Any:
            flow = np.where(before, 1.0, 0.0) if live else np.ones(shape(y)) if shape(y) else 1.0
            factors = values if self.mover else [_reach(v) for v in operands]
            return np.not_equal(self._of_rule(i, flow, y, tuple(factors), kwargs), 0.0)

        return later(way, before)

    def _of_rule(self, i: int, g: Any, y: Any, values: tuple, kwargs: dict) -> Any:
        """What the rule makes of `g` for argument `i`, without its mask."""
        return dense(self.each(g, y, *values, **kwargs)(i) if self.each
                     else self._applied(i, g, y, values, kwargs))

    def _dyed(self, i: int, mask: Any, y: Any, values: tuple, kwargs: dict) -> Any:
        """The mask of the share of argument `i` of a function that mixes elements in a way of its own.

        Values that are not finite themselves are taken for others, so that all nan come from the dye.
        """
        x, values = plain(values[i]), tuple([_finite(plain(v)) for v in values])
        y = _finite(plain(y))

        def pull(g: Any) -> list:
            return [self._fit(i, self._of_rule(i, g, y, values, kwargs), x, y)]

        return reached_by(pull, mask, [x])[0]

    def _fit(self, i: int, c: Any, x: Any, y: Any) -> Any:
        """`c` summed over the axes along which `x` was broadcast to `y`, so that it has its shape."""
        if type(c) is Parts:
            return c
        if type(c) is not np.ndarray or not c.ndim or c.dtype != FLOAT64:
            c = settle(c, f"the rule of {self.name} for argument {i}")
        have, want = shape(c), shape(x)
        if have == want:
            return c
        extra = len(have) - len(want)
        stretched = tuple(extra + k for k, n in enumerate(want) if n == 1)
        if extra >= 0 and all(n in (1, have[extra + k]) for k, n in enumerate(want)) \
                and _stretched_with(have, (*range(extra), *stretched), y):
            return settle(unbroadcast(c, want), self.name)
        raise RuleError(
            f"the rule of {self.name} for argument {i} returned a cotangent of shape {have}, "
            f"where the argument has shape {want}.",
            "a cotangent has the shape of its argument (or one that broadcasting made of it).",
        )


_ONES = np.ones(1024)


def unbroadcast(c: Any, want: tuple[int, ...]) -> Any:
    """`c` summed over the axes along which an array of the shape `want` was broadcast to its shape."""
    have = shape(c)
    extra = len(have) - len(want)
    stretched = tuple(extra + k for k, n in enumerate(want) if n == 1 and have[extra + k] != 1)
    if not extra and not stretched:
        return c
    axes = (*range(extra), *stretched) if extra != 1 or stretched else 0
    c = np.add.reduce(c, axes) if type(c) is np.ndarray else np.sum(c, axes)
    return np.reshape(c, want) if stretched else c


def _stretched_with(sides: tuple, axes: tuple, y: Any) -> bool:
    """Whether a cotangent is as long as the result, or one of the results, along these axes."""
    results = y if isinstance(y, tuple) else (y,)
    return any(all(sides[k] == 1 or shape(part)[k : k + 1] == (sides[k],) for k in axes) for part in results)


def _has_zero(x: Any) -> bool:
    """Whether an operand is a constant that is exactly zero somewhere."""
    if type(x) is np.ndarray:
        return bool(np.count_nonzero(x) < x.size)
    return bool(x == 0) if isinstance(x, (float, int)) else False


def _reach(x: Any) -> Any:
    """How far a factor lets through: a constant as far as it is not zero, all else everywhere."""
    return np.abs(x) if isinstance(x, (np.ndarray, float, int)) else np.ones(shape(x)) if shape(x) else 1.0


def _finite(x: Any) -> Any:
    """`x` with ones in place of what is infinite or nan."""
    if type(x) is tuple:
        return tuple(map(_finite, x))
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        return np.where(np.isfinite(x), x, 1.0)
    return 1.0 if isinstance(x, float) and not is_finite(x) else x


class CutProduct(Primitive):
    """A product that met a constant factor of zero: the same, but no path leads through the zero."""

    product = True

    def __init__(self, whole: Primitive):
        self.__dict__.update({**vars(whole), "whole": whole, "cut": None})
        self.__dict__.pop("rules", None)
        self.__dict__.pop("each", None)

    def __getattr__(self, name: str) -> Any:     # its rules are those of the whole, whatever becomes of them
        return getattr(self.__dict__["whole"], name)


class FlatPrimitive(Primitive):
    """A function whose derivative is zero wherever it has one: its result is a constant."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("out") is not None:
            self._bind(args, kwargs)
        return self.fn(*(plain(x) for x in args), **{k: plain(x) for k, x in kwargs.items()})


def parameters_of(f: Callable) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):              # some builtins have none to show
        return []


def check_arity(name: str, fn: Callable, rule: Rule) -> None:
    """A rule must take `g, y` and then the arguments of some call of the function."""
    parameters = parameters_of(fn)
    try:
        signature = inspect.signature(rule)
    except (TypeError, ValueError):
        return
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if not positional:                           # older NumPy does not tell the names
        return
    required = sum(p.default is p.empty for p in positional)
    options = {p.name: 0 for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty}
    for n in range(required, len(positional) + 1):
        try:
            signature.bind(*range(2 + n), **options)
            return
        except TypeError:
            continue
    expected = ", ".join(["g", "y", *(p.name for p in parameters)])
    raise RuleError(f"a rule of {name} takes {signature}, which does not fit the arguments of {name}.",
                    f"its parameters should be ({expected}).")


# ---------------------------------------------------------------------------- cotangents in parts

class Parts:
    """A cotangent that arrived in parts, `g` at `index`; summed when its node is reached.

    A loop over the elements of a long array would otherwise add a whole array at every step.
    """

    __slots__ = ("gs", "indices", "like", "whole")
    __array_ufunc__ = None                       # so that array + parts is asked of us

    def __init__(self, like: Any, index: Any, g: Any):
        self.like, self.indices, self.gs, self.whole = like, [index], [g], None

    def __add__(self, other: Any) -> "Parts":
        if type(other) is Parts:
            self.indices += other.indices
            self.gs += other.gs
            other = other.whole
        if other is not None:
            self.whole = other if self.whole is None else self.whole + other
        return self

    __radd__ = __add__

    def total(self) -> Any:
        if isinstance(self.like, tuple):         # of the results of one node
            return tuple(zeros_like(x) if g is None else bare(g)
                         for x, g in zip(self.like, self.of_each(), strict=True))
        total = settle(scatter(*map(bare, self.gs), shape=shape(self.like), indices=self.indices))
        if shape(total) and not abstract(total) and not self._all_named():
            masks = tuple([g.mask if type(g) is Selected else True for g in self.gs])
            total = Selected(total, later(self.reached, masks))
        return total if self.whole is None else total + self.whole

    def of_each(self) -> list:
        """The cotangents of the results of one node, None for those that nothing arrived at."""
        totals: list = [None] * len(self.like)
        for i, part in zip(self.indices, self.gs, strict=True):
            g = summed(part)
            totals[i] = g if totals[i] is None else totals[i] + g
        return totals

    def _all_named(self) -> bool:
        """Whether all of each element was named by its number, as far as that is quickly told."""
        if any(type(g) is Selected for g in self.gs):
            return False
        n = shape(self.like)[0]
        return len(self.indices) >= n == len({i for i in self.indices if type(i) is int})

    def reached(self, masks: tuple) -> Any:
        """The mask of the elements that a part arrived at, for the masks of the parts."""
        live = np.zeros(shape(self.like), dtype=bool)
        for index, mask in zip(self.indices, masks, strict=True):
            np.logical_or.at(live, index, mask)
        return live


def summed(g: Any) -> Any:
    """A cotangent with its parts summed, and with its mask if it has one."""
    return g.total() if type(g) is Parts else g


def dense(g: Any) -> Any:
    """A cotangent as the number or array that it is, or the tuple of them."""
    return bare(summed(g))


def masks_of(g: Any) -> tuple | None:
    """The masks of the cotangents of the results of one node; None if no element is known to be left out."""
    if type(g) is not Parts or not isinstance(g.like, tuple) or not any(type(c) is Selected for c in g.gs):
        return None
    return tuple([c.mask if type(c) is Selected else np.full(shape(x), c is not None)
                  for x, c in zip(g.like, g.of_each(), strict=True)])


def _scatter(*gs: Any, shape: tuple[int, ...], indices: list) -> Any:
    """An array of this shape, zero but for the sum of `gs[k]` at `indices[k]`."""
    for g in gs:
        if isinstance(g, Abstract):
            return g.call(scatter, gs, {"shape": shape, "indices": indices})
    y = np.zeros(shape)
    for index, g in zip(indices, gs, strict=True):
        if _may_repeat(index):
            np.add.at(y, index, g)
        else:
            y[index] += g
    return y


def _may_repeat(index: Any) -> bool:
    """Whether an element may be named twice: by a list or an array of integers."""
    parts = index if type(index) is tuple else (index,)
    return any(isinstance(part, (list, tuple, np.ndarray)) and np.asarray(part).dtype.kind != "b"
               for part in parts)


def _gather(g, y, *gs, shape, indices):
    """What arrived at the places of each part; a number has such places, too: `x[None]`, `x[x > 0]`."""
    return lambda k: g if type(g) is float and not np.ndim(gs[k]) else (
        np.asarray(g) if type(g) is float else g)[indices[k]]


scatter = Primitive(_scatter, "scatter")
scatter.each = _gather


class Keeping:
    """An operation with several results, whose nodes know what these were before they became floats."""

    def sources(self, node: Any, i: int) -> list:
        """Values that are NumPy's numbers if the i-th result was."""
        raise NotImplementedError


pick = Primitive(lambda x, i: x[i], "pick")      # one of the several results of a node
pick.rules = (lambda g, y, x, i: Parts(x, i, g), None)


def with_parts(tape: Any, op: Any, args: tuple, results: list, places: Any, form: Any) -> list:
    """The results, those at some places as parts of one node of the tape, which keeps a `form`."""
    found = list(results)
    whole = tape.record(op, tuple([results[k] for k in places]), args, {"form": form})
    for i, k in enumerate(places):
        found[k] = pick(whole, i)
    return found


# ---------------------------------------------------------------------------- registering

def defvjp(f: Callable, *rules: Rule | None, also: Callable | None = None) -> None:
    """Register the gradient rules of `f`: a NumPy function, or one made by `primitive`.

    `rules[i](g, y, *args, **kwargs)` returns the cotangent of positional argument `i`; it may
    have the shape of the result where the argument was broadcast. `None`, or no rule, means
    that `f` has no derivative in that argument. `also` is one of Python's operators that does
    the same as `f`. Raises `RuleError` if a rule's parameters do not fit those of `f`.

        >>> from tinydp import grad
        >>> defvjp(np.spacing, lambda g, y, x: 0.0 * g)
        >>> grad(np.spacing)(1.0)
        0.0
    """
    known = f if isinstance(f, Primitive) else PRIMITIVES.get(f)
    if not isinstance(known, Primitive) or isinstance(known, FlatPrimitive):
        if not callable(f):
            raise RuleError(f"{f!r} is not a function.", "pass a NumPy function or a primitive.")
        known = Primitive(f)
    for rule in rules:
        if rule is not None:
            check_arity(known.name, known.fn, rule)
    known.rules, known.each = rules, None
    known.__dict__.pop("_options", None)
    if known is not f:
        PRIMITIVES[f] = known
    if also:
        PRIMITIVES[also] = known
        known.operator = also


def defvjp_each(f: Primitive, rule: Rule) -> None:
    """Register the rule of every argument of `f(*arrays, **kwargs)`.

    `rule(g, y, *args, **kwargs)` returns a function from `i` to the cotangent of argument `i`, so
    that what all of them need is computed once.
    """
    f.each = rule


def defpartials(f: Callable, *partials: Rule | None, also: Callable | None = None) -> None:
    """Register a function whose derivative is infinite or undefined somewhere.

    A partial is the derivative alone, `partial(y, *args)`, and the rule its product with `g`. An infinite
    gradient is announced by a `SteepGradientWarning`.
    """
    defvjp(f, *(p and steep(f.__name__, p) for p in partials), also=also)
    singular(f)


def steep(name: str, partial: Rule) -> Rule:
    """The rule `g * partial(y, *args)`, of the same options, which warns if that is infinite."""

    def rule(g, y, *args, **options):
        c = g * partial(y, *args, **options)
        warn_if_steep(name, c)
        return c

    first = inspect.Parameter("g", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    rule.__signature__ = inspect.Signature([first, *parameters_of(partial)])     # type: ignore[attr-defined]
    return rule


def warn_if_steep(name: str, c: Any) -> None:
    """Say that a cotangent is infinite, since the derivative of this function is."""
    if not abstract(c) and np.isinf(plain(c)).any():
        spot = user_spot()
        warnings.warn_explicit(
            f"the derivative of {name} is infinite here (so is the gradient); keep away from "
            "that point, or take the other branch there with np.where.",
            SteepGradientWarning, spot.code.co_filename, spot.line,
        )


def products(*functions: Callable) -> None:
    """Declare functions linear in each argument: no path leads through a constant factor of zero."""
    for primitive in map(registered, functions):
        primitive.cut = CutProduct(primitive)


def movers(*functions: Callable) -> None:
    """Declare functions that only move or sum elements, each of which keeps apart what led to it."""
    for primitive in map(registered, functions):
        primitive.mover = True


def pointwise(*functions: Callable) -> None:
    """Declare functions that work element by element, though they are no ufuncs."""
    for primitive in map(registered, functions):
        primitive.elementwise = True


def singular(*functions: Callable) -> None:
    """Declare functions whose derivative is infinite or undefined somewhere."""
    for primitive in map(registered, functions):
        primitive.steep = True


def registered(f: Callable) -> Primitive:
    """The primitive that the registry has for a function."""
    return f if isinstance(f, Primitive) else cast(Primitive, PRIMITIVES[f])


def flat(*functions: Callable) -> None:
    """Register functions whose derivative is zero wherever it exists, such as floor."""
    for f in functions:
        PRIMITIVES[f] = FlatPrimitive(f)


def alias(f: Callable, alike: str = "") -> Callable[[Callable], Callable]:
    """Decorator: for traced arguments, `f` is computed by the decorated function instead.

    NumPy is asked first (`asking.py`), unless a hot call gives no other parameters than those named in
    `alike`: then the decorated function calls what refuses as `f` does.
    """
    names = frozenset(alike.split())

    def register(replacement: Callable) -> Callable:
        @functools.wraps(replacement)
        def seen(*args: Any, **kwargs: Any) -> Any:
            if see := witness.get():
                see(args, kwargs)
            if len(args) <= len(names) and (not kwargs or kwargs.keys() <= names):
                return replacement(*args, **kwargs)
            return checked(f, replacement, args, kwargs)

        PRIMITIVES[f] = seen
        return replacement

    return register
