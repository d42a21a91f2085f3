"""What else one could do with measured shots: nothing, a linear correction, a fit without derivatives.

Their shots are aimed at the targets as the days bring them, with the nominal simulator: without slopes
there is no telling which shot would be worth more.
"""

from typing import Any, NamedTuple

import numpy as np

from .learner import LOWEST, NOISE, NOMINAL, PRIOR, Aim, Belief, Shot, Simulator, first
from .machine import CENTRE, HALF, WIND, settle

RESTARTS = 2
CERTAIN = np.zeros((4, 4))                       # of who has no covariance, or does not doubt


def practise(world: Any, shots: int, seed: int) -> list[Shot]:
    """That many shots at the targets of the day, aimed by the nominal simulator."""
    simulator, taken = Simulator(), []
    for k in range(shots):
        (vane, target, _), _ = world.reset(seed=seed if k == 0 else None)
        aim = uncorrected(simulator, float(vane), float(target)).raw
        (_, _, distance), *_ = world.step(np.array(settle(aim)))
        taken.append(Shot(aim, float(vane), float(distance)))
    return taken


def uncorrected(simulator: Simulator, vane: float, target: float) -> Aim:
    """The nominal simulator's aim."""
    return first(simulator, Belief(NOMINAL, CERTAIN), vane, target)


class Correction(NamedTuple):
    """Landings are further than the nominal ones by a + b wind + c landing; wind and landing are scaled."""

    constant: float
    by_wind: float
    by_landing: float

    def target(self, vane: float, target: float) -> float:
        """Where the nominal simulator has to aim, to hit `target`."""
        return (target - self.constant - self.by_wind * vane / WIND + CENTRE / HALF * self.by_landing) / (
            1 + self.by_landing / HALF)


def correct(simulator: Simulator, shots: list[Shot]) -> Correction:
    """Linear least squares; of fewer than three shots, the smallest coefficients."""
    nominal = np.array([simulator.land(NOMINAL, shot.aim, shot.vane) for shot in shots])
    winds = [shot.vane / WIND for shot in shots]
    columns = np.stack([np.ones(len(shots)), winds, (nominal - CENTRE) / HALF], axis=1)
    further = np.array([shot.distance for shot in shots]) - nominal
    return Correction(*np.linalg.lstsq(columns, further, rcond=None)[0].tolist())


def without_derivatives(simulator: Simulator, shots: list[Shot]) -> Belief:
    """The same least squares as the learner's, by the method of Nelder and Mead, begun anew where it ends."""
    from scipy.optimize import minimize

    def badness(unknown: np.ndarray) -> float:
        misfit = [(simulator.land(unknown, shot.aim, shot.vane) - shot.distance) / NOISE for shot in shots]
        return float(np.sum(np.square(misfit)) + np.sum((unknown - PRIOR)**2))

    found = PRIOR
    for _ in range(RESTARTS):                    # a simplex may collapse on the way
        simplex = found + np.concatenate([np.zeros((1, 4)), 0.5 * np.eye(4)])
        found = minimize(badness, found, method="Nelder-Mead", bounds=[(low, 6.0) for low in LOWEST],
                         options={"xatol": 1e-3, "fatol": 1e-3, "maxfev": 1000, "initial_simplex": simplex}).x
    return Belief(found, CERTAIN)
