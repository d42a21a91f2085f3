"""Things that move: pendulums, bodies, vehicles."""

from typing import Any, NamedTuple

import numpy as np

import tinydp as dp

from .tools import only_here, program, rk4, run


@program
def double_pendulum():
    def swing(lengths, first, second):
        (la, lb), g = lengths, 9.81

        def rates(state):
            a, b, u, v = state
            d = a - b
            below = 2.0 + 1.0 - np.cos(2 * d)
            du = (-g * 3.0 * np.sin(a) - g * np.sin(a - 2 * b)
                  - 2 * np.sin(d) * (v ** 2 * lb + u ** 2 * la * np.cos(d))) / (la * below)
            dv = 2 * np.sin(d) * (2 * u ** 2 * la + 2 * g * np.cos(a)
                                  + v ** 2 * lb * np.cos(d)) / (lb * below)
            return u, v, du, dv

        a, b, *_ = run(lambda x: rk4(rates, x, 0.01), (first, second, 0.0, 0.0), 200)
        return la * np.cos(a) + lb * np.cos(b)

    return swing, ((1.0, 0.8), 1.2, -0.4)


@program
def three_bodies():
    class Bodies(NamedTuple):
        place: Any                       # (bodies, 2)
        speed: Any

    def orbit(masses, place, speed):
        def pull(at):
            apart = at[None, :, :] - at[:, None, :]
            distance = np.sqrt(np.sum(apart ** 2, axis=-1) + 1e-3)
            return np.sum(masses[None, :, None] * apart / distance[..., None] ** 3, axis=1)

        def leap(now):
            half = now.speed + 0.005 * pull(now.place)
            place = now.place + 0.01 * half
            return Bodies(place, half + 0.005 * pull(place))

        return np.sum(run(leap, Bodies(place, speed), 100).place ** 2)

    return orbit, (np.array([10.0, 1.0, 0.5]), np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 5.0]]),
                   np.array([[0.0, 0.0], [0.0, 1.8], [-1.4, 0.0]]))


@program
def spring_chain():
    def strum(stiffness, damping, x):
        def step(state):
            x, v = state
            padded = np.concatenate([np.zeros(1), x, np.zeros(1)])
            force = stiffness * (padded[2:] - 2 * x + padded[:-2]) - damping * v - 0.1 * x ** 3
            v = v + 0.02 * force
            return x + 0.02 * v, v

        x, v = run(step, (x, np.zeros(20)), 300)
        return 0.5 * np.sum(v ** 2) + np.sum(x ** 4)

    return strum, (4.0, 0.1, np.sin(np.linspace(0.0, 3.0, 20)))


@program
def quadrotor():
    def land(gains, target):
        def step(state):
            x, z, tilt, vx, vz, spin = state
            wanted = np.clip(gains[0] * (x - target) + gains[1] * vx, -0.5, 0.5)
            lift = 9.81 + gains[2] * (1.0 - z) - gains[3] * vz
            twist = gains[4] * (wanted - tilt) - gains[5] * spin
            vx, vz = vx - 0.02 * lift * np.sin(tilt), vz + 0.02 * (lift * np.cos(tilt) - 9.81)
            spin = spin + 0.02 * twist
            return x + 0.02 * vx, z + 0.02 * vz, tilt + 0.02 * spin, vx, vz, spin

        x, z, tilt, *_ = run(step, (0.0, 0.0, 0.0, 0.0, 0.0, 0.0), 200)
        return (x - target) ** 2 + (z - 1.0) ** 2 + tilt ** 2

    return land, (np.array([0.1, 0.2, 4.0, 3.0, 20.0, 6.0]), 2.0)


@program
def bicycle():
    def follow(gains, speed):
        def step(state, k):
            x, y, heading, cost = state
            offset = y - np.sin(0.3 * x)
            wanted = np.arctan(0.3 * np.cos(0.3 * x)) - gains["offset"] * offset
            steer = np.tanh(gains["heading"] * (wanted - heading))
            heading = heading + 0.05 * speed * np.tan(0.5 * steer) / 2.5
            x, y = x + 0.05 * speed * np.cos(heading), y + 0.05 * speed * np.sin(heading)
            return (x, y, heading, cost + offset ** 2 + 0.01 * steer ** 2), offset

        state, offsets = dp.scan(step, (0.0, 0.5, 0.0, 0.0), length=150)
        return state[3] + np.max(offsets)

    return follow, ({"offset": 0.4, "heading": 2.0}, 5.0)


@only_here
def thrown_ball():
    def throw(speed, angle, drag):
        def rates(state):
            _, _, vx, vy = state
            against = drag * np.sqrt(vx * vx + vy * vy)
            return vx, vy, -against * vx, -9.81 - against * vy

        end = dp.integrate(lambda s, dt: rk4(rates, s, dt),
                           (0.0, 1.0, speed * np.cos(angle), speed * np.sin(angle)), lambda s: s[1], dt=0.01)
        return end[0]

    return throw, (20.0, 0.7, 0.02)


@only_here
def rocket():
    class Rocket(NamedTuple):
        height: Any
        speed: Any
        fuel: Any
        clock: Any

    def apogee(thrust, fuel, drag):
        def rates(now):
            burning = 0.5 * (1.0 + np.tanh(20.0 * now.fuel))
            mass = 5.0 + now.fuel
            air = drag * np.exp(-now.height / 8000.0)
            lift = (burning * thrust - air * now.speed * np.abs(now.speed)) / mass
            return Rocket(now.speed, lift - 9.81, -burning * thrust / 2000.0, 1.0)

        def step(now, dt):
            middle = Rocket(*(x + 0.5 * dt * v for x, v in zip(now, rates(now), strict=True)))
            return Rocket(*(x + dt * v for x, v in zip(now, rates(middle), strict=True)))

        return dp.integrate(step, Rocket(0.0, 1.0, fuel, 0.0), lambda now: now.speed, dt=0.02).height

    return apogee, (400.0, 3.0, 0.01)
