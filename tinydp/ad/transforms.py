"""From a function to its derivatives: all of them by sweeping a tape backwards.

    >>> grad(lambda x: 3*x**2 + 2*x + 1)(5.0)
    32.0
    >>> grad(grad(lambda x: x**3))(2.0)
    12.0
"""

import functools
import math
import numbers
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from . import fast, tree
from .advice.calling import in_tuples
from .advice.foreign import within
from .advice.naming import Advice
from .advice.returns import returned_by
from .again import IN_A_FUNCTION, fingerprint, require_same
from .custom import CallResiduals, Custom
from .drafts import settled
from .errors import (
    DtypeError,
    NoInputError,
    NonScalarOutputError,
    StructureError,
    TinydpError,
    UsageError,
    refused_by,
    user_place,
    user_spot,
    wrapped_in,
)
from .origin import from_numpy
from .parts import dense
from .primitives import sweeping
from .selected import NOTHING, seed
from .tape import Tape, Var
from .tracebacks import shorten
from .twins import twin
from .usage import as_argnums, given_too_early, instead_of_result, nothing_given, only_named, require_function
from .values import (
    FLAGS,
    FLOAT64,
    Abstract,
    abstract,
    is_condition,
    is_foreign,
    is_on,
    own,
    plain,
    shape,
    zeros_like,
)
from .watch import close_tape, older_than, open_tape, tracer


def grad(f: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """The function that returns the gradient of `f`, at the same arguments.

    `f` returns one number. `argnums` says which positional arguments to differentiate by: one,
    or several as a tuple, which gives a tuple of gradients. Each is a number, an array, or
    any nesting of lists, tuples, named tuples, dicts and dataclasses of them; its gradient has the same
    structure, shapes and types (integers are taken as exact floats). A text, an enum, a function or a
    condition in the structure is no number, and is the same in the gradient. All other arguments,
    keyword arguments included, are passed on as they are. With `has_aux`, `f` returns a pair
    (number, anything) and `grad(f)` a pair (gradient, anything).

    Raises `NonScalarOutputError`, `NoInputError` or `DtypeError`, naming your line.

        >>> weights = {"w": np.array([1.0, 2.0]), "b": 3.0}
        >>> grad(lambda p, x: p["w"] @ x + p["b"]**2)(weights, np.array([4.0, 5.0]))
        {'w': array([4., 5.]), 'b': 6.0}
    """
    return Gradient(f, argnums, has_aux)


def value_and_grad(f: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """As `grad`, but returns the pair (value of `f`, gradient), for the cost of the gradient alone.

    With `has_aux`: ((value, anything), gradient). Raises as `grad` does.

        >>> value_and_grad(lambda x, y: x * y, argnums=(0, 1))(3.0, 4.0)
        (12.0, (4.0, 3.0))
    """
    return ValueAndGradient(f, argnums, has_aux)


def vjp(f: Callable, *primals: Any) -> tuple[Any, "Pullback"]:
    """The value of `f(*primals)` and its pullback.

    `f` may return a structure. The pullback takes a cotangent of the same structure and
    shapes, and returns a tuple with one cotangent a primal; it may be called many times.
    Raises `UsageError` without primals, `StructureError` if the cotangent does not fit.

        >>> y, pullback = vjp(lambda x, w: w @ x, np.array([1.0, 2.0]), np.eye(2))
        >>> y
        array([1., 2.])
        >>> pullback(np.array([1.0, 0.0]))
        (array([1., 0.]), array([[1., 2.],
               [0., 0.]]))
    """
    require_function("vjp", f)
    if not primals:
        raise nothing_given("dp.vjp(f, x)")
    tape = open_tape()
    try:
        inputs = Inputs(tape, primals, range(len(primals)))
        y = _call(f, inputs.args, {})
        close_tape(tape)
    except BaseException as error:
        _discard(tape)
        if isinstance(error, TinydpError):
            shorten(error)
        raise
    return _stripped(y, tape), Pullback(tape, inputs, tree.copied(y))


def jvp(f: Callable, primals: tuple | list, tangents: tuple | list) -> tuple[Any, Any]:
    """The value of `f(*primals)` and its change along `tangents`, J t.

    `tangents` is built and shaped like `primals`; the change like the value. The pullback is
    linear in its cotangent, u -> J'u, so its own pullback is t -> J t: no second table of rules.
    Raises `UsageError` unless both are tuples or lists, `StructureError` if the tangents do not fit,
    `DtypeError` if `f` returns a condition.

        >>> jvp(lambda x, y: x * np.sin(y), (2.0, 0.0), (1.0, 10.0))
        (0.0, 20.0)
    """
    both: Any = primals, tangents
    if not all(isinstance(x, (tuple, list)) for x in both):
        place = user_place()
        raise UsageError("jvp takes a tuple of primals and one of tangents, as many as f has arguments.",
                         Advice("write {}.", in_tuples(place.expression) or "dp.jvp(f, (x,), (t,))"), place)
    compiled = _transformed(f, ("jvp",), lambda f: functools.partial(jvp, f), (primals, tangents))
    if compiled is not None:
        return compiled[0]
    y, pullback = vjp(f, *primals)
    _require_no_conditions(y, f)
    # at any cotangent, since the pullback is linear; but at zero it stops early
    _, pushforward = vjp(pullback, tree.map(lambda leaf: zeros_like(leaf) + 1.0, y))
    (change,) = pushforward(tuple(tangents))
    return y, change


def jacobian(f: Callable, argnums: int | tuple[int, ...] = 0) -> Callable:
    """The function that returns all first derivatives of a function of numbers or arrays.

    For an argument of shape `s` and a result of shape `r` it is an array of shape `r + s`
    (a float if both are numbers). A structure as result gives that structure of Jacobians,
    and within it a structure as argument that of its own. One sweep for each number in the
    result; in a compiled function, for each in the arguments if these are fewer. Arguments as for `grad`.

    Raises `NoInputError` or `DtypeError`, as `grad` does.

        >>> jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
        array([[2., 0.],
               [0., 4.]])
    """

    require_function("jacobian", f)
    argnums = as_argnums(f, argnums)

    def by_chosen(args: Any, kwargs: dict) -> tuple[Callable, tuple]:
        """`f` as a function of the arguments to differentiate by, and these."""
        positions = argnums if isinstance(argnums, tuple) else (argnums,)
        at = [_position(k, len(args)) for k in positions]

        def of_chosen(*chosen: Any) -> Any:
            full = list(args)
            for k, x in zip(at, chosen, strict=True):
                full[k] = x
            return f(*full, **kwargs)

        return of_chosen, tuple([args[k] for k in at])

    @functools.wraps(f, updated=())
    def jacobian_of_f(*args: Any, **kwargs: Any) -> Any:
        compiled = _transformed(f, ("jacobian", argnums), lambda f: jacobian(f, argnums), args, kwargs)
        if compiled is not None:
            return compiled[0]
        of_chosen, chosen = by_chosen(args, kwargs)
        y, pullback = vjp(of_chosen, *chosen)
        _require_no_conditions(y, f)
        results, unflatten = tree.flatten(y)
        if tracer() is not None and any(map(abstract, results)):
            blocks = _traced_blocks(y, pullback, chosen)
            return unflatten([block if isinstance(argnums, tuple) else block[0] for block in blocks])

        def rows(i: int) -> Any:
            """The Jacobian of the i-th number or array in the result, for each argument."""
            if type(results[i]) in FLAGS:
                return [results[i]] * len(chosen)
            its_shape = shape(results[i])
            size = math.prod(its_shape)
            basis = np.reshape(np.eye(size), (size, *its_shape))
            seeds = [[e if k == i else zeros_like(r) for k, r in enumerate(results)] for e in basis]
            swept = [pullback(unflatten(seed)) for seed in seeds]
            if its_shape == ():
                return swept[0]
            if size == 0:
                return tree.map(lambda x: np.zeros(its_shape + np.shape(x)), chosen)
            return tree.map(lambda *cs: cs[0] if type(cs[0]) in FLAGS else
                            np.reshape(np.stack(cs), its_shape + shape(cs[0])), *swept)

        blocks = [rows(i) for i in range(len(results))]
        return unflatten([block if isinstance(argnums, tuple) else block[0] for block in blocks])

    vars(jacobian_of_f)["as_jacobian"] = jacobian_of_f, by_chosen, argnums       # for a check: see sketch.py
    return jacobian_of_f


def _traced_blocks(y: Any, pullback: "Pullback", chosen: tuple) -> list:
    """The Jacobians of each result, by each argument, while a program is written down.

    A loop over the rows, which share what the pullback knows, or over the columns if there are fewer.
    """
    results, unflatten = tree.flatten(y)
    leaves, like = tree.flatten(chosen)
    if not any(math.prod(shape(x)) for x in leaves):
        return [_blocks(r, leaves, like, [np.zeros(shape(r) + shape(x)) for x in leaves]) for r in results]
    if sum(math.prod(shape(x)) for x in leaves) < sum(math.prod(shape(r)) for r in results):
        pushforward = vjp(pullback, tree.map(lambda leaf: zeros_like(leaf) + 1.0, y))[1]
        columns = [_along(leaves, j, lambda t: tree.flatten(pushforward(like(t))[0])[0])
                   for j in range(len(leaves))]
        return [_blocks(r, leaves, like, [
            np.moveaxis(columns[j][i], 0, -1).reshape(shape(r) + shape(x)) if shape(x) else columns[j][i][0]
            for j, x in enumerate(leaves)]) for i, r in enumerate(results)]
    blocks = []
    for i, r in enumerate(results):
        rows = _along(results, i, lambda g: tree.flatten(pullback(unflatten(g)))[0])
        blocks.append(_blocks(r, leaves, like, [
            np.reshape(row, shape(r) + shape(x)) if shape(r) else row[0]
            for row, x in zip(rows, leaves, strict=True)]))
    return blocks


def _blocks(r: Any, leaves: list, like: Callable, found: list) -> Any:
    """The Jacobians of one result in the structure of the arguments; what is true or false stays."""
    return like([r if type(r) in FLAGS else x if type(x) in FLAGS else block
                 for x, block in zip(leaves, found, strict=True)])


def _along(leaves: list, k: int, linear: Callable) -> list:
    """What a linear function gives for each unit vector in the place of the k-th of its arguments."""
    from .loops import scan  # noqa: PLC0415  (it builds on this file)

    size = math.prod(shape(leaves[k]))

    def step(carry: None, e: Any) -> tuple:
        unit = np.reshape(e, shape(leaves[k])) if shape(leaves[k]) else e[0]
        return None, linear([unit if j == k else zeros_like(x) for j, x in enumerate(leaves)])

    return scan(step, None, np.eye(size))[1]


def _transformed(f: Callable, key: tuple, make: Callable, args: tuple, kwargs: dict | None = None) -> Any:
    """A derivative of a compiled function, which is compiled as a whole: (its result,); or None."""
    transformed = getattr(f, "transformed", None)
    return transformed and transformed(key, make, args, kwargs or {})


def hessian(f: Callable, argnums: int = 0) -> Callable:
    """The function that returns all second derivatives of a function with one number as result.

    For an argument of shape `s` it is an array of shape `s + s`; for a structure, that
    structure of gradients' Jacobians. Raises as `grad` does.

        >>> hessian(lambda x: x[0]**2 * x[1])(np.array([1.0, 2.0]))
        array([[4., 2.],
               [2., 0.]])
    """
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Callable, x: Any = None, v: Any = None) -> Any:
    """The product of the Hessian of `f` at `x` with `v`, for the cost of a few gradients: `f` is called once.

    `f` returns one number; `v` and the result are built and shaped like `x`. The Hessian is symmetric, so its
    product is the pullback of the gradient. Raises as `grad` does, `UsageError` without `x` and `v`, and
    `StructureError` if `v` does not fit.

        >>> hvp(lambda x: np.sum(x**3), np.array([1.0, 2.0]), np.array([1.0, 10.0]))
        array([  6., 120.])
    """
    require_function("hvp", f)
    if v is None:
        raise nothing_given("dp.hvp(f, x, v)")
    compiled = _transformed(f, ("hvp",), lambda f: functools.partial(hvp, f), (x, v))
    if compiled is not None:
        return compiled[0]
    _, pullback = vjp(grad(f), x)
    return pullback(v)[0]


def checkpoint(f: Callable) -> Callable:
    """`f`, recorded as one node: what happens inside is computed again in the backward pass.

    Saves the memory of the inside and costs one more evaluation of it. `f` must be a pure
    function of its positional arguments (structures of numbers and arrays); a traced value
    from its surroundings raises `ClosureError`, and anything else there that has changed until
    it is computed again, such as a random generator, `MutationError`.

        >>> def slow_decay(x):
        ...     for _ in range(1000):
        ...         x = 0.999 * x
        ...     return x
        >>> grad(lambda x: checkpoint(slow_decay)(x) ** 2)(1.0) == grad(lambda x: slow_decay(x) ** 2)(1.0)
        True
    """
    require_function("checkpoint", f)
    return Checkpoint(f)


class Checkpoint(Custom):
    """What `checkpoint` returns: a primitive whose rule is to differentiate it now."""

    marks = False

    def __init__(self, f: Callable):
        super().__init__(f)
        self.vjp = vjp                           # any argument may be traced

    def _require_fitting_rules(self, n: int, options: dict) -> None:
        """Its rule is no function of the user's."""

    def evaluated(self, tape: Tape, leaves: list, traced: list[int], call: Callable, options: dict) -> tuple:
        spot = user_spot()
        if any(map(abstract, leaves)):
            return self(*call(leaves), **options), None, spot
        around = any(type(x) is Var for x in leaves)             # a differentiation, which has its own node
        with older_than(tape):           # as in the backward pass: a root is made for so many derivatives
            y, found = self._run(list(map(_own_number, leaves)) if around else leaves, traced, call, options)
        return self(*call(leaves), **options) if around else y, found, spot

    def _run(self, leaves: list, traced: list[int], call: Callable, options: dict) -> tuple[Any, int]:
        """The plain result, and the fingerprint of what is recorded if some of the leaves are traced."""
        given, inside = list(leaves), open_tape(Tape)
        try:
            inputs = [lifted(inside, given[k]) for k in traced]
            for k, x in zip(traced, inputs, strict=True):
                given[k] = x
            y = tree.map(lambda x: _as_it_was(x, inside), _call(self.fn, list(call(given)), options))
            return _stripped(y, inside), fingerprint(inputs, inside)
        finally:
            _discard(inside)

    def leaf_cotangents(self, traced: list[int], g: Any, y: Any, args: tuple, options: dict,
                        saved: CallResiduals) -> list:
        leaves, unflatten = tree.flatten(args)
        nested = any(type(x) is Var for x in leaves) and list(map(_own_number, leaves))

        def of_traced(*xs: Any) -> Any:
            full = list(leaves)
            for k, x in zip(traced, xs, strict=True):
                full[k] = x
            return twin(self.fn)(*unflatten(full), **options)

        again, pullback = vjp(of_traced, *(leaves[k] for k in traced))
        now = tree.flatten(tree.map(lambda _, x: x, y, again))[0] if tree.alike(y, again) else []
        found = saved.fingerprint and (
            self._run(nested, traced, unflatten, options)[1] if nested else pullback.fingerprint())
        require_same(self.name, [*tree.flatten(y)[0], saved.fingerprint], [*now, found], saved.spot,
                     IN_A_FUNCTION)
        return list(pullback(g))


def _as_it_was(x: Any, tape: Tape) -> Any:
    """A result; a number of NumPy's as such, since that is not told by its value."""
    return np.float64(x.value) if is_on(tape, x) and type(x.value) is float and from_numpy(x) else x


def _own_number(x: Any) -> Any:
    """A leaf without the differentiations around."""
    value = own(plain(x))
    return np.float64(value) if type(x) is Var and type(value) is float and from_numpy(x) else value


# ---------------------------------------------------------------------------- the functions

class ValueAndGradient:
    """What `value_and_grad` returns: an object, so that it can be pickled."""

    def __init__(self, f: Callable, argnums: int | tuple[int, ...], has_aux: bool):
        require_function("grad", f)
        functools.update_wrapper(self, f, updated=())
        self.f, self.has_aux = f, has_aux
        self.argnums = as_argnums(f, argnums)
        if not isinstance(has_aux, (bool, np.bool_)):
            raise given_too_early("has_aux", has_aux)
        self._several = isinstance(self.argnums, tuple)
        self._positions = self.argnums if self._several else (self.argnums,)
        self._is_pair = type(self) is ValueAndGradient and self._several     # as a compiled function has it
        self._compiled: Any = None if has_aux or not hasattr(f, "value_and_gradient") else f

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.f!r}, argnums={self.argnums})"

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        if (compiled := self._compiled) is not None:             # see quick.py
            for quick in compiled.made.quick.get(self._positions, ()):
                if (found := quick(args, kwargs)) is not None:
                    compiled._misses = 0
                    return found if self._is_pair else self._of_compiled(found)
        several = self._several
        if not args and kwargs:
            raise only_named(kwargs)
        if compiled is not None and (found := compiled.value_and_gradient(args, kwargs, self._positions)):
            return self._of_compiled(found)
        tape = open_tape()
        try:
            inputs = Inputs(tape, args, self._positions)
            y, aux = _call(self.f, inputs.args, kwargs), None
            if self.has_aux:
                y, aux = self._pair(y)
            value = _one_number(y, self.f)
            if is_on(tape, value):
                value = value.value
            if self.has_aux:
                aux = _stripped(aux, tape)
            seeds = [(y, 1.0)] if is_on(tape, y) else []
            close_tape(tape)                           # a rule has its arguments, and nothing else
            del y                                # it would hold on to all that came before it
            _sweep(tape, seeds)
            gradients = inputs.gradients()
        except TinydpError as error:
            shorten(error)
            raise
        finally:
            _discard(tape)
        return self._result(value, aux, gradients if several else gradients[0])

    def transformed(self, key: tuple, make: Callable, args: tuple, kwargs: dict) -> Any:
        """What is made of the derivative of a compiled function, compiled whole: (its result,) or None."""
        kind = type(self)
        own = ("grad" if kind is Gradient else "value_and_grad", self.argnums, self.has_aux, *key)
        return _transformed(self.f, own, lambda f: make(kind(f, self.argnums, self.has_aux)), args, kwargs)

    def _of_compiled(self, found: tuple) -> Any:
        """What is returned for the value and the gradients that a compiled function has ready."""
        return self._result(found[0], None, found[1] if self._several else found[1][0])

    def _pair(self, y: Any) -> tuple:
        if not (isinstance(y, tuple) and len(y) == 2):
            raise NonScalarOutputError(
                f"has_aux=True, but {_name(self.f)} returned {tree.describe(y)}.",
                "return a pair: the number to differentiate, and anything else.")
        return y

    def _result(self, value: Any, aux: Any, gradient: Any) -> Any:
        return ((value, aux) if self.has_aux else value), gradient


class Gradient(ValueAndGradient):
    """What `grad` returns."""

    def _result(self, value: Any, aux: Any, gradient: Any) -> Any:
        return (gradient, aux) if self.has_aux else gradient


class Pullback:
    """What `vjp` returns beside the value: pulls a cotangent of the result back."""

    def __init__(self, tape: Tape, inputs: "Inputs", y: Any):
        self._tape, self._inputs, self._y = tape, inputs, y
        self._lock = threading.Lock()            # a sweep uses the nodes' g

    def __call__(self, cotangent: Any) -> tuple:
        seeds: list[tuple[Var, Any]] = []
        tree.map(lambda y, g: seeds.append((y, seed(_cotangent(y, g)))), self._y, cotangent)
        return self.swept(seeds)

    def of(self, cotangents: list) -> tuple:
        """The same for those of all numbers and arrays in the result, as they are: a zero has arrived."""
        return self.swept([*zip(tree.flatten(self._y)[0], cotangents, strict=True)])

    def swept(self, seeds: list[tuple[Any, Any]]) -> tuple:
        """The cotangents of the primals for these pairs of a result and its cotangent."""
        with self._lock:
            try:
                _sweep(self._tape, [(y, g) for y, g in seeds if is_on(self._tape, y) and g is not NOTHING],
                       keep=True)
                return self._inputs.gradients()
            finally:
                for node in (*self._tape, *self._inputs.variables):
                    node.g = None

    def fingerprint(self) -> int:
        """What tells apart what was recorded: see `again.py`."""
        return fingerprint(self._inputs.variables, self._tape)

    def __del__(self) -> None:
        self._tape.clear()                       # a tape and its nodes refer to each other


def lifted(tape: Tape, leaf: Any) -> Var:
    """A number or an array as a variable of this tape, which knows whose number it is."""
    value, compiling = _as_float(leaf), tracer()
    x = tape.input(value if compiling is None else compiling.variable(value))
    x.b = leaf.dtype if isinstance(leaf, (np.generic, np.ndarray)) else None
    return x


class Inputs:
    """The arguments of one call, those at `positions` replaced by variables on the tape."""

    def __init__(self, tape: Tape, args: tuple, positions: Any):
        self.leaves: list = []
        self.variables: list[Var] = []
        self.args = list(args)
        self.positions = [_position(k, len(args)) for k in positions]
        if len(set(self.positions)) < len(self.positions):
            raise NoInputError(f"argnums={tuple(positions)} names an argument twice.",
                               "name each argument once.")

        compiling = tracer() is not None

        def lift(leaf: Any) -> Any:
            if type(leaf) is np.ndarray and leaf.dtype is FLOAT64 and leaf.ndim and not compiling:
                x = tape.input(leaf.copy("K"))   # as `lifted` does, without its calls
                x.b = FLOAT64
            elif type(leaf) in FLAGS:
                return leaf
            else:
                x = lifted(tape, leaf)
            self.leaves.append(leaf)
            self.variables.append(x)
            return x

        for k in self.positions:
            x = args[k]
            if type(x) in FLAGS or (tree.has_no_number(x) and x is not None):
                raise _not_real(f"a {type(x).__name__} ({x!r:.60})")
            self.args[k] = tree.map(lift, x)
        self.originals = [tree.copied(args[k]) for k in self.positions]
        if not self.variables:
            raise NoInputError("there is no number to differentiate by in the arguments.",
                               "pass numbers, arrays, or nested lists, tuples and dicts of them.")

    def gradients(self) -> tuple:
        """For each position the gradient gathered by the sweep, of its argument's structure."""
        found = iter([_of_type(leaf, x) for leaf, x in zip(self.leaves, self.variables, strict=True)])
        return tuple(tree.map(lambda x: x if type(x) in FLAGS else next(found), x) for x in self.originals)


# ---------------------------------------------------------------------------- values

def _call(f: Callable, args: list, kwargs: dict) -> Any:
    token = sweeping.set(False)                  # it may be a rule that differentiates
    try:
        return settled(twin(f)(*args, **kwargs))
    except TinydpError:
        raise
    except (ValueError, TypeError, SystemError) as error:
        ours = wrapped_in(error) or (refused_by(error) if isinstance(error, TypeError) else None)
        if ours:
            raise ours.with_traceback(error.__traceback__) from None
        raise
    finally:
        sweeping.reset(token)


@np.errstate(all="ignore")                       # a rule is no place that the user knows
def _sweep(tape: Tape, seeds: list, keep: bool = False) -> None:
    token = sweeping.set(True)
    try:
        fast.sweep(tape, seeds, keep)
    finally:
        sweeping.reset(token)


def _position(k: int, n: int) -> int:
    if not -n <= k < n:
        raise NoInputError(
            f"argnums={k} was asked for, but the call has {n} positional argument{'s' * (n != 1)}.",
            f"positions begin with 0: argnums={n - 1} is the last one." if n else
            "pass what you differentiate by as a positional argument.")
    return k % n


def _as_float(leaf: Any) -> Any:
    """A leaf as the tape keeps it: a float, or an array of its own of float64."""
    kind = type(leaf)
    if kind is np.ndarray and leaf.dtype is FLOAT64 and leaf.ndim:
        return leaf.copy("K")                    # the caller may change the original
    if kind is float or kind is Var or isinstance(leaf, Abstract):
        return leaf
    if kind is np.ndarray and leaf.dtype.kind in "fiu":
        exact = leaf.astype(np.float64)
        if leaf.dtype.itemsize >= 8 and leaf.dtype != np.float64:
            _require_exact(exact, leaf)
        return exact if leaf.ndim else exact.item()
    if isinstance(leaf, np.ndarray):
        raise _not_real(f"an array of dtype {leaf.dtype}" if kind is np.ndarray else f"a {kind.__name__}")
    if isinstance(leaf, numbers.Real) and kind not in (bool, np.bool_):
        number = float(leaf)
        _require_exact(number, leaf)
        return number
    if is_foreign(leaf):
        raise DtypeError(f"cannot differentiate by a {kind.__name__} of {kind.__module__.partition('.')[0]}.",
                         Advice("pass it as an array: {}.", "np.asarray(x, float)"))
    raise _not_real(f"a {kind.__name__} ({leaf!r:.60})")


def _require_exact(exact: Any, original: Any) -> None:
    back = np.asarray(exact).astype(np.asarray(original).dtype)      # Python's big integers: object
    if not np.all((back == original) | np.isnan(exact)):
        raise _not_real(f"{original!r:.60}, which float64 cannot hold exactly")


def _not_real(what: str) -> DtypeError:
    return DtypeError(
        f"cannot differentiate by {what}.",
        "pass real numbers or arrays of them here, and all else by another argument (argnums "
        "chooses the ones to differentiate by) or in a closure.")


def _of_type(leaf: Any, x: Var) -> Any:
    """The cotangent gathered in `x`, as a value of its own of the type of `leaf`."""
    g = x.g
    if type(g) is np.ndarray and type(leaf) is np.ndarray and leaf.dtype is FLOAT64:
        return g.copy("K")                       # it may be a constant of the tape, or of the user
    g = zeros_like(x) if g is None else dense(g)
    if abstract(g) or abstract(leaf):
        return g
    if type(leaf) is Var and not shape(leaf) and from_numpy(leaf) and not from_numpy(g):
        return np.positive(g)                    # NumPy's, too
    if type(g) is Var or type(leaf) is Var:
        return g
    if isinstance(leaf, np.ndarray):
        return np.array(g, dtype=leaf.dtype if leaf.dtype.kind == "f" else np.float64)
    if isinstance(leaf, np.generic):
        return leaf.dtype.type(g) if leaf.dtype.kind == "f" else np.float64(g)
    return float(g)


def _one_number(y: Any, f: Callable) -> Any:
    if is_condition(y):
        raise _condition(f)
    if isinstance(y, (Var, Abstract, numbers.Real)) or (type(y) is np.ndarray and y.dtype.kind in "fiu"):
        if shape(y) == ():
            return y
        _, code = returned_by(f)
        raise NonScalarOutputError(
            f"{_name(f)} returned an array of shape {shape(y)}; a gradient is of one number.",
            Advice("return a number, such as {} or {}; for all of them, use {}.", f"np.sum({code or 'y'})",
                   f"{within(code) or 'y'}[0]", "dp.vjp"))
    if isinstance(y, (complex, np.ndarray)):
        raise DtypeError(f"{_name(f)} returned {y!r}, which is not a real number.")
    raise NonScalarOutputError(f"{_name(f)} returned {tree.describe(y)}, not a number.",
                               instead_of_result(f, y))


def _condition(f: Callable) -> DtypeError:
    line, code = returned_by(f)
    left = code.partition(" > ")[0].partition(" < ")[0]
    return DtypeError(f"{_name(f)} returned a condition, true or false, which has no derivative.",
                      (f"return the number that you compared ({left}, in line {line}), or " if left else
                       "return the number that you compared, or ") +
                      "np.where(condition, a, b) with numbers.")


def _require_no_conditions(y: Any, f: Callable) -> None:
    if not isinstance(f, Gradient) and any(is_condition(leaf) for leaf in tree.flatten(y)[0]):
        raise _condition(f)                      # in a gradient they are those of the arguments


def _name(f: Callable) -> str:
    return getattr(f, "__name__", type(f).__name__)


def _cotangent(y: Any, g: Any) -> Any:
    if type(g) is not Var and not abstract(g):
        g = np.array(g, dtype=np.float64) if np.ndim(g) else float(g)
    if shape(g) != shape(y):
        raise StructureError(f"the cotangent has shape {shape(g)}, the result has {shape(y)}.",
                             "a cotangent has the shape of the result that it belongs to.")
    return g


def _stripped(y: Any, tape: Tape) -> Any:
    """A structure with this tape's variables replaced by their values."""

    def plain(leaf: Any) -> Any:
        if not is_on(tape, leaf):
            return leaf
        return leaf.value.copy() if type(leaf.value) is np.ndarray else leaf.value

    return tree.map(plain, y)


def _discard(tape: Tape) -> None:
    close_tape(tape)
    tape.clear()
    tape.constants.clear()
