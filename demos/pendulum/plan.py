"""A model in the forward pass: before each decision, the controller improves its plan in the simulator.

    >>> from demos.pendulum.machine import new_controller
    >>> from tinydp.sims.pendulum import observe
    >>> params, seen = new_controller(np.random.default_rng(0)), observe(State(3.0, 0.0))
    >>> print(f"{abs(controller(params, seen)):.2f} {abs(planner(params, improvements=1)(seen)):.2f}")
    0.05 2.00

A plan is 60 torques, 3 seconds, that are added to those of the network: it stays in the loop, so that a small
change of an early torque does not throw the rod over at the end. Gradients come from `cost_of_run`, the
program that training differentiates with respect to the network. Four plans are improved once, since descent
does not leave the swing that it is in: the last decision's, the network's own, and those that begin with half
a second of full torque to either side. The best goes on alone; its first torque is given, the rest kept.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

import tinydp as dp
from tinydp.nn import Params
from tinydp.sims.pendulum import STANDARD, State

from .machine import controller, cost_of_run

AHEAD = 60                      # steps of a plan
SWING = 10                      # of full torque, where a plan begins with it
MOVE = 0.3                      # about as far goes an improvement, in N m
MOST = 2 * STANDARD.max_torque  # that can be added: enough to turn the network's full torque


def planned_cost(added: Any, params: Params, start: State) -> tuple[Any, Any]:
    """The costs of plans (60, n), one from each of `start`: their sum, to be differentiated, and each."""
    costs = cost_of_run(params, start, added, np.ones(AHEAD))
    return np.sum(costs), costs


costs_of_plans = dp.compile(planned_cost)
gradient_of_plans = dp.value_and_grad(costs_of_plans, has_aux=True)


def planner(params: Params, improvements: int) -> Callable[[np.ndarray], Any]:
    """A controller of one episode, a function of what is seen; with 0 improvements, the network alone."""
    return Planner(params, improvements) if improvements else functools.partial(controller, params)


class Planner:
    """Keeps the plan from decision to decision."""

    def __init__(self, params: Params, improvements: int) -> None:
        self.params, self.improvements = params, improvements
        self.plan = np.zeros(AHEAD)

    def __call__(self, seen: np.ndarray) -> float:
        """The torque in N m for an observation of shape (3,)."""
        up, side, rate = map(float, seen)
        start = State(np.full(4, np.arctan2(side, up)), np.full(4, rate))
        self.plan = improved(candidates(self.plan), self.params, start, self.improvements)
        torque = controller(self.params, seen) + self.plan[0]
        self.plan = np.append(self.plan[1:], 0.0)
        return float(np.clip(torque, -STANDARD.max_torque, STANDARD.max_torque))


def candidates(plan: np.ndarray) -> np.ndarray:
    """The plans to begin with: shape (60, 4)."""
    swing = np.where(np.arange(AHEAD) < SWING, MOST, 0.0)
    return np.stack([plan, np.zeros(AHEAD), swing, -swing], axis=1)


def improved(plans: np.ndarray, params: Params, start: State, improvements: int) -> np.ndarray:
    """All plans are improved once, and the best one for the remaining times: shape (60,)."""
    plan = best_met(plans, params, start, 1)
    if improvements == 1:
        return plan
    return best_met(plan[:, None], params, State(start.theta[:1], start.rate[:1]), improvements - 1)


def best_met(plans: np.ndarray, params: Params, start: State, improvements: int) -> np.ndarray:
    """The best plan on so many steps of Adam from each of `plans`: shape (60,).

    They are written out here, since plans have a limit and the best may lie before the last.
    """
    met, costs = [], []
    mean, square = np.zeros(plans.shape), np.zeros(plans.shape)
    for k in range(1, improvements + 1):
        (_, found), gradient = gradient_of_plans(plans, params, start)
        met, costs = [*met, plans], [*costs, found]
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        size = np.sqrt(square / (1 - 0.999**k)) + 1e-8
        plans = np.clip(plans - MOVE * mean / (1 - 0.9**k) / size, -MOST, MOST)
    met, costs = [*met, plans], [*costs, costs_of_plans(plans, params, start)[1]]
    return np.concatenate(met, axis=1)[:, np.argmin(np.concatenate(costs))]
