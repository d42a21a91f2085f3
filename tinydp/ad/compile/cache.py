"""The folder where compiled programs are kept: machine code; and source files, with Numba's code beside them.

It is `$TINYDP_CACHE`, or `tinydp` in the user's folder for caches. A file's name holds a digest of all that
the machine code depends on, so that a file never changes and needs no lock; what is in a file is checked when
it is read (`stored.py`). If the folder cannot be written, that is said once, and nothing is kept; Numba needs
a file, and is given one in a temporary folder.
"""

import functools
import hashlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numba

from ..errors import user_place
from .stored import checked_files, environment, read_checked, write_checked, write_whole


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


def kept_file(name: str, make: Callable[[], bytes]) -> bytes:
    """The content of a file in the folder; made if it is not there, or not whole."""
    path = folder() / name
    content = read_checked(path)
    if content is None:
        content = make()
        try:
            write_checked(path, content)
        except OSError as error:
            _say_once(str(path.parent), str(error.strerror or error))
    return content


# ---------------------------------------------------------------------------- for Numba

def load(name: str, text: str) -> Callable:
    """The function of this name in a module with this text."""
    digest = hashlib.sha256(f"{environment()}\0{text}".encode()).hexdigest()
    module_name = f"{name}_{digest[:32]}"
    path = _written(f"{module_name}.py", text)
    known = sys.modules.get(module_name)
    if known is None or known.__file__ != str(path):
        known = sys.modules[module_name] = _module(module_name, str(path), text)
    return Interruptible(getattr(known, name))


def _module(module_name: str, path: str, text: str) -> ModuleType:
    """The module with this text; no `.pyc` is read, which nobody checks."""
    module = ModuleType(module_name)
    module.__file__ = path
    exec(compile(text, path, "exec"), module.__dict__)
    for x in vars(module).values():
        if getattr(x, "__module__", None) == module_name:
            checked_files(x)
    return module


def _written(name: str, text: str) -> Path:
    """The file with this text, in the folder if that works."""
    try:
        return _write(folder(), name, text)
    except OSError as error:
        _say_once(str(folder()), str(error.strerror or error))
        return _write(_temporary_folder(), name, text)


def _write(place: Path, name: str, text: str) -> Path:
    """Put the text there, all of it or nothing: others may be writing the same."""
    path, content = place / name, text.encode()
    try:
        if path.read_bytes() == content:
            return path
    except OSError:
        pass
    write_whole(path, content)
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


class Interruptible:
    """A compiled function that can be interrupted, and needs no disk.

    A Ctrl-C while it runs becomes `KeyboardInterrupt` when it is done; if that is where Numba makes its
    results, Numba raises `SystemError` instead.
    """

    def __init__(self, function: Any):
        self.function, self.used = function, False

    def __call__(self, *args: Any) -> Any:
        try:
            return self.function(*args) if self.used else self.first(args)
        except SystemError as error:
            if _is_interrupt(error):
                raise KeyboardInterrupt from None
            raise

    def first(self, args: tuple) -> Any:
        """The first call, which compiles, and stores what it compiled if it can."""
        try:
            result = self.function(*args)
        except OSError:                          # the folder has gone, or the disk is full
            options = {name: x for name, x in self.function.targetoptions.items() if name != "nopython"}
            self.function = numba.njit(**options)(self.function.py_func)
            result = self.function(*args)
        self.used = True
        return result


def _is_interrupt(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
