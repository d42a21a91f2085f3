"""`python -m demos` lists the demos, `python -m demos NAME [ACTION] [options]` runs one."""

import ast
import difflib
import importlib
import sys
import textwrap
from pathlib import Path

from . import COMMAND, pip_line

DEMOS = ("gradient", "trebuchet", "cartpole", "pendulum", "swingup")
LISTED = (
    "gradient",
    "trebuchet", "trebuchet world", "trebuchet race", "trebuchet article", "trebuchet page",
    "cartpole", "cartpole world", "cartpole plan", "cartpole race", "cartpole article",
    "cartpole page",
    "pendulum", "pendulum world", "pendulum world residual", "pendulum plan", "pendulum race",
    "pendulum article", "pendulum best", "pendulum page",
    "swingup", "swingup race")
ELSEWHERE = {                            # demos whose file is not called like them
    "cartpole plan": "cartpole plans", "pendulum plan": "pendulum plans",
    "pendulum world residual": "pendulum residual"}
EXTRAS = {"gymnasium": "demos", "matplotlib": "demos", "PIL": "demos", "scipy": "demos", "tqdm": "demos",
          "stable_baselines3": "rl", "torch": "rl", "cma": "rl", "wasmtime": "browser"}


def main(argv: list[str]) -> int:
    """The exit code: 0 fine, 1 the demo did not reach its goal, 2 bad usage, 130 interrupted."""
    if not argv or argv[0] in ("-h", "--help"):
        print(listing())
        return 0
    name, *options = argv
    if name not in DEMOS:
        close = difflib.get_close_matches(name, DEMOS, n=1, cutoff=0.4)
        hint = f" Did you mean {close[0]}?" if close else ""
        print(f"There is no demo named {name!r}.{hint}\n\n{listing()}", file=sys.stderr)
        return 2
    try:
        demo = importlib.import_module(f".{name}", __package__).DEMO
        return importlib.import_module(".run", __package__).run(demo, options)
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package not in EXTRAS:
            raise
        who = "The demos need" if EXTRAS[package] == "demos" else "This demo needs"
        print(f"{who} {package}: {pip_line(EXTRAS[package])}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted: the same command goes on from here.", file=sys.stderr)
        return 130


def listing() -> str:
    """All demos, what the article claims of each, how long they take, and how to run them."""
    rows = []
    for name in LISTED:
        about, claim, takes = describe(name)
        rows += [*([f"  {name}", " " * 20 + about] if len(name) > 17 else [f"  {name:<17} {about}"]),
                 *textwrap.wrap(f"The article: {claim} Takes {takes}.", 110, initial_indent=" " * 20,
                                subsequent_indent=" " * 20), ""]
    return "\n".join([
        f"usage: {COMMAND} NAME [show | train | play | plot | sweep] [options]",
        "", *rows,
        "Each does the whole show: it trains from scratch, judges what it learned, and writes pictures",
        "and a result.json to out/NAME. Options of all: --seed N, --out DIR, --quiet, --fresh;",
        f"{COMMAND} NAME --help shows the rest. NAME article is NAME --recipe article.",
    ])


def describe(name: str) -> tuple[str, str, str]:
    """The first line of a demo's docstring, its CLAIM and TAKES, read without running it."""
    place = Path(__file__).parent.joinpath(*ELSEWHERE.get(name, name).split())
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    module = ast.parse(file.read_text(encoding="utf-8"))
    texts = {statement.targets[0].id: ast.literal_eval(statement.value) for statement in module.body
             if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
             and statement.targets[0].id in ("CLAIM", "TAKES")}
    if len(texts) < 2:
        raise LookupError(f"{file} has to say CLAIM = ... and TAKES = ..., texts on a line each")
    return (ast.get_docstring(module) or "").partition("\n")[0], texts["CLAIM"], texts["TAKES"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
