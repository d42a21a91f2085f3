"""`python -m benchmarks [NAME ...] [--json FILE]`: run the workloads, all of them by default.

`agree`, `compiling`, `export` and `zoo` have options of their own: `python -m benchmarks agree --help`.
"""

import argparse
import importlib
import json
import os
import pathlib
import platform
import sys

import numpy as np

WORKLOADS = ("scalar", "mlp", "pendulum", "trebuchet", "rollouts", "vmap", "derivatives", "calls", "products",
             "first", "compiling", "scaling", "gradcheck", "planted")


def on_one_core():
    """Stay on one core from now on, so that the peers have the same."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def main():
    """Run the workloads named on the command line."""
    if sys.argv[1:2] == ["agree"]:
        importlib.import_module("benchmarks.agree").main(sys.argv[2:])
        return
    if sys.argv[1:2] == ["compiling"]:
        on_one_core()
        importlib.import_module("benchmarks.compiling").main(sys.argv[2:])
        return
    if sys.argv[1:2] == ["export"]:
        on_one_core()
        importlib.import_module("benchmarks.export").main(sys.argv[2:])
        return
    if sys.argv[1:2] == ["limits"]:
        on_one_core()
        importlib.import_module("benchmarks.limits_run").main(sys.argv[2:])
        return
    if sys.argv[1:2] == ["zoo"]:
        on_one_core()
        importlib.import_module("benchmarks.zoo_run").main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(WORKLOADS)}")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    for name in options.names:
        if name not in WORKLOADS:
            parser.error(f"no workload {name!r}; there are {', '.join(WORKLOADS)}")
    on_one_core()
    figures = {"machine": platform.processor() or platform.machine(), "python": platform.python_version(),
               "numpy": np.__version__}
    for name in options.names or WORKLOADS:
        figures[name] = importlib.import_module(f"benchmarks.{name}").main()
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
