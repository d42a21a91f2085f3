"""Views: an array is how its elements are found in a buffer.

Reshaping, transposing, slicing and broadcasting cost nothing, for they change only the index:

    >>> from .expressions import Buffer, Local
    >>> w, i, j = whole(Buffer("w", (3, 2), "f")), Local("i", "i"), Local("j", "i")
    >>> w.at((i, j)).index
    (i, j)
    >>> chosen(w, lambda places: places[::-1], None).at((i, j)).index
    (Affine(start=2, stride=-1, of=i), j)
    >>> broadcast(w, (4, 3, 2)).at((Local("k", "i"), i, j)).index
    (i, j)
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .expressions import Affine, Apply, Buffer, Load, Local, Memory, variables_of


class View:
    """An array: its element at an index, an expression; and its memory, if it lies there as a whole.

    A transposed matrix knows what it is `turned` from; a matrix, a copy that lies `across`, if there is one.
    """

    def __init__(self, shape: tuple, kind: str, at: Callable[[tuple], Any], memory: Memory | None = None,
                 turned: "View | None" = None, across: "View | None" = None):
        self.shape, self.kind, self.at, self.memory, self.turned = shape, kind, at, memory, turned
        self.across = across

    @property
    def reads(self) -> set:
        """The variables, and the roots of the buffers, that it is made of."""
        return reads_of(self.at((0,) * len(self.shape)))


def reads_of(x: Any) -> set:
    """The variables and the roots of the buffers in an expression."""
    return {node.root if isinstance(node, Buffer) else node for node in variables_of(x)}


def whole(buffer: Buffer) -> View:
    """All of a buffer."""
    return View(buffer.shape, buffer.kind, lambda at: Load(buffer, at), Memory(buffer, (), buffer.shape))


def broadcast(x: Any, shape: tuple) -> View:
    """An array or a number spread to a shape, by NumPy's rules."""
    if not isinstance(x, View):
        return View(shape, x.kind, lambda at: x)
    if x.shape == shape:
        return x
    extra = len(shape) - len(x.shape)
    return View(shape, x.kind, lambda at: x.at(tuple(
        [0 if n == 1 else i for i, n in zip(at[extra:], x.shape, strict=True)])))


def is_static(x: Any) -> bool:
    """Whether all sides are numbers."""
    return not any(isinstance(side, Local) for side in x.shape)


# ---------------------------------------------------------------------------- elements, chosen by NumPy

TableBuffer = Callable[[np.ndarray], Buffer]


def chosen(x: View, choose: Callable[[np.ndarray], Any], table: TableBuffer | None) -> View:
    """What NumPy's `choose` takes out of an array, by an index or a flip.

    NumPy itself says what that is: it is given arrays of this shape in which each element holds its own
    position along one axis. `table` makes a constant buffer of an array of positions.
    """
    shape = choose(np.broadcast_to(0, x.shape)).shape
    axes = [_position(choose(places), table) for places in own_positions(x.shape)]
    return View(shape, x.kind, lambda at: x.at(tuple([axis(at) for axis in axes])))


def own_positions(shape: tuple) -> list[np.ndarray]:
    """For each axis, an array in which each element holds its own position along that axis."""
    return [np.broadcast_to(np.arange(n).reshape(-1, *[1] * (len(shape) - k - 1)), shape)
            for k, n in enumerate(shape)]


def _position(places: np.ndarray, table: Any) -> Callable[[tuple], Any]:
    """How the positions in an array follow from its own indices: a number, a line, or a table."""
    if not places.size:
        return lambda at: 0
    repeated = tuple([slice(0, 1) if stride == 0 else slice(None) for stride in places.strides])
    places, varying = places[repeated], []
    for k in range(places.ndim):
        first = places.take([0], axis=k)
        if np.array_equal(places, np.broadcast_to(first, places.shape)):
            places = first
        else:
            varying.append(k)
    places = places.reshape([places.shape[k] for k in varying])
    if not varying:
        fixed = int(places)
        return lambda at: fixed
    if len(varying) == 1 and len(steps := np.unique(np.diff(places))) == 1:
        axis, start, stride = varying[0], int(places[0]), int(steps[0])
        return lambda at: affine(at[axis], start, stride)
    looked_up = table(places)
    return lambda at: Load(looked_up, tuple([at[k] for k in varying]))


def affine(i: Any, start: int, stride: int) -> Any:
    """The index `start + stride * i`."""
    if type(i) is int:
        return start + stride * i
    if isinstance(i, Affine):
        return affine(i.of, start + stride * i.start, stride * i.stride)
    return i if (start, stride) == (0, 1) else Affine(start, stride, i)


def flat_index(start: int, shape: tuple, at: tuple) -> Any:
    """Where an element lies in memory, in which an array begins at `start`."""
    stride, terms = 1, list[Any]()
    for i, n in zip(reversed(at), reversed(shape), strict=True):
        term, stride = affine(i, 0, stride), stride * n
        if type(term) is int:
            start += term
        elif isinstance(term, Affine):
            start += term.start
            terms.append(affine(term.of, 0, term.stride))
        else:
            terms.append(term)
    if not terms:
        return start
    first = affine(terms[-1], start, 1)
    for term in terms[-2::-1]:
        first = Apply("add", (first, affine(term, 0, 1)), "i")
    return first


def only_reshapes(index: Any, shape: tuple) -> bool:
    """Whether an index takes all elements of an array, in their order."""
    size = math.prod(shape)
    if np.broadcast_to(0, shape)[index].size != size:
        return False
    return np.array_equal(np.arange(size).reshape(shape)[index].ravel(), np.arange(size))


# ---------------------------------------------------------------------------- other shapes

def without_ones(shape: tuple) -> list:
    """The sides that are not 1."""
    return [n for n in shape if n != 1]


def with_ones(x: View, shape: tuple) -> View:
    """The same array with axes of length 1 put elsewhere."""
    wide = [k for k, n in enumerate(shape) if n != 1]

    def at(index: tuple) -> Any:
        rest = iter([index[k] for k in wide])
        return x.at(tuple([0 if n == 1 else next(rest) for n in x.shape]))

    memory = x.memory and x.memory._replace(shape=shape)
    return View(shape, x.kind, at, memory=memory)


def moved(x: View, order: list[int]) -> View:
    """The axes of an array in another order."""
    if order == [1, 0] and x.turned is not None:
        return x.turned
    back = [order.index(k) for k in range(len(order))]
    return View(tuple([x.shape[k] for k in order]), x.kind, lambda at: x.at(tuple([at[k] for k in back])),
                  turned=x if order == [1, 0] else None)
