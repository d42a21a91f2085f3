"""Damaged files change no result: each byte of what is stored counts."""

import os
import pathlib
import sys

import numpy as np
import pytest

from tinydp.ad.compile import cache, kernels, stored

TEXT = '''
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def f(x):
    return x * 4.0 + 0.75
'''


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYDP_CACHE", str(tmp_path))
    return tmp_path


def afresh(text=TEXT):
    """The function as a new process has it."""
    for name in [name for name in sys.modules if name.startswith("f_") and len(name) == 34]:
        del sys.modules[name]
    return cache.load("f", text)


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_only_files_that_are_checked(own_folder):
    assert afresh()(1.0) == 4.75
    assert [path.suffix for path in files_of(own_folder)] == [".nbc", ".py"]
    again = afresh()
    assert again(1.0) == 4.75
    assert sum(again.function.stats.cache_misses.values()) == 0


def test_a_damaged_file_changes_no_result(own_folder):
    """Bytes flipped all over the files, and files cut short, each read as in a new process."""
    afresh()(1.0)
    whole = {path: path.read_bytes() for path in files_of(own_folder)}
    for path, content in whole.items():
        places = np.linspace(0, len(content) - 1, 9).astype(int).tolist()
        damaged = [content[:k] + bytes([content[k] ^ 1]) + content[k + 1:] for k in places]
        for text in [*damaged[:7], content[: len(content) // 2], b""]:
            path.write_bytes(text)
            function = afresh()
            assert function(1.0) == 4.75
            assert function(0.5) == 2.75
            assert path.read_bytes() == content if path.suffix == ".py" else sum(
                function.function.stats.cache_misses.values()) == 1


def test_every_single_byte_counts(tmp_path):
    files = stored.Files(tmp_path, "g")
    files.save("key", {"code": bytes(range(40))})
    assert files.load("key") == {"code": bytes(range(40))}
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    for k in range(len(content)):
        path.write_bytes(content[:k] + bytes([content[k] ^ (1 << k % 8)]) + content[k + 1:])
        assert files.load("key") is None
        path.write_bytes(content[:k])
        assert files.load("key") is None
    path.write_bytes(content)
    assert files.load("key") is not None
    assert files.load("another key") is None


def test_the_code_of_another_function_is_not_taken(tmp_path):
    """A whole and undamaged file in the wrong place."""
    files = stored.Files(tmp_path, "g")
    files.save("one", 1)
    files.save("two", 2)
    os.replace(files.path("one"), files.path("two"))
    assert files.load("two") is None


def test_a_disk_that_cannot_store_the_code(own_folder, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    function = afresh()
    monkeypatch.setattr(stored, "write_whole", full)
    assert function(1.0) == 4.75
    assert function(2.0) == 8.75


@pytest.mark.parametrize("name", ["numba", "llvmlite", "numpy", "python", "processor", "ours"])
def test_what_the_digest_covers(name, monkeypatch, tmp_path):
    stored.environment.cache_clear()
    before = stored.environment()
    if name == "python":
        monkeypatch.setattr(sys, "version", "another")
    elif name == "processor":
        monkeypatch.setattr(stored.llvmlite.binding, "get_host_cpu_name", lambda: "another")
    elif name == "ours":
        read = pathlib.Path.read_bytes
        monkeypatch.setattr(pathlib.Path, "read_bytes", lambda path: read(path) + (
            b"#" if path.name == "loops.py" and path.parent.name == "ad" else b""))
    else:
        module = np if name == "numpy" else getattr(stored, name)
        monkeypatch.setattr(module, "__version__", "another")
    stored.environment.cache_clear()
    try:
        assert stored.environment() != before
    finally:
        stored.environment.cache_clear()


def test_our_kernels_are_checked_as_well():
    found = [x for x in vars(kernels).values() if hasattr(x, "py_func")]
    assert len(found) > 10
    assert all(isinstance(x._cache._cache_file, stored.Files) for x in found)
