"""Machine code on disk, each piece under a digest of its content: a damaged file changes no result.

Numba keeps what it has compiled in pickled files and believes what it reads there. Here a file begins
with the digest of the rest, the rest with what it was compiled from; a file in which a byte was changed,
or that ends early, is no file: the function is compiled again, and the file is written anew.
"""

import contextlib
import functools
import hashlib
import os
import pickle
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding
import numba
import numpy as np
from numba.core.serialize import dumps

SIZE = hashlib.sha256().digest_size


def njit(**options: Any) -> Callable:
    """`numba.njit`, for functions in files of ours; what it compiles is stored under a digest."""
    return lambda f: checked_files(numba.njit(cache=True, **options)(f))


def checked_files(function: Any) -> Any:
    """A compiled function whose files are checked when they are read."""
    cache: Any = getattr(function, "_cache", None)
    if hasattr(cache, "_cache_file"):
        cache._cache_file = Files(Path(cache.cache_path), cache._impl.filename_base)
    elif hasattr(cache, "disable"):              # a Numba that we do not know: it keeps nothing
        cache.disable()
    return function


class Files:
    """What Numba asks for stored machine code; a file for each signature."""

    def __init__(self, folder: Path, name: str):
        self.folder, self.name = folder, name

    def path(self, key: Any) -> Path:
        return self.folder / f"{self.name}.{_digest(f'{key}{environment()}'.encode()).hex()[:16]}.nbc"

    def load(self, key: Any) -> Any:
        """What was saved for this key; None if there is nothing, or not all of what was saved."""
        stored = read_checked(self.path(key))
        if stored is None:
            return None
        known, data = pickle.loads(stored)
        return data if known == (key, environment()) else None

    def save(self, key: Any, data: Any) -> None:
        """Put it there, all of it or nothing: others may be writing the same."""
        write_checked(self.path(key), dumps(((key, environment()), data)))

    def flush(self) -> None:
        """Forget all that was saved, as Numba wants it before a function is compiled again."""
        for path in self.folder.glob(f"{self.name}.*.nbc"):
            with contextlib.suppress(OSError):
                path.unlink()


def read_checked(path: Path) -> bytes | None:
    """What was written to a file; None if there is nothing, or not all of that."""
    try:
        stored = path.read_bytes()
    except OSError:
        return None
    digest, content = stored[:SIZE], stored[SIZE:]
    return content if content and _digest(content) == digest else None


def write_checked(path: Path, content: bytes) -> None:
    """Write a file that `read_checked` believes."""
    write_whole(path, _digest(content) + content)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one go: whoever reads it finds the old content or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


@functools.cache
def environment() -> str:
    """All that machine code depends on, beside its own source: versions, processor, our files."""
    engine = Path(__file__).parents[1]
    ours = hashlib.sha256()
    for path in sorted(engine.rglob("*.py")):
        ours.update(path.read_bytes())
    cpu = llvmlite.binding
    settings = sorted(f"{name}={x}" for name, x in os.environ.items() if name.startswith("NUMBA_"))
    return "\n".join([
        sys.version, f"numba {numba.__version__}", f"llvmlite {llvmlite.__version__}",
        f"numpy {np.__version__}", cpu.get_process_triple(), cpu.get_host_cpu_name(),
        cpu.get_host_cpu_features().flatten(), *settings, ours.hexdigest()])
