"""A page that shows a tape: type a program, see what is recorded, and step through the way back.

    $ python -m demos.page.tape --out out/tape-page

No derivative in the page is written in JavaScript by hand: each operation's value, and what its rule says of
each operand, are traced here through the package's own registry, and printed as `dp.export` prints programs.
"""

import argparse
import functools
import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tinydp as dp
from tinydp.ad.compile import javascript
from tinydp.ad.export.modules import RUNTIME, prepared
from tinydp.ad.player.rules import written
from tinydp.ad.registry import PRIMITIVES

HERE = Path(__file__).parent
OPERATIONS: dict[str, tuple[Callable, int]] = {           # of the language, with how many operands
    "add": (np.add, 2), "subtract": (np.subtract, 2), "multiply": (np.multiply, 2), "divide": (np.divide, 2),
    "power": (np.power, 2), "negative": (np.negative, 1), "square": (np.square, 1), "abs": (np.abs, 1),
    "sin": (np.sin, 1), "cos": (np.cos, 1), "tan": (np.tan, 1), "tanh": (np.tanh, 1), "exp": (np.exp, 1),
    "log": (np.log, 1), "sqrt": (np.sqrt, 1), "max": (np.maximum, 2), "min": (np.minimum, 2)}
PROGRAMS = {
    "Rosenbrock": "x = -1.2\ny = 1\nf = (1 - x)**2 + 100 * (y - x**2)**2",
    "A neuron": "x = 0.5\nw = 0.8\nb = -0.2\nf = (tanh(w * x + b) - 1)**2",
    "A pendulum's step": "angle = 3\nrate = 0.5\ntorque = 1\n"
                         "after = rate + 0.05 * (15 * sin(angle) + 3 * torque)\n"
                         "f = (angle + 0.05 * after)**2 + 0.1 * after**2",
    "A step of Newton": "x = 1.5\na = 2\nbetter = x - (x**2 - a) / (2 * x)\nf = better",
    "Logistic": "x = 2\nw = -0.7\nf = log(1 + exp(-w * x))",
    "A kink": "x = 0.5\ny = 0.3\nf = max(x, 0) + abs(y - x)",
    "A branch": "x = -0.5\nf = where(x > 0, x**2, -0.1 * x)",
    "A power": "x = 1.5\np = 2.5\nf = x**p",
    "A distance": "x = 3\ny = 4\nf = sqrt(x**2 + y**2)",
    "Used twice": "x = 0.7\ny = sin(x)\nf = y * y + x * y"}


def where(c: Any, a: Any, b: Any) -> Any:
    """The choice, of a condition that is 1 or 0."""
    return np.where(c > 0.5, a, b)


def back(g: Any, *args: Any, f: Callable, operand: int) -> Any:
    """The cotangent of an operand, by the rule of the registry."""
    return {"found": dp.grad(lambda *args: g * f(*args), argnums=operand)(*args)}


@functools.cache
def rules() -> tuple[dict[str, Any], str]:
    """Of each operation the printed value and cotangents, and the text of what they call."""
    table, called = {}, []
    for name, (f, n) in {**OPERATIONS, "where": (where, 3)}.items():
        examples = (1.5, 0.7, 0.3)[:n]
        value, names = printed("value", lambda *args, f=f: {"found": f(*args)}, examples)
        called += names
        backs: list[Any] = []
        for operand in range(n):
            if name == "where" and operand == 0:
                backs.append(None)                       # a condition has no derivative
                continue
            pull, names = printed("back", functools.partial(back, f=f, operand=operand), (1.0, *examples))
            backs.append(pull)
            called += names
        formulas = written(PRIMITIVES[np.where if f is where else f], n)["formulas"]
        table[name] = {"value": value, "backs": backs, "formulas": formulas}
    return table, javascript.kernels(sorted(set(called)))


def printed(name: str, f: Callable, examples: tuple) -> tuple[dict[str, Any], list[str]]:
    """A program of numbers: its parameters, its statements, its result; and what it calls."""
    (made,) = prepared({name: (f, *examples)})
    script = javascript.printed(made.module)
    lines = [line.strip() for line in script.text.splitlines()]
    head = next(line for line in lines if line.startswith("return function"))
    end = next(line for line in lines if line.startswith("return ["))
    body = [line for line in lines[lines.index(head) + 1:lines.index(end)] if not line.startswith("//")]
    parameters = re.findall(r"\w+", head.partition("(")[2])
    result, _, complete = end.removeprefix("return [").removesuffix("];").rsplit(", ", 2)
    if complete != "true":
        raise ValueError(f"the rule of {name} takes a branch of its example: the page cannot have it.")
    return {"parameters": parameters, "body": body, "result": result}, list(script.called)


def text_of() -> str:
    """The page."""
    table, kernels = rules()
    made = ",\n".join(f"{name}: {_operation(row)}" for name, row in table.items())
    read = lambda name: (HERE / name).read_text(encoding="utf-8")
    parts = {"STYLE": read("style.css"), "KERNELS": kernels, "RUNTIME": runtime(), "TABLE": json.dumps(table),
             "MADE": made, "PROGRAMS": json.dumps(PROGRAMS),
             "LANGUAGE": read("tape_language.js"), "PAGE": read("tape.js"),
             "PYTHON": html.escape(read("tape.py"))}
    text = read("tape.html")
    for name, part in parts.items():
        text = text.replace(f"/*{name}*/", part)
    return text


def runtime() -> str:
    """What the printed kernels need, as a script."""
    return re.sub(r"^export ", "", RUNTIME.read_text(encoding="utf-8"), flags=re.MULTILINE)


def _operation(row: dict[str, Any]) -> str:
    backs = ["null" if made is None else _function(made) for made in row["backs"]]
    return f"{{ value: {_function(row['value'])},\n  backs: [{', '.join(backs)}] }}"


def _function(made: dict[str, Any]) -> str:
    return f"({', '.join(made['parameters'])}) => {{ {' '.join(made['body'])} return {made['result']}; }}"


def main() -> None:
    flags = argparse.ArgumentParser(prog="python -m demos.page.tape", description=__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--out", type=Path, default=Path("out/tape-page"))
    folder = flags.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    path, text = folder / "page.html", text_of()
    path.write_text(text, encoding="utf-8")
    print(f"{path}: {len(text.encode()) / 1000:.0f} kB, in one file: open it in a browser")


if __name__ == "__main__":
    main()
