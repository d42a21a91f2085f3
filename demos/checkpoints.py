"""Training that loses nothing: states kept in files, from which it goes on to the same bits.

A training is a loop over *states*: named tuples of parameters, the optimiser's state, a random
generator, a history.

    keeper = Keeper(path, "pendulum", settings, kinds=[Training, Layer, AdamState])
    state = keeper.load() or new_state(seed)
    while state.update < UPDATES:
        state = next_state(state)
        keeper.keep(state, finished=state.update == UPDATES)     # written once a second, and at the end

Kill it at any moment: the file holds a whole state, since it is written beside the old one and
then takes its name. The work of the last second is repeated, to the same bits.

A file is an .npz without pickle. Its arrays are named by their places in the state, such as
`.params[0].weight`; all else (structure, numbers, states of random generators) is text, in its
entry `header`. A file that is damaged, or of other settings, raises `CheckpointError`.

    >>> import tempfile
    >>> from typing import NamedTuple
    >>> class Walk(NamedTuple):
    ...     place: np.ndarray
    ...     rng: np.random.Generator
    >>> file = Path(tempfile.mkdtemp(), "walk.npz")
    >>> walk = Walk(np.zeros(2), np.random.default_rng(0))
    >>> save(file, walk, "walk", {"seed": 0})
    >>> again = load(file, "walk", {"seed": 0}, kinds=[Walk])
    >>> again.place, again.rng.normal() == walk.rng.normal()
    (array([0., 0.]), True)
    >>> load(file, "walk", {"seed": 1}, kinds=[Walk])                   # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    demos.checkpoints.CheckpointError: ...walk.npz was made with seed = 0, not 1. ...
"""

import io
import json
import os
import time
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinydp.ad import tree

FORMAT, VERSION = "tinydp checkpoint", 1
EVERY = 1.0                              # seconds between two writes, which an interrupt costs at most


class CheckpointError(Exception):
    """A file that cannot be what the training needs; the message says why, and what to do."""


# ---------------------------------------------------------------------------- files

def write_atomically(path: Path, content: bytes) -> None:
    """The file holds the old content or the new one, whenever the program or the machine stops."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())              # the content must be on the disk before the name
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def save(path: Path, state: Any, demo: str, settings: Mapping[str, Any]) -> None:
    """Write a nested structure of arrays, numbers, text and random generators.

    `settings` are what it belongs to, seed and recipe: numbers, text, and lists and dicts of them.
    Raises `TypeError` for a leaf of another type.
    """
    arrays: dict[str, np.ndarray] = {}
    header = {"format": FORMAT, "version": VERSION, "demo": demo, "settings": dict(settings),
              "state": _describe(state, "", arrays)}
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, header=np.array(json.dumps(header)), **arrays)  # type: ignore[arg-type]
    write_atomically(path, file.getvalue())


def load(path: Path, demo: str, settings: Mapping[str, Any] | None, kinds: Iterable[type] = ()) -> Any:
    """What `save` wrote to `path` for this demo and these settings, or any if None, equal in every bit.

    `kinds` are the classes of the named tuples in it; no other can be made by a file. Raises
    `CheckpointError` if the file is damaged, not a checkpoint, or belongs to another demo or
    other settings; `FileNotFoundError` if there is none.
    """
    header, arrays = _read(path)
    if header["demo"] != demo:
        raise CheckpointError(f"{path} belongs to the demo {header['demo']}, not {demo}. {_ADVICE}")
    had_all = header["settings"]
    wanted = had_all if settings is None else json.loads(json.dumps(dict(settings)))     # tuples become lists
    for name in sorted(wanted.keys() | had_all.keys()):
        had, want = (known.get(name, "nothing") for known in (had_all, wanted))
        if had != want:
            raise CheckpointError(f"{path} was made with {name} = {had}, not {want}. {_ADVICE}")
    try:
        return _build(header["state"], arrays, {kind.__name__: kind for kind in kinds})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{path} holds a state that this demo does not know ({error}). {_ADVICE}"
                              ) from error


def told(path: Path) -> tuple[str, dict[str, Any]]:
    """Which demo has written a file, and its settings. Raises as `load` does."""
    header, _ = _read(path)
    return header["demo"], header["settings"]


_ADVICE = "Choose another --out, or begin anew with --fresh."


def _read(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    """The header and all arrays; zip files carry checksums, so that damage is seen here."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(str(arrays.pop("header")))
        if header["format"] != FORMAT:
            raise ValueError("another format")
        known = header["version"] == VERSION
        if known and not (isinstance(header["settings"], dict) and "state" in header and "demo" in header):
            raise ValueError("an incomplete header")
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, NotImplementedError,
            RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise CheckpointError(f"{path} is damaged, or not a checkpoint of tinydp. {_ADVICE}") from error
    if not known:
        raise CheckpointError(f"{path} has version {header['version']} of the format, and this program "
                              f"reads version {VERSION}. {_ADVICE}")
    return header, arrays


# ---------------------------------------------------------------------------- structures

def _describe(part: Any, place: str, arrays: dict[str, np.ndarray]) -> Any:
    """A structure as JSON, its arrays put into `arrays` under their places.

    Numbers and text stand for themselves; all else is a pair, of what it is and its content.
    """
    if part is None or type(part) in (bool, int, float, str):
        return part
    if isinstance(part, np.random.Generator):
        return ["generator", part.bit_generator.state]
    if isinstance(part, (np.ndarray, np.generic)) and part.dtype.kind in "biuf":
        arrays[place or "state"] = np.asarray(part)
        return ["array" if isinstance(part, np.ndarray) else "scalar", place or "state"]
    below = tree.children(part)
    if below is None or tree.has_no_number(part):
        raise TypeError(f"a checkpoint cannot hold {place or 'the state'}, of type {type(part).__name__}: "
                        "use arrays, numbers and text.")
    content = [_describe(child, place + step, arrays)
               for step, child in zip(tree.steps(part), below, strict=True)]
    if isinstance(part, dict):
        return ["dict", [[key, child] for key, child in zip(part, content, strict=True)]]
    return [type(part).__name__, content]


def _build(part: Any, arrays: dict[str, np.ndarray], kinds: Mapping[str, type]) -> Any:
    """The structure that `_describe` described."""
    if not isinstance(part, list):
        return part
    kind, content = part
    match kind:
        case "generator":
            generator = np.random.default_rng()
            generator.bit_generator.state = content
            return generator
        case "array":
            return arrays[content]
        case "scalar":
            return arrays[content][()]
        case "dict":
            return {key: _build(child, arrays, kinds) for key, child in content}
    children = [_build(child, arrays, kinds) for child in content]
    match kind:
        case "list":
            return children
        case "tuple":
            return tuple(children)
    return kinds[kind](*children)


# ---------------------------------------------------------------------------- while training

class Keeper:
    """Keeps the states of one training in `path`; see the example at the head of this file."""

    def __init__(self, path: Path, demo: str, settings: Mapping[str, Any],
                 kinds: Iterable[type] = ()) -> None:
        self.path, self.demo, self.settings, self.kinds = path, demo, dict(settings), list(kinds)
        self._written = time.monotonic()

    def load(self, fresh: bool = False) -> Any:
        """The state in the file; None if there is no file, or if one wants to begin anew.

        Raises `CheckpointError`, as `load` does.
        """
        if fresh or not self.path.exists():
            return None
        return load(self.path, self.demo, self.settings, self.kinds)

    def keep(self, state: Any, finished: bool = False) -> None:
        """Write `state` if the last write was long ago, or the training is finished."""
        if finished or time.monotonic() >= self._written + EVERY:
            save(self.path, state, self.demo, self.settings)
            self._written = time.monotonic()
