"""What the tests compile goes to a folder of their own, removed in the end; failures show all frames."""

import atexit
import os
import shutil
import tempfile

os.environ.setdefault("TINYDP_TRACEBACK", "full")          # of a failure we want to see all frames
if "TINYDP_CACHE" not in os.environ:
    os.environ["TINYDP_CACHE"] = tempfile.mkdtemp(prefix="tinydp-tests-")
    atexit.register(shutil.rmtree, os.environ["TINYDP_CACHE"], ignore_errors=True)
