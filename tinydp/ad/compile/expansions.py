"""Functions that a compiled program makes of others, since they are no loop of their own."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import NotCompiledError

# ---------------------------------------------------------------------------- sums


def _var(x: Any, axis: Any = None, ddof: Any = 0, keepdims: bool = False, correction: Any = 0) -> Any:
    deviation = x - np.mean(x, axis=axis, keepdims=True)
    total = np.sum(deviation * deviation, axis=axis, keepdims=keepdims)
    n = x.size / max(np.size(total), 1) - ddof - correction
    return total * np.inf if n < 0 else total / n


def _accumulated(name: str, x: Any, axis: Any = None) -> Any:
    """`cumsum` or `cumprod` of all elements."""
    return getattr(np, name)(np.ravel(x), axis=0)


def _matmul(a: Any, b: Any) -> Any:
    """The product of stacks of matrices."""
    column, row = np.ndim(b) == 1, np.ndim(a) == 1
    a, b = a[None] if row else a, b[:, None] if column else b
    y = np.sum(np.expand_dims(a, -1) * np.expand_dims(b, -3), axis=-2)
    return np.squeeze(y, tuple([-2] * row + [-1] * column)) if row or column else y


def _einsum(*arrays: Any, subscripts: str, optimize: Any = False) -> Any:
    """One product with an axis for each label, summed; two arrays without a common stack by `tensordot`."""
    from ..rules.linear import _spelled_out  # noqa: PLC0415  (it imports the registry)

    labels, target = _spelled_out(subscripts, [np.ndim(x) for x in arrays])
    parts = [_without_diagonals(own, x) for own, x in zip(labels, arrays, strict=True)]
    if len(parts) == 2 and _is_product(parts[0], parts[1], target):
        (a_labels, a), (b_labels, b) = parts
        common = [c for c in a_labels if c in b_labels]
        y = np.tensordot(a, b, ([a_labels.index(c) for c in common], [b_labels.index(c) for c in common]))
        free = [c for c in a_labels + b_labels if c not in common]
        return np.transpose(y, [free.index(c) for c in target]) if np.ndim(y) else y
    every = target + "".join(sorted({c for own, _ in parts for c in own} - set(target)))
    product: Any = 1.0
    for own, x in parts:
        ordered = np.transpose(x, [own.index(c) for c in every if c in own])
        sides = {c: np.shape(x)[own.index(c)] for c in own}
        product = product * np.reshape(ordered, [sides.get(c, 1) for c in every])
    summed = tuple(range(len(target), len(every)))
    return np.sum(product, axis=summed) if summed else product


def _is_product(a: tuple, b: tuple, target: str) -> bool:
    """Whether all common labels of two arrays are summed, and they alone, without stretching."""
    sides_a, sides_b = (dict(zip(own, np.shape(x), strict=True)) for own, x in (a, b))
    return sides_a.keys() ^ sides_b.keys() == set(target) and all(
        sides_b.get(c, n) == n for c, n in sides_a.items())


def _without_diagonals(labels: str, x: Any) -> tuple[str, Any]:
    """An array with each label once."""
    for c in dict.fromkeys(labels):
        while labels.count(c) > 1:
            i = labels.index(c)
            j = labels.index(c, i + 1)
            x = np.diagonal(x, 0, i, j)
            labels = labels[:i] + labels[i + 1:j] + labels[j + 1:] + c
    return labels, x


def _convolve(a: Any, v: Any) -> Any:
    n, m = np.shape(a)[0], np.shape(v)[0]
    padded = np.concatenate([np.zeros(m - 1), a, np.zeros(m - 1)])
    places = np.arange(n + m - 1)[:, None] + (m - 1 - np.arange(m))
    return np.sum(padded[places] * v, axis=1)


# ---------------------------------------------------------------------------- moving elements


def _roll(a: Any, shift: Any, axis: Any = None) -> Any:
    if axis is None:
        return np.reshape(np.roll(np.ravel(a), shift, 0), a.shape)
    for by, k in np.broadcast(shift, axis):
        before, n = (slice(None),) * (int(k) % a.ndim), a.shape[k]
        cut = n - int(by) % max(n, 1)
        a = np.concatenate([a[(*before, slice(cut, n))], a[(*before, slice(0, cut))]], axis=int(k))
    return a


def _reshaped_otherwise(x: Any, shape: Any = -1, order: str = "C") -> Any:
    """`reshape` in another order than C; how the caller's array lies in memory is not known."""
    if order != "F":
        raise NotCompiledError(f"an order={order!r} cannot be compiled.", "write order='C' or order='F'.")
    sides = np.empty(x.shape).reshape(shape).shape
    return np.transpose(np.reshape(np.transpose(x), sides[::-1]))


def _rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    first, second = axes
    if k % 4 == 0:
        return m
    if k % 4 == 2:
        return np.flip(np.flip(m, first), second)
    if k % 4 == 1:
        return np.swapaxes(np.flip(m, second), first, second)
    return np.flip(np.swapaxes(m, first, second), second)


def _diag(v: Any, k: int = 0) -> Any:
    if v.ndim == 2:
        return np.diagonal(v, k)
    n = v.shape[0] + abs(k)
    padded = np.concatenate([np.zeros(max(-k, 0)), v, np.zeros(max(k, 0))])
    return np.where(np.eye(n, k=k) > 0, padded[:, None], 0.0)


def _lower(m: Any, k: int) -> np.ndarray:
    """Where the lower triangle of such matrices is."""
    return np.tri(m.shape[0] if m.ndim == 1 else m.shape[-2], m.shape[-1], k) > 0


def _pad(array: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    from ..rules.shaping import _widths  # noqa: PLC0415

    values = np.broadcast_to(constant_values, (array.ndim, 2))
    for k, widths in enumerate(_widths(pad_width, array.ndim)):
        parts = [np.full((*array.shape[:k], width, *array.shape[k + 1:]), float(value))
                 for width, value in zip(widths, values[k], strict=True)]
        array = np.concatenate([parts[0], array, parts[1]], axis=k)
    return array


def _linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, axis: int = 0) -> Any:
    t = np.arange(num) / max(num - 1 if endpoint else num, 1)
    start, stop = np.broadcast_arrays(start, stop) if np.ndim(start) or np.ndim(stop) else (start, stop)
    t = np.reshape(t, (-1,) + (1,) * np.ndim(start))
    return np.moveaxis(start + (stop - start) * t, 0, axis)


# ---------------------------------------------------------------------------- elementwise


def _sinc(x: Any) -> Any:
    y = math.pi * np.where(x == 0.0, 1e-20, x)
    return np.sin(y) / y


def _round(x: Any, decimals: int = 0) -> Any:
    """As NumPy does it: 10 to a negative power would not be exact, and so it divides first."""
    scale = 1.0
    for _ in range(abs(int(decimals))):          # 10.0**23 is another number
        scale *= 10.0
        if scale == math.inf:
            break
    if decimals == 0:
        return np.rint(x)
    return np.rint(x * scale) / scale if decimals > 0 else np.rint(x / scale) * scale


def _power_derivative(x: Any, p: Any, k: int = 0, m: int = 0) -> Any:
    from ..rules.powers import powered  # noqa: PLC0415

    return powered(x, p, k, m)


def _nan_to_num(x: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    largest = np.finfo(float).max
    x = np.where(x == np.inf, largest if posinf is None else posinf, np.where(np.isnan(x), nan, x))
    return np.where(x == -np.inf, -largest if neginf is None else neginf, x)


def _isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    near = np.abs(a - b) <= atol + rtol * np.abs(b)
    close = np.logical_or(np.logical_and(near, np.isfinite(b)), a == b)
    return np.logical_or(close, np.logical_and(np.isnan(a), np.isnan(b))) if equal_nan else close


# ---------------------------------------------------------------------------- matrices

def _solve(a: Any, b: Any) -> Any:
    from .factors import solve  # noqa: PLC0415

    return solve(a, b)


def _inv(a: Any) -> Any:
    from .factors import inv  # noqa: PLC0415

    return inv(a)


def _pinv(a: Any, rcond: Any = None, rtol: Any = np._NoValue) -> Any:
    if 0 in np.shape(a):
        return np.zeros((*np.shape(a)[:-2], *np.shape(a)[:-3:-1]))
    if rcond is None:
        rcond = 1e-15 if rtol is np._NoValue else max(np.shape(a)[-2:]) * np.finfo(float).eps \
            if rtol is None else rtol
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    large = s > np.expand_dims(rcond, -1) * np.max(s, axis=-1, keepdims=True)
    inverse = np.where(large, 1.0 / np.where(large, s, 1.0), 0.0)
    return np.swapaxes(vt, -1, -2) @ (np.expand_dims(inverse, -1) * np.swapaxes(u, -1, -2))


def _least_squares(a: Any, b: Any, rcond: Any) -> Any:
    if 0 in np.shape(a):
        return np.zeros((np.shape(a)[1], *np.shape(b)[1:]))
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    large = s > rcond * np.max(s)
    inverse = np.where(large, 1.0 / np.where(large, s, 1.0), 0.0)
    y = np.matmul(np.transpose(u), b)
    return np.matmul(np.transpose(vt), inverse * y if y.ndim == 1 else inverse[:, None] * y)


def _matrix_rank(a: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    if np.ndim(a) < 2:
        return np.where(np.all(a == 0.0), 0.0, 1.0)
    s = np.abs(np.linalg.eigvalsh(a)) if hermitian else np.linalg.svdvals(a)
    if tol is None:
        relative = max(np.shape(a)[-2:]) * np.finfo(float).eps if rtol is None else np.expand_dims(rtol, -1)
        tol = np.max(s, axis=-1, keepdims=True) * relative if s.size else 0.0
    else:
        tol = np.expand_dims(tol, -1)
    return np.sum(np.where(s > tol, 1.0, 0.0), axis=-1)


def _of_eigenvalues(g: Any, a: Any, slopes: Any, UPLO: Any) -> Any:
    v = np.linalg.eigh(a, UPLO)[1]
    return (v * np.expand_dims(g, -2)) @ np.swapaxes(v, -1, -2)


def _of_singular_values(g: Any, a: Any, slopes: Any) -> Any:
    u, _, vt = np.linalg.svd(a, full_matrices=False)
    return (u * np.expand_dims(g, -2)) @ vt


EXPANSIONS: dict[str, Callable] = {
    "solve": _solve, "inv": _inv, "pinv": _pinv, "least_squares": _least_squares,
    "matrix_rank": _matrix_rank, "of_eigenvalues": _of_eigenvalues,
    "of_singular_values": _of_singular_values,
    "norm": lambda x, axis=None, keepdims=False: np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims)),
    "var": _var,
    "std": lambda x, **options: np.sqrt(np.var(x, **options)),
    "vecdot": lambda a, b: np.sum(a * b, axis=-1),
    "matvec": lambda a, x: np.matmul(a, np.expand_dims(x, -1))[..., 0],
    "vecmat": lambda x, a: np.matmul(np.expand_dims(x, -2), a)[..., 0, :],
    "dot": lambda a, b: np.tensordot(a, b, ((-1,), (-2,)) if np.ndim(b) > 1 else ((-1,), (-1,))),
    "einsum": _einsum,
    "convolve": _convolve,
    "logaddexp2": lambda a, b: np.logaddexp(a * math.log(2), b * math.log(2)) / math.log(2),
    "round": _round, "around": _round,
    "fix": lambda x: np.trunc(x),
    "tril": lambda m, k=0: np.where(_lower(m, k), m, 0.0),
    "triu": lambda m, k=0: np.where(_lower(m, k - 1), 0.0, m),
    "roll": _roll, "rot90": _rot90, "diag": _diag, "pad": _pad, "linspace": _linspace,
    "real_if_close": lambda a, tol=100: a,
    "sinc": _sinc, "power_derivative": _power_derivative, "nan_to_num": _nan_to_num, "isclose": _isclose,
    "unsure": lambda c, x, where: c,             # until it is differentiated
    "allclose": lambda a, b, **options: np.all(np.isclose(a, b, **options)),
    "array_equal": lambda a, b: np.all(a == b) if np.shape(a) == np.shape(b) else False,
    "isposinf": lambda x: x == np.inf, "isneginf": lambda x: x == -np.inf,
    "count_nonzero": lambda a, axis=None, keepdims=False: np.sum(
        np.where(a != 0.0, 1, 0), axis=axis, keepdims=keepdims),
}
_OF_ALL = {"cumsum", "cumprod"}                  # ... of the elements in a row, without an axis


def expanded(name: str, args: tuple, options: dict) -> Callable | None:
    """What to call instead of this function, if it is made of others."""
    if name in _OF_ALL and (options.get("axis") is None or not np.ndim(args[0])):
        return lambda *args, **options: _accumulated(name, args[0])
    if name in ("reshape", "ravel") and options.get("order", "C") != "C":
        return _reshaped_otherwise
    if name == "matmul" and max(map(np.ndim, args)) > 2:
        return _matmul
    return EXPANSIONS.get(name)
