"""Whatever the tests compile goes to a folder of their own, which is removed in the end."""

import atexit
import os
import shutil
import tempfile

if "TINYDP_CACHE" not in os.environ:
    os.environ["TINYDP_CACHE"] = tempfile.mkdtemp(prefix="tinydp-tests-")
    atexit.register(shutil.rmtree, os.environ["TINYDP_CACHE"], ignore_errors=True)
