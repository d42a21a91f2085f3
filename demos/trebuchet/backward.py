"""What the reverse sweep hands back through one shot: the gradient of the miss at every moment of it.

A shot goes from the network through the machine, which slides and then hangs, to the flight. Here it is swept
backwards one time step after the other, so that the cotangents on the way can be looked at: the gradients of
the miss with respect to the state at that moment. The miss is L = |landing - target|, in m.

    >>> from demos.trebuchet.machine import new_controller
    >>> found = backward(new_controller(np.random.default_rng(0)), wind=2.0, target=55.0)
    >>> ball, cotangent = found.flight[0]                    # at the release
    >>> print(f"a metre further is {cotangent.x:.1f} m more of the miss, 1 m/s faster {cotangent.vx:.2f} m")
    a metre further is 1.0 m more of the miss, 1 m/s faster 1.15 m
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.nn import MLP, Layer, Params, sigmoid
from tinydp.sims.trebuchet import CORRECTED, Stage, at_rest, in_sling, stages

from .machine import CENTRE, HALF, NET, TRAINING_DT, WIND, between, controller, shot

Moments = list[tuple[Any, Any]]                  # states, and the gradients of the miss there


class Backward(NamedTuple):
    """A shot and its gradients, each part in the order of time.

    `slide` and `hang` are of the machine, `flight` of the projectile. `activations` are those of the
    network, (2,), (32,), ..., (2,), of which the last are parts of the ranges; `cotangents` belong to all but
    the first, what is seen; `params` to the network's parameters; `angle` is in m per °, `weight` in m/lb.
    """

    landing: float
    slide: Moments
    hang: Moments
    flight: Moments
    angle: float
    weight: float
    activations: list[np.ndarray]
    cotangents: list[np.ndarray]
    params: list[Layer]


def backward(params: Params, wind: float, target: float) -> Backward:
    """All gradients of one shot's miss, in the time steps of the training."""
    angle, weight = map(float, controller(params, wind, target))
    sliding, hanging, flying = stages(wind, angle, weight, CORRECTED, TRAINING_DT)
    slid = sliding.path(at_rest())
    hung = hanging.path(slid[-1])
    flown = flying.path(in_sling(hung[-1]))
    landed = dp.grad(lambda ball: abs(ball.x - target))(flown[-1])
    flight = swept(flying, flown, landed)
    (released,) = dp.vjp(in_sling, hung[-1])[1](flight[0][1])
    hang = swept(hanging, hung, released)
    slide = swept(sliding, slid, hang[0][1])

    def from_aim(angle: Any, weight: Any) -> Any:
        return abs(shot(wind, angle, weight, TRAINING_DT) - target)

    def from_parts(part: Any) -> Any:
        return from_aim(*between(part))

    seen = np.array([wind / (2 * WIND), (target - CENTRE) / HALF])
    activations = forward(params, seen)
    rests = [rest(params, k) for k in range(1, len(params))]
    cotangents = [dp.grad(lambda hidden, rest=rest: from_parts(rest(hidden)))(hidden)
                  for rest, hidden in zip(rests, activations[1:-1], strict=True)]
    by_angle, by_weight = dp.grad(from_aim, argnums=(0, 1))(angle, weight)
    return Backward(
        float(flown[-1].x), slide, hang, flight, float(by_angle), float(by_weight),
        activations, [*cotangents, dp.grad(from_parts)(activations[-1])],
        dp.grad(lambda params: from_parts(sigmoid(NET(params, seen))))(params))


def swept(stage: Stage, path: list[Any], cotangent: Any) -> Moments:
    """The states of a stage, but its end, and the gradients there, for the one at the end."""
    found = []
    for k, state in reversed(list(enumerate(path[:-1]))):
        last = k == len(path) - 2                # a shorter step, up to the event
        _, pull = dp.vjp(stage.run if last else lambda state: stage.step(state, stage.dt), state)
        (cotangent,) = pull(cotangent)
        found.append((state, cotangent))
    return found[::-1]


def forward(params: Params, seen: np.ndarray) -> list[np.ndarray]:
    """What is seen (2,), the activations of each hidden layer, and the parts of the ranges (2,)."""
    found = [seen]
    for k in range(len(params) - 1):
        found.append(MLP(NET.sizes[k:k + 2], output=NET.hidden)(params[k:k + 1], found[-1]))
    return [*found, rest(params, len(params) - 1)(found[-1])]


def rest(params: Params, first: int) -> Callable[[Any], Any]:
    """The network from that layer on: parts of the ranges for the activations before it."""
    net = MLP(NET.sizes[first:], hidden=NET.hidden)
    return lambda hidden: sigmoid(net(params[first:], hidden))
