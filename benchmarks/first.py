"""Time to the first gradient of the pendulum and its network (200 steps), in a new process.

A fresh installation has compiled nothing. Cold: it has the kernels that programs call, which are compiled
once an installation, but not this program. Warm: the compiled program is in the cache folder, too. The import
is counted apart: it includes that of Numba, or of JAX.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from .harness import environment

PROGRAM = """
import time
start = time.perf_counter()
import numpy as np
{imports}
imported = time.perf_counter()
from benchmarks import harness, pendulum
harness.parameters(pendulum.SIZES)
prepared = time.perf_counter()
gradient = pendulum.{peer}(0)
gradient()
done = time.perf_counter()
print(imported - start, done - prepared)
"""
OURS = "import tinydp, numba"
NOTHING, KERNELS, ALL = "", "kernel_*", "*"              # what is left in the cache folder before a run
PEERS = {
    "tinydp, fresh": ("tinydp", OURS, NOTHING),
    "tinydp, cold": ("tinydp", OURS, KERNELS),
    "tinydp, warm": ("tinydp", OURS, ALL),
    "JAX jit": ("jax", "import jax", NOTHING),
    "limit (Numba by hand)": ("limit", "import numba", NOTHING),
}


def measure(peer, rounds):
    """The medians of the seconds for the import, and for the first gradient."""
    name, imports, kept = PEERS[peer]
    program = PROGRAM.format(peer=name, imports=imports)
    with tempfile.TemporaryDirectory() as full:
        if kept:
            run(program, full)                   # fills the cache
        times = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                for file in Path(full).glob(kept) if kept else ():
                    shutil.copy(file, folder)
                times.append(run(program, folder))
    return [statistics.median(column) for column in zip(*times, strict=True)]


def run(program, folder):
    """What a program prints in a new process with this cache folder: seconds."""
    done = subprocess.run([sys.executable, "-c", program], env=environment(folder), capture_output=True,
                          text=True, check=False)
    if done.returncode:
        raise ImportError(done.stderr)
    return [float(x) for x in done.stdout.split()]


def main(rounds=5):
    """Print the table; returns it as plain data."""
    print("first gradient of pendulum and MLP, 200 steps, in a new process: seconds")
    data = {}
    for peer in PEERS:
        try:
            imports, first = measure(peer, rounds)
        except ImportError as error:
            print(f"  {peer}: left out ({str(error).strip().splitlines()[-1]})")
            continue
        print(f"  {peer:24s} {first:6.2f}   (and {imports:.2f} to import)")
        data[peer] = {"import": imports, "first": first}
    return data
