"""Draw docs/surrogates.png: the straight-through windows, as the engine itself sees them."""

import pathlib

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

import tinydp as dp
from tinydp.ad.custom import WINDOWS

PICTURE = pathlib.Path(__file__).with_suffix(".png")


def main(path=PICTURE):
    """One panel a window: the step, and the slope that the gradient claims for it."""
    x = np.linspace(-2.5, 2.5, 1001)
    figure, axes = plt.subplots(1, len(WINDOWS), figsize=(9, 2.6), sharey=True, layout="constrained")
    for axis, window in zip(axes, WINDOWS, strict=True):
        step = dp.straight_through(dp.sign.fn, window)
        y, pullback = dp.vjp(step, x)
        (slope,) = pullback(np.ones_like(x))
        axis.plot(x, slope, color="#d1495b", linewidth=2)
        axis.fill_between(x, slope, color="#d1495b", alpha=0.12, linewidth=0)
        axis.plot(x, y, color="#30638e", linewidth=2)
        axis.set_title(window, fontsize=11)
        axis.set_xlabel("x")
        axis.set_yticks([-1, 0, 1])
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    axes[0].text(-2.4, -0.92, "sign(x), forwards", color="#30638e", fontsize=9, va="bottom")
    axes[0].text(-2.4, 1.05, "claimed slope, backwards", color="#d1495b", fontsize=9, va="bottom")
    axes[0].set_ylim(-1.15, 1.3)
    figure.savefig(path, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    main()
