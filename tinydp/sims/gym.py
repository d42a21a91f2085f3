"""`tinydp/Trebuchet-v0`: the trebuchet as an environment that Gymnasium knows by name, and can show.

Importing this module registers it, which Gymnasium does by itself for a name with the module before a colon:

    >>> import gymnasium
    >>> world = gymnasium.make("tinydp.sims.gym:tinydp/Trebuchet-v0", world=5000, render_mode="rgb_array")
    >>> (wind, target, _), _ = world.reset(seed=0)
    >>> _, reward, terminated, _, _ = world.step(np.array([40.0, 200.0]))     # angle in °, weight in lb
    >>> world.render().shape, terminated, world.unwrapped.real_steps
    ((400, 800, 3), True, 1)

An episode is one shot. `world` is the seed of an unknown trebuchet, as in `worlds.make`; without it, the
machine is the nominal one. The pictures show what a bystander sees: the flag at the target, the way of
the ball, and the wind as the vane has it.
"""

from itertools import pairwise
from typing import Any

import gymnasium
import numpy as np

from . import worlds
from .worlds import trebuchet
from .worlds.world import World

__all__ = ["ID", "TrebuchetEnv"]

ID = "tinydp/Trebuchet-v0"

HEIGHT, WIDTH, SCALE = 400, 800, 5.2     # pixels, and pixels to the metre
LEFT, GROUND = 18.0, 360                 # m left of the pivot, and the row of the ground
SKY, EARTH, INK, BLUE, ORANGE = (255, 255, 255), (221, 226, 231), (34, 48, 60), (31, 111, 180), (217, 102, 43)


class TrebuchetEnv(World):
    """The world of one shot an episode: the wind, the target's distance in m, then an angle in ° and a weight
    in lb.

        >>> shot = TrebuchetEnv(world=5000)
        >>> observation, _ = shot.reset(seed=0)
        >>> len(observation), shot.step(np.array([40.0, 200.0]))[2]           # ... and the episode has ended
        (3, True)
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 1}

    def __init__(self, world: int | None = None, render_mode: str | None = None, **truth: Any):
        self.__machine: Any = worlds.machine("trebuchet", world, **truth)
        super().__init__(self.__machine)
        self.render_mode = render_mode

    def render(self) -> np.ndarray | None:
        """The scene, (400, 800, 3), in bytes of red, green and blue; None without a render mode."""
        return draw_scene(self.__machine) if self.render_mode == "rgb_array" else None


if ID not in gymnasium.registry:
    gymnasium.register(ID, TrebuchetEnv)


# ---------------------------------------------------------------------------- the picture

LOADED, UP = np.array([-0.677, -0.736]), np.array([0.0, 1.0])          # where the long arm points


def draw_scene(machine: trebuchet.Trebuchet) -> np.ndarray:
    """The machine, the flag, the vane's wind above, and the way of the ball if there was a shot."""
    image = np.full((HEIGHT, WIDTH, 3), SKY, np.uint8)
    image[GROUND:] = EARTH
    pivot, arm = np.array([0.0, trebuchet.PIVOT_HEIGHT]), UP if machine.shot else LOADED
    line(image, [(-1.0, 0.0), pivot, (1.0, 0.0)], INK)
    line(image, [pivot - trebuchet.SHORT_ARM * arm, pivot + trebuchet.LONG_ARM * arm], INK)
    line(image, [pivot - trebuchet.SHORT_ARM * arm] * 2, INK, width=6)
    target, top = machine.target, 7.0
    line(image, [(target, 0.0), (target, top)], INK)
    line(image, [(target, top), (target + 3.0, top - 1.2), (target, top - 2.4)], ORANGE)
    line(image, [(56.0, 61.0), (56.0, 63.0)], INK)
    line(image, [(56.0, 62.0), (56.0 + 2 * machine.wind, 62.0)], BLUE)
    if machine.shot:
        line(image, trebuchet.path(*machine.shot, machine.truth) + pivot, BLUE)
        line(image, [(machine.landing, 0.5)] * 2, ORANGE, width=6)
    return image


def line(image: np.ndarray, points: Any, colour: tuple[int, int, int], width: int = 2) -> None:
    """Straight lines between points in m, x from the pivot and y above the ground, into the image."""
    corners = np.array(points, float) * (SCALE, -SCALE) + (SCALE * LEFT, GROUND)
    for start, end in pairwise(corners):
        steps = int(np.abs(end - start).max()) + 2
        columns, rows = np.rint(np.linspace(start, end, steps)).astype(int).T
        for across, down in np.ndindex(width, width):
            column, row = columns + across - width // 2, rows + down - width // 2
            within = (row >= 0) & (row < HEIGHT) & (column >= 0) & (column < WIDTH)
            image[row[within], column[within]] = colour
