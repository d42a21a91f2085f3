"""A function of one example as a function of many: `vmap`.

The rows are gone through by a `scan` that carries nothing; so it is one node on a tape, and whatever
differentiates a loop differentiates it. In a compiled program, rows are computed side by side where that can
be done, see `compile/batch.py`.

    >>> def force(stiffness, x):                          # of one spring
    ...     return -stiffness * x
    >>> vmap(force)(np.array([1.0, 2.0]), np.array([0.5, 0.5]))
    array([-0.5, -1. ])
    >>> vmap(force, in_axes=(None, 0))(3.0, np.array([0.5, 0.1]))
    array([-1.5, -0.3])

Which axis holds the rows is said once for an argument (0, 1, -1, ...; None: all rows have the same), or for
the parts of it, as a structure that begins as the argument does.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import tree
from .errors import LoopError, StructureError
from .loops import _row, scan
from .show import argument_names
from .tape import Var
from .tracebacks import called_by_the_user
from .transforms import _transformed
from .twins import twin
from .usage import require_function
from .values import abstract, plain, shape
from .watch import tracer

Axis = int | None


def vmap(f: Callable, in_axes: Any = 0, out_axes: Any = 0) -> Callable:
    """The function that runs `f` once for each row of its arguments, and stacks the results.

    `in_axes` says along which axis of its arguments the rows lie: one integer for all, or a tuple with one
    entry a positional argument. An entry is an integer, None (`f` gets that argument as it is, each time),
    or a structure of both that is built like the argument, or like its upper part. Keyword arguments are
    mapped over axis 0. An array of shape (n, ...) along axis 0 is n rows of shape (...); a row of an array of
    one axis is one of Python's numbers. `out_axes` says where the axis of the rows is in the results: for all
    an integer, or a structure; None for what is the same in all rows, of which there is one then.

    With `grad` inside it gives a gradient for each sample, and it may be in another `vmap`, in `scan`, in
    `grad`, `jacobian`, `compile`. A compiled function, or one within `compile`, is run on many rows at once
    where all that it does can be; with `dp.compile(..., parallel=True)`, on several cores.

    Raises `LoopError` if sizes differ, an axis is not there, there is nothing to map over, or a result that
    should be the same depends on the row; `StructureError` if `in_axes` or `out_axes` do not fit what they
    speak of, or rows return different structures or shapes.

        >>> def loss(w, x, y):
        ...     return (w @ x - y) ** 2
        >>> xs, ys = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]), np.array([0.0, 1.0, 3.0])
        >>> vmap(loss, in_axes=(None, 0, 0))(np.ones(2), xs, ys)
        array([1., 1., 0.])
        >>> from tinydp import grad
        >>> vmap(grad(loss), in_axes=(None, 0, 0))(np.ones(2), xs, ys)       # one row a sample
        array([[2., 0.],
               [2., 2.],
               [0., 0.]])
    """
    return Mapped(f, in_axes, out_axes)


class Mapped:
    """What `vmap` returns: an object, so that it can be pickled."""

    def __init__(self, f: Callable, in_axes: Any, out_axes: Any):
        require_function("vmap", f)
        _require_axes("in_axes", in_axes)
        _require_axes("out_axes", out_axes)
        if not isinstance(in_axes, (int, tuple, list, type(None))):
            raise StructureError(f"in_axes is {tree.describe(in_axes)}.",
                                 "pass an integer, or a tuple with one entry a positional argument.")
        functools.update_wrapper(self, f, updated=())
        self.f, self.in_axes, self.out_axes = f, in_axes, out_axes

    def __repr__(self) -> str:
        return f"vmap({self.f!r}, in_axes={self.in_axes}, out_axes={self.out_axes})"

    def __reduce__(self) -> tuple:
        return Mapped, (self.f, self.in_axes, self.out_axes)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:          # as a method
        return self if instance is None else functools.partial(self, instance)

    @called_by_the_user
    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        compiled = self.transformed((), lambda f: f, args, kwargs)
        if compiled is not None:
            return compiled[0]
        rows = MappedArguments(self, args, kwargs)
        results = Results(self.out_axes, rows)
        return results.placed(rows.mapped(lambda x: results.checked(rows.of(self.f, x), x)))

    def transformed(self, key: tuple, make: Callable, args: tuple, kwargs: dict) -> Any:
        """The map of a compiled function, or a derivative of that, compiled whole: (its result,) or None."""
        own = ("vmap", repr(self.in_axes), repr(self.out_axes), *key)
        return _transformed(self.f, own, lambda f: make(Mapped(f, self.in_axes, self.out_axes)), args, kwargs)


def _require_axes(name: str, axes: Any) -> None:
    for path, axis in tree.leaves(axes):
        if type(axis) is bool or not isinstance(axis, (int, np.integer)):
            raise StructureError(f"{name}{path} is {axis!r}.", "an axis is an integer, or None.")


# ---------------------------------------------------------------------------- what goes in

class Column(NamedTuple):
    """A leaf that is mapped."""

    name: str                            # as the user would write it: `params['w']`
    leaf: Any
    axis: int


class MappedArguments:
    """The arguments of a call, as rows."""

    def __init__(self, mapped: Mapped, args: tuple, kwargs: dict):
        self.columns: list[Column] = []
        self.names = _argument_names(mapped.f, args)
        self.axes = _axes_of_arguments(mapped.in_axes, args)
        self.args = [self._taken(x, axis, name) for x, axis, name in
                     zip(args, self.axes, self.names, strict=True)]
        self.kwargs = {name: self._taken(x, 0, name) for name, x in kwargs.items()}
        self.keywords = set(kwargs)
        self._require_size()
        self.stacks = [x.leaf if x.axis in (0, -len(shape(x.leaf))) else np.moveaxis(x.leaf, x.axis, 0)
                       for x in self.columns]

    def _taken(self, x: Any, axes: Any, name: str) -> Callable[[list], Any]:
        """The function from the leaves of a row to the argument of `f`; the columns are noted down."""
        if axes is None or (tree.has_no_number(axes) and tree.has_no_number(x)):
            return lambda row: x
        if tree.children(axes) is None:
            leaves, rebuilt = tree.flatten(x)
            places = []
            for (path, _), leaf in zip(tree.leaves(x), leaves, strict=True):
                places.append(len(self.columns))
                self.columns.append(Column(name + path, leaf, int(axes)))
            return lambda row: rebuilt([row[k] for k in places])
        below = tree.children(x)
        if below is None or not _built_alike(axes, x):
            raise StructureError(
                f"in_axes of {name} is {tree.describe(axes)}, the argument is {tree.describe(x)}.",
                "build it like the argument, or like its upper part: an integer or None is for all below.")
        parts = [self._taken(child, part, name + step)
                 for child, part, step in zip(below, _parts(axes, x), tree.steps(x), strict=True)]
        outline = tree.copied(x)
        return lambda row: tree.rebuild(outline, [part(row) for part in parts])

    def _require_size(self) -> None:
        """Raise `LoopError` unless all columns have as many rows."""
        if not self.columns:
            raise LoopError("there is nothing to map over: no argument has an axis of rows.",
                            "pass arrays with one row a run, and say with in_axes where the rows are.")
        sizes: dict[int, str] = {}
        for column in self.columns:
            name, leaf, axis = column
            sides = shape(leaf)
            if not sides or not -len(sides) <= axis < len(sides):
                raise self._no_axis(column)
            sizes.setdefault(sides[axis], f"{name} has {sides[axis]} on axis {axis}")
        if len(sizes) > 1:
            raise LoopError(f"the sizes of what is mapped differ: {', '.join(sizes.values())}.",
                            "pass as many rows of each; None in in_axes is for what all rows share.")
        if 0 in sizes:
            raise LoopError(f"{self.columns[0].name} has no rows, so nobody knows what f would return.",
                            "pass one row at least.")

    def _no_axis(self, column: Column) -> LoopError:
        name, leaf, axis = column
        sides = shape(leaf)
        what = (f"{name} has no axis {axis}: its shape is {sides}." if sides else
                f"{name} is a {type(leaf).__name__}, which has no rows." if not isinstance(
                    plain(leaf), (int, float, np.generic, np.ndarray)) and not abstract(leaf) else
                f"{name} is a single number, which has no rows.")
        argument = next((k for k, x in enumerate(self.names) if name.startswith(x)), None)
        if argument is None or any(name.startswith(x) for x in self.keywords):
            return LoopError(what, "keyword arguments are mapped over axis 0: give f what all rows share "
                             "before, by functools.partial, or pass it by position, with None in in_axes.")
        axes = [None if k == argument else x for k, x in enumerate(self.axes)]
        shown = f"({axes[0]},)" if len(axes) == 1 else f"({', '.join(map(repr, axes))})"
        return LoopError(what, f"if all rows share it, write dp.vmap(f, in_axes={shown}); else pass an array "
                               "with one row a run, and its axis.")

    def mapped(self, run: Callable[[list], Any]) -> Any:
        """What `run` returns for each row, stacked."""
        compiling = tracer()
        if compiling is not None:
            return compiling.map(run, self.stacks)
        return scan(lambda _, row: (None, run(row)), None, self.stacks)[1]

    def of(self, f: Callable, row: list) -> Any:
        """`f` of one row."""
        kwargs = {name: part(row) for name, part in self.kwargs.items()}
        return twin(f)(*(part(row) for part in self.args), **kwargs)


def _argument_names(f: Callable, args: tuple) -> list[str]:
    """What to call each positional argument."""
    return argument_names(f, (0.0,) * len(args))


def _axes_of_arguments(in_axes: Any, args: tuple) -> list:
    """The entry of each positional argument."""
    if not isinstance(in_axes, (tuple, list)):
        return [in_axes] * len(args)
    if len(in_axes) != len(args):
        raise StructureError(
            f"in_axes has {len(in_axes)} entr{'y' if len(in_axes) == 1 else 'ies'}, the call {len(args)} "
            f"positional argument{'s' * (len(args) != 1)}.",
            "give one entry for each, or one integer for all.")
    return list(in_axes)


def _built_alike(axes: Any, x: Any) -> bool:
    """Whether both containers have the same places."""
    if isinstance(x, dict) or isinstance(axes, dict):
        return isinstance(x, dict) and isinstance(axes, dict) and x.keys() == axes.keys()
    below, parts = tree.children(x), tree.children(axes)
    return below is not None and parts is not None and len(below) == len(parts) and not tree.has_no_number(x)


def _parts(axes: Any, x: Any) -> list:
    """The axes of each child of a container, in the order of the children."""
    return [axes[key] for key in x] if isinstance(x, dict) else [*(tree.children(axes) or ())]


# ---------------------------------------------------------------------------- what comes out

class Results:
    """What `f` returned for the rows so far, as far as all rows have to agree."""

    def __init__(self, out_axes: Any, rows: MappedArguments):
        self.out_axes, self.rows = out_axes, rows
        self.first: Any = None                   # a structure of shapes
        self.axes: list[Axis] = []               # of each leaf
        self.shared: dict[int, Any] = {}         # what is the same in all rows, by the number of its leaf
        self.count = 0

    def checked(self, y: Any, row: list) -> Any:
        """A row's result, if it is like that of the first."""
        sides = tree.map(lambda x: _Sides(self._sides(x)), y)
        if self.first is None or tracer() is not None:
            self.first, self.axes = sides, _spread(self.out_axes, y)
        if not tree.alike(self.first, sides):
            raise StructureError(
                f"row {self.count} of vmap returned {tree.describe(y)}, the first one "
                f"{tree.describe(self.first)}.", "return the same structure for each row.")
        tree.map(self._require_same, self.first, sides)
        y = tree.map(lambda _, x: x, self.first, y)          # its names in that order
        for k, (x, axis) in enumerate(zip(tree.flatten(y)[0], self.axes, strict=True)):
            if axis is None:
                self._require_shared(k, x, row)
        self.count += 1
        return y

    def _sides(self, x: Any) -> tuple:
        if not isinstance(x, (Var, np.ndarray, np.generic, int, float)) and not abstract(x):
            raise StructureError(f"a function that is mapped returned {tree.describe(x)}.",
                                 "return numbers, arrays, or structures of them.")
        return shape(x)

    def _require_same(self, first: "_Sides", sides: "_Sides") -> None:
        if first.sides != sides.sides:
            raise StructureError(
                f"row {self.count} of vmap returned an array of shape {sides.sides}, the first one of "
                f"{first.sides}.",
                "return arrays of the same shapes for each row.")

    def _require_shared(self, k: int, x: Any, row: list) -> None:
        """Raise `LoopError` if a result that is said to be the same for all rows is not, or may not be."""
        known = self.shared.setdefault(k, x)
        compiling = tracer()
        depends = (compiling.is_inside(x) if compiling is not None else
                   not np.array_equal(plain(known), plain(x), equal_nan=not _is_bool(x)) or _leads_to(x, row))
        if depends:
            raise LoopError("out_axes is None for a result that depends on the row.",
                            "None is for what is the same in all rows: give the axis, such as out_axes=0.")

    def placed(self, y: Any) -> Any:
        """The stacks, with the axis of the rows where it belongs."""
        leaves, unflatten = tree.flatten(y)
        return unflatten([self._placed(x, axis) for x, axis in zip(leaves, self.axes, strict=True)])

    def _placed(self, x: Any, axis: Axis) -> Any:
        if axis is None:
            return _row(x, 0)
        sides = shape(x)
        if not -len(sides) <= axis < len(sides):
            raise LoopError(f"out_axes={axis} of results of shape {sides[1:]} is no axis.",
                            f"with that of the rows they have {len(sides)}: 0 to {len(sides) - 1}.")
        return x if axis in (0, -len(sides)) else np.moveaxis(x, 0, axis)


class _Sides:
    """The shape of a leaf, which is a leaf itself."""

    def __init__(self, sides: tuple):
        self.sides = sides


def _is_bool(x: Any) -> bool:
    return getattr(plain(x), "dtype", None) == np.bool_


def _leads_to(x: Any, row: list) -> bool:
    """Whether a traced value was computed from one of the values of a row."""
    seen, found = {id(r) for r in row if type(r) is Var}, [x]
    if not seen:
        return False
    known: set[int] = set()
    while found:
        x = found.pop()
        if type(x) is not Var or id(x) in known:
            continue
        if id(x) in seen:
            return True
        known.add(id(x))
        found += x.args if x.op is not None else ()
    return False


def _spread(axes: Any, y: Any, path: str = "") -> list[Axis]:
    """The axis of each leaf of a result."""
    if axes is None or tree.children(axes) is None or (tree.has_no_number(axes) and tree.has_no_number(y)):
        return [axes] * len(tree.flatten(y)[0])
    below = tree.children(y)
    if below is None or not _built_alike(axes, y):
        raise StructureError(
            f"out_axes{path} is {tree.describe(axes)}, the result is {tree.describe(y)}.",
            "build it like the result, or like its upper part: an integer or None is for all below.")
    return [axis for part, child, step in zip(_parts(axes, y), below, tree.steps(y), strict=True)
            for axis in _spread(part, child, path + step)]
