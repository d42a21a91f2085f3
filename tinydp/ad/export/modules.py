"""The text of a module: what stands in it, in which order.

    >>> text = module(prepared({"double": (lambda x: 2.0 * x, 1.0)}), engine="javascript")
    >>> [line[:60] for line in text.splitlines() if line.startswith("export const double")]
    ['export const double = new Program({"name": "double", "source']
"""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

from ..compile import javascript, wasm
from .programs import Exported, exported

ENGINES = ("wasm", "javascript")
HEAD = "// Made by tinydp.export from Python functions; an error is mended there, and not here."
RUNTIME = Path(__file__).with_name("runtime.js")


def prepared(programs: dict[str, tuple], check: bool = False) -> list[Exported]:
    """The programs, ready to be printed. Raises `ValueError` for a name that JavaScript does not take."""
    made = []
    for name, given in programs.items():
        if not name.isidentifier() or not name.isascii() or name in javascript.KEYWORDS or name in OURS:
            raise ValueError(f"{name!r} cannot be the name of a program in JavaScript: choose another one.")
        if not isinstance(given, tuple) or not given or not callable(given[0]):
            raise ValueError(f"programs[{name!r}] is {given!r:.60}: pass (function, *example arguments).")
        made.append(exported(name, given[0], given[1:], check))
    return made


def module(programs: list[Exported], engine: str = "wasm") -> str:
    """The text of a module."""
    if engine not in ENGINES:
        raise ValueError(f"engine={engine!r} is not known: use {' or '.join(map(repr, ENGINES))}.")
    if engine == "wasm":
        return in_webassembly(programs)
    scripts = [javascript.printed(p.module) for p in programs]
    parts = [HEAD, RUNTIME.read_text(encoding="utf-8").rstrip(),
             _banner("kernels and elementary functions, the same in every browser"),
             javascript.kernels([name for x in scripts for name in x.called])]
    for p, script in zip(programs, scripts, strict=True):
        constants = ", ".join(map(constant_array, p.module.constants))
        parts += [_banner(f"{p.name}: {p.source}"), script.text,
                  f"export const {p.name} = new Program({about(p)},\n"
                  f"  new InJavaScript({script.name}, [{constants}]));"]
    return "\n\n".join([*filter(None, parts), ending(programs)]) + "\n"


def script(programs: list[Exported], engine: str = "wasm") -> str:
    """The same for a `<script>` in a page, or for a thread that is made of text: it exports nothing."""
    lines = module(programs, engine).splitlines(keepends=True)
    return "".join([line.removeprefix("export ") for line in lines])


def in_webassembly(programs: list[Exported]) -> str:
    """The text of a module whose programs are in WebAssembly."""
    made = wasm.Module({p.name: p.module for p in programs})
    code = base64.b64encode(wasm_bytes(made)).decode()
    parts = [HEAD, RUNTIME.read_text(encoding="utf-8").rstrip(),
             f'const engine = new InWebAssembly(decoded("{code}", "b"),\n'
             f"  {json.dumps(made.reasons)});"]
    parts += [f"/** {p.source} */\nexport const {p.name} = new Program({about(p)}, engine);"
              for p in programs]
    return "\n\n".join([*parts, ending(programs)]) + "\n"


def wasm_bytes(made: wasm.Module) -> bytes:
    """A module as WebAssembly's bytes."""
    try:
        from wasmtime import wat2wasm  # noqa: PLC0415  (of an extra)
    except ImportError:
        raise ModuleNotFoundError("WebAssembly needs the package wasmtime: pip install 'tinydp[browser]'; "
                                  'or export with engine="javascript".', name="wasmtime") from None
    return bytes(wat2wasm(made.text()))


OURS = frozenset(("Failure", "Program", "programs", "check", "Slot", "Heap", "InJavaScript", "named",
                  "decoded", "bits", "ROUND", "bitwise", "Block", "Linear", "InWebAssembly", "OUT", "engine"))


def ending(programs: list[Exported]) -> str:
    """What stands last in a module."""
    names = ", ".join(p.name for p in programs)
    return f"""export const programs = {{ {names} }};

/** The largest difference to Python's results of all examples. */
export function check(tolerance = 1e-12) {{
  const checked = Object.values(programs).filter(x => x.about.example);
  return checked.reduce((worst, x) => Math.max(worst, x.check(tolerance)), 0);
}}"""


def _banner(text: str) -> str:
    return f"// {'-' * 76} {text}"


def about(p: Exported) -> str:
    """What the runtime is told of a program: the manifest of its arguments and results."""
    leaves = {"inputs": [x._asdict() for x in p.inputs], "results": [x._asdict() for x in p.results]}
    told: dict[str, Any] = {"name": p.name, "source": p.source, **leaves, "feeds": p.feeds}
    if p.example:
        told["example"] = {"inputs": [*map(encoded, p.example[0])], "results": [*map(encoded, p.example[1])]}
    return json.dumps(told)


def constant_array(x: np.ndarray) -> str:
    """A constant array."""
    kind = javascript.TYPED_ARRAYS[x.dtype.kind]
    if x.size and np.all(x == x.flat[0]) and not np.any(np.signbit(x)):
        filled = "" if x.flat[0] == 0 else f".fill({javascript.as_javascript(x.flat[0])})"
        return f"new {kind}({x.size}){filled}"
    if x.size <= WRITTEN_OUT:
        return f"new {kind}([{', '.join(map(javascript.as_javascript, x.flat))}])"
    return f'decoded("{encoded(x)}", "{x.dtype.kind}")'


WRITTEN_OUT = 12                                 # numbers that are written one by one


def encoded(x: np.ndarray) -> str:
    """The bytes of an array as text; integers as numbers."""
    return base64.b64encode(np.asarray(x, np.bool_ if x.dtype.kind == "b" else "<f8").tobytes()).decode()
