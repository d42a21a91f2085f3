"""Gradients of your own: `primitive` with `defvjp`, `custom_gradient`, `straight_through`.

A function marked here is one node on the tape. Its arguments and its result may be nested
structures of numbers and arrays; the rule sees them as the function did.

    >>> from collections import namedtuple
    >>> from tinydp import grad
    >>> State = namedtuple("State", "position speed")
    >>> drift = custom_gradient(lambda s, dt: State(s.position + dt * s.speed, s.speed),
    ...                         lambda g, y, s, dt: (State(g.position, g.speed), None))
    >>> grad(lambda s: drift(s, 0.1).position)(State(1.0, 2.0))
    State(position=1.0, speed=0.0)
"""

import functools
import inspect
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import tree
from .binding import check_arity, fits, takes
from .broadcasting import fitted
from .errors import ClosureError, DtypeError, NotDifferentiableError, RuleError, Spot, StructureError
from .origin import from_numpy
from .parts import RESIDUALS, Keeping, Residuals, dense, masks_of
from .primitives import Primitive, Rule, pick
from .selected import NOTHING, behind
from .tape import Tape, Var
from .values import Abstract, abstract, is_on, kept, own, plain, settle, shape, youngest, zeros_like
from .watch import tracer


@dataclass(eq=False)
class CallResiduals(Residuals):
    """How the leaves that a node holds make up the call."""

    call: Callable[[list], tuple]        # from leaves to the positional arguments
    result: Callable[[list], Any]        # from leaves to the result
    constants: dict[int, Any]            # those leaves of the result that have no derivative
    given: list                          # of those that have one: a Var, or a number of the same kind
    numpys: frozenset[int]               # which leaves of the arguments are traced numbers of NumPy's
    fingerprint: int | None = None       # of a checkpoint's inside
    spot: Spot | None = None             # ... and where it was called

    def fill(self, parts: tuple) -> Any:
        """The result, or a cotangent of it, around the parts that have a derivative."""
        rest = iter(parts)
        n = len(parts) + len(self.constants)
        return self.result([self.constants[k] if k in self.constants else next(rest) for k in range(n)])

    def mark(self) -> int:
        return self.fingerprint or 0


class Custom(Primitive, Keeping):
    """A user's function as one node, with structures as arguments and results.

    Its rules are one an argument (`defvjp`), or one for all, `vjp`. A `surrogate` does not claim
    to be the derivative: gradient checks leave it alone.
    """

    marks = True                         # in a program that is compiled: its rule is not that of its inside

    def __init__(self, fn: Callable, vjp: Rule | None = None, surrogate: bool = False):
        super().__init__(fn)
        self.vjp = vjp
        self.surrogate = surrogate
        self.fitting: tuple = ()                 # how it was called last, and its rules can be called, too
        if vjp:
            check_arity(self.name, fn, vjp)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args, options = self._by_position(args, kwargs)
        leaves, call = tree.flatten(args)
        tape = youngest(leaves)
        self._require_constant(options)
        if tape is None:
            compiling = tracer()
            if self.marks and compiling is not None and any(isinstance(x, Abstract) for x in leaves):
                self._require_fitting_rules(len(args), options)
                return compiling.marked(self, leaves, call, options)
            return self.fn(*args, **options)
        self._require_rules(args, tape)
        self._require_fitting_rules(len(args), options)
        given = tuple([kept(tape, x) for x in leaves])           # before the function may change it
        constants = tree.map(functools.partial(kept, tape), options)
        traced = [k for k, x in enumerate(leaves) if is_on(tape, x)]
        numpys = frozenset(k for k in traced if not shape(leaves[k]) and from_numpy(leaves[k]))
        seen = [_number(own(x.value), k in numpys) if is_on(tape, x) else x for k, x in enumerate(leaves)]
        y, fingerprint, spot = self.evaluated(tape, seen, traced, call, options)
        results, result = tree.flatten(y)
        for x in results:
            if type(x) is Var and x.tape.age >= tape.age:
                raise ClosureError(
                    f"{self.name} used a traced value that is not one of its arguments, and its "
                    "rule would lose that derivative.", "pass the value as an argument.")
        real = [k for k, x in enumerate(results) if _is_float(x)]
        real = real or [k for k, x in enumerate(results) if _is_real(x)]         # a step may give booleans
        if not real:
            raise DtypeError(f"{self.name} returned {tree.describe(y)}, with no number in it.",
                             "return a number, an array, or a structure of them.")
        saved = CallResiduals(call, result, {k: own(x) for k, x in enumerate(results) if k not in real},
                              [_of_its_kind(results[k]) for k in real], numpys, fingerprint, spot)
        values = tuple([own(settle(results[k], self.name)) for k in real])
        node = tape.record(self, values, given, {RESIDUALS: saved, **constants})
        for i, k in enumerate(real):
            results[k] = pick(node, i)
        return result(results)

    def evaluated(self, tape: Tape, leaves: list, traced: list[int], call: Callable, options: dict
                  ) -> tuple[Any, int | None, Spot | None]:
        """The result for these leaves of the arguments, some of which have been traced.

        The rest is for `checkpoint`: what is to be known of its inside when it is computed again.
        """
        return self(*call(leaves), **options), None, None

    def _by_position(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """Arguments given by name moved to their positions, as far as there is no gap."""
        names = self.parameters[len(args):]
        options = dict(kwargs)
        for name in names:
            if name not in options:
                break
            args += (options.pop(name),)
        return args, options

    def _require_constant(self, options: dict) -> None:
        for name, option in options.items():
            if any(type(x) is Var for _, x in tree.leaves(option)):
                raise NotDifferentiableError(
                    f"{self.name} is not differentiable in {name!r}, and a traced value came there.",
                    "make it a positional argument, or pass dp.stop_gradient(x).")

    def _require_rules(self, args: tuple, tape: Tape) -> None:
        if self.vjp:
            return
        for i, x in enumerate(args):
            ruled = i < len(self.rules) and self.rules[i]
            if not ruled and any(is_on(tape, leaf) for _, leaf in tree.leaves(x)):
                self.refuse(i)

    def _require_fitting_rules(self, n: int, options: dict) -> None:
        """Raise `RuleError` here, in the user's line, if a rule does not take what the function takes."""
        call = (self.rules, n, *options)
        if call == self.fitting:
            return
        for rule in (self.vjp,) if self.vjp else self.rules[:n]:
            if rule is not None and not fits(rule, n, options):
                names = [*self.parameters[:n], *(f"x{i}" for i in range(len(self.parameters), n)), *options]
                raise RuleError(
                    f"{self.name} was called with ({', '.join(names)}), and a rule of it takes "
                    f"{inspect.signature(rule)}.",
                    f"give the rule these parameters, with the defaults of {self.name}: "
                    f"(g, y, {', '.join(names)}).")
        self.fitting = call

    def sources(self, node: Any, i: int) -> list:
        return [node.kwargs[RESIDUALS].given[i], *node.args]

    # -- the pullback

    def pull(self, node: Any, g: Any) -> list[tuple[Var, Any]]:
        options = dict(node.kwargs)
        saved = options.pop(RESIDUALS)
        tape, leaves = node.tape, node.args
        traced = [k for k, x in enumerate(leaves) if is_on(tape, x)]
        args = saved.call([_number(own(x.value if is_on(tape, x) else x), k in saved.numpys)
                           for k, x in enumerate(leaves)])
        y = saved.fill(tuple(_number(own(part), isinstance(like, np.generic))
                             for part, like in zip(node.value, saved.given, strict=True)))

        def pull(parts: tuple) -> list:
            arrived = saved.fill(tuple(map(own, parts)))
            def ruled() -> list:
                return self.leaf_cotangents(traced, arrived, y, args, options, saved)

            compiling = tracer()
            cotangents = ruled() if compiling is None else compiling.on_all_ways(ruled)
            return [own(fitted(c, leaves[k].value, node.value, self.name, k))
                    for k, c in zip(traced, cotangents, strict=True)]

        masks, cs = masks_of(g), pull(dense(g))
        if masks and not any(map(abstract, cs)):
            cs = behind(pull, masks, cs)
        return [(leaves[k], c) for k, c in zip(traced, cs, strict=True) if c is not NOTHING]

    def leaf_cotangents(self, traced: list[int], g: Any, y: Any, args: tuple, options: dict,
                        saved: CallResiduals) -> list:
        """The cotangents of the traced among the leaves of the arguments."""
        if self.vjp:
            owners = [i for i, x in enumerate(args) for _ in tree.leaves(x)]
            cs = self._one_an_argument(self.vjp(g, y, *args, **options), args, owners[traced[-1]] + 1)
        else:
            cs = [self._ruled(i, rule, g, y, args, options) for i, rule in enumerate(self.rules[: len(args)])]
        cs += [None] * (len(args) - len(cs))
        found: list = []
        for i, (x, returned) in enumerate(zip(args, cs, strict=True)):
            try:
                c = tree.map(zeros_like, x) if returned is None else returned
                found += tree.in_places_of(x, c)
            except StructureError as error:
                raise RuleError(
                    f"the rule of {self.name} returned a cotangent for argument {i} that is not built "
                    f"like it: {error.what}", "return the same nesting, with a cotangent a leaf.") from None
        return [found[k] for k in traced]

    def _ruled(self, i: int, rule: Rule | None, g: Any, y: Any, args: tuple, options: dict) -> Any:
        c = rule and rule(g, y, *args, **options)
        if rule and c is None:
            raise RuleError(f"the rule of {self.name} for argument {i} returned None.",
                            "return a cotangent; register None instead of a rule that has none.")
        return c

    def _one_an_argument(self, returned: Any, args: tuple, needed: int) -> list:
        """What `vjp` returned, one bare cotangent or a tuple of them, as a list."""
        bare = type(returned) is not tuple or (len(args) == 1 and tree.alike(args[0], returned))
        cs = [returned] if bare else list(returned)
        if not needed <= len(cs) <= max(len(args), len(self.parameters)):
            raise RuleError(
                f"the vjp of {self.name} returned {len(cs)} cotangent{'s' * (len(cs) != 1)}, "
                f"where {self.name} was called with {len(args)} argument{'s' * (len(args) != 1)}.",
                "return one a positional argument, None where it has no derivative.")
        return cs[: len(args)]


def _number(x: Any, numpys: bool) -> Any:
    """A value as the function would see it in the plain program: the tape holds Python's numbers alone."""
    return np.float64(x) if numpys and type(x) is float else x


def _of_its_kind(x: Any) -> Any:
    """What tells whether a result is one of NumPy's numbers: itself if traced, else one like it."""
    return x if type(x) is Var else np.float64(0.0) if isinstance(x, (np.generic, np.ndarray)) else 0.0


def _is_float(x: Any) -> bool:
    if isinstance(x, np.ndarray):
        return x.dtype.kind == "f"
    return isinstance(x, (Var, Abstract, float, np.floating))


def _is_real(x: Any) -> bool:
    if isinstance(x, np.ndarray):
        return x.dtype.kind in "fiub"
    return isinstance(x, (Var, Abstract, numbers.Real))


# ---------------------------------------------------------------------------- for users

def primitive(f: Callable) -> Custom:
    """Make `f` one node on the tape; its rules come from `defvjp`. Also a decorator.

    Returns a function that is called like `f`, with the same results. Inside `f` anything goes (a compiled
    kernel, a loop, SciPy), since it is never traced. Arguments and result are numbers, arrays, or nested
    structures of them; other things are passed through as constants. Raises `NotDifferentiableError` when a
    traced value comes to an argument that has no rule.

        >>> import math
        >>> from tinydp import defvjp, grad
        >>> cube_root = primitive(math.cbrt)
        >>> defvjp(cube_root, lambda g, y, x: g / (3 * y * y))               # x = y³, so dx = 3 y² dy
        >>> print(f"{grad(cube_root)(8.0):.6f} {grad(grad(cube_root))(1.0):.6f}")      # 1/12, -2/9
        0.083333 -0.222222
    """
    return Custom(f)


def custom_gradient(f: Callable, vjp: Rule | None = None, surrogate: bool = False) -> Any:
    """Give `f` another gradient: `vjp(g, y, *args, **kwargs)` replaces differentiating it.

    `vjp` returns the cotangents of the positional arguments, one bare or several as a tuple, each built and
    shaped like its argument, None for an argument without derivative, by which the gradient is then zero.
    Works under every transformation; higher derivatives differentiate `vjp`. With `vjp` as its only
    positional argument it is a decorator. `surrogate=True` declares that `vjp` is not meant to be
    the derivative, so that gradient checks do not compare it with differences.

    Raises `RuleError` here if the parameters of `vjp` do not fit those of `f`, or there is no rule, or more
    than one; and in the backward pass if the number, structure or shapes of its cotangents do not fit.

        >>> from tinydp import grad
        >>> clipped = custom_gradient(lambda x: x, lambda g, y, x: np.clip(g, -1.0, 1.0))
        >>> grad(lambda x: 5 * clipped(x))(2.0)
        1.0
        >>> @custom_gradient(lambda g, y, x: 2 * g)
        ... def twice_as_steep(x):
        ...     return x
        >>> grad(twice_as_steep)(2.0)
        2.0
    """
    if callable(surrogate):
        raise RuleError("custom_gradient takes one rule for all arguments, and a second one came.",
                        "write one that returns a tuple, such as lambda g, y, a, b: (g * b, g * a); or "
                        "a rule an argument with dp.primitive and dp.defvjp.")
    if vjp is not None:
        return Custom(f, vjp, surrogate)
    if not takes(f, 3):                          # g, y, and an argument
        raise _no_rule(f)

    def decorator(*functions: Any, **options: Any) -> Custom:
        if len(functions) != 1 or options or not callable(functions[0]):
            raise _no_rule(f)
        return Custom(functions[0], f, surrogate)

    return decorator


def _no_rule(f: Callable) -> RuleError:
    return RuleError(f"custom_gradient came to {getattr(f, '__name__', 'a function')} without a rule.",
                     "write @dp.custom_gradient(rule), with rule(g, y, *args), above the function.")


def straight_through(f: Callable, window: str | Callable = "identity") -> Any:
    """`f` forwards, something smooth backwards: the usual surrogate for a step function.

    `f` must keep the shape of its argument. The cotangent is multiplied by `window(x)`:

    - "identity": 1 everywhere, right on the average where f(x) follows x, as a rounding does; never vanishes.
    - "clipped": 1 where |x| <= 1, else 0, so that saturated units stop drifting.
    - "tanh": 1 - tanh(x)^2, a smooth version of it.

    or any function of x. Source: Bengio, Leonard and Courville, "Estimating or propagating
    gradients through stochastic neurons" (2013); Courbariaux et al., "Binarized neural
    networks" (2016) for the clipped one. Raises `ValueError` for a window that it does not know.

        >>> from tinydp import grad
        >>> step = straight_through(np.floor)
        >>> step(2.7), grad(step)(2.7)
        (np.float64(2.0), 1.0)
        >>> grad(straight_through(np.sign, "clipped"))(np.float64(2.0))
        np.float64(0.0)
    """
    if not callable(window) and window not in WINDOWS:
        raise ValueError(f"no window {window!r}; there are {', '.join(WINDOWS)}, or pass a function of x")
    chosen = window if callable(window) else WINDOWS[window]
    rule = functools.partial(_through_window, chosen) if chosen else _pass_through
    return Custom(f, rule, surrogate=True)


def _clipped(x: Any) -> Any:
    return np.where(np.abs(x) <= 1.0, 1.0, 0.0)


def _tanh_slope(x: Any) -> Any:
    return 1.0 - np.tanh(x) ** 2


WINDOWS: dict[str, Callable | None] = {"identity": None, "clipped": _clipped, "tanh": _tanh_slope}


def _pass_through(g: Any, y: Any, x: Any) -> Any:
    return g


def _through_window(window: Callable, g: Any, y: Any, x: Any) -> Any:
    return g * window(x)


@straight_through
def sign(x: Any) -> Any:
    """1 where x >= 0, else -1, of a number or of each element; the derivative passes straight through as 1.

    Not `np.sign`, which is 0 at 0 and has the derivative 0.

        >>> from tinydp import grad
        >>> sign(0.0), sign(-0.3), grad(sign)(-0.3)
        (1.0, -1.0, 1.0)
    """
    if shape(x) or abstract(x):
        return np.where(x >= 0, 1.0, -1.0)
    return _number(1.0 if x >= 0 else -1.0, isinstance(x, np.generic))


def value(x: Any) -> Any:
    """The plain number or array in a traced value, for printing; plain values as they are.

    Of a structure, that structure. Arrays are copies. No derivative passes through it: what is computed of it
    is a constant, as with `stop_gradient`.

        >>> from tinydp import grad
        >>> def f(x):
        ...     print("x is", value(x))
        ...     return x * x
        >>> grad(f)(3.0)
        x is 3.0
        6.0
    """
    return tree.map(_plain_leaf, x)


def _plain_leaf(x: Any) -> Any:
    return own(plain(x)) if type(x) is Var else x


def stop_gradient(x: Any) -> Any:
    """The same `x`, a constant from here on, for every differentiation under way. Takes structures, too.

        >>> from tinydp import grad
        >>> grad(lambda x: x * stop_gradient(x))(3.0)
        3.0
    """
    compiling = tracer()
    if compiling is None:
        return value(x)
    return tree.map(lambda leaf: compiling.stopped(plain(leaf)) if abstract(leaf) else _plain_leaf(leaf), x)
