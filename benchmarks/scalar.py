"""A scalar program: the cost of one operation, recorded and swept, in each engine.

The program is a simulator of the plainest kind, a damped spring that hardens, stepped by
Euler's method: additions and multiplications of numbers, nine a step, and nothing that an
engine could do in bulk. The gradient is that of the final energy by the stiffness.
"""

import sys

from .harness import compare

STEPS = 100                              # micrograd sorts its graph recursively
DT = 0.01


def energy(stiffness, steps=STEPS):
    """The energy after `steps` steps, from x = 1 at rest."""
    x, v = 1.0, 0.0
    for _ in range(steps):
        force = x * stiffness + x * x * x * 0.5 + v * 0.1
        v = v + force * -DT
        x = x + v * DT
    return v * v * 0.5 + x * x * stiffness * 0.5


def tinydp(steps=STEPS):
    """Ours."""
    import tinydp as dp

    gradient = dp.grad(energy)
    return lambda: gradient(2.0, steps)


def micrograd():
    """The engine that it takes ten minutes to read."""
    from micrograd.engine import Value

    sys.setrecursionlimit(100_000)

    def run():
        x = Value(2.0)
        energy(x).backward()
        return x.grad
    return run


def torch():
    """PyTorch, eager, on the CPU."""
    import torch

    torch.set_num_threads(1)

    def run():
        x = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
        energy(x).backward()
        return x.grad.item()
    return run


def autograd():
    """HIPS autograd."""
    from autograd import grad

    gradient = grad(energy)
    return lambda: gradient(2.0)


PEERS = {"tinydp": tinydp, "micrograd": micrograd, "PyTorch eager": torch, "autograd": autograd}


def operations(steps=STEPS):
    """How many nodes the gradient of `energy` records."""
    from tinydp.ad.tape import Tape

    tape = Tape()
    energy(tape.input(2.0), steps)
    return len(tape)


def main():
    """Print the table; returns it as plain data."""
    n = operations()
    print(f"scalar: {n} operations, microseconds an operation, recording and sweep together")
    rows = compare(PEERS, rounds=31)
    for row in rows:
        print(f"  {row.peer:15s} {row.seconds / n * 1e6:7.2f}  {row.ratio:6.1f} x tinydp"
              f"   ({row.fastest / n * 1e6:.2f} to {row.slowest / n * 1e6:.2f})")
    data = {"operations": n, "microseconds": {row.peer: row.seconds / n * 1e6 for row in rows}}
    print("  tinydp on longer programs:")
    for steps in (1_000, 10_000, 100_000):
        n = operations(steps)
        (row,) = compare({"tinydp": lambda steps=steps: tinydp(steps)}, rounds=5)
        print(f"  {n:15,d} {row.seconds / n * 1e6:7.2f}")
        data["microseconds"][f"tinydp, {n} operations"] = row.seconds / n * 1e6
    return data
