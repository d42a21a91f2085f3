"""A cart-pole nobody knows is balanced: while its one real episode runs, data refine the simulator.

Pole and cart have other lengths and masses than drawn, the track has friction, the sensors noise, and a
push may come a step or two late. A controller that was trained in the nominal simulator drives from the
first step, and soon lets the pole fall, which begins the episode anew. Its 500 real steps tell what the
machine is like, by gradients through the simulator; and meanwhile the controller is trained on through the
simulator as it is known by then. Beside it stand the controller with which the episode began, and one that
had the true physics throughout.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

import tinydp as dp
from tinydp.nn import MLP, Params
from tinydp.sims.cartpole import EPISODE, STANDARD, State, observe
from tinydp.sims.cartpole import step as nominal_step
from tinydp.sims.worlds import Evaluation

from .. import style
from ..command import Column, Options
from ..worlds.belief import Model, Unknown
from ..worlds.learner import Learning, Physics, Recipe, Task
from ..worlds.trial import WHO, Machine, demo
from .learning import COSTLY
from .network import SCALE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CLAIM = "it balances after about 5 episodes; but there the simulator was the world."
TAKES = "a minute"

# ---------------------------------------------------------------------------- the simulator and its unknowns

# Only ratios of forces and masses show in a cart's motion: so its mass is taken as drawn, and the mass of the
# pole, the push and the friction relative to it.
UNKNOWNS = (Unknown("half_length", 0.5, 0.35), Unknown("pole_mass", 0.1, 0.6), Unknown("push", 10.0, 0.35),
            Unknown("friction", 0.0, 1.0))
DELAYS = (0, 1, 2)              # steps by which a push may be late
SLOW = 0.003                    # m/s, below which friction fades


def params(known: dict[str, Any]) -> Any:
    """The simulator's parameters."""
    return STANDARD._replace(**known)


def step(state: State, action: Any, params: Any) -> State:
    """The simulator's step, with a friction that has a slope: it fades as the cart comes to rest."""
    against = params.friction / params.push * np.tanh(state.speed / SLOW)
    return nominal_step(state, action - against, params._replace(friction=None))


MODEL = Model(UNKNOWNS, params, State, step, lambda seen: seen, sensors=np.array([0.003, 0.02, 0.002, 0.02]),
              joints=np.array([0.005, 0.025, 0.005, 0.025]), pieces=32, delays=DELAYS)

# ---------------------------------------------------------------------------- the controller and its cost

MEMORY = max(DELAYS)            # pushes under way, which no sensor shows: the controller remembers them
NET = MLP((4 + MEMORY, 32, 1), hidden="tanh")
NEAR = 0.1                      # how far from rest windows begin, in units of SCALE


def decide(params: Params, seen: Any, past: Any) -> Any:
    """1, a push to the right, or -1, to the left; (n,) for what is seen (n, 4) and the last pushes (n, 2).

    Seen in a mirror, it is the same machine, and the same controller.
    """
    x = np.concatenate([seen / SCALE, past], axis=1)
    return dp.sign(np.tanh((NET(params, x) - NET(params, -x))[:, 0]))


def draw(rng: np.random.Generator, n: int) -> tuple[State, np.ndarray]:
    """Starts of n windows near rest, and the pushes (2, n) that are under way."""
    return State(*(NEAR * SCALE * rng.normal(size=(n, 4))).T), rng.choice([-1.0, 1.0], size=(MEMORY, n))


def loss(params: Params, starts: tuple[State, np.ndarray], weights: np.ndarray, physics: Physics) -> Any:
    """The mean over windows of what their steps cost, for those that count."""
    state, past = starts

    def advance(run: tuple, weight: Any) -> tuple[tuple, None]:
        state, last, before, total = run
        action = decide(params, observe(state), np.stack([last, before], axis=1))
        now, late, later = physics.delays
        state = step(state, now * action + late * last + later * before, physics.params)
        return (state, action, last, total + weight * np.sum((observe(state) / COSTLY)**2, axis=-1)), None

    (*_, total), _ = dp.scan(advance, (state, past[0], past[1], np.zeros(past.shape[1])), weights)
    return np.mean(total)


RECIPE = Recipe(steps=500, before=200, meanwhile=2, refined=10, windows=64, horizon=(60, 60),
                rate=(2e-2, 1e-3), limit=10.0)
TASK = Task(MODEL, RECIPE, MEMORY, NET.init, decide, lambda push: int(push > 0), draw, loss)

# ---------------------------------------------------------------------------- for the judge alone

WORLDS = 0.9                    # the goal: the share of worlds in which all episodes last 500 steps


def truth(real: Any) -> tuple[dict[str, float], int]:
    """The unknowns of a world, and its delay."""
    return {"half_length": STANDARD.half_length * real.half_length,
            "pole_mass": STANDARD.pole_mass * real.pole_mass / real.cart_mass,
            "push": STANDARD.push * real.gain / real.cart_mass, "friction": real.friction / real.cart_mass
            }, real.delay


def standing(found: Evaluation) -> int:
    """How many episodes reach their last step."""
    return int(np.sum(found.lengths == EPISODE))


def succeeds(result: dict[str, Any]) -> bool:
    """Whether one world is learned."""
    return result["after"]["good"] == result["after"]["episodes"]


def passes(results: list[dict]) -> tuple[bool, str]:
    """The goal over many worlds."""
    good = {who: sum(result["result"][who]["good"] == result["result"][who]["episodes"] for result in results)
            for who in WHO}
    return good["after"] >= WORLDS * len(results), (
        f"All 100 episodes reach {EPISODE} steps: in {good['after']} of {len(results)} worlds after one "
        f"episode (goal {100 * WORLDS:.0f} %), in {good['told']} with the true physics, in {good['nominal']} "
        f"with the nominal controller, in {good['longer']} if that is trained as long.")


# ---------------------------------------------------------------------------- picture


def draw_episode(upper: "Axes", lower: "Axes", learning: Learning) -> None:
    """Angle and position over the real steps; a line where the pole fell or the cart left its track."""
    seen = np.concatenate([np.vstack([record.seen[:-1], np.full(4, np.nan)]) for record in learning.records])
    ends = np.cumsum([len(record.actions) for record in learning.records])
    steps = np.concatenate([start + np.arange(len(record.seen)) for start, record in
                            zip([0, *ends[:-1]], learning.records, strict=True)])
    for axes, values, colour, edge in ((upper, np.degrees(seen[:, 2]), style.INK, 12.0),
                                       (lower, seen[:, 0], style.BLUE, STANDARD.max_x)):
        axes.plot(steps, values, color=colour, linewidth=1.2)
        for end in ends[:-1]:
            axes.axvline(end, color=style.ORANGE, linewidth=1.0)
        reach = min(1.3 * float(np.nanmax(np.abs(values))), 1.1 * edge)
        axes.set(ylim=(-reach, reach))
    falls = len(ends) - 1
    upper.set(ylabel="angle (°)", title="The real steps, while it learns: " + (
        f"{falls} fall{'s' * (falls != 1)} (orange)" if falls else "no fall"))
    lower.set(ylabel="cart (m)", xlabel="real steps")


def add_flags(flags: Any) -> None:
    """What makes a world harder."""
    flags.add_argument("--delay", type=int, choices=DELAYS, metavar="N",
                       help="steps by which the world's pushes are late (the seed draws 1)")


def changes(options: Options) -> dict[str, Any]:
    """What a world has that its seed did not draw."""
    return {} if options.delay is None else {"delay": options.delay}


COLUMNS = [Column("of 100 stand 500 steps", "result.after.good", goal=100, digits=0),
           Column("true physics", "result.told.good", digits=0),
           Column("nominal", "result.nominal.good", digits=0),
           Column("trained as long", "result.longer.good", digits=0),
           Column("mean length", "result.after.mean_return", goal=500),
           Column("processor seconds", "budget.seconds", higher=False)]
MACHINE = Machine(
    name="cartpole", task=TASK, truth=truth, good=standing, goodness="reach 500 steps", succeeds=succeeds,
    score="length", units={"half_length": "m", "pole_mass": "kg", "push": "N", "friction": "N"},
    draw_episode=draw_episode, flags=add_flags, changes=changes)
DEMO = demo(MACHINE, __doc__, CLAIM, COLUMNS, passes)
