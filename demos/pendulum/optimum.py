"""The best that can be done from any start, with all knowledge of the physics.

Dynamic programming asks of every state on a grid what it costs from there on, backwards from the end of an
episode: the least, over torques, of the cost of a step and of what the next state costs, which is read off
between the points of the grid. Whoever follows that is within a percent of the optimum: a grid blurs.
Differential dynamic programming then moves the 200 torques of an episode to the nearest optimum: along the
episode, cost and simulator are replaced by their derivatives, which tinydp takes, up to the second. Which of
the optima is the nearest depends on where it begins: so several episodes are refined, and the best counts.

What comes out are returns of actual episodes of the simulator: the optimum is as good or better.

    >>> grid = dynamic_programming(angles=80, rates=41, torques=5)
    >>> starts = State(np.array([np.pi, 1.0]), np.array([0.0, 0.5]))
    >>> torques = follow(grid, starts)
    >>> returns_of(starts, torques).round(1), returns_of(starts, refine(starts, torques)).round(1)
    (array([-345.6, -119.8]), array([-299.7, -119.7]))
    >>> best_episodes(grid, starts).returns.round(1)
    array([-299.7, -119.7])

Sources: Bellman, "Dynamic programming", 1957; Jacobson and Mayne, "Differential dynamic programming", 1970,
with the torque's limits as by Tassa, Mansard and Todorov, "Control-limited differential dynamic programming",
2014.
"""

from typing import Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.sims.pendulum import STANDARD, State, cost, step

from .machine import EPISODE

LIMIT, FASTEST = STANDARD.max_torque, STANDARD.max_rate
CHOICES = np.linspace(-LIMIT, LIMIT, 41)[:, None]                # torques of who follows the grid
BEGINNINGS = [(0.0, 0), *((side * LIMIT, steps) for side in (-1, 1) for steps in (5, 10, 15, 20))]
ROUNDS = 10                     # of refinement; more than ten change nothing any more
SHARES = 0.5 ** np.arange(8)[:, None]                            # of a change, one of which is made

# ---------------------------------------------------------------------------- on a grid


class Grid(NamedTuple):
    """What an episode costs from the states of a grid on: `costs`, shape (angles, rates).

    Angles are evenly spread over the circle from -π on, rates from -8 to 8 rad/s.
    """

    costs: np.ndarray

    def at(self, state: State) -> np.ndarray:
        """Read off between the points, for angles and rates of any one shape."""
        places, parts = corners(state, *self.costs.shape)
        return np.sum(parts * self.costs.ravel()[places], axis=0)

    def torque(self, state: State) -> np.ndarray:
        """The best of `CHOICES`, as far as the grid can tell, for angles and rates of shape (n,)."""
        return CHOICES[np.argmin(cost(state, CHOICES) + self.at(step(state, CHOICES)), axis=0), 0]


def corners(state: State, angles: int, rates: int) -> tuple[np.ndarray, np.ndarray]:
    """The four points of the grid around each state, and their parts in it: shapes (4, ...)."""
    right = (state.theta + np.pi) / (2 * np.pi) * angles
    up = np.clip((state.rate + FASTEST) / (2 * FASTEST) * (rates - 1), 0, rates - 1 - 1e-9)
    i, j = np.floor(right).astype(int), np.floor(up).astype(int)
    right, up, i, beside = right - i, up - j, i % angles, (i + 1) % angles
    places = np.stack([i * rates + j, i * rates + j + 1, beside * rates + j, beside * rates + j + 1])
    return places, np.stack([(1 - right) * (1 - up), (1 - right) * up, right * (1 - up), right * up])


def dynamic_programming(angles: int, rates: int, torques: int, steps: int = EPISODE) -> Grid:
    """Backwards over an episode, on a grid of so many angles and rates, with so many torques to choose from.

    Where the next states lie on the grid is the same in every step: one sparse matrix.
    """
    from scipy import sparse

    theta = np.repeat(2 * np.pi * np.arange(angles) / angles - np.pi, rates)
    now = State(theta, np.tile(np.linspace(-FASTEST, FASTEST, rates), angles))
    choices = np.linspace(-LIMIT, LIMIT, torques)[:, None]
    places, parts = corners(step(now, choices), angles, rates)
    after = sparse.csr_array((parts.reshape(4, -1).T.ravel(), places.reshape(4, -1).T.ravel(),
                              np.arange(0, places.size + 1, 4)), (places[0].size, theta.size))
    paid, total = cost(now, choices), np.zeros(theta.size)
    for _ in range(steps):
        total = np.min(paid + (after @ total).reshape(paid.shape), axis=0)
    return Grid(total.reshape(angles, rates))


def follow(grid: Grid, starts: State, first: float = 0.0, steps: int = 0) -> np.ndarray:
    """Episodes by the grid, but for so many steps with the torque `first`: torques (200, n)."""
    state, taken = starts, []
    for k in range(EPISODE):
        taken.append(grid.torque(state) if k >= steps else np.full(starts.theta.shape, first))
        state = step(state, taken[-1])
    return np.array(taken)


# ---------------------------------------------------------------------------- episodes


class Best(NamedTuple):
    """The best episodes met: `torques` (200, n), `returns` (n,)."""

    torques: np.ndarray
    returns: np.ndarray


def best_episodes(grid: Grid, starts: State) -> Best:
    """Of those that follow the grid, also after full torque to a side for a while, all of them refined.

    From some starts full torque just brings the rod up, which the grid is too coarse to see.
    """
    episodes = [refine(starts, follow(grid, starts, *beginning)) for beginning in BEGINNINGS]
    returns = np.array([returns_of(starts, torques) for torques in episodes])
    which = np.argmax(returns, axis=0), np.arange(len(starts.theta))
    return Best(np.moveaxis(np.array(episodes), 1, 0)[:, *which], returns[which])


def path_of(starts: State, torques: np.ndarray) -> State:
    """The states of episodes with these torques (200, n), before each step: two arrays (200, n)."""
    path = [starts]
    for torque in torques[:-1]:
        path.append(step(path[-1], torque))
    return State(*(np.stack(part) for part in zip(*path, strict=True)))


def returns_of(starts: State, torques: np.ndarray) -> np.ndarray:
    """Of episodes with these torques (200, n): shape (n,)."""
    return -np.sum(cost(path_of(starts, torques), torques), axis=0)


# ---------------------------------------------------------------------------- refined


class Change(NamedTuple):
    """Of an episode, to be added to its torques: `torque` (200, n), and `gain` (200, n, 2) times (Δθ, Δω)."""

    torque: np.ndarray
    gain: np.ndarray


def refine(starts: State, torques: np.ndarray, rounds: int = ROUNDS) -> np.ndarray:
    """Episodes that cost less, or at most as much, after so many rounds: torques (200, n)."""
    for _ in range(rounds):
        path = path_of(starts, torques)
        torques = changed(starts, torques, path, improvement(path, torques))
    return torques


def improvement(path: State, torques: np.ndarray) -> Change:
    """Backwards, what makes a quadratic model of the cost least, within the motor's limits.

    In the textbook's letters: x is the state (θ, ω), u the torque, v(x) the model of what the rest of the
    episode costs, with its slope v_x and curvature v_xx; q(x, u) = c(x, u) + v(f(x, u)) is the same with the
    step before, whose cost is c and whose next state is f.
    """
    c_x, c_u, f_x, f_u, bend = derivatives(path, torques)
    (*c_xx, (_, _, c_uu)) = dp.hessian(lambda now: cost(State(now[0], now[1]), now[2]))(np.zeros(3))
    v_x, v_xx = np.zeros(c_x[0].shape), np.zeros(f_x[0].shape)
    changes, gains = np.zeros(torques.shape), np.zeros(c_x.shape)
    for k in reversed(range(len(torques))):
        q_x = c_x[k] + np.einsum("ni,nij->nj", v_x, f_x[k])
        q_u = c_u[k] + np.einsum("ni,ni->n", v_x, f_u[k])
        q_xx = np.array(c_xx)[:, :2] + np.swapaxes(f_x[k], 1, 2) @ v_xx @ f_x[k]
        q_xx[:, 0, 0] += np.sum(v_x * bend[k], axis=1)
        q_ux = np.einsum("ni,nij,njk->nk", f_u[k], v_xx, f_x[k])
        q_uu = np.maximum(c_uu, c_uu + np.einsum("ni,nij,nj->n", f_u[k], v_xx, f_u[k]))
        wanted = -q_u / q_uu
        changes[k] = np.clip(wanted, -LIMIT - torques[k], LIMIT - torques[k])
        gains[k] = np.where(changes[k] == wanted, 1.0, 0.0)[:, None] * -q_ux / q_uu[:, None]
        v_x = q_x + gains[k] * (q_u + q_uu * changes[k])[:, None] + q_ux * changes[k][:, None]
        cross = gains[k][:, :, None] * q_ux[:, None]
        v_xx = (q_xx + cross + np.swapaxes(cross, 1, 2)
                + q_uu[:, None, None] * gains[k][:, :, None] * gains[k][:, None])
    return Change(changes, gains)


def derivatives(path: State, torques: np.ndarray) -> tuple[np.ndarray, ...]:
    """Along episodes, of the cost c and the next state f: c_x (200, n, 2), c_u, f_x, f_u and f's bend by θ.

    All steps of all episodes at once: the gradient of a sum holds that of each, which is on its own.
    """
    def slope(of: Any) -> tuple[np.ndarray, np.ndarray]:
        *by_state, by_torque = dp.grad(lambda *now: np.sum(of(State(*now[:2]), now[2])), argnums=(0, 1, 2))(
            *path, torques)
        return np.stack(by_state, axis=-1), by_torque

    def bend(of: Any) -> np.ndarray:
        by_angle = dp.grad(lambda theta: np.sum(of(State(theta, path.rate), torques)))
        return dp.grad(lambda theta: np.sum(by_angle(theta)))(path.theta)

    c_x, c_u = slope(cost)
    nexts = [lambda *now, part=part: step(*now)[part] for part in (0, 1)]
    f_x, f_u = (np.stack(parts, axis=2) for parts in zip(*map(slope, nexts), strict=True))
    return c_x, c_u, f_x, f_u, np.stack([bend(of) for of in nexts], axis=-1)


def changed(starts: State, torques: np.ndarray, path: State, change: Change) -> np.ndarray:
    """Episodes that change by the best of `SHARES`, or stay as they are where none is better."""
    state = State(*(np.broadcast_to(x, (len(SHARES), len(x))) for x in starts))
    taken, totals = [], np.zeros(state.theta.shape)
    for k, torque in enumerate(torques):
        away = np.stack([state.theta - path.theta[k], state.rate - path.rate[k]], axis=-1)
        moved = torque + SHARES * change.torque[k] + np.sum(change.gain[k] * away, axis=-1)
        taken.append(np.clip(moved, -LIMIT, LIMIT))
        totals = totals + cost(state, taken[-1])
        state = step(state, taken[-1])
    best = np.argmin(totals, axis=0), np.arange(len(starts.theta))
    better = totals[best] < -returns_of(starts, torques)
    return np.where(better, np.array(taken)[:, *best], torques)
