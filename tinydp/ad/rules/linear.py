"""Gradient rules of products of vectors and matrices."""

import functools
import operator
import string

import numpy as np

from ..broadcasting import unbroadcast
from ..errors import UnsupportedArgumentError
from ..primitives import Primitive
from ..registry import alias, defvjp, defvjp_each, products
from ..selected import selected
from ..values import shape


def _swap(x):
    return x.mT if type(x) is np.ndarray else np.swapaxes(x, -1, -2)


def _column(x):
    return x[..., None] if type(x) is np.ndarray else np.expand_dims(x, -1)


def _row(x):
    return x[..., None, :] if type(x) is np.ndarray else np.expand_dims(x, -2)


def _left(g, y, a, b):
    """The cotangent of `a` in `a @ b`; batch axes are summed by `broadcasting.py`."""
    if b.ndim == 1:
        return g * b if a.ndim == 1 else _column(g) * b
    if a.ndim == 1:
        return np.matmul(b, _column(g))[..., 0]
    return np.matmul(g, _swap(b))


def _right(g, y, a, b):
    """The cotangent of `b` in `a @ b`."""
    if a.ndim == 1:
        return g * a if b.ndim == 1 else _column(a) * _row(g)
    if b.ndim == 1:
        return np.matmul(_swap(a), _column(g))[..., 0]
    return np.matmul(_swap(a), g)


defvjp(np.matmul, _left, _right, also=operator.matmul)
products(np.matmul)


def _matrix(a, b):
    """The outer products of the vectors on the last axes."""
    return _column(a) * _row(b)


defvjp(np.vecdot,     lambda g, y, a, b: np.expand_dims(g, -1) * b,
                      lambda g, y, a, b: np.expand_dims(g, -1) * a)
products(np.vecdot)

if hasattr(np, "matvec"):                        # since NumPy 2.2
    defvjp(np.matvec, lambda g, y, a, x: _matrix(g, x), lambda g, y, a, x: np.vecmat(g, a))
    defvjp(np.vecmat, lambda g, y, x, a: np.matvec(a, g), lambda g, y, x, a: _matrix(x, g))
    products(np.matvec, np.vecmat)

# ---------------------------------------------------------------------------- einsum


def _spelled_out(subscripts, dims):
    """The labels of each array, of so many dimensions, and of the result, without `...`."""
    sources, arrow, target = subscripts.replace(" ", "").partition("->")
    if not arrow:
        target = "".join(sorted(c for c in set(sources) - set(".,") if sources.count(c) == 1))
        target = "..." * ("..." in sources) + target
    labels = sources.split(",")
    extra = [n - len(own) + 3 if "..." in own else 0 for own, n in zip(labels, dims, strict=True)]
    dots = "".join(_unused(subscripts)[: max(extra)])
    labels = [own.replace("...", dots[len(dots) - n :]) for own, n in zip(labels, extra, strict=True)]
    return labels, target.replace("...", dots)


def _unused(*labels):
    return [c for c in string.ascii_letters if c not in "".join(labels)]


def _einsum(i, g, y, *arrays, subscripts, optimize=False):
    """`g` times all other arrays, summed to the labels of the i-th.

    A label that is repeated there puts the sum on a diagonal; one that is nowhere else repeats it.
    """
    labels, target = _spelled_out(subscripts, [len(shape(x)) for x in arrays])
    own, fresh = labels[i], _unused(target, *labels)
    factors = [(target, g), *((labels[k], x) for k, x in enumerate(arrays) if k != i)]
    whole = {(c, n) for names, x in factors for c, n in zip(names, shape(x), strict=True)}
    result = ""
    for k, (c, n) in enumerate(zip(own, shape(arrays[i]), strict=True)):
        if c in own[:k]:
            name = fresh.pop()
            factors.append((c + name, np.eye(n)))
            result += name
        else:
            if (c, n) not in whole:
                factors.append((c, np.ones(n)))
            result += c
    names, xs = zip(*factors, strict=True)
    c = np.einsum(f"{','.join(names)}->{result}", *xs, optimize=bool(optimize))
    c = unbroadcast(c, shape(arrays[i]))
    return c if len(set(own)) == len(own) else selected(_on_diagonals(own, shape(arrays[i])), c)


def _on_diagonals(labels, sides):
    """The elements of an array of these sides whose places on axes of the same label are the same."""
    places = np.ogrid[tuple(slice(n) for n in sides)]
    same = [places[k] == places[labels.index(c)] for k, c in enumerate(labels)]
    return functools.reduce(np.logical_and, same)


einsum = Primitive(lambda *arrays, subscripts, optimize=False:
                   np.einsum(subscripts, *arrays, optimize=optimize), "einsum")
defvjp_each(einsum, lambda g, y, *args, **options: lambda i: _einsum(i, g, y, *args, **options))
products(einsum)


@alias(np.einsum)
def _einsum_of(*operands, optimize=False):
    if isinstance(operands[0], str):
        return einsum(*operands[1:], subscripts=operands[0], optimize=optimize)
    n = len(operands) // 2 * 2                   # array, labels, array, labels, labels of the result
    subscripts = ",".join(map(_letters, operands[1:n:2]))
    if n < len(operands):
        subscripts += f"->{_letters(operands[n])}"
    return einsum(*operands[:n:2], subscripts=subscripts, optimize=optimize)


def _letters(axes):
    """The labels that NumPy gives to a list of numbers and `...`."""
    letters = string.ascii_uppercase + string.ascii_lowercase
    return "".join("..." if k is Ellipsis else letters[k] for k in axes)


# ---------------------------------------------------------------------------- made of matmul


@alias(np.dot, alike="a b")
def _dot(a, b):
    dims = np.ndim(a), np.ndim(b)
    if 0 in dims:
        return np.multiply(a, b)
    return np.matmul(a, b) if max(dims) <= 2 else dot(a, b)


@alias(np.inner)
def _inner(a, b):
    return np.dot(a, np.swapaxes(b, -1, -2) if np.ndim(a) and np.ndim(b) > 1 else b)


def _dot_left(g, y, a, b):
    return np.tensordot(g, np.moveaxis(b, -2, -1) if np.ndim(b) > 1 else b, np.ndim(b) - 1)


def _dot_right(g, y, a, b):
    free = range(np.ndim(a) - 1)
    c = np.tensordot(a, g, (free, free))
    return np.moveaxis(c, 0, -2) if np.ndim(b) > 1 else c


dot = Primitive(np.dot)                          # of stacks, each vector with each
defvjp(dot, _dot_left, _dot_right)
products(dot)


@alias(np.vdot)
def _vdot(a, b):
    return np.matmul(np.ravel(a), np.ravel(b))


@alias(np.outer, alike="a b")
def _outer(a, b):
    return np.expand_dims(np.ravel(a), 1) * np.ravel(b)


@alias(np.tensordot)
def _tensordot(a, b, axes=2):
    """One product of two matrices: the axes to contract last in `a` and first in `b`."""
    if np.ndim(axes) == 0:
        axes = (range(np.ndim(a) - axes, np.ndim(a)), range(axes))
    of_a = [int(k) % np.ndim(a) for k in np.atleast_1d(axes[0])]
    of_b = [int(k) % np.ndim(b) for k in np.atleast_1d(axes[1])]
    free_a = [k for k in range(np.ndim(a)) if k not in of_a]
    free_b = [k for k in range(np.ndim(b)) if k not in of_b]
    rows, columns = [np.shape(a)[k] for k in free_a], [np.shape(b)[k] for k in free_b]
    length = int(np.prod([np.shape(a)[k] for k in of_a]))
    left = np.reshape(np.transpose(a, free_a + of_a), (int(np.prod(rows)), length))
    right = np.reshape(np.transpose(b, of_b + free_b), (length, int(np.prod(columns))))
    return np.reshape(np.matmul(left, right), rows + columns)


@alias(np.linalg.multi_dot)
def _multi_dot(arrays):
    """The product in the order that takes the fewest multiplications."""
    row, column = (np.ndim(x) == 1 for x in (arrays[0], arrays[-1]))
    first, last = np.atleast_2d(arrays[0]), np.expand_dims(arrays[-1], 1) if column else arrays[-1]
    arrays = [first, *arrays[1:-1], last]
    sides = [np.shape(x)[0] for x in arrays] + [np.shape(last)[1]]

    @functools.cache
    def cheapest(i, j):
        """The cost of multiplying arrays[i:j], and where to split them."""
        if j - i == 1:
            return 0, j
        return min((cheapest(i, k)[0] + cheapest(k, j)[0] + sides[i] * sides[k] * sides[j], k)
                   for k in range(i + 1, j))

    def product(i, j):
        k = cheapest(i, j)[1]
        return arrays[i] if k == j else product(i, k) @ product(k, j)

    return np.squeeze(product(0, len(arrays)), (0,) * row + (1,) * column)


# ---------------------------------------------------------------------------- made of products


@alias(np.kron)
def _kron(a, b):
    """Each axis becomes two, one of `a` and one of `b`, that are merged in the end."""
    n = max(np.ndim(a), np.ndim(b))
    a_sides, b_sides = ((1,) * (n - np.ndim(x)) + np.shape(x) for x in (a, b))
    a = np.reshape(a, [m for side in a_sides for m in (side, 1)])
    b = np.reshape(b, [m for side in b_sides for m in (1, side)])
    return np.reshape(a * b, [i * j for i, j in zip(a_sides, b_sides, strict=True)])


@alias(np.cross)
def _cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    if np.shape(a)[-1] != 3 or np.shape(b)[-1] != 3:
        raise UnsupportedArgumentError(
            "np.cross of vectors in the plane has no gradient rule (and NumPy no future for it).",
            "write a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0].")
    (a0, a1, a2), (b0, b1, b2) = ([x[..., k] for k in range(3)] for x in (a, b))
    y = np.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], axis=-1)
    return np.moveaxis(y, -1, axisc)


@alias(np.linalg.vecdot)
def _vecdot(x1, x2, *, axis=-1):
    return np.vecdot(np.moveaxis(x1, axis, -1), np.moveaxis(x2, axis, -1))


# ---------------------------------------------------------------------------- np.linalg's names

alias(np.linalg.matmul)(   lambda x1, x2: np.matmul(x1, x2))
alias(np.linalg.outer)(    lambda x1, x2: np.outer(x1, x2))
alias(np.linalg.tensordot)(lambda x1, x2, *, axes=2: np.tensordot(x1, x2, axes))
alias(np.linalg.cross)(    lambda x1, x2, *, axis=-1: np.cross(x1, x2, axis=axis))
