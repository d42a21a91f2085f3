"""Forty simulators, losses and helpers as people write them: none of them knows of tinydp.

Each function takes one array and returns one number. They build arrays of numbers that depend on it, with
`np.array`, or fill arrays that they made. `test_ordinary.py` differentiates all of them.
"""

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy
import numpy as np
import numpy as num
from numpy import array, zeros

G = 9.81

# ---------------------------------------------------------------------------- np.array of values


def pendulum_euler(p):
    theta, omega = p[0], p[1]
    for _ in range(20):
        state = np.array([theta, omega])
        rate = np.array([state[1], -G * np.sin(state[0]) - 0.1 * state[1]])
        theta, omega = state + 0.01 * rate
    return theta**2 + omega


def _lotka(state, t, a, b):
    x, y = state
    return np.array([a * x - b * x * y, 0.5 * b * x * y - y])


def _rk4(f, y, t, h, *args):
    k1 = f(y, t, *args)
    k2 = f(y + h / 2 * k1, t + h / 2, *args)
    k3 = f(y + h / 2 * k2, t + h / 2, *args)
    k4 = f(y + h * k3, t + h, *args)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def lotka_volterra(p):
    y = np.array([p[0], p[1]], dtype=float)
    for k in range(10):
        y = _rk4(_lotka, y, 0.05 * k, 0.05, p[2], 0.7)
    return y.sum()


def rotation(p):
    c, s = np.cos(p[0]), np.sin(p[0])
    R = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return np.linalg.norm(R @ p - np.array([1, 2, 3]))


def from_import(p):
    return (array([p[0] * p[1], 2.0, p[2]]) ** 2).sum()


def another_name(p):
    return num.sum(num.asarray([p[0], p[1] * p[2]]) * numpy.array((1.0, p[0])))


def list_first(p):
    rows = []
    for k in range(4):
        rows.append([p[0] * k, p[1] + k])
    return np.mean(np.array(rows) ** 2)


def comprehension(p):
    return np.array([x**k for k, x in enumerate(p)]).prod()


def lambda_inside(p):
    f = lambda u: np.array([u[1], -u[0]])
    return np.dot(f(p), f(p * 2.0))


def nested_function(p):
    scale = p[2]

    def rate(state):
        return np.array([state[1], -scale * state[0]])

    state = p[:2]
    for _ in range(5):
        state = state + 0.1 * rate(state)
    return state @ state


class Car:
    def __init__(self, length=2.5):
        self.length = length

    def rate(self, state, steer):
        x, y, heading, speed = state
        return np.array(
            [speed * np.cos(heading), speed * np.sin(heading), speed * np.tan(steer) / self.length, 0.0]
        )

    def run(self, state, steer):
        for _ in range(5):
            state = state + 0.1 * self.rate(state, steer)
        return state

    @property
    def stiffness(self):
        return np.array([self.length, 1.0])


class Truck(Car):
    def rate(self, state, steer):
        return 0.5 * super().rate(state, steer) + np.array([0.0, 0.0, 0.0, -0.1 * state[3]])


def with_a_class(p):
    end = Car().run(np.array([0.0, 0.0, p[0], 1.0 + p[1]]), p[2])
    return end[0] ** 2 + end[1]


def with_a_subclass(p):
    end = Truck(3.0).run(np.array([0.0, p[0], p[0], 1.0 + p[1]]), p[2])
    return end[0] * end[1] + end[3]


class State(NamedTuple):
    x: float
    v: float


def with_a_named_tuple(p):
    s = State(p[0], p[1])
    for _ in range(5):
        s = State(s.x + 0.1 * s.v, s.v - 0.1 * p[2] * s.x)
    return np.sqrt(np.sum(np.array(s) ** 2))


@dataclass
class Arm:
    lengths: tuple = (1.0, 0.7)

    def tip(self, q):
        a, b = self.lengths
        return np.array(
            [a * np.cos(q[0]) + b * np.cos(q[0] + q[1]), a * np.sin(q[0]) + b * np.sin(q[0] + q[1])]
        )


def two_link_arm(p):
    return np.linalg.norm(Arm().tip(p) - np.array([1.0, 0.5]))


def mass_matrix(p):
    q, qd = p[:2], np.array([0.3, p[2]])
    c = np.cos(q[1])
    M = np.array([[3.0 + 2 * c, 1.0 + c], [1.0 + c, 1.0]])
    h = np.sin(q[1])
    C = np.array([[-h * qd[1], -h * (qd[0] + qd[1])], [h * qd[0], 0]])
    tau = np.array([0.1, 0.2])
    return np.sum(np.linalg.solve(M, tau - C @ qd))


def cross_products(p):
    omega = np.array([p[0], p[1], 0.0])
    return np.cross(omega, np.cross(omega, np.array([1.0, p[2], 2.0])))[2]


def quaternion(p):
    w, x, y, z = np.array([1.0, p[0], p[1], p[2]]) / np.sqrt(1.0 + p @ p)
    R = np.array(
        [[1 - 2 * (y * y + z * z), 2 * (x * y - z * w)], [2 * (x * y + z * w), 1 - 2 * (x * x + z * z)]]
    )
    return np.trace(R @ R.T @ R)


def matrix_of_blocks(p):
    A = np.array([[p[0], 1.0], [0.0, p[1]]])
    Z = np.zeros((2, 2))
    B = np.block([[A, Z], [Z, A.T]])
    return np.sum(B @ np.array([1.0, 2.0, p[2], 4.0]))


def array_of_arrays(p):
    A = np.array([p, 2.0 * p, np.ones(3)])
    return np.linalg.det(A @ A.T + np.eye(3))


def in_a_branch(p):
    force = np.array([p[0], p[1]]) if p[0] > 0 else np.array([p[1], p[0] * p[2]])
    return force[0] * force[1] ** 2


def partial_of(p):
    rate = functools.partial(_lotka, a=p[0], b=0.3)
    return np.sum(rate(np.array([1.0, p[1]]), 0.0) ** 2)


def mapped(p):
    rows = list(map(lambda k: np.array([p[0] * k, p[1]]), range(3)))
    return np.sum(np.vstack(rows) ** 2)


# ---------------------------------------------------------------------------- arrays that are filled


def trajectory(p):
    x = np.zeros(12)
    x[0] = p[0]
    for i in range(1, 12):
        x[i] = x[i - 1] + 0.1 * (p[1] - x[i - 1] ** 2)
    return x[-1] + np.mean(x) * p[2]


def trajectory_of_states(p):
    states = np.zeros((8, 2))
    states[0] = p[:2]
    for i in range(7):
        x, v = states[i]
        states[i + 1, 0] = x + 0.1 * v
        states[i + 1, 1] = v - 0.1 * p[2] * np.sin(x)
    return np.sum(states[-1] ** 2) + states[:, 0].max()


def rate_filled(p):
    def rate(y):
        dy = np.zeros(3)
        dy[0] = 10.0 * (y[1] - y[0])
        dy[1] = y[0] * (28.0 - y[2]) - y[1]
        dy[2] = y[0] * y[1] - 8.0 / 3.0 * y[2]
        return dy

    y = p
    for _ in range(5):
        y = y + 0.01 * rate(y)
    return y @ y


def rate_like(p):
    dy = np.zeros_like(p)
    dy[0] = p[1]
    dy[1:] = -p[:2] * p[2]
    return (dy**2).sum()


def stiffness(p):
    K = np.zeros((4, 4))
    for e in range(3):
        k = p[e]
        K[e, e] += k
        K[e, e + 1] -= k
        K[e + 1, e] -= k
        K[e + 1, e + 1] += k
    K[0, 0] += 1.0
    return np.linalg.solve(K + np.eye(4), np.arange(4.0)) @ np.ones(4)


def blocks_added(p):
    K = zeros((4, 4))
    block = np.array([[p[0], -p[1]], [-p[1], p[2]]])
    for e in range(3):
        K[e : e + 2, e : e + 2] += block
    return np.sum(K @ K)


def heat(p):
    u = np.zeros(10)
    u[0], u[-1] = p[0], p[1]
    for _ in range(6):
        new = u.copy()
        new[1:-1] = u[1:-1] + 0.2 * (u[2:] - 2 * u[1:-1] + u[:-2])
        u = new
    return np.sum(u**2) * p[2]


def wave_with_boundaries(p):
    u = np.sin(np.linspace(0.0, 3.0, 8) * p[0])
    for _ in range(4):
        u = u - 0.2 * p[1] * (u - np.roll(u, 1))
        u[0] = 0.0
        u[-1] = p[2]
    return np.sum(u**2)


def swap(p):
    y = np.empty(3)
    y[:] = p
    y[0], y[2] = y[2], y[0]
    return y[0] ** 2 * y[1] + y[2]


def gauss_seidel(p):
    A = np.array([[4.0, 1.0, 0.0], [1.0, 5.0, 2.0], [0.0, 2.0, 6.0]])
    x = np.zeros(3)
    for _ in range(3):
        for i in range(3):
            x[i] = (p[i] - A[i] @ x + A[i, i] * x[i]) / A[i, i]
    return x @ x


def cholesky_by_hand(p):
    A = np.outer(p, p) + 3.0 * np.eye(3)
    L = np.zeros((3, 3))
    for i in range(3):
        for j in range(i + 1):
            s = A[i, j] - np.dot(L[i, :j], L[j, :j])
            L[i, j] = np.sqrt(s) if i == j else s / L[j, j]
    return np.sum(np.log(np.diag(L)))


def gravity(p):
    positions = np.array([[0.0, 0.0], [1.0, p[0]], [p[1], 2.0]])
    acceleration = np.zeros_like(positions)
    for i in range(3):
        for j in range(3):
            if i != j:
                d = positions[j] - positions[i]
                acceleration[i] += p[2] * d / np.linalg.norm(d) ** 3
    return np.sum(acceleration**2)


def window_of_rows(p):
    Y = np.ones((3, 4))
    row = Y[1]
    Y[1, :3] = p
    Y[:, 3] = p[0] * p[1]
    return np.sum(Y, axis=0) @ np.arange(4.0) + np.sum(row[:1]) * 0.0


def masked(p):
    y = np.zeros(3)
    y[p > 0] = p[p > 0] ** 2
    y[[0, 2]] *= 3.0
    return np.sum(y)


def row_of_a_draft(p):
    Y = np.zeros((2, 3))
    Y[0] = p
    row = Y[1]
    row[:] = 2.0 * Y[0]
    row[0] += 1.0
    Y.T[2, 1] *= p[0]
    return np.sum(Y * np.array([[1.0], [p[1]]]))


def filled_by_a_helper(p):
    y = np.zeros(3)
    y[0] = p[0]

    def put(target, k, value):
        target[k] = value

    put(y, 1, p[1] * p[2])
    return np.sum(y * np.array([1.0, 2.0, 3.0]))


def kalman(p):
    x, P = np.array([0.0, p[0]]), np.eye(2) * p[1]
    F, H = np.array([[1.0, 0.1], [0.0, 1.0]]), np.array([[1.0, 0.0]])
    Q = np.diag(np.array([0.0, p[2]]))
    total = 0.0
    for z in (0.1, 0.3, 0.2):
        x, P = F @ x, F @ P @ F.T + Q
        S = (H @ P @ H.T + 0.1)[0, 0]
        K = (P @ H.T)[:, 0] / S
        r = z - (H @ x)[0]
        x, P = x + K * r, P - np.outer(K, K) * S
        total += r**2 / S + np.log(S)
    return total


PROGRAMS = [
    pendulum_euler,
    lotka_volterra,
    rotation,
    from_import,
    another_name,
    list_first,
    comprehension,
    lambda_inside,
    nested_function,
    with_a_class,
    with_a_subclass,
    with_a_named_tuple,
    two_link_arm,
    mass_matrix,
    cross_products,
    quaternion,
    matrix_of_blocks,
    array_of_arrays,
    in_a_branch,
    partial_of,
    mapped,
    trajectory,
    trajectory_of_states,
    rate_filled,
    rate_like,
    stiffness,
    blocks_added,
    heat,
    wave_with_boundaries,
    swap,
    gauss_seidel,
    cholesky_by_hand,
    gravity,
    window_of_rows,
    masked,
    row_of_a_draft,
    filled_by_a_helper,
    kalman,
]
