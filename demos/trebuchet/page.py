"""A page in which a network learns to aim the trebuchet, at any target, in any wind.

The machine, the flight, the controller, the adjoint of all three, Adam: all that moves and all that learns
there is exported from the Python below; what is written in JavaScript draws, listens and counts. In each
update the network aims 32 shots at random targets in random winds, and each of its numbers is moved along
its derivative, through flight, release and slide. The page shows what the running average of the networks
does with the target and the wind of the moment, and its median miss over 100 tasks that judge; of all
averages so far it keeps the one that does best at 100 others. Changed machines are learned anew, from what
was learned.
"""

from typing import Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.nn import Params
from tinydp.optim import Adam, AdamState, clip_by_norm, cosine
from tinydp.sims import trebuchet
from tinydp.sims.integrators import rk4
from tinydp.sims.trebuchet import CORRECTED, POUND, Ball, Machine

from ..page import Page, page_demo
from ..page.drawn import normals, uniform_layers
from ..schedule import averaged
from .judging import EVALUATION_SEED
from .learning import FINE, MEMORY
from .machine import NET, TARGETS, TRAINING_DT, WIND, controller, draw_tasks_within_reach

SHOTS, UPDATES, JUDGED = 32, 1500, 20    # in an update; of them; and between two judgements
ADAM = Adam(cosine(1e-2, 1e-4, UPDATES), beta2=MEMORY)
LIMIT = 1.0                              # of the gradient's norm
AVERAGED = 0.95                          # of the running average
TASKS = 100                              # that judge, and that choose
STRONGEST = 15.0                         # m/s: stronger winds are not drawn
SLIDING, HANGING, FLYING, SWINGING = 30, 120, 60, 400            # steps of the throw that is shown
SWING = 5e-3                             # s, a step of the machine after the release
FAN = np.linspace(*TARGETS, 9)           # m: targets of the throws that are shown together
ARROWS = 10


class Learned(NamedTuple):
    """What an update leaves behind, and the loss before it."""

    params: Params
    average: Params
    optimiser: AdamState
    cost: Any


class Shown(NamedTuple):
    """A throw: places in m from the pivot, of the joints and of the ball; its velocity in m/s; times in s."""

    tip: Any
    elbow: Any
    load: Any
    pouch: Any
    flight: Any
    velocity: Any
    events: Any


# ---------------------------------------------------------------------------- what is exported

def begin(draws: Any) -> Learned:
    """A new network, which begins with about the same aim for all, from numbers within (0, 1)."""
    params = uniform_layers(NET.sizes, draws, last_share=0.1)
    return Learned(params, params, ADAM.init(params), 0.0)


def update(params: Params, average: Params, optimiser: AdamState, draws: Any, drag: Any, arm: Any, ball: Any
           ) -> Learned:
    """One update: random tasks, the gradient of their misses, and a step of Adam along it."""
    value, gradient = dp.value_and_grad(loss)(params, *drawn_tasks(draws), physics(drag, arm, ball))
    params, optimiser = ADAM.step(params, clip_by_norm(gradient, LIMIT), optimiser)
    return Learned(params, averaged(average, params, optimiser.step, AVERAGED), optimiser, value)


def judge(average: Params, wind: Any, target: Any, drag: Any, arm: Any, ball: Any) -> Any:
    """The median miss of these tasks in %, with a minus: more is better."""
    misses = landings(average, wind, target, physics(drag, arm, ball)) - target
    return {"mean": -100.0 * np.median(np.abs(misses) / target)}


def aim(average: Params, wind: Any, target: Any) -> Any:
    """The release angle in ° and the counterweight in lb."""
    angle, weight = controller(average, wind, target)
    return {"angle": angle, "weight": weight}


def throw(wind: Any, angle: Any, weight: Any, drag: Any, arm: Any, ball: Any) -> Shown:
    """A throw in equal steps between its events, for the picture; the machine swings on after the release."""
    params, mass = physics(drag, arm, ball), POUND * weight
    sliding, hanging, flying = trebuchet.stages(wind, angle, weight, params, TRAINING_DT)
    rest = trebuchet.at_rest(params)
    lifted = sliding.run(rest)
    released = hanging.run(lifted)
    landed = flying.run(trebuchet.in_sling(released, params))
    empty = params._replace(projectile_mass=0.0)
    machine = joined(
        path(sliding.step, rest, lifted.time / SLIDING, SLIDING),
        path(hanging.step, lifted, (released.time - lifted.time) / HANGING, HANGING),
        path(lambda now, h: rk4(lambda m: trebuchet.hang(m, mass, empty), now, h), released, SWING, SWINGING))
    ball_step = (landed.time - released.time) / FLYING
    way = path(flying.step, trebuchet.in_sling(released, params), ball_step, FLYING)
    places = trebuchet.joints(Machine(*machine), params)
    return Shown(*map(np.stack, places), np.stack([way.x, way.y]), np.stack([way.vx, way.vy]),
                 np.stack([lifted.time, released.time, landed.time]))


def fan(average: Params, wind: Any, drag: Any, arm: Any, ball: Any) -> Any:
    """Throws at targets all over the range: where they land, and their flights."""
    params = physics(drag, arm, ball)

    def flown(target: Any) -> tuple[Any, Any, Any]:
        released, landed, flying = flight(wind, *controller(average, wind, target), params)
        ways = path(flying.step, released, (landed.time - released.time) / FLYING, FLYING)
        return landed.x, ways.x, ways.y

    landing, x, y = dp.vmap(flown)(FAN)
    return {"landing": landing, "x": x, "y": y}


def pull(x: Any, y: Any, vx: Any, vy: Any, wind: Any, drag: Any, arm: Any, ball: Any) -> Any:
    """How far the landing moves, in m for each m/s, if the ball is pushed at these places of its flight."""
    params = physics(drag, arm, ball)

    def landing(vx: Any, vy: Any, x: Any, y: Any) -> Any:
        flying = trebuchet.stages(wind, 45.0, 200.0, params, TRAINING_DT)[2]
        return flying.run(Ball(0.0, x, y, vx, vy)).x

    along, up = dp.vmap(dp.grad(landing, (0, 1)))(vx, vy, x, y)
    return {"along": along, "up": up}


# ---------------------------------------------------------------------------- what they share

def physics(drag: Any, arm: Any, ball: Any) -> trebuchet.Params:
    """The machine with so many times its drag, its long arm and the mass of its ball."""
    return CORRECTED._replace(drag=CORRECTED.drag * drag, long_arm=CORRECTED.long_arm * arm,
                              projectile_mass=CORRECTED.projectile_mass * ball)


def flight(wind: Any, angle: Any, weight: Any, params: trebuchet.Params) -> tuple[Ball, Ball, Any]:
    """The ball at the release and at the landing, and the stage between."""
    sliding, hanging, flying = trebuchet.stages(wind, angle, weight, params, TRAINING_DT)
    released = trebuchet.in_sling(hanging.run(sliding.run(trebuchet.at_rest(params))), params)
    return released, flying.run(released), flying


def landings(params: Params, winds: Any, targets: Any, machine: trebuchet.Params) -> Any:
    """Where the network's aims land, in m."""
    angles, weights = controller(params, winds, targets)
    land = dp.vmap(lambda wind, angle, weight: flight(wind, angle, weight, machine)[1].x)
    return land(winds, angles, weights)


def loss(params: Params, winds: Any, targets: Any, machine: trebuchet.Params) -> Any:
    """As the demo has it: the mean relative miss, rounded off near 0."""
    misses = (landings(params, winds, targets, machine) - targets) / targets
    return np.mean(np.sqrt(misses**2 + FINE**2))


def path(step: Any, state: Any, h: Any, steps: int) -> Any:
    """So many states after a first, each field an array."""
    _, states = dp.scan(lambda now, _: (after := step(now, h), after), state, length=steps)
    return states


def joined(*paths: Any) -> list[Any]:
    return [np.concatenate(parts) for parts in zip(*paths, strict=True)]


def drawn_tasks(draws: Any) -> tuple[Any, Any]:
    """Winds as the demo draws them, and targets, from numbers within (0, 1)."""
    winds = np.clip(normals(draws, WIND), -STRONGEST, STRONGEST)
    return winds, TARGETS[0] + (TARGETS[1] - TARGETS[0]) * draws[2]


# ---------------------------------------------------------------------------- the page

def programs() -> dict[str, tuple]:
    """The programs of the page, with example arguments."""
    rng = np.random.default_rng(0)
    params, machine = NET.init(rng), (1.0, 1.0, 1.0)
    weights = sum(layer.weight.size for layer in params)
    winds, targets = np.full(TASKS, 1.0), np.linspace(30.0, 90.0, TASKS)
    high = np.full(ARROWS, 10.0)
    return {
        "begin": (begin, rng.random(weights)),
        "update": (update, params, params, ADAM.init(params), rng.random((3, SHOTS)), *machine),
        "judge": (judge, params, winds, targets, *machine),
        "aim": (aim, params, 1.0, 60.0),
        "hurl": (throw, 1.0, 45.0, 200.0, *machine),
        "fan": (fan, params, 1.0, *machine),
        "pull": (pull, high, high, high, high, 1.0, *machine),
    }


def tasks() -> dict[str, dict[str, list]]:
    """Those that judge, as the demo does, and those that choose."""
    found = {}
    for name, seed in (("judged", EVALUATION_SEED), ("chosen", EVALUATION_SEED + 1)):
        winds, targets, _ = draw_tasks_within_reach(seed, TASKS)
        found[name] = {"wind": np.round(winds, 12).tolist(), "target": np.round(targets, 12).tolist()}
    return found


def page() -> Page:
    """All that the page is made of."""
    return Page(
        name="trebuchet", title="A trebuchet learns to aim", folder=__file__, programs=programs(),
        data={"starts": tasks(), "updates": UPDATES, "judged": JUDGED, "shots": SHOTS, "fan": FAN.tolist(),
              "steps": [SLIDING, HANGING, FLYING, SWINGING], "swing": SWING, "arrows": ARROWS,
              "ground": -CORRECTED.pivot_height})


DEMO = page_demo(page, "trebuchet page", __doc__)
CLAIM = "its machines ran in its page, and so do these: this one learns to aim there."
TAKES = "ten seconds"
