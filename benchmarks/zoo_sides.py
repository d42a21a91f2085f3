"""What the sides of the zoo's table find: the compiled program, the tape, JAX. Each in a new process.

`judge` and `first` are called there, by name, and return what can be printed as JSON.
"""

import dataclasses
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import zoo
from .harness import compare

TINYDP, TAPE, JAX = "tinydp", "tape", "JAX"
QUANTITIES = ("value", "gradient", "hvp")
ROUNDS = 15                              # of timed calls

# ---------------------------------------------------------------------------- numbers

def leaves(tree: Any) -> list:
    """The numbers and arrays of a structure, those of a dictionary by its sorted keys, as JAX has them."""
    if tree is None:
        return []
    if isinstance(tree, dict):
        tree = [tree[key] for key in sorted(tree, key=str)]
    elif dataclasses.is_dataclass(tree):
        tree = [getattr(tree, field.name) for field in dataclasses.fields(tree)]
    elif not isinstance(tree, tuple | list):
        return [tree]
    return [leaf for part in tree for leaf in leaves(part)]


def flat(tree: Any) -> np.ndarray:
    """The same as one vector."""
    return np.concatenate([np.ravel(np.asarray(x, dtype=np.float64)) for x in leaves(tree)])


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """The largest one, relative to the largest number; infinite if only one is finite, or shapes differ."""
    if a.shape != b.shape or np.any(np.isfinite(a) != np.isfinite(b)):
        return float("inf")
    a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    largest = max(np.max(np.abs(a), initial=0.0), np.max(np.abs(b), initial=0.0))
    return float(np.max(np.abs(a - b), initial=0.0) / largest) if largest else 0.0


def direction(args: tuple) -> tuple:
    """A random structure like `args`, the same each time."""
    import tinydp as dp

    rng = np.random.default_rng(0)
    parts, unflatten = dp.ad.tree.flatten(args)
    return unflatten([rng.normal(size=np.shape(x)) if np.ndim(x) else float(rng.normal()) for x in parts])

# ---------------------------------------------------------------------------- the sides, in a new process

def by_tape(program: Any, args: tuple) -> dict[str, Callable[[], Any]]:
    """What the tape finds, without the compiler."""
    import tinydp as dp

    return _tinydp(program.loss, lambda args: program.loss(*args), args, dp)


def by_tinydp(program: Any, args: tuple) -> dict[str, Callable[[], Any]]:
    """What the compiled program and its derivatives find."""
    import tinydp as dp

    return _tinydp(dp.compile(program.loss), dp.compile(lambda args: program.loss(*args)), args, dp)


def _tinydp(loss, loss_of_tuple, args, dp):
    gradient = dp.value_and_grad(loss, tuple(range(len(args))))
    along = direction(args)
    return {"value": lambda: loss(*args), "gradient": lambda: gradient(*args)[1],
            "hvp": lambda: dp.hvp(loss_of_tuple, args, along)}


def by_jax(program: Any, args: tuple) -> dict[str, Callable[[], Any]]:
    """What JAX finds."""
    import jax

    jax.config.update("jax_enable_x64", True)
    loss, args, along = program.in_jax(), _for_jax(args), _for_jax(direction(args))
    places = tuple(range(len(args)))
    value, gradient = jax.jit(loss), jax.jit(jax.value_and_grad(loss, places))
    hvp = jax.jit(lambda args, along: jax.jvp(lambda *x: jax.grad(loss, places)(*x), args, along)[1])
    return {"value": lambda: value(*args), "gradient": lambda: jax.block_until_ready(gradient(*args))[1],
            "hvp": lambda: hvp(args, along)}


def _for_jax(tree):
    import jax

    return jax.tree.map(jax.numpy.float64, tree)


SIDES = {TINYDP: by_tinydp, TAPE: by_tape, JAX: by_jax}

# ---------------------------------------------------------------------------- what a process does

def first(side: str, name: str) -> dict:
    """The first gradient: seconds by the clock, and of all processors together."""
    program = zoo.load(name)
    args = program.arguments()
    start, processor = time.perf_counter(), time.process_time()
    SIDES[side](program, args)["gradient"]()
    return {"seconds": time.perf_counter() - start, "processor": time.process_time() - processor}


def judge(name: str, sides: Sequence[str], rounds: int = ROUNDS) -> dict:
    """What the sides find, what each says if it cannot, and how long their gradients take.

    Of each side: the quantities that it `found`, what it `said`, and the largest `differences` from it. Then
    the quantities for which Python runs the program again after it was compiled, and `seconds`.
    """
    program = zoo.load(name)
    calls = {side: _Calls(side, program) for side in sides}
    found = {side: each.found for side, each in calls.items()}
    able = [side for side in (TINYDP, JAX) if "gradient" in found.get(side, {})]
    return {"found": {side: list(quantities) for side, quantities in found.items()},
            "said": {side: each.said for side, each in calls.items() if each.said},
            "differences": _differences(found),
            "by Python": [x for x in found[TINYDP] if _runs(program.loss, calls[TINYDP].calls[x])],
            "seconds": _times({side: calls[side].calls["gradient"] for side in able}, rounds)}


class _Calls:
    """The quantities of one side, found one after another until one cannot be, and what was said."""

    def __init__(self, side, program):
        self.found: dict[str, np.ndarray] = {}
        self.said: list[str] = []
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                self.calls = SIDES[side](program, program.arguments())
                for quantity in QUANTITIES:
                    self.found[quantity] = flat(self.calls[quantity]())
            except Exception as error:
                missing = QUANTITIES[len(self.found)]
                self.said.append(f"{missing}: {type(error).__name__}: {error}")
        self.said += sorted({f"{x.category.__name__}: {x.message}" for x in warned})


def _differences(found):
    """Of the compiled program from the tape and from JAX; if it is not compiled, of the tape from JAX."""
    base = TINYDP if found[TINYDP] else TAPE
    return {side: {x: difference(found[base][x], found[side][x]) for x in found[base] if x in found[side]}
            for side in found if side not in (TINYDP, base)}


def _runs(loss, call) -> bool:
    """Whether Python itself runs `loss` when a compiled function is called once more."""
    ran = []
    sys.setprofile(lambda frame, event, _: ran.append(event) if frame.f_code is loss.__code__ else None)
    try:
        call()
    finally:
        sys.setprofile(None)
    return bool(ran)


def _times(calls, rounds) -> dict[str, float]:
    """Medians of the seconds of each; what they find is compared elsewhere."""
    if not calls:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = compare({side: lambda call=call: lambda: (call(), 0.0)[1] for side, call in calls.items()},
                       rounds)
    return {row.peer: row.seconds for row in rows}


def compile_kernels() -> dict:
    """Compile what an installation compiles once, in this process's TINYDP_CACHE."""
    from tinydp.ad.compile.engine import compile_kernels

    compile_kernels()
    return {}
