"""How a program asks about its values, counts, and looks things up: more templates, as in `texts.py`.

Besides its gaps, `{s}` and `{r}` take a real number, `{i}` and `{j}` an integer, `{v}` a vector, `{m}` a
square matrix, `{f}` a flag, and `{t}` what is true or false; `{x}` a vector that is sure to be a value of a
compiled program, since a plain array takes no index that is computed there (docs/differences.md). A name that
a template binds, in a lambda or a comprehension, is `z`, which hides what else has that name, as in Python.
"""

from .texts import texts


def anything(x: object) -> bool:
    return True


TESTS = texts(
    anything,
    """
    {s} > {u}
    {s} < {r}
    -{u} < {s} < {u}
    {r} <= {s} < {u}
    not {s} > {u}
    {s} > 0 and {r} > 0
    {s} < {u} or {r} > {u}
    not ({s} > 0 or {r} > {u})
    abs({s:}) > {u} > 0.4
    any(z > {u} for z in ({s:}, {r:}))
    all(z < {u} for z in {v:})
    np.any({v} > {u})
    np.all({v} < {s})
    {v}[0] > {v}[-1]
    np.isfinite({s:})
    bool({s} > {u})
    {s}
    {i} % 2 == 0
    {i} > 1
    {i} in (0, 2)
    {i} == {j}
    0 < {i} < 3 and {s} > 0
    {i} % 3 == 1 or {s} > {u}
    {f}
    not {f}
    {f} and {s} > -{u}
    {f} or {i} > 2
    np.logical_or({s} > {u}, {r} < 0.1)
    ({s} > 0) != ({r} > {u})
    ({s} > 0) & ({r} < {u})
    {s} > 0 if {i} > 1 else {s} < {u}
""",
)

CHOICES = texts(
    anything,
    """
    min({s:}, {r:})
    max({s:}, {r:}, {u})
    max({s:}, 0.0)
    min(max({s:}, -{u}), {u})
    abs({s:})
    max({s:}, {r:}) - min({s:}, {r:})
    sorted([{s:}, {r:}, {u}])[1]
    max([{s:}, {r:}], key=abs)
    max({v:})
    min({v:})
    sorted({v:})[0]
    sum(z for z in ({s:}, {r:}, {u}) if z > 0)
    sum(1 for z in {v:} if z > 0) * {s}
    next((z for z in ({s:}, {r:}) if z > {u}), 0.5)
    {s} if {t:} else {r}
    {s} if {s} > {u} else {r} if {r} > 0 else 0.25
    {v} if {t:} else -{v}
    np.sin({v:}) if {s} > 0 else {v} * {v}
    {s} * ({t:})
    max({s:}, 0.0) and {r}
    max({s:}, 0.0) or {r}
    ({s} > {u}) * {r} + ({s} <= {u}) * {s}
    np.where({s} > {u}, {s:}, {r:})
    np.where({v} > {s}, {v:}, {s:})
    dp.cond({t:}, lambda z: 2.0 * z, np.sin, {s:})
    dp.cond({t:}, lambda z: z * {s}, lambda z: z + {r}, {v:})
    np.sign({s:}) * max(abs({s:}) - {u}, 0.0)
    divmod({s:}, {u})[1]
    {s} ** 2 if abs({s:}) < {u} else 2 * {u} * abs({s:}) - {u} ** 2
    {s} * {i}
    {s} + {i} % 3
    {i} / ({j} ** 2 + 1) * {s}
    {s} - math.trunc({s:})
    np.floor({s:}) * {r}
    np.prod(np.stack([z if z > 0 else 1.0 for z in ({s:}, {r:})]))
    np.stack([z if z > {u} else 0.5 * z for z in {v:}])
    np.stack([min(z, {s:}) for z in {v:}])
    np.stack([{s:}, {r:}, {u}])
""",
)

WHOLE = texts(
    anything,
    """
    math.trunc({s:})
    np.trunc({s:}).astype(int)
    round({s:})
    np.floor({s:}).astype(int)
    np.rint(2 * {s}).astype(int)
    int({s} > {u})
    int(bool({t:}))
    ({s} > {u}) * 1 + ({r} > 0)
    np.argmax({v:})
    np.argmin({v:})
    np.searchsorted([-0.5, 0.3, 1.1], {s:})
    np.searchsorted(np.sort({v:}), {s:})
    np.sum({v} > {u})
    np.count_nonzero({v} > 0)
    len({v:})
    {i} + 1
    {i} // 2
    {i} % 3
    {i} * {j} - 1
    -{i}
    abs({i:})
    min({i:}, 3)
    max({i:}, {j:})
    {i} if {s} > 0 else {j}
    2 if {t:} else 0
    sum(z > 0 for z in {v:})
""",
)

LOOKUPS = texts(
    anything,
    """
    {x}[{i} % len({x:})]
    {x}[{i} % len({x:}) - 1] * {s}
    {x}[np.argmax({x:})]
    {x}[np.argsort({x:})]
    {x}[{x} > {s}].sum()
    {x}[np.clip(np.floor({v:}).astype(int), 0, len({x:}) - 1)]
    np.take({x:}, [{i} % len({x:}), 0])
    dp.set_at({v:}, {i} % len({v:}), {s:})
    dp.set_at({x} * 0.5, np.argmin({x:}), {s:})
    dp.lookup({v:}, {i} % len({v:}))
    dp.lookup(np.stack([{s:}, {r:}, 0.5]), {i} % 3)
    dp.lookup({v:}, np.array([0, -1, 0]))
    np.take({x:}, {i} % len({x:}))
    dp.add_at({v:}, {i} % len({v:}), {s:})
    dp.add_at(np.zeros(3), {i} % 3, {s:})
    dp.add_at(np.zeros(3), np.array([0, 2, 2]), {s:})
    dp.add_at(np.zeros(len({v:})), np.argsort({v:})[:1], {s:})
    dp.add_at(np.ones(4), np.clip(np.floor({v:}).astype(int), 0, 3), {v:})
    dp.lookup({v:}, np.argsort({v:}))
    dp.lookup({v:}, np.argsort(-{v}, kind="stable"))
    np.sort({v:})
    np.sort({v:})[::-1]
    np.sort({m:}, axis=0)
    np.interp({s:}, [-1.0, 0.0, 2.0], np.stack([{s:}, {r:}, 0.3]))
    np.interp({s:}, np.arange(len({v:})), {v:})
    np.interp({v:}, [-1.0, 0.5, 2.0], [0.3, -0.2, 1.0])
    {v}[{v} > {u}].sum()
    dp.lookup({v:}, {v} > {s}).sum()
    np.sum({v}[{v} < {u}] ** 2)
    np.median({v:})
    np.quantile({v:}, 0.3)
    np.take_along_axis({v:}, np.argsort({v:}), axis=0)
    np.take_along_axis({m:}, np.argmax({m:}, axis=1)[:, None], axis=1)
    dp.lookup({m:}, ({i} % len({m:}), {j} % len({m:})))
    dp.lookup({m:}, {i} % len({m:}))
    dp.lookup({m:}, (slice(None), {i} % len({m:})))
    dp.lookup({m:}, (np.argmax({m:}, axis=0), np.arange(len({m:}))))
    dp.lookup({v:}, {i} % len({v:}) - 1)
    np.max({v:}) - np.min({v:})
    np.cumsum({v:})
    np.diff({v:})
    np.max({m:}, axis=0)
    np.prod({v:})
    (lambda z: z[np.argmax(z)])({v} * 1.5)
    dp.lookup({v} * 1.5, {i} % len({v:}))
    dp.lookup({s} * np.arange(4.0), slice({i} % 2, {i} % 2 + 2))
""",
)

MATRICES = texts(
    anything,
    """
    np.linalg.solve({m} @ {m}.T + np.eye(len({m:})), {m}[0])
    np.linalg.solve(3 * np.eye(len({m:})) + np.tanh({m:}), {m:})
    np.linalg.inv({m} @ {m}.T + np.eye(len({m:})))
    np.linalg.inv(3 * np.eye(len({m:})) + np.tanh({m:}))
    np.linalg.det(0.5 * {m})
    np.linalg.det(np.eye(2) + np.outer(np.stack([{s:}, {r:}]), [0.3, 0.2]))
    np.linalg.cholesky({m} @ {m}.T + np.eye(len({m:})))
    np.linalg.slogdet({m} @ {m}.T + np.eye(len({m:})))[1]
    np.linalg.norm({m:})
    np.linalg.norm({v:})
    np.linalg.solve(np.stack([np.eye(len({m:})), 2 * np.eye(len({m:})) + np.tanh({m:})]), {m:})
    np.linalg.inv(np.stack([2.0 * np.eye(2), np.array([[1.0, 0.3], [-0.2, 1.0]]) * (1.0 + {s} ** 2)]))
    np.linalg.eigvalsh({m} + {m}.T)
    np.linalg.matrix_power({m:}, 2)
    np.linalg.pinv(3 * np.eye(len({m:})) + np.tanh({m:}))
    np.linalg.svdvals({m} + 2 * np.eye(len({m:})))
    np.linalg.lstsq({m} @ {m}.T + np.eye(len({m:})), {m}[0], rcond=None)[0]
    np.trace({m:})
    np.diag({m:})
    np.tril({m:})
""",
)

HELPERS = {
    "Body": [
        "@dataclasses.dataclass(frozen=True)",
        "class Body:",
        "    left: object",
        "    right: object",
    ],
}
