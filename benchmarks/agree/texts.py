"""How expressions look: the templates of `random_programs`, and the names that it gives.

A gap `{a}` takes an operand, in parentheses where it needs them; `{a:}` takes it as it is.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Text(NamedTuple):
    """A template, what its operands must be like, and whether a compiled program may have it."""

    text: str
    test: Callable[[Any], bool] = lambda x: True
    compiled: bool = True
    literals: bool = False


def is_float(x: Any) -> bool:
    return np.asarray(x).dtype.kind == "f"


def is_array(x: Any) -> bool:
    return np.ndim(x) >= 1


def is_matrix(x: Any) -> bool:
    return np.ndim(x) == 2 and is_float(x)


def is_square(x: Any) -> bool:
    return is_matrix(x) and np.shape(x)[0] == np.shape(x)[1] > 0


def is_scalar(x: Any) -> bool:
    return np.ndim(x) == 0 and is_float(x)


def is_rich(x: Any) -> bool:
    """An array with elements."""
    return is_array(x) and np.size(x) > 0 and is_float(x)


def texts(
    test: Callable[[Any], bool], lines: str, compiled: bool = True, literals: bool = False
) -> list[Text]:
    """A template a line."""
    return [Text(line.strip(), test, compiled, literals) for line in lines.strip().splitlines()]


# Unicode names too: some are other names after Python has normalised them. Some are those of generated code.
AWKWARD = [
    "x",
    "y",
    "t",
    "g",
    "i",
    "row",
    "out",
    "step",
    "theta",
    "θ",
    "ϕ",
    "n",
    "state",
    "value",
    "x_1",
    "g_x",
    "t_1",
    "result",
    "args_",
    "dot",
    "sin",
    "shape",
    "data_2",
    "lam",
    "finite",
    "carry",
    "k",
    "j",
    "f_1",
    "arr",
    "np_",
    "tmp",
    "i4",
    "range_",
    "g_t",
    "x_2",
    "row_1",
    "é",
    "Ω",
    "w",
    "h",
    "acc",
    "scale_1",
    "size",
    "µ",
    "step_1",
    "end",
    "a",
    "b",
    "c",
    "isfinite",
    "clip",
    "matmul_tn",
    "mod",
    "block",
    "stored",
    "inner",
    "outer",
    "total",
    "z",
    "u",
    "v",
    "p",
    "q",
    "s",
    "first",
    "last",
    "\u017f",  # a long s, which Python reads as s
    "cos",
    "tanh",
    "numba",
    "math",
    "float64",
    "zeros",
    "empty",
    "n_1",
    "loss",
    "self",
    "cls",
]

UNARY = texts(
    is_float,
    """
    np.sin({a:})
    np.cos({a:})
    np.tanh({a:})
    np.arctan({a:})
    np.exp(-{a}**2)
    np.exp(0.3 * np.sin({a:}))
    np.sqrt({a}**2 + 1)
    np.sqrt(np.abs({a:}) + 0.5)
    np.log1p(np.exp({a:}))
    np.log(np.abs({a:}) + 1.0)
    np.square({a:})
    abs({a:})
    np.abs({a:})
    -{a}
    +{a}
    {a}**2
    {a}**3
    {a} ** 0
    {a}**1
    (np.abs({a:}) + 0.3)**0.5
    (1.5 + np.cos({a:}))**-2
    2.0**{a}
    1 / (1 + np.exp(-{a}))
    1.0 - {a}
    3 - {a}
    2 / (2.5 + np.sin({a:}))
    np.sinh(np.tanh({a:}))
    np.reciprocal(2.0 + np.tanh({a:}))
    np.expm1(-np.abs({a:}))
    np.negative({a:})
    np.pi * {a}
    {a} % {u}
    np.mod({a:}, {u})
    {a} // {u}
    np.floor({a:})
    np.sign({a:}) * {a}
    np.clip({a:}, -0.8, 0.9)
    np.minimum({a:}, {u})
    np.maximum({a:}, -0.1)
    {a} - {a} * {a}
    np.multiply({a:}, {u})
    np.power(np.abs({a:}) + 0.5, {u})
    np.arcsin(0.8 * np.tanh({a:}))
""",
) + texts(
    is_float,
    """
    np.sinc({a:})
    np.arcsinh({a:})
    np.cbrt({a} + 4.0)
    np.exp2({a:})
    np.log2({a}**2 + 1)
    np.deg2rad({a:})
    np.round({a:}, 1) + {a}
    np.nan_to_num({a:})
    np.fmod({a:}, {u})
    np.positive({a:})
    np.arccosh(1.5 + {a}**2)
    np.arctanh(0.5 * np.sin({a:}))
    np.arccos(np.cos({a:}) * 0.7)
    np.float_power(np.abs({a:}) + 1, {u})
    np.fabs({a:})
    np.ceil({a:}) - {a}
    np.copysign({a:}, -1.0)
    np.heaviside({a:}, 0.5)
    np.tan(0.5 * np.tanh({a:}))
    np.real({a:})
    np.log10({a}**2 + 2)
""",
    compiled=False,
)

BINARY = texts(
    lambda x: True,
    """
    {a} + {b}
    {a} - {b}
    {a} * {b}
    {b} * {a}
    {b} - {a}
    {a} / (1.5 + {b}**2)
    {b} / (np.abs({a:}) + 0.7)
    np.maximum({a:}, {b:})
    np.minimum({b:}, {a:})
    np.add({a:}, {b:})
    np.subtract({a:}, {b:})
    np.multiply({a:}, {b:})
    np.divide({a:}, np.exp(0.2 * np.sin({b:})))
    np.arctan2({a:}, {b:})
    np.hypot({a:}, {b:})
    (np.abs({a:}) + 0.5)**{b}
    {a} % (np.abs({b:}) + 0.5)
    {a} // (np.abs({b:}) + 0.5)
    {a} * {b} + {a}
    ({a} + {b}) * ({a} - {b})
    {a} * {b} * {c}
    {a} + {b} + {c}
""",
    literals=True,
) + texts(
    is_float,
    """
    np.logaddexp({a:}, {b:})
    np.fmax({a:}, {b:})
    np.fmin({a:}, {b:})
    np.copysign({a:}, {b:})
    np.power(1.3 + np.sin({a:}), {b:})
    np.remainder({a:}, 1.5 + np.cos({b:}))
    np.logaddexp2({a:}, {b:})
""",
    compiled=False,
    literals=True,
)

REDUCTIONS = texts(
    is_float,
    """
    np.sum({a:})
    np.mean({a:})
    np.sum({a:}, axis={axis})
    np.sum({a:}, axis={axis}, keepdims=True)
    np.sum({a:}, axis={axes})
    np.mean({a:}, axis={axis})
    {a}.sum()
    {a}.mean()
    {a}.sum({axis})
    {a}.sum(axis={axis}, keepdims=True)
    {a}.mean(axis={axis}, keepdims=True)
    np.sum({a} * {a})
""",
) + texts(
    is_float,
    """
    np.max({a:})
    np.min({a:})
    {a}.max()
    np.max({a:}, axis={axis})
    np.linalg.norm({a:})
    np.prod({a:})
    np.var({a:})
    np.std({a:}, axis={axis})
    np.cumsum({a:})
    np.cumsum({a:}, axis={axis})
    np.ptp({a:})
    np.ptp({a:}, axis={axis})
    np.min({a:}, axis={axis}, keepdims=True)
    {a}.min(axis={axis})
    np.prod({a:}, axis={axis})
    np.cumprod({a:}, axis={axis})
    np.linalg.norm({a:}, axis={axis})
    np.linalg.norm({a:}, ord=1)
    np.median({a:})
    np.median({a:}, axis={axis})
    np.quantile({a:}, 0.3)
    np.percentile({a:}, 65, axis={axis})
    np.average({a:}, axis={axis})
    np.nansum({a:}, axis={axis})
    np.nanmean({a:})
    np.sort({a:})
    np.sort({a:}, axis={axis})
    {a}.cumsum(axis={axis})
    {a}.var(axis={axis}, ddof=0)
    {a}[np.argmax({a:})]
    {a}[{a} > {u}]
    np.take_along_axis({a:}, np.argsort({a:}, axis=0), axis=0)
    np.amax({a:}, axis={axes})
    np.partition({a:}, 0)
    max({a:})
    min({a:})
    sorted({a:})[0]
""",
    compiled=False,
)

SHAPES = texts(
    is_array,
    """
    {a}[{k}]
    {a}[0]
    {a}[-1]
    {a}[1:]
    {a}[:-1]
    {a}[::-1]
    {a}[::2]
    {a}[None]
    {a}[..., None]
    {a}[:, None]
    {a}[..., 0]
    {a}[..., -1]
    {a}[:, 0]
    {a}[:, -1:]
    {a}[None, ..., 0]
    {a}[{rows}]
    {a}[..., {rows}]
    {a}[{rows}, 0]
    {a}[0, 1:]
    {a}[{k}, {rows}]
    {a}[np.array({rows})]
    {a}[None, {rows}, ..., -1]
    {a}[{rows}, None]
    {a}.T
    np.transpose({a:})
    {a}.reshape(-1)
    np.reshape({a:}, (-1, 1))
    {a}.ravel()
    np.ravel({a:})
    {a}.flatten()
    np.squeeze({a:})
    np.expand_dims({a:}, {axis})
    np.swapaxes({a:}, 0, -1)
    {a}.reshape(1, -1)
    {a}.transpose()
    {a}.copy()
""
    np.take({a:}, {rows})
    np.take({a:}, {rows}, axis=0)
    np.flip({a:})
    np.roll({a:}, 1)
    np.roll({a:}, -1, axis={axis})
    np.tile({a:}, 2)
    np.repeat({a:}, 2, axis={axis})
    np.broadcast_to({a:}, (2, *np.shape({a:})))
    np.diag({a:})
    np.tril({a:})
    np.triu({a:}, 1)
    np.pad({a:}, 1)
    np.moveaxis({a:}, 0, -1)
    np.diff({a:})
    np.diff({a:}, axis=0)
    np.rot90({a:})
    np.split({a:}, [1])[0]
    np.array_split({a:}, 2)[-1]
    np.delete({a:}, 0, axis=0)
    np.atleast_2d({a:})
    np.atleast_3d({a:})
    np.fliplr({a:})
    np.trace({a:})
    np.diagonal({a:})
    {a}.swapaxes(0, -1)
    {a}.take({rows}, axis=0)
    {a}.repeat(2)
    np.gradient({a:}, axis=0)
    np.interp({u}, [0.0, 1.0, 2.0], {a}[:3])
    np.unwrap({a:})
    np.trapezoid({a:})
    np.vander({a:}, 3)
    np.resize({a:}, (2, 2))
""",
    compiled=False,
) + texts(is_float, "    np.atleast_1d({a:})\n    np.full_like({a:}, 0.5) * {a}", compiled=False)

SELECTIONS = texts(
    is_float,
    """
    np.where({p}, {a:}, {b:})
    np.where({p}, {a:}, 0.0)
    np.where({p}, 1.0, {a:})
    np.where({p} & {q}, {a:}, {b:})
    {a} * {p}
    np.clip({a:}, -{u}, {u})
""",
    literals=True,
) + texts(
    is_float,
    """
    np.clip({a:}, None, {u})
    np.clip({a:}, -1.0, np.abs({b:}))
    {a}.clip(-{u}, {u})
    np.where({p}, {a:}, np.where({q}, {b:}, 0.3))
    {a} if np.all({p:}) else {b}
    max({a:}, {b:})
    min({a:}, 0.4)
    np.select([{p:}, {q:}], [{a:}, {b:}])
""",
    compiled=False,
    literals=True,
)

CONDITIONS = texts(
    is_float,
    """
    {a} > {u}
    {a} > 0
    {a} <= {b}
    {b} < {a}
    np.abs({a:}) < {u}
    {a} >= -{u}
    np.greater({a:}, {b:})
""",
    literals=True,
) + texts(
    is_float,
    """
    np.logical_and({a} > -1, {a} < {u})
    np.isfinite({a:})
    np.logical_not({a} > {u})
    {a} != {b}
    -1 < np.sum({a:}) < 1.2
    np.sum({a:}) > np.mean({b:})
""",
    compiled=False,
    literals=True,
)

LINEAR = texts(
    is_rich,
    """
    {a} @ {b}
    {a} @ {b}.T
    {a}.T @ {b}
    np.dot({a:}, {b:})
    np.matmul({a:}, {b:})
    np.outer({a:}, {b:})
    np.sum({a} * {b}, axis=-1)
    {a}.dot({b:})
    {a}[:, None] * {b}[None, :]
    np.tanh({a} @ {b} + {c})
""",
) + texts(
    is_rich,
    """
    np.einsum("ij,j->i", {a:}, {b:})
    np.einsum("ij,jk->ik", {a:}, {b:})
    np.einsum("i,i", {a:}, {b:})
    np.einsum("ij->j", {a:})
    np.einsum("i,j->ji", {a:}, {b:})
    np.einsum("ii->i", {a:})
    np.einsum("...i,...i", {a:}, {b:})
    np.inner({a:}, {b:})
    np.vdot({a:}, {b:})
    np.tensordot({a:}, {b:}, axes=1)
    np.tensordot({a:}, {b:}, axes=([0], [0]))
    np.kron({a:}, {b:})
    np.cross({a:}, {b:})
    np.convolve({a:}, {b:})
    np.linalg.multi_dot([{a:}, {b:}, {c:}])
    np.correlate({a:}, {b:}, "same")
""",
    compiled=False,
)

JOINS = texts(
    lambda x: True,
    """
    np.stack([{a:}, {b:}])
    np.stack([{a:}, {b:}, {a:}], axis=-1)
    np.concatenate([{a:}, {b:}])
    np.concatenate([{a:}, {b:}], axis=-1)
    sum([{a:}, {b:}])
""",
    literals=True,
) + texts(
    lambda x: True,
    """
    np.hstack([{a:}, {b:}])
    np.vstack([{a:}, {b:}])
    np.append({a:}, {b:})
    np.column_stack([{a:}, {b:}])
    np.dstack([{a:}, {b:}])
    np.block([{a:}, {b:}])
    np.concatenate(({a:}, {b:}), axis=None)
    np.meshgrid({a:}, {b:})[0]
    np.broadcast_arrays({a:}, {b:})[1] * {a}
    sum(np.sum(z) for z in ({a:}, {b:}))
    np.linspace({a:}, {b:}, 4)
""",
    compiled=False,
    literals=True,
)

LINALG = texts(
    is_square,
    """
    np.linalg.solve(3 * np.eye(len({a:})) + np.tanh({a:}), {b:})
    np.linalg.inv(3 * np.eye(len({a:})) + np.tanh({a:}))
    np.linalg.det(0.5 * {a})
    np.linalg.slogdet(4 * np.eye(len({a:})) + np.tanh({a:}))[1]
    np.linalg.cholesky({a} @ {a}.T + np.eye(len({a:})))
    np.linalg.eigvalsh({a} + {a}.T)
    np.linalg.matrix_power({a:}, 2)
    np.linalg.pinv(3 * np.eye(len({a:})) + np.tanh({a:}))
    np.linalg.svdvals({a} + 2 * np.eye(len({a:})))
""",
    compiled=False,
) + texts(
    is_matrix,
    """
    np.linalg.norm({a:})
    np.linalg.norm({a:}, axis=0)
    np.linalg.svd({a:}, compute_uv=False)
    np.linalg.norm({a:}, "fro")
    np.linalg.solve({a} @ {a}.T + 2 * np.eye(len({a:})), np.ones(len({a:})))
""",
    compiled=False,
)

HELPERS = {
    "Pair": ['Pair = collections.namedtuple("Pair", "left right")'],
    "log": ["log = []"],
    "soft": [
        "soft = dp.custom_gradient(lambda x: x * np.tanh(x),",
        "                          lambda g, y, x: g * (np.tanh(x) + x * (1 - np.tanh(x)**2)))",
    ],
    "blend": [
        "blend = dp.custom_gradient(lambda a, b: a * b + np.sin(a),",
        "                           lambda g, y, a, b: (g * (b + np.cos(a)), g * a))",
    ],
    "pairwise": [
        "pairwise = dp.custom_gradient(lambda a, b: (a + b, a * b),",
        "                              lambda g, y, a, b: (g[0] + g[1] * b, g[0] + g[1] * a))",
    ],
    "bump": [
        "@dp.primitive",
        "def bump(x):",
        "    return np.exp(-x**2)",
        "",
        "dp.defvjp(bump, lambda g, y, x: -2 * g * x * y)",
    ],
}
