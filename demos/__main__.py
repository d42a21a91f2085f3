"""`python -m demos` lists the demos, `python -m demos NAME [options]` runs one."""

import ast
import difflib
import importlib
import sys
from pathlib import Path

DEMOS = ("pendulum",)
EXTRAS = ("gymnasium", "matplotlib", "PIL", "tqdm")


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
        return importlib.import_module(f"demos.{name}").main(options)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        print(f"The demos need {error.name}: pip install -e '.[demos]'", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130


def listing() -> str:
    """All demos, one line each, and how to run them."""
    rows = [f"  {name:<10} {describe(name)}" for name in DEMOS]
    return "\n".join([
        "usage: python -m demos NAME [options]",
        "", *rows, "",
        "Each trains from scratch, and writes pictures and a result.json to out/NAME.",
        "Options of all: --seed N, --out DIR, --quiet; python -m demos NAME --help shows the rest.",
    ])


def describe(name: str) -> str:
    """The first line of a demo's docstring, read without running the demo."""
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
