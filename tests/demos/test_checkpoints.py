"""Checkpoints: what is saved comes back in every bit, and nothing else comes back at all."""

import os
import signal
import subprocess
import sys
import time
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from demos import checkpoints
from demos.checkpoints import CheckpointError, Keeper, load, save
from tinydp.ad import tree
from tinydp.nn import MLP, Layer
from tinydp.optim import Adam, AdamState

SETTINGS = {"seed": 3, "rate": (1e-3, 1e-5), "mode": "batch"}


class State(NamedTuple):
    update: int
    params: list
    optimiser: AdamState
    rng: np.random.Generator
    history: dict


def _state():
    rng = np.random.default_rng(3)
    params = MLP((3, 4, 1)).init(rng)
    return State(7, params, Adam().init(params), rng, {"return": [-1.5, -0.5], "at": np.array([1, 2])})


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "state.npz"
    save(path, _state(), "pendulum", SETTINGS)
    return path


def _load(path, demo="pendulum", settings=SETTINGS):
    return load(path, demo, settings, kinds=[State, Layer, AdamState])


# ---------------------------------------------------------------------------- there and back

def test_a_state_comes_back_in_every_bit(file):
    before, after = _state(), _load(file)
    assert type(after) is State
    assert type(after.params[0]) is Layer
    assert type(after.optimiser) is AdamState
    assert after.rng.bit_generator.state == before.rng.bit_generator.state
    assert np.all(after.rng.normal(size=9) == before.rng.normal(size=9))
    for (place, a), (_, b) in zip(tree.leaves(before), tree.leaves(after), strict=True):
        if place != ".rng":
            assert type(a) is type(b), place
            assert np.array_equal(a, b), place


_arrays = hnp.arrays(st.sampled_from(["f8", "f4", "i8", "?", "u1"]), hnp.array_shapes(min_dims=0, min_side=0))
_leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | _arrays
_trees = st.recursive(_leaves, lambda below: (
    st.lists(below, max_size=3) | st.lists(below, max_size=3).map(tuple)
    | st.dictionaries(st.text(max_size=3), below, max_size=3)
    | st.tuples(below, below).map(lambda pair: Layer(*pair))), max_leaves=6)


@given(_trees)
def test_any_structure_comes_back(tmp_path_factory, state):
    path = tmp_path_factory.getbasetemp() / "any.npz"
    save(path, state, "any", {})
    again = load(path, "any", {}, kinds=[Layer])
    assert tree.alike(state, again)
    for (place, a), (_, b) in zip(tree.leaves(state), tree.leaves(again), strict=True):
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype, place
            assert a.tobytes() == b.tobytes(), place
        else:
            assert type(a) is type(b), place
            assert a == b, place


def test_floats_keep_their_bits(tmp_path):
    values = [0.1, -0.0, float("inf"), 5e-324, float("nan")]
    save(tmp_path / "f.npz", values, "any", {})
    assert [x.hex() for x in load(tmp_path / "f.npz", "any", {})] == [x.hex() for x in values]


def test_the_arrays_are_named_by_their_places(file):
    with np.load(file, allow_pickle=False) as entries:
        assert set(entries.files) == {
            "header", ".params[0].weight", ".params[0].bias", ".params[1].weight", ".params[1].bias",
            ".optimiser.mean", ".optimiser.square", ".history['at']"}


def test_what_cannot_be_kept_is_named(tmp_path):
    with pytest.raises(TypeError, match=r"cannot hold \['f'\]\[0\], of type function"):
        save(tmp_path / "f.npz", {"f": [lambda x: x]}, "any", {})
    with pytest.raises(TypeError, match="of type ndarray"):
        save(tmp_path / "f.npz", np.array([object()]), "any", {})
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------------------- refused

def test_other_settings_are_refused(file):
    with pytest.raises(CheckpointError, match=r"was made with seed = 3, not 4.*--out.*--fresh"):
        _load(file, settings=SETTINGS | {"seed": 4})
    with pytest.raises(CheckpointError, match="was made with mode = batch, not nothing"):
        _load(file, settings={name: value for name, value in SETTINGS.items() if name != "mode"})
    with pytest.raises(CheckpointError, match="was made with starts = nothing, not 64"):
        _load(file, settings=SETTINGS | {"starts": 64})


def test_another_demo_is_refused(file):
    with pytest.raises(CheckpointError, match="belongs to the demo pendulum, not cartpole"):
        _load(file, demo="cartpole")


def test_another_version_is_refused(file, monkeypatch):
    monkeypatch.setattr(checkpoints, "VERSION", 2)
    with pytest.raises(CheckpointError, match=r"has version 1 of the format.*reads version 2"):
        _load(file)


def test_an_unknown_class_is_refused(file):
    with pytest.raises(CheckpointError, match="a state that this demo does not know"):
        load(file, "pendulum", SETTINGS, kinds=[State, Layer])


def test_a_state_of_another_shape_is_refused(file):
    class Layer(NamedTuple):             # the code has changed since
        weight: np.ndarray

    with pytest.raises(CheckpointError, match="a state that this demo does not know"):
        load(file, "pendulum", SETTINGS, kinds=[State, Layer, AdamState])


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04", b"\x93NUMPY"])
def test_a_foreign_file_is_refused(tmp_path, content):
    path = tmp_path / "state.npz"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="is damaged, or not a checkpoint"):
        _load(path)


def test_a_foreign_archive_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    np.savez(tmp_path / "b.npz", header=np.array('{"format": "another"}'))
    np.savez(tmp_path / "c.npz", header=np.array("[1, 2]"))
    np.savez(tmp_path / "d.npz", header=np.array([None]))                # pickled
    for path in tmp_path.iterdir():
        with pytest.raises(CheckpointError, match="is damaged, or not a checkpoint"):
            _load(path)


def test_a_truncated_file_is_refused_wherever_it_ends(file):
    content = file.read_bytes()
    for end in range(0, len(content), 37):
        file.write_bytes(content[:end])
        with pytest.raises(CheckpointError):
            _load(file)


def test_a_changed_byte_never_changes_the_state(file):
    """The archive's checksums see it, or it is a byte without meaning."""
    content, wanted = file.read_bytes(), _load(file)
    refused = 0
    for k in range(0, len(content), 11):
        file.write_bytes(content[:k] + bytes([content[k] ^ 0x55]) + content[k + 1:])
        try:
            got = _load(file)
        except CheckpointError:
            refused += 1
        else:
            assert all(np.array_equal(a, b) for (place, a), (_, b) in zip(
                tree.leaves(wanted), tree.leaves(got), strict=True) if place != ".rng"), k
            assert got.rng.bit_generator.state == wanted.rng.bit_generator.state, k
    assert refused > len(content) / 11 / 2


# ---------------------------------------------------------------------------- written safely

def test_a_failing_write_leaves_the_old_file(file, monkeypatch):
    before = file.read_bytes()

    def full(*args):
        raise OSError("no space left on device")

    for name in ("fsync", "replace"):
        with monkeypatch.context() as patched:
            patched.setattr(os, name, full)
            with pytest.raises(OSError, match="no space"):
                save(file, _state()._replace(update=8), "pendulum", SETTINGS)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["state.npz"]


def test_a_writer_that_is_killed_leaves_a_whole_file(tmp_path):
    """Kill -9 at some moment of a program that writes all the time, ten times."""
    program = ("import sys, numpy as np; from pathlib import Path; from demos.checkpoints import save\n"
               "k = 0\n"
               "while True:\n"
               "    save(Path(sys.argv[1]), {'k': k, 'x': np.full(50_000, k)}, 'demo', {}); k += 1")
    path = tmp_path / "state.npz"
    with subprocess.Popen([sys.executable, "-c", program, str(path)]) as writer:
        while not path.exists():
            assert writer.poll() is None
            time.sleep(0.01)
        for _ in range(10):
            writer.send_signal(signal.SIGSTOP)
            state = load(path, "demo", {})
            assert np.all(state["x"] == state["k"])
            writer.send_signal(signal.SIGCONT)
            time.sleep(0.013)
        writer.kill()
    state = load(path, "demo", {})
    assert np.all(state["x"] == state["k"])


# ---------------------------------------------------------------------------- the keeper

def test_a_keeper_writes_now_and_then_and_at_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "EVERY", 1000.0)
    patient = Keeper(tmp_path / "a.npz", "demo", {"seed": 0})
    assert patient.load() is None
    patient.keep([1])
    assert patient.load() is None
    patient.keep([2], finished=True)
    assert patient.load() == [2]
    assert patient.load(fresh=True) is None
    monkeypatch.setattr(checkpoints, "EVERY", 0.0)
    patient.keep([3])
    assert patient.load() == [3]
    with pytest.raises(CheckpointError):
        Keeper(tmp_path / "a.npz", "demo", {"seed": 1}).load()
