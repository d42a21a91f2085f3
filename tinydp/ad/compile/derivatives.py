"""Derivatives of a compiled function are compiled functions, too: of the same function's derivative."""

import itertools
from collections.abc import Callable
from typing import Any

from .. import tree
from ..errors import BranchError, NotCompiledError
from ..tape import Tape
from ..transforms import vjp
from ..values import is_discrete, is_integer, is_on, shape
from ..watch import comparing, is_watched, tracer
from .nodes import CompiledResiduals


class Derivatives:
    """What `Compiled` can do because it knows the function that it was made of."""

    f: Callable
    static: tuple
    roots: tuple
    derivative: bool
    parallel: bool | int
    filled: Callable
    applied: Callable
    fixed_parts: Callable
    _refused: set[tuple]
    made: Any

    def derived(self, key: Any, make: Callable[[], Callable], call: Any = None) -> Any:
        """A derivative of `f`, or a map, as a compiled function; `make` returns the plain one."""
        found = self.made.derived.get(key)
        if found is None:
            roots = self.roots if call is None else (*self.roots, *self.fixed_parts(call))
            found = self.made.derived[key] = type(self)(  # type: ignore[call-arg]
                make(), self.static if call is None else (), roots,
                derivative=self.derivative or not _is_map(key), parallel=self.parallel)
        return found

    def transformed(self, key: tuple, make: Callable, args: tuple, kwargs: dict) -> Any:
        """What a transformation of `f` returns, compiled as a whole; None if that cannot be done here."""
        if comparing.get() or is_watched() or tracer() is not None or key in self._refused:
            return None
        if self.static and key[-1] in ("jvp", "hvp"):            # whose arguments are not those of `f`
            return None
        try:
            return (self.derived(key, lambda: make(self.f))(*args, **kwargs),)
        except (NotCompiledError, BranchError) as error:     # a function of the rules, perhaps
            if isinstance(error, BranchError) and key[0] != "vmap":
                raise
            self._refused.add(key)               # row by row, a branch is one as in any call
            return None

    def pulled_back(self, call: Any, values: list, active: tuple, g: tuple) -> list:
        """The cotangents of the active leaves, where leaves or cotangents are on tapes around."""
        call = self._outlined(call)

        def pullback(values: list, g: list) -> list:
            return list(vjp(self._of_active(call, values, active), *(values[k] for k in active))[1](tuple(g)))

        return self.derived(("pullback", call.form, active), lambda: pullback, call)(list(values), list(g))

    def _of_active(self, call: Any, values: list, active: tuple, kept: list | None = None) -> Callable:
        """The function from the active leaves to the real results; all of the result is put into `kept`."""
        def real_results(*xs: Any) -> tuple:
            leaves = list(values)
            for k, x in zip(active, xs, strict=True):
                leaves[k] = x
            y = self.applied(call, leaves)
            if kept is not None:
                kept.append(y)
            return tuple([x for x in tree.flatten(y)[0] if not is_discrete(x)])

        return real_results

    def _recorded_inside(self, tape: Tape, call: Any, values: list) -> Any:
        """The results as one node of the innermost of several tapes; those around see how they come."""
        active, leaves = tuple([k for k, x in enumerate(call.leaves) if is_on(tape, x)]), tuple(call.leaves)
        call = self._outlined(call)

        def with_gradient(values: list) -> tuple:
            kept: list = []
            reals, pullback = vjp(self._of_active(call, values, active, kept), *(values[k] for k in active))
            rest = iter(reals)
            y = tree.map(lambda x: x if is_discrete(x) else next(rest), kept[0])
            scalar = len(reals) == 1 and shape(reals[0]) == ()
            return y, list(pullback((1.0,))) if scalar else None

        around = self.derived(("value and gradient", call.form, active), lambda: with_gradient, call)
        y, gradients = around(list(values))
        results, unflatten = tree.flatten(y)
        real = [k for k, x in enumerate(results) if not is_discrete(x)]
        if not real:
            return y
        saved = CompiledResiduals(
            self, call, list(values), active, tuple(real), None, (), gradients, self.made)
        return unflatten(saved.on_tape(tape, leaves, results))

    def _outlined(self, call: Any) -> Any:
        """A call without its numbers and arrays, to be kept."""
        args, kwargs = self.filled(call, itertools.repeat(0.0))
        return call._replace(args=tuple(args), kwargs=kwargs, leaves=[])


def _is_map(key: Any) -> bool:
    """Whether it is the key of a function that is mapped, and not differentiated."""
    return key[0] == "vmap" and len(key) == 3


def gradient_places(call: Any, positions: tuple) -> tuple[tuple, list]:
    """Which leaves the gradients at `positions` are by, and where these are among the results.

    None where the tape has to look: it knows what to say of the positions, and makes integers real numbers.
    """
    n = len(call.args)
    if len(set(positions)) < len(positions) or not all(0 <= k < n for k in positions):
        return (), []
    spans = [range(call.ends[k - 1] if k else 0, call.ends[k]) for k in positions]
    active = tuple(sorted(k for span in spans for k in span))
    if any(is_integer(call.leaves[k]) for k in active):
        return (), []
    return active, [1 + active.index(k) for span in spans for k in span]
