"""Tapes that the tests of the page share, and how they look into a page."""

import importlib.util
import json
import re

import numpy as np
import pytest

import tinydp as dp


def f(x, w):
    hidden = np.sin(x * w)
    return hidden + x


def network(params, x):
    for weight, bias in params:
        x = np.tanh(x @ weight + bias)
    return np.mean(x * x)


def elements(x):
    return np.sum(x[1:] * x[:-1]) + x[0] * x[0]


def several(x, unused):
    np.exp(x)
    return {"square": x * x, "both": (x, np.sqrt(x))}


def pendulum(angle, speed, torque, dt):
    for _ in range(250):
        acceleration = 14.7 * np.sin(angle) + 3.0 * torque
        speed = speed + acceleration * dt
        angle = angle + speed * dt
    return angle


def savings(rate, start):
    grown, yearly = dp.scan(lambda money, _: (money * (1 + rate), money * rate), start, length=5)
    return grown + np.sum(yearly)


def fall(gravity, height):
    def step(ball, dt):
        height, speed, time = ball
        return height + dt * speed - dt**2 * gravity / 2, speed - dt * gravity, time + dt
    return dp.integrate(step, (height, 0.0, 0.0), until=lambda ball: ball[0], dt=0.3)[2]


def nested(w, rows):
    """A loop with a checkpoint and a loop inside, each of which uses what is around."""
    def cell(h, row):
        h = np.tanh(w @ h + row)
        size = dp.checkpoint(lambda a, b: np.sum(a * b))(h, h)
        return h, size * dp.scan(lambda s, x: (s + x * w[0, 0], None), 0.0, h)[0]
    last, sizes = dp.scan(cell, np.zeros(2), rows)
    return np.sum(sizes) + last[0]


def shrinking(x, factor):
    return dp.while_loop(lambda s: s > 1.0, lambda s: s * factor, x)


def leaking(x, w):
    """What is computed inside of a loop is used after it."""
    seen = []

    def step(s, _):
        seen.append(s * w)
        return seen[-1], None

    return dp.scan(step, x * 1.0, length=3)[0] * seen[1]


swap = dp.custom_gradient(lambda a, b: (b, a), lambda g, y, a, b: (g[1], g[0]))

TAPES = {
    "scalars": lambda: dp.record(f, 0.5, 2.0),
    "arrays": lambda: dp.record(network, [(np.eye(3), np.ones(3)), (np.ones((3, 1)), np.zeros(1))],
                                np.arange(6.0).reshape(2, 3)),
    "elements": lambda: dp.record(elements, np.array([1.0, 2.0, 3.0])),
    "several": lambda: dp.record(several, 3.0, np.ones(2)),
    "picked": lambda: dp.record(lambda a, b: swap(a, b)[0] * swap(a, b)[1], 2.0, 3.0),
    "stacked": lambda: dp.record(lambda x: np.stack([x, x * 2, x]), 3.0),
    "identity": lambda: dp.record(lambda x: x, 3.0),
    "constant": lambda: dp.record(lambda x: 5.0, 3.0),
    "scan": lambda: dp.record(savings, 0.05, 100.0),
    "nothing done": lambda: dp.record(lambda x: dp.scan(lambda s, _: (s, x), x * x, length=3), 3.0),
    "segments": lambda: dp.record(
        lambda x, w: dp.scan(lambda s, _: (np.sin(s) * w, s), x, length=7, segment=3)[0], 0.5, 2.0),
    "leaking": lambda: dp.record(leaking, 2.0, 3.0),
    "integrate": lambda: dp.record(fall, 10.0, 5.0),
    "while": lambda: dp.record(shrinking, 20.0, 0.5),
    "while in segments": lambda: dp.record(
        lambda x, w: dp.while_loop(lambda s: s > 1.0, lambda s: s * w, x, segment=2), 20.0, 0.5),
    "vmap": lambda: dp.record(lambda w, xs: np.sum(dp.vmap(lambda x: x * w)(xs)), 2.0, np.arange(3.0)),
    "cond": lambda: dp.record(lambda x, w: dp.cond(x > 0.0, lambda x: x * w, lambda x: x, x), 2.0, 3.0),
    "checkpoint": lambda: dp.record(lambda x: dp.checkpoint(lambda a, b: a * b + a)(x, x), 3.0),
    "nested": lambda: dp.record(nested, np.eye(2) * 0.5, np.arange(6.0).reshape(3, 2)),
    "root": lambda: dp.record(lambda p: dp.root(lambda x: x**3 - p, 1.0), 8.0),
    "argmin": lambda: dp.record(lambda p: dp.argmin(lambda x: (x - p) ** 2, 0.0), 8.0),
    "loop": lambda: dp.record(pendulum, 0.3, 0.0, 0.5, 0.02),
}
every_tape = pytest.mark.parametrize("name", TAPES)


def page_of(tape, folder):
    path = folder / "tape.html"
    tape.to_html(path)
    return path.read_text("utf-8")


def data_of(page):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    block = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1]
    return json.loads(block, parse_constant=refuse)


def module_from(source, path):
    path.write_text(source, "utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
