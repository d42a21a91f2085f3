"""What the command lines of all demos share: flags, progress bars and `result.json`."""

import argparse
import importlib.metadata
import json
import platform
from pathlib import Path
from typing import Any

from tqdm import tqdm

import tinydp


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """A parser with the flags that every demo has."""
    flags = argparse.ArgumentParser(
        prog=f"python -m demos {name}", description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    flags.add_argument("--seed", type=natural, default=0, metavar="N", help="seed of all random numbers")
    flags.add_argument("--out", type=Path, default=Path("out", name), metavar="DIR",
                       help="folder for the files written")
    flags.add_argument("--quiet", action="store_true", help="no progress bars, only the summary")
    return flags


def natural(text: str) -> int:
    """An integer of 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of 0 or more")
    return int(text)


def positive(text: str) -> int:
    """An integer of 1 or more."""
    if natural(text) == 0:
        raise argparse.ArgumentTypeError("it must be 1 or more")
    return int(text)


def make_folder(path: Path, flags: argparse.ArgumentParser) -> None:
    """Make the folder now: a bad name should not show after a minute of training."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        flags.error(f"--out: cannot make the folder {path}: {error.strerror}")


def progress(total: int, unit: str, label: str, quiet: bool, size: int = 1) -> tqdm:
    """A progress bar, with room for numbers of interest at its end; `size` counts make one unit."""
    form = "{desc} {percentage:3.0f}% |{bar:20}| {n:,.0f}/{total:,.0f} {unit} "
    form += "[{elapsed}<{remaining}{postfix}]"
    return tqdm(total=total, unit=unit, unit_scale=1 / size, desc=f"{label:<10}", bar_format=form,
                disable=quiet)


def count(n: int, noun: str) -> str:
    """1 update, 1,000 updates."""
    return f"{n:,} {noun}" + "s" * (n != 1)


def versions(*packages: str) -> dict[str, str]:
    """The versions that a result depends on."""
    return {"python": platform.python_version(), "tinydp": tinydp.__version__,
            **{name: importlib.metadata.version(name) for name in packages}}


def save(path: Path, result: dict[str, Any]) -> None:
    """Write `result` as JSON that people can read too."""
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
