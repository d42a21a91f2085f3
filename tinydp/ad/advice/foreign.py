"""What to write instead of a call of somebody else's code that can take plain numbers only.

A draw of random numbers is one of fixed numbers, moved and stretched; a solver of SciPy's is one of ours.

    >>> instead_of_call("rng.normal(mu, 0.1, size=3)")
    'write mu + 0.1 * rng.normal(size=3) instead: a fixed draw, moved and stretched.'
    >>> instead_of_call("brentq(lambda u: u - x, 0.0, 1.0)")
    'write dp.root(lambda u: u - x, 0.5 * (0.0 + 1.0)) instead.'
    >>> plainly("Decimal(x + y)", {"x"})
    'Decimal(dp.value(x) + y)'
"""

import ast
from typing import Any

import numpy as np

from .naming import Advice
from .syntax import parsed, statements

_RANDOM = {
    "normal": ("loc scale size", ("0.0", "1.0"), "{0} + {1} * {draw}"),
    "uniform": ("low high size", ("0.0", "1.0"), "{0} + ({1} - {0}) * {draw}"),
    "exponential": ("scale size", ("1.0",), "{0} * {draw}"),
    "rayleigh": ("scale size", ("1.0",), "{0} * {draw}"),
    "gumbel": ("loc scale size", ("0.0", "1.0"), "{0} + {1} * {draw}"),
    "logistic": ("loc scale size", ("0.0", "1.0"), "{0} + {1} * {draw}"),
    "laplace": ("loc scale size", ("0.0", "1.0"), "{0} + {1} * {draw}"),
    "lognormal": ("mean sigma size", ("0.0", "1.0"), "np.exp({0} + {1} * {normal})"),
}
_SAMPLES = (
    "poisson",
    "binomial",
    "gamma",
    "beta",
    "geometric",
    "negative_binomial",
    "multinomial",
    "permutation",
    "shuffle",
    "chisquare",
    "standard_t",
    "vonmises",
    "weibull",
    "pareto",
    "triangular",
    "dirichlet",
    "multivariate_normal",
    "integers",
    "bernoulli",
    "gauss",
)
_STEPS = (
    "dp.scan(lambda s, _: (dp.sims.integrators.rk4(lambda s: (({0})({first}), 1.0), s, 0.01), None), "
    "({y0}, {t0}), length=100)[0][0]"
)
_QUAD = (
    "(lambda t, w: 0.5 * ({2} - {1}) * np.sum(w * ({0})(0.5 * ({2} - {1}) * t + 0.5 * ({1} + {2}))))"
    "(*np.polynomial.legendre.leggauss(20))"
)
# SciPy's and NumPy's functions, by their last name: what does the same, and what is said of it.
_CALLS: dict[str, tuple[int, str, str]] = {
    "quad": (3, _QUAD, "write {} instead, where the function takes an array."),
    "minimize": (2, "dp.argmin({0}, {1})", "write {} instead, which is what .x is."),
    "minimize_scalar": (1, "dp.argmin({0}, 0.0)", "write {} instead, which is what .x is."),
    "fsolve": (2, "dp.root({0}, {1})", "write {} instead."),
    "newton": (2, "dp.root({0}, {1})", "write {} instead."),
    "brentq": (3, "dp.root({0}, 0.5 * ({1} + {2}))", "write {} instead."),
    "bisect": (3, "dp.root({0}, 0.5 * ({1} + {2}))", "write {} instead."),
    "root": (2, "dp.root({0}, {1})", "write {} instead, which is what .x is."),
    "least_squares": (
        2,
        "dp.argmin(lambda p: np.sum(({0})(p) ** 2), {1})",
        "write {} instead, which is what .x is.",
    ),
    "polyfit": (3, "np.linalg.lstsq(np.vander({0}, {2} + 1), {1})[0]", "write {} instead."),
    "fmean": (1, "np.mean(np.stack({0}))", "write {} instead."),
    "pstdev": (1, "np.std(np.stack({0}))", "write {} instead."),
    "stdev": (1, "np.std(np.stack({0}), ddof=1)", "write {} instead."),
    "fromiter": (1, "np.stack([*{0}])", "write {} instead."),
}


def instead_of_call(expression: str) -> str:
    """The advice for a call of somebody else's, or nothing if it is none that we know."""
    found = parsed(expression)
    if not isinstance(found, ast.Call):
        return ""
    function = found.func
    if isinstance(function, ast.Call):  # `np.vectorize(f)(x)`, `CubicSpline(x, y)(u)`
        return _of_made(found, function)
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    args = [*map(ast.unparse, found.args)]
    named = {x.arg: ast.unparse(x.value) for x in found.keywords if x.arg}
    if isinstance(function, ast.Attribute) and (name in _RANDOM or name in _SAMPLES or name == "choice"):
        return _of_random(ast.unparse(function.value), name, args, named)
    if name in ("solve_ivp", "odeint") and len(args) >= 2:
        return _of_solver(name, args)
    if name in _CALLS and len(args) >= (known := _CALLS[name])[0]:
        return Advice(known[2], known[1].format(*args))
    return ""


def _of_random(rng: str, name: str, args: list[str], named: dict[str, str]) -> str:
    if name == "choice" and len(args) == 1 and not named:
        number = f"{rng}.{'randint' if rng.endswith('random') else 'integers'}(len({args[0]}))"
        return Advice("write {} instead.", f"dp.lookup({args[0]}, {number})")
    if name not in _RANDOM:
        inside = ", ".join([*(f"dp.value({x})" for x in args), *(f"{k}={x}" for k, x in named.items())])
        return Advice(
            "write {}, a draw without derivative: what a sample depends on is lost in it.",
            f"{rng}.{name}({inside})",
        )
    parameters, defaults, form = _RANDOM[name]
    given = dict(zip(parameters.split(), args, strict=False)) | named
    numbers = [given.get(p, default) for p, default in zip(parameters.split(), defaults, strict=False)]
    size = f"size={given['size']}" if "size" in given else ""
    code = form.format(*map(within, numbers), draw=f"{rng}.{name}({size})", normal=f"{rng}.normal({size})")
    return Advice("write {} instead: a fixed draw, moved and stretched.", code)


def within(code: str) -> str:
    """Source in parentheses, if it is to stand in a product."""
    found = parsed(code)
    return (
        code
        if isinstance(found, (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript))
        else f"({code})"
    )


def _of_solver(name: str, args: list[str]) -> str:
    """Runge and Kutta's steps, at 100 of which it is to be looked whether they are short enough."""
    span = parsed(args[1] if name == "solve_ivp" else "0.0")
    start = ast.unparse(span.elts[0]) if isinstance(span, (ast.Tuple, ast.List)) and span.elts else "0.0"
    y0 = args[2] if name == "solve_ivp" and len(args) > 2 else args[1]
    y0 = f"np.stack({y0})" if isinstance(parsed(y0), ast.List) else y0
    first = "s[1], s[0]" if name == "solve_ivp" else "s[0], s[1]"
    return Advice(
        "write {} for the state after 100 steps of 0.01.",
        _STEPS.format(args[0], first=first, y0=y0, t0=start),
    )


def _of_made(found: ast.Call, maker: ast.Call) -> str:
    name = maker.func.attr if isinstance(maker.func, ast.Attribute) else getattr(maker.func, "id", "")
    args, given = [*map(ast.unparse, found.args)], [*map(ast.unparse, maker.args)]
    if name == "vectorize" and len(args) == 1 and given:
        return Advice("write {} instead.", f"np.stack([({given[0]})(u) for u in {args[0]}])")
    if name in (
        "interp1d",
        "CubicSpline",
        "PchipInterpolator",
        "Akima1DInterpolator",
        "make_interp_spline",
    ) and (len(args) == 1 and len(given) >= 2):
        return Advice(
            "write {} for straight lines between the points.", f"np.interp({args[0]}, {given[0]}, {given[1]})"
        )
    return ""


class _Plain(ast.NodeTransformer):
    def __init__(self, traced: Any):
        self.traced = traced

    def visit_Name(self, node: ast.Name) -> Any:
        return ast.Name(f"dp.value({node.id})") if node.id in self.traced else node


def plainly(expression: str, traced: Any) -> str:
    """The expression with the plain numbers of these names."""
    found = parsed(expression)
    if isinstance(found, (ast.Call, ast.Subscript)):
        return ast.unparse(_Plain(traced).visit(found))
    return ""


_LIBRARIES = ("torch", "jax", "pandas", "xarray", "tensorflow")


def instead_of_numpys(expression: str, space: Any) -> str:
    """`np.sin(x)` for `torch.sin(x)` and `jnp.sin(x)`; nothing for what NumPy does not have by that name."""
    found = parsed(expression)
    if not (isinstance(found, ast.Call) and isinstance(found.func, ast.Attribute)):
        return ""
    root = found.func.value
    module = getattr(space.get(root.id), "__name__", "") if isinstance(root, ast.Name) else ""
    if module not in ("torch", "jax.numpy", "autograd.numpy", "tensorflow") or not hasattr(
        np, found.func.attr
    ):
        return ""
    return ast.unparse(
        ast.Call(ast.parse(f"np.{found.func.attr}", mode="eval").body, found.args, found.keywords)
    )


def _is_theirs(x: ast.expr, space: Any) -> bool:
    """Whether a name stands for an array of another library, or a table."""
    found = space.get(x.id) if isinstance(x, ast.Name) else None
    return type(found).__module__.partition(".")[0] in (*_LIBRARIES, "jaxlib")


def with_arrays(expression: str, space: Any) -> str:
    """`np.asarray(t) * x` for the `t * x` of another library's array and a traced value; or nothing."""
    found = parsed(expression)

    def taken(x: ast.expr) -> ast.expr:
        return ast.Name(f"np.asarray({ast.unparse(x)})") if _is_theirs(x, space) else x

    if isinstance(found, ast.BinOp) and (_is_theirs(found.left, space) or _is_theirs(found.right, space)):
        return ast.unparse(ast.BinOp(taken(found.left), found.op, taken(found.right)))
    if isinstance(found, ast.Call) and any(_is_theirs(x, space) for x in found.args):
        return ast.unparse(ast.Call(found.func, [*map(taken, found.args)], found.keywords))
    return ""


def instead_of_column(text: str, space: Any) -> str:
    """The advice for `table["name"] = x` where the table is another library's; or nothing."""
    tree = statements(text)
    statement = tree.body[0] if tree and len(tree.body) == 1 else None
    if not (isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript)):
        return ""
    target = statement.targets[0]
    key = target.slice.value if isinstance(target.slice, ast.Constant) else ""
    if not _is_theirs(target.value, space) or not (isinstance(key, str) and key.isidentifier()):
        return ""
    return Advice("keep the column in a variable of its own: {}.", f"{key} = {ast.unparse(statement.value)}")
