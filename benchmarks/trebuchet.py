"""An ordinary differential equation in three stages, each ended by an event: a throw of the trebuchet.

RK4 at 500 Hz, some 2,800 steps; the gradient of the distance by wind, angle and weight, with the
derivatives of the events' times. The limit is a forward program and its adjoint written by hand in
Numba (`trebuchet_by_hand.py`).
"""

import functools

import numpy as np

from .harness import compare, show

AT = (-2.0, 45.0, 200.0)
DT = 0.002


def throw(wind, angle, weight):
    """The distance, as a user of tinydp writes it: equations from the simulator, stages by integrate."""
    import tinydp as dp
    from tinydp.sims import trebuchet as t
    from tinydp.sims.integrators import rk4

    mass = t.POUND * weight
    machine = dp.integrate(lambda x, dt: rk4(lambda now: t.slide(now, mass), x, dt), t.at_rest(),
                           until=lambda x: t.ground_force(x, mass), dt=DT)
    machine = dp.integrate(lambda x, dt: rk4(lambda now: t.hang(now, mass), x, dt), machine,
                           until=lambda x: t.still_to_turn(x, angle), dt=DT)
    ball = dp.integrate(lambda x, dt: rk4(lambda now: t.fly(now, wind), x, dt), t.in_sling(machine),
                        until=t.height, dt=DT)
    return ball.x


def tinydp(compiled=True):
    """Ours."""
    import tinydp as dp

    gradient = dp.value_and_grad(dp.compile(throw) if compiled else throw, argnums=(0, 1, 2))

    def run():
        value, gradients = gradient(*AT)
        return np.array([value, *gradients])
    return run


def tinydp_primal():
    """The distance alone; compared as if it had the gradient."""
    import tinydp as dp

    primal, known = dp.compile(throw), limit()()[1:]
    return lambda: np.array([primal(*AT), *known])


def limit():
    """By hand."""
    from .trebuchet_by_hand import throw as by_hand

    return lambda: np.array(by_hand(*AT, DT, True))


def limit_primal():
    """The distance alone, by hand."""
    from .trebuchet_by_hand import throw as by_hand

    known = limit()()[1:]
    return lambda: np.array([by_hand(*AT, DT, False)[0], *known])


def jax():
    """JAX, compiled, in forward mode: its reverse mode refuses a loop up to an event."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    from jax import lax

    from tinydp.sims import trebuchet as t
    from tinydp.sims.integrators import rk4

    def in_jax(function):
        """A simulator's function with NumPy's functions replaced by JAX's."""
        import types
        names = {**function.__globals__, "np": jnp}
        for name in ("_sines", "_swing", "_accelerate", "slide", "in_sling"):
            old = function.__globals__[name]
            names[name] = types.FunctionType(old.__code__, names, name, old.__defaults__)
        return types.FunctionType(function.__code__, names, function.__name__, function.__defaults__)

    slide, hang, fly, force, turn, in_sling = map(in_jax, (
        t.slide, t.hang, t.fly, t.ground_force, t.still_to_turn, t.in_sling))

    def stage(rates, until, start):
        def step(x, dt):
            return rk4(rates, x, dt)

        def running(both):
            return ~((until(both[1]) <= 0) & (until(both[0]) > 0))

        before, _ = lax.while_loop(running, lambda both: (both[1], step(both[1], DT)),
                                   (start, step(start, DT)))
        fixed = lax.stop_gradient(before)

        def halve(_, ends):
            middle = 0.5 * (ends[0] + ends[1])
            up = until(step(fixed, middle)) > 0
            return jnp.where(up, middle, ends[0]), jnp.where(up, ends[1], middle)
        h = lax.stop_gradient(lax.fori_loop(0, 45, halve, (0.0, DT))[1])
        height, slope = jax.jvp(lambda h: until(step(before, h)), (h,), (1.0,))
        return step(before, h - height / lax.stop_gradient(slope))

    def range_of(wind, angle, weight):
        mass = t.POUND * weight
        start = jax.tree.map(jnp.float64, t.at_rest())
        machine = stage(lambda now: slide(now, mass), lambda x: force(x, mass), start)
        machine = stage(lambda now: hang(now, mass), lambda x: turn(x, angle), machine)
        return stage(lambda now: fly(now, wind), t.height, in_sling(machine)).x

    gradient = jax.jit(lambda *xs: (range_of(*xs), jax.jacfwd(range_of, argnums=(0, 1, 2))(*xs)))

    def run():
        value, gradients = gradient(*AT)
        return np.array([float(value), *map(float, gradients)])
    return run


PEERS = {"limit (Numba by hand)": limit, "tinydp compiled": tinydp, "JAX jit, forward mode": jax,
         "limit, distance alone": limit_primal, "tinydp, distance alone": tinydp_primal,
         "tinydp eager": functools.partial(tinydp, compiled=False)}


def main():
    """Print the table; returns it as plain data."""
    return show("trebuchet, RK4 at 500 Hz, three events: distance and gradient, microseconds",
                compare(PEERS, rounds=31, rtol=1e-8))
