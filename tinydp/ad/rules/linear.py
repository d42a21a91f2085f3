"""Gradient rules of products of vectors and matrices."""

import operator

import numpy as np

from ..primitives import alias, defvjp


def _swap(x):
    return np.swapaxes(x, -1, -2)


def _left(g, y, a, b):
    """The cotangent of `a` in `a @ b`; batch axes are summed by the registry."""
    if b.ndim == 1:
        return g * b if a.ndim == 1 else np.expand_dims(g, -1) * b
    if a.ndim == 1:
        return np.matmul(b, np.expand_dims(g, -1))[..., 0]
    return np.matmul(g, _swap(b))


def _right(g, y, a, b):
    """The cotangent of `b` in `a @ b`."""
    if a.ndim == 1:
        return g * a if b.ndim == 1 else np.expand_dims(a, -1) * np.expand_dims(g, -2)
    if b.ndim == 1:
        return np.matmul(_swap(a), np.expand_dims(g, -1))[..., 0]
    return np.matmul(_swap(a), g)


defvjp(np.matmul, _left, _right, also=operator.matmul)

# ---------------------------------------------------------------------------- made of matmul


@alias(np.dot)
def _dot(a, b):
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return np.multiply(a, b)
    if np.ndim(b) <= 2:
        return np.matmul(a, b)
    return np.tensordot(a, b, axes=((-1,), (-2,)))


@alias(np.inner)
def _inner(a, b):
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return np.multiply(a, b)
    return np.tensordot(a, b, axes=((-1,), (-1,)))


@alias(np.vdot)
def _vdot(a, b):
    return np.matmul(np.ravel(a), np.ravel(b))


@alias(np.outer)
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
