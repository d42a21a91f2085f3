"""Controllers trained through simulators: one file a demo, `python -m demos NAME`.

This folder is installed as `tinydp.demos`, and `tinydp demo NAME` runs it there: no file in it may take its
own name for granted.
"""

CHECKOUT = __name__ == "demos"
COMMAND = "python -m demos" if CHECKOUT else "tinydp demo"


def pip_line(extra: str) -> str:
    """What installs the packages of an extra."""
    return f"pip install -e '.[{extra}]'" if CHECKOUT else f"pip install 'tinydp[{extra}]'"
