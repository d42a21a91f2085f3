"""What is believed of a world: parameters of a simulator, as far as measurements tell them.

Each unknown has a prior. The record of an episode is cut into pieces of `LENGTH` steps, each with a free
start state ("multiple shooting": over a whole episode, an unstable machine would turn small errors into
useless ones), and SciPy's least squares make small, together,

    what was measured - what the simulator says, in standard deviations of the sensor,
    the gap between the end of a piece and the start of the next,
    and the distance of the unknowns from their prior.

Its Jacobian is that of the simulator, compiled. At the minimum, the curvature J'J tells how sure one is:
its inverse is the covariance of the unknowns (Laplace's approximation). How noisy the sensors are is
estimated too, from what could not be explained: a model that does not fit is unsure, not wrong.

Where parameters cannot explain what was seen, a network inside the simulator may (`network.py`): its weights
are further unknowns, with priors, and are found with the parameters.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import tinydp as dp

from .network import Bent, Network

LENGTH = 20                     # steps of a piece
TRUST = 40                      # measurements that the data sheet of a sensor is worth
HIDDEN = 0.3                    # standard deviations above 0, below which a cut unknown is also tried from 1
LATE, UNLIKELY = 0.1, 1e-9      # odds of a delay before the first measurement, and of one not tried again

# ---------------------------------------------------------------------------- a model and its unknowns


class Unknown(NamedTuple):
    """A parameter: `nominal` times exp(`spread` z), or, if that is 0, `spread` z, cut at 0; z ~ N(0, 1)."""

    name: str
    nominal: float
    spread: float

    def at(self, z: Any) -> Any:
        """The parameter for the number `z`, which may be traced.

        >>> Unknown("length", 2.0, 0.1).at(1.0).round(3), Unknown("friction", 0.0, 0.1).at(-1.0)
        (np.float64(2.21), np.float64(0.0))
        """
        return self.nominal * np.exp(self.spread * z) if self.nominal else self.spread * np.maximum(z, 0.0)

    def flat(self, z: float) -> bool:
        """Whether little is seen there of what would be further up: it is cut at 0, and `z` is near."""
        return not self.nominal and z < HIDDEN


class Model(NamedTuple):
    """A simulator that data refine. A state is a named tuple of numbers, or of arrays with one row a piece.

    The sensors measure each number of a state: `measured(seen)`, (n, numbers), says what they tell.
    `sensors` are their standard deviations by the data sheet; `joints` are those by which a piece may
    differ from the end of the one before. An action may take effect by any of `delays` steps late; nothing
    is in effect before the first.
    """

    unknowns: tuple[Unknown, ...]
    params: Callable[[dict[str, Any]], Any]          # of the simulator, by the unknowns' names
    state: Callable[..., Any]                        # the named tuple, of its numbers
    step: Callable[[Any, Any, Any], Any]             # (state, action, params) -> state
    measured: Callable[[np.ndarray], np.ndarray]
    sensors: np.ndarray
    joints: np.ndarray
    pieces: int                                      # at most: older ones are forgotten
    delays: tuple[int, ...] = (0,)
    network: Network | None = None

    @property
    def size(self) -> int:
        """How many numbers are unknown: the parameters, then the weights of the network."""
        return len(self.unknowns) + (0 if self.network is None else len(self.network.begin))

    def between(self, belief: "Belief", width: float = 1.645) -> dict[str, tuple[float, float]]:
        """For each unknown, an interval of so many standard deviations up and down: of 90 % by default."""
        reach = width * np.sqrt(np.diag(belief.covariance))
        return {unknown.name: (float(unknown.at(z - r)), float(unknown.at(z + r)))
                for unknown, z, r in zip(self.unknowns, belief.z, reach, strict=False)}

    def at(self, z: Any) -> Any:
        """The simulator's parameters for the numbers `z`; `Bent`, with a network."""
        params = self.params({unknown.name: unknown.at(z[k]) for k, unknown in enumerate(self.unknowns)})
        return params if self.network is None else Bent(params, self.network.at(z[len(self.unknowns):]))


class Belief(NamedTuple):
    """What is known: numbers `z` of the unknowns, their covariance, odds of each delay, noise of the sensors.

    `work` is how many steps were simulated to find it.
    """

    z: np.ndarray
    covariance: np.ndarray
    odds: np.ndarray
    noise: np.ndarray
    work: int = 0


class Record(NamedTuple):
    """What was seen of an episode, (n + 1, numbers), and what was done in between, (n,)."""

    seen: np.ndarray
    actions: np.ndarray


def prior(model: Model) -> Belief:
    """Before the first measurement: most likely the nominal machine, whose actions are not late."""
    n = model.size
    odds = np.where(np.array(model.delays) == 0, 1.0, LATE)
    return Belief(np.zeros(n), np.eye(n), odds / odds.sum(), model.sensors)


# ---------------------------------------------------------------------------- records in pieces


class Pieces(NamedTuple):
    """Records, cut: `actions` in effect (LENGTH, pieces), measured `states` (LENGTH, pieces, numbers).

    `counts` (LENGTH, pieces) is 1 where something was measured, and `joined` (pieces - 1,) where a piece is
    followed by the next of the same episode.
    """

    actions: np.ndarray
    states: np.ndarray
    counts: np.ndarray
    joined: np.ndarray


def cut(records: list[Record], model: Model, delay: int) -> Pieces:
    """The last of the records, in pieces."""
    parts: list = []
    for seen, actions in records:
        late, states = np.concatenate([np.zeros(delay), actions, [0.0]]), model.measured(seen)
        parts += [(states[k:k + LENGTH], late[k:k + LENGTH], k > 0) for k in range(0, len(seen), LENGTH)]
    parts = parts[-model.pieces:]
    shape = LENGTH, model.pieces
    made = Pieces(np.zeros(shape), np.zeros((*shape, len(model.sensors))), np.zeros(shape),
                  np.zeros(model.pieces - 1))
    made.joined[: len(parts) - 1] = [goes_on for *_, goes_on in parts[1:]]
    for k, (states, late, _) in enumerate(parts):
        steps = len(states)
        made.actions[:steps, k], made.states[:steps, k], made.counts[:steps, k] = late[:steps], states, 1.0
    return made


# ---------------------------------------------------------------------------- refining


class Refinery:
    """Refines beliefs in a model: `refine(belief, records) -> belief`. It compiles at its first use."""

    def __init__(self, model: Model):
        self.model = model
        self.shoot = dp.compile(self._shoot)
        self.slopes = dp.compile(self._slopes)

    def _shoot(self, z: Any, shift: Any, starts: Any, actions: Any) -> Any:
        """The states (LENGTH + 1, pieces, numbers) from `starts` (pieces, numbers), all shifted alike.

        A piece depends on its own start alone: so one shift of all tells the slopes of each.
        """
        model, params = self.model, self.model.at(z)

        def advance(state: Any, action: Any) -> tuple[Any, Any]:
            return model.step(state, action, params), np.stack(state, axis=-1)

        last, states = dp.scan(advance, model.state(*(starts + shift).T), actions)
        return np.concatenate([states, np.stack(last, axis=-1)[None]])

    def _slopes(self, z: Any, shift: Any, starts: Any, actions: Any) -> Any:
        """The slopes of the same states by each unknown, then by each shift, first.

        There are few of these and many states: so it is done forwards, direction by direction.
        """
        n = self.model.size
        directions = np.eye(n + len(self.model.sensors))

        def shot(z: Any, shift: Any) -> Any:
            return self._shoot(z, shift, starts, actions)

        def along(dz: Any, dshift: Any) -> Any:
            return dp.jvp(shot, (z, shift), (dz, dshift))[1]

        return dp.vmap(along)(directions[:, :n], directions[:, n:])

    def refine(self, belief: Belief, records: list[Record]) -> Belief:
        """The belief after all that was recorded, with the delay that explains it best."""
        found: list[tuple[float, int, Belief]] = []
        for k in np.flatnonzero(belief.odds > UNLIKELY):
            pieces = cut(records, self.model, self.model.delays[k])
            for start in self._starts(belief):
                cost, tried = self._fit(start, pieces)
                found.append((cost, int(k), tried))
        costs = np.full(len(self.model.delays), np.inf)
        for cost, k, _ in found:
            costs[k] = min(cost, costs[k])
        best = min(found, key=lambda one: one[0])[2]
        odds = np.exp(costs.min() - costs)
        return best._replace(odds=odds / odds.sum(), work=sum(tried.work for *_, tried in found))

    def surprise(self, belief: Belief, record: Record, steps: int) -> float:
        """How wrong it was about the last so many steps of a record, told their start as it was measured.

        The root of the mean square of all gaps, in standard deviations of the sensors' data sheet.
        """
        model, steps = self.model, min(steps, len(record.actions))
        measured = model.measured(record.seen)[-steps - 1:]
        late = np.concatenate([np.zeros(model.delays[int(np.argmax(belief.odds))]), record.actions])
        state, known, gaps = model.state(*measured[0]), model.at(belief.z), []
        for action, then in zip(late[len(record.actions) - steps:], measured[1:], strict=False):
            state = model.step(state, action, known)
            gaps.append((then - np.array(state)) / model.sensors)
        return float(np.sqrt(np.mean(np.square(gaps))))

    def _starts(self, belief: Belief) -> list[Belief]:
        """From where to search: the belief so far, and with friction and the like, if hidden at 0, not so."""
        flat = [unknown.flat(z) for unknown, z in zip(self.model.unknowns, belief.z, strict=False)]
        other = belief.z.copy()
        other[: len(flat)][flat] = 1.0
        return [belief, belief._replace(z=other)] if any(flat) else [belief]

    def _fit(self, belief: Belief, pieces: Pieces) -> tuple[float, Belief]:
        """The least cost, and the belief there."""
        from scipy.optimize import least_squares

        equations = Equations(self, belief.noise, pieces)
        start = np.concatenate([belief.z, equations.measured.ravel()])
        solution = least_squares(equations.residuals, start, equations.jacobian, x_scale="jac", ftol=1e-5,
                                 max_nfev=30)
        n = len(belief.z)
        squares = np.sum(equations.gaps(solution.x)**2, axis=0)
        noise = np.sqrt((TRUST * self.model.sensors**2 + squares) / (TRUST + pieces.counts.sum()))
        covariance = np.linalg.inv(solution.jac.T @ solution.jac)[:n, :n]
        work = (solution.nfev + solution.njev) * int(pieces.counts.sum())
        return solution.cost, Belief(solution.x[:n], covariance, belief.odds, noise, work)


class Equations:
    """What one least-squares problem makes small, as SciPy takes it: residuals and their Jacobian.

    Its vector `x` is the unknowns, then the start states of the pieces in use, piece by piece.
    """

    def __init__(self, refinery: Refinery, noise: np.ndarray, pieces: Pieces):
        self.refinery, self.noise, self.pieces = refinery, noise, pieces
        self.n, self.joints = refinery.model.size, refinery.model.joints
        self.starts = pieces.states[0].copy()
        self.used = int(np.sum(pieces.counts[0]))
        self.measured = self.starts[: self.used]
        self.rows = np.nonzero(pieces.counts)                # (step, piece) of each measurement
        self.meets = np.flatnonzero(pieces.joined)           # pieces that go on

    def _at(self, x: np.ndarray) -> tuple:
        """What is simulated: unknowns, a shift of no size, start states and actions."""
        self.starts[: self.used] = x[self.n:].reshape(self.used, -1)
        return x[: self.n], np.zeros(self.starts.shape[1]), self.starts, self.pieces.actions

    def gaps(self, x: np.ndarray) -> np.ndarray:
        """What was measured less what the simulator says, (measurements, numbers)."""
        return (self.pieces.states - self.refinery.shoot(*self._at(x))[:-1])[self.rows]

    def residuals(self, x: np.ndarray) -> np.ndarray:
        """Gaps of sensors, gaps of joints, and the unknowns themselves, all in standard deviations."""
        states = self.refinery.shoot(*self._at(x))
        gaps = (self.pieces.states - states[:-1])[self.rows] / self.noise
        ends = (states[-1, self.meets] - self.starts[self.meets + 1]) / self.joints
        return np.concatenate([gaps.ravel(), ends.ravel(), x[: self.n]])

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Their slopes, (residuals, numbers of x): each piece's start state has columns of its own."""
        size, n = self.starts.shape[1], self.n
        slopes = np.moveaxis(self.refinery.slopes(*self._at(x)), 0, -1)      # (steps, pieces, numbers, by)
        by_z, by_start = slopes[..., :n], slopes[..., n:]
        steps, which = self.rows
        gaps = np.zeros((len(which), size, n + self.used * size))
        gaps[:, :, :n] = -by_z[steps, which]
        ends = np.zeros((len(self.meets), size, n + self.used * size))
        ends[:, :, :n] = by_z[-1, self.meets]
        own = n + size * np.arange(self.used)[:, None] + np.arange(size)        # columns of a piece
        np.put_along_axis(gaps, own[which][:, None].repeat(size, 1), -by_start[steps, which], 2)
        np.put_along_axis(ends, own[self.meets][:, None].repeat(size, 1), by_start[-1, self.meets], 2)
        for k in range(size):
            ends[np.arange(len(self.meets)), k, own[self.meets + 1, k]] = -1.0
        return np.concatenate([(gaps / self.noise[:, None]).reshape(-1, gaps.shape[2]),
                               (ends / self.joints[:, None]).reshape(-1, gaps.shape[2]),
                               np.eye(n, gaps.shape[2])])
