"""Derivatives that least squares and second-order methods need: Jacobian, `jvp`, Hessian, `hvp`.

The problem is a fit of Lotka and Volterra's equations, four parameters, to 200 counts, with a `scan` of 50
weeks inside: of prey and predators in two lakes, each week; or of the prey in 200 lakes, at the end. The
Hessian is that of the sum of squares. JAX compiles its forward and its reverse mode; the ratios are to
the faster. Then Hessian-vector products of two longer programs: the pendulum's window, by the 1,321
parameters of its network, and the trebuchet's throw.

Results are equal, to 1e-10 of the largest number among them, before anything is timed.
"""

import functools

import numpy as np

from . import pendulum, trebuchet
from .harness import Missing, Row, compare, flat, layers_of, parameters, show

WEEKS, RESIDUALS = 50, 200
DT = 0.1
TRUE = np.array([1.1, 0.4, 0.1, 0.4])    # births, losses to predators, their gain, their deaths
GUESS = np.array([1.0, 0.5, 0.15, 0.3])
ALONG = np.array([0.3, -0.2, 0.1, 0.5])
TOLERANCE = 1e-10

# ---------------------------------------------------------------------------- the problem

def grow(rates, prey, predators):
    """A step of the equations, semi-implicit: the predators meet the prey that is left."""
    births, losses, gain, deaths = rates[0], rates[1], rates[2], rates[3]
    prey = prey + DT * prey * (births - losses * predators)
    predators = predators + DT * predators * (gain * prey - deaths)
    return prey, predators


def weekly(scan, xp, rates, starts):
    """The counts of each week, in each lake."""
    def week(lakes, _):
        lakes = grow(rates, *lakes)
        return lakes, lakes

    _, (prey, predators) = scan(week, starts, None, WEEKS)
    return xp.concatenate([xp.ravel(prey), xp.ravel(predators)])


def final(scan, xp, rates, starts):
    """The prey at the end, in each lake."""
    (prey, _), _ = scan(lambda lakes, _: (grow(rates, *lakes), None), starts, None, WEEKS)
    return prey


PROBLEMS = {"weekly counts in two lakes": (weekly, 2), "last counts in 200 lakes": (final, RESIDUALS)}


def data(problem):
    """Where the lakes start, and what was counted: the truth and a little noise."""
    import tinydp as dp

    counts, lakes = PROBLEMS[problem]
    rng = np.random.default_rng(0)
    starts = rng.uniform(5.0, 15.0, lakes), rng.uniform(2.0, 6.0, lakes)
    exact = counts(dp.scan, np, TRUE, starts)
    return starts, exact + rng.normal(0.0, 0.1, RESIDUALS)


def functions(problem, scan, xp):
    """The residuals, and the sum of their squares, as functions of the four rates."""
    counts, (starts, counted) = PROBLEMS[problem][0], data(problem)

    def residuals(rates):
        return counts(scan, xp, rates, starts) - counted

    def squares(rates):
        return xp.sum(residuals(rates) ** 2)

    return residuals, squares

# ---------------------------------------------------------------------------- tinydp

def tinydp(derivative, problem, compiled=True):
    """Ours."""
    import tinydp as dp

    residuals, squares = functions(problem, dp.scan, np)
    if compiled:
        residuals, squares = dp.compile(residuals), dp.compile(squares)
    jacobian, hessian = dp.jacobian(residuals), dp.hessian(squares)
    return {
        "Jacobian": lambda: np.ravel(jacobian(GUESS)),
        "jvp": lambda: np.concatenate(dp.jvp(residuals, (GUESS,), (ALONG,))),
        "Hessian": lambda: np.ravel(hessian(GUESS)),
        "hvp": lambda: dp.hvp(squares, GUESS, ALONG),
    }[derivative]

# ---------------------------------------------------------------------------- JAX

def jax(derivative, problem, reverse=False):
    """JAX, compiled; each derivative in both of its modes, where it has two."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    def scan(step, carry, xs, length):
        return jax.lax.scan(step, carry, xs, length)

    residuals, squares = functions(problem, scan, jnp)
    gradient = jax.grad(squares)

    def linear(f, at, along):
        return jax.jvp(f, (at,), (along,))

    def pulled(at, along):
        return jax.grad(lambda x: gradient(x) @ along)(at)

    if reverse and derivative == "jvp":
        raise Missing
    made = {
        "Jacobian": (jax.jacrev if reverse else jax.jacfwd)(residuals),
        "jvp": lambda x: linear(residuals, x, ALONG),
        "Hessian": (jax.jacrev(gradient) if reverse else jax.hessian(squares)),
        "hvp": lambda x: pulled(x, ALONG) if reverse else linear(gradient, x, ALONG)[1],
    }[derivative]
    run, at = jax.jit(made), jnp.asarray(GUESS)

    def result():
        return np.concatenate([np.ravel(x) for x in jax.tree.leaves(jax.block_until_ready(run(at)))])
    return result


PEERS = {"JAX jit, forward mode": jax, "JAX jit, reverse mode": functools.partial(jax, reverse=True),
         "tinydp compiled": tinydp, "tinydp eager": functools.partial(tinydp, compiled=False)}

# ---------------------------------------------------------------------------- longer programs

def window(compiled, steps=pendulum.STEPS):
    """The product of the Hessian of the pendulum's window by its network's parameters."""
    import tinydp as dp

    run, start = pendulum.total_cost(pendulum.SIZES), pendulum.starts(0)

    def loss(arrays):
        return run(start, layers_of(arrays), steps)

    chosen = dp.compile(loss) if compiled else loss
    arrays, along = parameters(pendulum.SIZES), parameters(pendulum.SIZES, seed=1)
    return lambda: flat(0.0, dp.hvp(chosen, arrays, along))


def shot(compiled):
    """The product of the Hessian of the trebuchet's distance by wind, angle and weight."""
    import tinydp as dp

    def distance(at):
        return trebuchet.throw(*at)

    chosen = dp.compile(distance) if compiled else distance
    return lambda: flat(0.0, dp.hvp(chosen, trebuchet.AT, (1.0, -2.0, 3.0)))


PRODUCTS = {f"the pendulum's window, {pendulum.STEPS} steps": window, "the trebuchet's shot": shot}


def to_the_fastest(rows: list[Row]) -> list[Row]:
    """The same rows, their ratios to the fastest of JAX's, which comes first; without JAX as they are."""
    theirs = sorted((row for row in rows if row.peer.startswith("JAX")), key=lambda row: row.seconds)
    if not theirs:
        return rows
    return [row._replace(ratio=row.seconds / theirs[0].seconds)
            for row in [*theirs, *(row for row in rows if row not in theirs)]]


def main():
    """Print all tables; returns them as plain data."""
    figures = {}
    for problem in PROBLEMS:
        for derivative in ("Jacobian", "jvp", "Hessian", "hvp"):
            peers = {name: functools.partial(peer, derivative, problem) for name, peer in PEERS.items()}
            rows = to_the_fastest(compare(peers, rtol=TOLERANCE, of_largest=True))
            title = f"{derivative}, {problem}"
            figures[title] = show(f"{title}, {WEEKS} steps, {RESIDUALS} residuals: microseconds", rows)
    for name, product in PRODUCTS.items():
        peers = {"tinydp compiled": functools.partial(product, True),
                 "tinydp eager": functools.partial(product, False)}
        rows = compare(peers, rounds=5, rtol=TOLERANCE, of_largest=True)
        figures[f"hvp, {name}"] = show(f"hvp of {name}: microseconds", rows)
    return figures
