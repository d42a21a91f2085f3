"""Chaos, chemistry, life; fields, circuits, control."""

from typing import Any, NamedTuple

import numpy as np
from numpy.random import default_rng

import tinydp as dp

from .tools import program, rk4, run

# ---------------------------------------------------------------------------- chaos, chemistry, life

@program
def lorenz():
    def trajectory(sigma, rho, beta):
        def rates(state):
            x, y, z = state
            return sigma * (y - x), x * (rho - z) - y, x * y - beta * z

        def step(state, _):
            state = rk4(rates, state, 0.01)
            return state, state[0]

        _, xs = dp.scan(step, (1.0, 1.0, 1.0), length=150)
        return np.mean(xs ** 2)

    return trajectory, (10.0, 28.0, 8 / 3)


@program
def van_der_pol():
    def swing(mu, x):
        def step(state):
            x, v = state
            v = v + 0.02 * (mu * (1 - x ** 2) * v - x)
            return x + 0.02 * v, v

        x, v = run(step, (x, 0.0), 500)
        return x ** 2 + v ** 2

    return swing, (1.5, 2.0)


@program
def lotka_volterra():
    def distance(rates, counts):
        def step(state, seen):
            prey, predators = rk4(lambda s: (rates[0] * s[0] - rates[1] * s[0] * s[1],
                                             rates[2] * s[0] * s[1] - rates[3] * s[1]), state, 0.1)
            return (prey, predators), (np.log(prey) - np.log(seen)) ** 2

        _, errors = dp.scan(step, (10.0, 5.0), counts)
        return np.mean(errors)

    return distance, (np.array([1.1, 0.4, 0.1, 0.4]), np.linspace(8.0, 14.0, 80))


@program
def epidemic():
    class People(NamedTuple):
        susceptible: Any
        infected: Any
        recovered: Any

    def fit(contact, recovery, reports):
        def day(now, seen):
            infections = contact * now.susceptible * now.infected
            healed = recovery * now.infected
            now = People(now.susceptible - infections, now.infected + infections - healed,
                         now.recovered + healed)
            return now, (infections * 1000.0 - seen) ** 2

        last, errors = dp.scan(day, People(0.99, 0.01, 0.0), reports)
        return np.sum(errors) + last.recovered

    return fit, (0.4, 0.1, 10.0 * np.exp(-((np.arange(60.0) - 25.0) / 10.0) ** 2))


@program
def fitzhugh_nagumo():
    def spike(a, b, current):
        def step(state):
            return rk4(lambda s: (s[0] - s[0] ** 3 / 3 - s[1] + current, 0.08 * (s[0] + a - b * s[1])),
                       state, 0.1)

        v, w = run(step, (-1.0, 1.0), 300)
        return v ** 2 + w ** 2

    return spike, (0.7, 0.8, 0.5)


@program
def kuramoto():
    def order(coupling, frequencies, phases):
        def step(now):
            pull = np.mean(np.sin(now[None, :] - now[:, None]), axis=1)
            return now + 0.05 * (frequencies + coupling * pull)

        last = run(step, phases, 100)
        return np.mean(np.cos(last)) ** 2 + np.mean(np.sin(last)) ** 2

    rng = default_rng(2)
    return order, (1.5, rng.normal(size=12), rng.uniform(-3.0, 3.0, 12))


@program
def gray_scott():
    def react(feed, kill, u, v):
        def spread(x):
            return np.roll(x, 1) + np.roll(x, -1) - 2 * x

        def step(state):
            u, v = state
            both = u * v ** 2
            return u + 0.2 * spread(u) - both + feed * (1 - u), v + 0.1 * spread(v) + both - (feed + kill) * v

        u, v = run(step, (u, v), 100)
        return np.sum(u * v)

    return react, (0.04, 0.06, np.ones(32), 0.5 * np.exp(-np.linspace(-3.0, 3.0, 32) ** 2))


# ---------------------------------------------------------------------------- fields, circuits, control

@program
def heat_equation():
    def cool(conductivity, source, start):
        def step(now):
            inside = conductivity * (now[2:] - 2 * now[1:-1] + now[:-2]) + source
            return np.concatenate([now[:1], now[1:-1] + 0.1 * inside, now[-1:]])

        return np.sum((run(step, start, 200) - 1.0) ** 2)

    return cool, (1.5, 0.02, np.linspace(0.0, 2.0, 40))


@program
def heated_plate():
    def cool(conductivity, plate):
        def step(now):
            around = now[:-2, 1:-1] + now[2:, 1:-1] + now[1:-1, :-2] + now[1:-1, 2:] - 4 * now[1:-1, 1:-1]
            return np.pad(now[1:-1, 1:-1] + 0.2 * conductivity * around, 1)

        return np.mean(run(step, plate, 50)[4:8, 4:8])

    return cool, (0.9, np.outer(np.hanning(16), np.hanning(16)))


@program
def rc_ladder():
    def settle(resistances, capacities, source):
        def step(volts, k):
            before = np.concatenate([np.array([1.0]) * source, volts[:-1]])
            current = (before - volts) / resistances
            leaving = np.concatenate([current[1:], np.zeros(1)])
            volts = volts + 0.01 * (current - leaving) / capacities
            return volts, volts[-1]

        _, output = dp.scan(step, np.zeros(8), length=250)
        return np.sum((output - 0.5 * source) ** 2)

    return settle, (np.linspace(1.0, 2.0, 8), np.linspace(0.1, 0.2, 8), 3.0)


@program
def pid_motor():
    def loop(gains, load):
        proportional, integral, derivative = gains

        def step(state, _):
            angle, speed, current, total, last, cost = state
            error = 1.0 - angle
            total = total + error * 0.01
            wanted = proportional * error + integral * total + derivative * (error - last) / 0.01
            voltage = 12.0 * np.tanh(wanted / 12.0)
            current = current + 0.01 * (voltage - current - 0.05 * speed) / 0.5
            friction = 0.1 * speed + 0.02 * np.tanh(speed / 0.05)
            speed = speed + 0.01 * (0.05 * current - friction - 0.1 * np.sin(angle) - load) / 0.01
            angle = angle + speed * 0.01
            cost = cost + error ** 2 + 1e-3 * current ** 2 + 1e-4 * voltage * current
            return (angle, speed, current, total, error, cost), None

        last, _ = dp.scan(step, (0.0, 0.0, 0.0, 0.0, 1.0, 0.0), length=300)
        return last[-1] + last[0] ** 2

    return loop, ((8.0, 2.0, 0.3), 0.01)


@program
def kalman_filter():
    def likelihood(noise, drift, seen):
        move, look = np.array([[1.0, 0.1], [0.0, 0.95]]), np.array([[1.0, 0.0]])

        def step(state, y):
            mean, spread = state
            mean, spread = move @ mean + drift, move @ spread @ move.T + noise[0] * np.eye(2)
            miss, scale = y - (look @ mean)[0], (look @ spread @ look.T)[0, 0] + noise[1]
            gain = (spread @ look.T)[:, 0] / scale
            mean, spread = mean + gain * miss, spread - np.outer(gain, look @ spread)
            return (mean, spread), np.log(scale) + miss ** 2 / scale

        _, losses = dp.scan(step, (np.zeros(2), np.eye(2)), seen)
        return 0.5 * np.sum(losses)

    return likelihood, (np.array([0.1, 0.5]), np.array([0.0, 0.02]), np.sin(np.linspace(0.0, 6.0, 60)))
