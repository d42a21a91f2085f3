"""Exported modules, run by Node."""

import json
import random
import shutil
import subprocess

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile import wasm
from tinydp.ad.export.modules import module, prepared, wasm_bytes

from ..compile import programs

NODE = shutil.which("node")
CHECK = """
const found = {};
for (const [name, program] of Object.entries(programs)) {
  try { found[name] = program.check(TOLERANCE); } catch (error) { found[name] = String(error); }
}
console.log(JSON.stringify(found));
"""


def in_node(text, folder):
    """What a module prints, which ends with this text; as JSON."""
    path = folder / "module.mjs"
    path.write_text(text, encoding="utf-8")
    run = subprocess.run([NODE, path], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[:2000]
    return json.loads(run.stdout)


def errors(given, folder, engine="javascript", tolerance=1e-12):
    """For each program, the largest relative difference to plain Python; or what was raised, as text."""
    text = module(prepared(given, check=True), engine)
    return in_node(text + CHECK.replace("TOLERANCE", str(tolerance)), folder)


def differentiated(f, args):
    """A program for value and gradient of a function, by all its arguments."""
    return (dp.value_and_grad(f, tuple(range(len(args)))), *args)


def random_programs(kind, seeds, length=8):
    """Value and gradient of random programs, and these by themselves; and their sources."""
    found, sources = {}, {}
    for seed in seeds:
        f, source, (arguments, _) = programs.random_program(random.Random(seed), programs.LOOPS[kind], length)
        with np.errstate(all="ignore"):
            found[f"{kind}{seed}"] = differentiated(lambda *xs, f=f: f(*xs)[0], arguments)
            found[f"plain{seed}"] = (f, *arguments)
        sources[f"{kind}{seed}"] = sources[f"plain{seed}"] = source
    return found, sources


def in_wasmtime(made):
    """The results of a program for its example, run by wasmtime in this process: numbers and arrays."""
    wasmtime = pytest.importorskip("wasmtime")
    store = wasmtime.Store()
    written = wasm.Module({made.name: made.module})
    compiled = wasmtime.Module(store.engine, wasm_bytes(written))
    exports = wasmtime.Instance(store, compiled, []).exports(store)
    memory, top = exports["memory"], exports["first"].value(store)
    exports["top"].set_value(store, top)
    args, places = [], []
    for leaf, x in zip(made.inputs, made.example[0], strict=True):
        if leaf.shape:
            at = exports["allocate"](store, max(1, x.nbytes))
            memory.write(store, np.ascontiguousarray(x).tobytes(), at)
            args.append(at)
        else:
            args.append(x.item() if leaf.kind == "f" else int(x))
    for leaf in made.results:
        if leaf.shape:
            places.append(exports["allocate"](store, 8 * int(np.prod(leaf.shape)) + 1))
    exports[made.name](store, *args, *places)
    found, at, arrays = [], wasm.OUT, iter(places)
    kinds = {"f": np.float64, "i": np.int64, "b": np.bool_}
    for leaf in made.results:
        count = int(np.prod(leaf.shape))
        place = next(arrays) if leaf.shape else at
        at += 0 if leaf.shape else 8
        data = memory.read(store, place, place + count * np.dtype(kinds[leaf.kind]).itemsize)
        found.append(np.frombuffer(bytes(data), kinds[leaf.kind]).reshape(leaf.shape))
    return found
