"""A model in the forward pass: before each decision, a controller plans ahead in the simulator.

    >>> from demos.pendulum.machine import new_controller
    >>> from demos.pendulum.plan import planner
    >>> from tinydp.sims.pendulum import State, observe
    >>> params, seen = new_controller(np.random.default_rng(0)), observe(State(3.0, 0.0))
    >>> for improvements in (0, 5):
    ...     print(f"{abs(planner(params, improvements)(seen)):.2f}")
    0.05
    2.00

A plan is the actions of the next steps. Some begin as the network would act, after full force to either side
for a while, since descent does not leave the swing that it is in; one is what is left of the last decision's.
All are improved so many times; the first action of the best is taken, and the rest is kept.

An improvement is a Newton step over the whole plan. In each step of it, the machine is linear and the cost
square, by derivatives of the simulator; backwards from the last step, the best change of each action follows
from the state and from what is to come, within the limits of the motor. Forwards, the change is tried in full
and in part. Source: Tassa, Mansard and Todorov, "Control-limited differential dynamic programming", 2014,
whose quadratic programs are a `clip` for one action, with the Gauss-Newton curvature of Li and Todorov,
"Iterative linear quadratic regulator design", 2004.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.nn import Params

SHARES = np.array([1.0, 0.5, 0.2, 0.05, 0.0])    # of an improvement, that are tried: none loses nothing
STIFF = 1e-6                    # least curvature: after the last step, no action makes a difference


class Problem(NamedTuple):
    """What is planned: a machine with one action within ± `limit`, `ahead` steps of it.

    `state` is a named tuple of numbers, or of arrays (n,), and `read(seen)` makes one of an observation;
    `step(state, action)` is the next one. The squares of `costs(state, action)`, (n, parts), add up to the
    cost of a step. `decide(params, state)` is what the network does. `beginnings` are pairs: so many steps
    of full force to one side, then so many to the other.
    """

    state: Callable[..., Any]
    read: Callable[[np.ndarray], Any]
    step: Callable[[Any, Any], Any]
    costs: Callable[[Any, Any], Any]
    decide: Callable[[Params, Any], Any]
    limit: float
    ahead: int
    beginnings: tuple[tuple[int, int], ...]


class Given(NamedTuple):
    """Beginnings of n plans: `actions` where `known` is 1, and the network where it is 0. Both (ahead, n)."""

    actions: np.ndarray
    known: np.ndarray


class Slopes(NamedTuple):
    """Of every step of n plans, by the state and by the action: d numbers of a state, m parts of a cost.

    `by_state` (ahead, n, d, d) and `by_action` (ahead, n, d) of the next state; `parts` (ahead, n, m) of the
    cost, and theirs, (ahead, n, m, d) and (ahead, n, m).
    """

    by_state: Any
    by_action: Any
    parts: Any
    parts_by_state: Any
    parts_by_action: Any


class Planning:
    """Plans of one problem; it compiles at its first use."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.begun = dp.compile(self._begun)
        self.tried = dp.compile(self._tried)
        self.given = beginnings(problem)

    def _begun(self, params: Params, start: Any, given: Given) -> tuple[Any, Any]:
        """The actions (ahead, n) from n starts, where the network goes on after what is given; the costs."""
        problem = self.problem

        def advance(run: tuple, now: tuple) -> tuple[tuple, Any]:
            (state, total), (action, known) = run, now
            action = known * action + (1 - known) * problem.decide(params, state)
            spent = np.sum(problem.costs(state, action)**2, axis=-1)
            return (problem.step(state, action), total + spent), action

        (_, total), actions = dp.scan(advance, (start, np.zeros(given.actions.shape[1])), given)
        return actions, total

    def _tried(self, start: Any, plans: Any, shares: Any) -> tuple[Any, Any]:
        """Plans (ahead, k, n) that are improved by k shares of a Newton step, and what they cost, (k, n)."""
        problem, limit = self.problem, self.problem.limit

        def forth(state: Any, action: Any) -> tuple[Any, Any]:
            return problem.step(state, action), np.stack(state, axis=-1)

        _, states = dp.scan(forth, start, plans)
        changes, gains = self._changes(self._slopes(states, plans), plans)

        def advance(run: tuple, now: tuple) -> tuple[tuple, Any]:
            (state, total), (action, change, gain, planned) = run, now
            answer = np.sum(gain * (np.stack(state, axis=-1) - planned), axis=-1)
            action = np.clip(action + shares[:, None] * change + answer, -limit, limit)
            spent = np.sum(problem.costs(state, action)**2, axis=-1)
            return (problem.step(state, action), total + spent), action

        none = np.zeros((len(shares), plans.shape[1]))
        (_, total), found = dp.scan(advance, (problem.state(*(number + none for number in start)), none),
                                    (plans, changes, gains, states))
        return found, total

    def _slopes(self, states: Any, plans: Any) -> Slopes:
        """Forwards: there are fewer directions, the action and the numbers of a state, than results."""
        problem, numbers = self.problem, tuple(states[..., k] for k in range(states.shape[-1]))
        directions = np.eye(len(numbers) + 1)

        def model(action: Any, *state: Any) -> tuple[Any, Any]:
            now = problem.state(*state)
            return np.stack(problem.step(now, action), axis=-1), problem.costs(now, action)

        def along(direction: Any) -> Any:
            steady = tuple(direction[k] + np.zeros(plans.shape) for k in range(len(directions)))
            return dp.jvp(model, (plans, *numbers), steady)[1]

        after, parts = dp.vmap(along)(directions)
        return Slopes(np.moveaxis(after[1:], 0, -1), after[0], model(plans, *numbers)[1],
                      np.moveaxis(parts[1:], 0, -1), parts[0])

    def _changes(self, slopes: Slopes, plans: Any) -> tuple[Any, Any]:
        """The best changes of the actions, (ahead, n), and their gains on the states' changes, (ahead, n, d).

        What is to come costs `slope` x + x `curve` x / 2 for a change x of the state.
        """
        limit = self.problem.limit

        def back(to_come: tuple, now: tuple) -> tuple[tuple, tuple]:
            (curve, slope), (here, action) = to_come, now
            by_state, by_action, parts, parts_by_state, parts_by_action = here
            turned = np.swapaxes(by_state, -1, -2)
            bent = (curve @ by_action[..., None])[..., 0]
            by_x = np.sum(parts_by_state * parts[..., None], -2) + (turned @ slope[..., None])[..., 0]
            by_u = np.sum(parts_by_action * parts, -1) + np.sum(by_action * slope, -1)
            by_xx = np.swapaxes(parts_by_state, -1, -2) @ parts_by_state + turned @ curve @ by_state
            by_xu = (np.sum(parts_by_action[..., None] * parts_by_state, -2)
                     + (turned @ bent[..., None])[..., 0])
            by_uu = np.sum(parts_by_action**2, -1) + np.sum(by_action * bent, -1) + STIFF
            change = np.clip(-by_u / by_uu, -limit - action, limit - action)
            free = change == -by_u / by_uu                       # an action at its limit answers to nothing
            gain = np.where(free[..., None], -by_xu / by_uu[..., None], 0.0)
            slope = by_x + by_xu * change[..., None]
            curve = by_xx + gain[..., None] * by_xu[..., None, :]
            return (curve, slope), (change, gain)

        *_, n, d = slopes.by_action.shape
        last = np.zeros((n, d, d)), np.zeros((n, d))
        reverse = Slopes(*(slope[::-1] for slope in slopes)), plans[::-1]
        _, (changes, gains) = dp.scan(back, last, reverse)
        return changes[::-1], gains[::-1]

    def improved(self, start: Any, plans: np.ndarray, times: int) -> tuple[np.ndarray, np.ndarray]:
        """Plans (ahead, n) from n starts after so many improvements, and their costs (n,)."""
        which = np.arange(plans.shape[1])
        for _ in range(times):
            found, costs = self.tried(start, plans, SHARES)
            best = np.argmin(costs, axis=0)
            plans, total = found[:, best, which], costs[best, which]
        return plans, total


def beginnings(problem: Problem) -> Given:
    """Of all plans but the kept one, which is first and still unknown: none, and each one to either side."""
    step, force = np.arange(problem.ahead), []
    for first, second in problem.beginnings:
        swing = np.where(step < first, problem.limit, np.where(step < first + second, -problem.limit, 0.0))
        force += [swing, -swing]
    actions = np.stack([np.zeros(problem.ahead), np.zeros(problem.ahead), *force], axis=1)
    return Given(actions, 1.0 * (actions != 0.0))


class Planner:
    """A controller of one episode, a function of what is seen; it keeps its plan between decisions."""

    def __init__(self, planning: Planning, params: Params, improvements: int) -> None:
        self.planning, self.params, self.improvements = planning, params, improvements
        self.plan = np.zeros(0)

    def __call__(self, seen: np.ndarray) -> float:
        """The action for an observation."""
        planning, kept = self.planning, len(self.plan)
        actions, known = (array.copy() for array in planning.given)
        actions[:kept, 0], known[:kept, 0] = self.plan, 1.0
        state = planning.problem.read(np.asarray(seen, np.float64))
        start = planning.problem.state(*(np.full(actions.shape[1], number) for number in state))
        plans, _ = planning.begun(self.params, start, Given(actions, known))
        plans, costs = planning.improved(start, plans, self.improvements)
        plan = plans[:, np.argmin(costs)]
        self.plan = plan[1:]
        return float(plan[0])
