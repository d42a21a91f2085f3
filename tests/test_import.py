"""What `import tinydp` loads and offers."""

import subprocess
import sys

import tinydp as dp


def test_the_import_is_light():
    program = "import sys, tinydp; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {"numba", "matplotlib", "hypothesis", "gymnasium", "scipy", "tqdm"}
    assert not heavy & set(done.stdout.split())


def test_every_public_name_is_there_and_documented():
    for name in dp.__all__:
        assert getattr(dp, name).__doc__
