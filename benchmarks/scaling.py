"""How time and memory of a gradient grow: with the horizon, the batch, the parameters, the operations.

Straight lines of slope 1 in log-log are what linear cost looks like. Memory is the growth of the
process's peak while a gradient is computed, each point in a process of its own. `python -m
benchmarks scaling` prints the slopes and draws docs/scaling.png.
"""

import json
import pathlib
import resource
import statistics
import subprocess
import sys
import time

import numpy as np

from .harness import layers_of, parameters
from .pendulum import total_cost

HORIZONS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
SIZES = {
    "horizon": HORIZONS,                                 # steps, compiled
    "horizon in segments": HORIZONS,                     # ... which are run again on the way back
    "batch": (30, 100, 300, 1_000, 3_000, 10_000),       # pendulums, 50 steps, compiled
    "parameters": (16, 32, 64, 128, 256, 512),           # width of two hidden layers, batch of 64, compiled
    "operations": (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000),      # on an eager tape
}
LABELS = {"horizon": "steps", "horizon in segments": "steps", "batch": "pendulums",
          "parameters": "parameters", "operations": "operations"}


def pendulum(steps, batch, widths, segment=None):
    """The gradient of the pendulum workload, of other sizes, and its number of parameters."""
    import tinydp as dp

    sizes = 3, *widths, 1
    run, params = total_cost(sizes, segment), layers_of(parameters(sizes))

    def loss(params, *start):
        return np.sum(run(start, params, steps))

    gradient = dp.value_and_grad(dp.compile(loss))
    rng = np.random.default_rng(1)
    start = (rng.uniform(-3, 3, batch), rng.uniform(-1, 1, batch)) if batch else (3.0, 0.1)
    return lambda: gradient(params, *start), sum(layer.weight.size + layer.bias.size for layer in params)


def eager(operations):
    """A scalar program on the ordinary tape."""
    import tinydp as dp

    from .scalar import energy

    steps = operations // 11
    return lambda: dp.grad(energy)(2.0, steps), operations


def prepare(kind, size):
    """The function to measure, and the size in the unit of the axis."""
    if kind == "horizon":
        return pendulum(size, 0, (24, 48))[0], size
    if kind == "horizon in segments":
        return pendulum(size, 0, (24, 48), segment=round(size**0.5))[0], size
    if kind == "batch":
        return pendulum(50, size, (24, 48))[0], size
    if kind == "parameters":
        return pendulum(20, 64, (size, size))
    return eager(size)


def measure(kind, size):
    """Size, seconds (the median of a few runs) and bytes, in this process."""
    small, _ = eager(1_000) if kind == "operations" else pendulum(5, 4, (8, 8))
    small()                                      # what a process needs anyway, Numba for one, is there
    run, size = prepare(kind, size)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    while len(times) < 4 or (sum(times) < 0.3 and len(times) < 30):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    return {"size": size, "seconds": statistics.median(times[1:]), "bytes": 1024 * grown}


def slope(points, what):
    """The exponent: of a straight line in log-log through all points above what a process needs anyway."""
    chosen = [p for p in points if p[what] > (5e6 if what == "bytes" else 0.0)]
    if len(chosen) < 2:
        return float("nan")
    x, y = np.log([p["size"] for p in chosen]), np.log([p[what] for p in chosen])
    return float(np.polyfit(x, y, 1)[0])


def main():
    """Print the slopes, draw the picture; returns all points."""
    print("scaling of gradients (slope 1 is linear)")
    data = {}
    for kind, sizes in SIZES.items():
        points = []
        for size in sizes:
            command = [sys.executable, "-m", "benchmarks.scaling", kind, str(size)]
            for _ in range(2):                   # the second finds the compiled program in the cache
                run = subprocess.run(command, capture_output=True, text=True, check=False)
                if run.returncode:
                    raise RuntimeError(run.stderr)
            points.append(json.loads(run.stdout))
        data[kind] = {"points": points, "time": slope(points, "seconds"), "memory": slope(points, "bytes")}
        last = points[-1]
        print(f"  {kind:20s} time {data[kind]['time']:5.2f}   memory {data[kind]['memory']:5.2f}   "
              f"({last['size']:,} {LABELS[kind]}: {last['seconds']:.3g} s, {last['bytes'] / 1e6:,.0f} MB)")
    draw(data, pathlib.Path("docs/scaling.png"))
    return data


def draw(data, path):
    """All points, in log-log."""
    from demos import style

    colors = (style.BLUE, style.GREY, style.ORANGE, style.INK, style.GREEN)
    with style.styled():
        picture = style.figure(900, 420)
        panels = picture.subplots(1, 2)
        titles = ("Time of a gradient (s)", "Memory (bytes)")
        for axes, what, title in zip(panels, ("seconds", "bytes"), titles, strict=True):
            for color, (kind, found) in zip(colors, data.items(), strict=True):
                points = [p for p in found["points"] if p[what] > 0]
                axes.plot([p["size"] for p in points], [p[what] for p in points], "o-", color=color,
                          markersize=3, label=f"{kind} (slopes {found['time']:.2f}, {found['memory']:.2f})")
            axes.set(xscale="log", yscale="log", xlabel="steps, pendulums, parameters or operations")
            axes.minorticks_off()
            axes.set_title(title)
        picture.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3,
                       frameon=False, fontsize=9)
        style.save_picture(path, picture)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
