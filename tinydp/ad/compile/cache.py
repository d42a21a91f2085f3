"""Where compiled programs are kept: as source files that can be read, and beside them Numba's code.

The folder is `$TINYDP_CACHE`, or `tinydp` in the user's folder for caches. A file's name holds a
hash of its content, so that a file never changes and needs no lock. If the folder cannot be
written, a temporary one is used, and that is said once.
"""

import contextlib
import functools
import hashlib
import importlib.util
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

from ..errors import user_place


class CacheWarning(RuntimeWarning):
    """The folder for compiled programs cannot be used."""


def folder() -> Path:
    """The folder for compiled programs."""
    chosen = os.environ.get("TINYDP_CACHE")
    if chosen:
        return Path(chosen)
    home = os.environ.get("XDG_CACHE_HOME")
    if home:
        return Path(home, "tinydp")
    places = {"darwin": "~/Library/Caches", "win32": "~/AppData/Local"}
    return Path(os.path.expanduser(places.get(sys.platform, "~/.cache"))) / "tinydp"


def load(name: str, text: str) -> tuple[Callable, str]:
    """The function of this name in a module with this text, and the module's file."""
    module_name = f"{name}_{_digest(text)[:16]}"
    path = _written(f"{module_name}.py", text)
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module            # where Numba looks for what it has stored
    spec.loader.exec_module(module)
    return Recovering(getattr(module, name), path), str(path)


def _digest(text: str) -> str:
    """Of all that the machine code depends on."""
    parts = [text, numba.__version__, sys.version, _kernels()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@functools.cache
def _kernels() -> str:
    here = Path(__file__).parent
    files = here / "kernels.py", here / "products.py", here.parent / "loops.py"
    return "\0".join(path.read_text(encoding="utf-8") for path in files)


def _written(name: str, text: str) -> Path:
    """The file with this text, in the folder if that works."""
    try:
        return _write(folder(), name, text)
    except OSError as error:
        _say_once(str(folder()), str(error.strerror or error))
        return _write(_temporary_folder(), name, text)


def _write(place: Path, name: str, text: str) -> Path:
    """Put the text there, all of it or nothing: others may be writing the same."""
    path = place / name
    try:
        if path.read_text(encoding="utf-8") == text:
            return path
    except (OSError, UnicodeDecodeError):
        pass
    place.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=place, suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path


@functools.cache
def _temporary_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="tinydp-"))


@functools.cache
def _say_once(place: str, reason: str) -> None:
    where = user_place()
    warnings.warn_explicit(
        f"compiled programs cannot be kept in {place} ({reason}), so each process compiles them anew; "
        "set TINYDP_CACHE to a folder that can be written.", CacheWarning, where.file, where.line)


class Recovering:
    """A compiled function that survives a corrupt cache, and can be interrupted.

    What cannot be read is made anew. A Ctrl-C while it runs becomes `KeyboardInterrupt` when it is
    done; if that is where Numba makes its results, Numba raises `SystemError` instead.
    """

    def __init__(self, function: Any, path: Path):
        self.function, self.path, self.used = function, path, False

    def __call__(self, *args: Any) -> Any:
        try:
            return self.function(*args) if self.used else self.first(args)
        except SystemError as error:
            if _is_interrupt(error):
                raise KeyboardInterrupt from None
            raise

    def first(self, args: tuple) -> Any:
        """The first call, which looks at the files."""
        try:
            result = self.function(*args)
        except ArithmeticError:                  # the program's own
            raise
        except Exception as error:               # unpickling rubbish may raise anything
            if _is_interrupt(error) or not hasattr(self.function, "py_func"):
                raise                            # no py_func: Numba is switched off
            self.forget()
            result = self.function(*args)
        self.used = True
        return result

    def forget(self) -> None:
        """Compile again, and do not look at the files."""
        options = {name: x for name, x in self.function.targetoptions.items() if name != "nopython"}
        self.function = numba.njit(**options)(self.function.py_func)
        for stale in self.path.parent.glob(f"__pycache__/{self.path.stem}*.nb?"):
            with contextlib.suppress(OSError):
                stale.unlink()


def _is_interrupt(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
