"""Time to the first gradient of the pendulum and its network (200 steps), in a new process.

Cold: nothing was compiled before. Warm: the compiled program is in the cache folder. The import is
counted apart: it includes that of Numba, or of JAX.
"""

import os
import statistics
import subprocess
import sys
import tempfile

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
PEERS = {
    "tinydp, cold": ("tinydp", "import tinydp, numba", True),
    "tinydp, warm": ("tinydp", "import tinydp, numba", False),
    "JAX jit": ("jax", "import jax", True),
    "limit (Numba by hand)": ("limit", "import numba", True),
}


def measure(peer, rounds):
    """The medians of the seconds for the import, and for the first gradient."""
    name, imports, cold = PEERS[peer]
    times = []
    with tempfile.TemporaryDirectory() as warm:
        for k in range(rounds + (not cold)):
            with tempfile.TemporaryDirectory() as empty:
                environment = {**os.environ, "TINYDP_CACHE": empty if cold else warm}
                program = PROGRAM.format(peer=name, imports=imports)
                run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True,
                                     text=True, check=False)
            if run.returncode:
                raise ImportError(run.stderr)
            if cold or k:                        # the first warm one fills the cache
                times.append([float(x) for x in run.stdout.split()])
    return [statistics.median(column) for column in zip(*times, strict=True)]


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
