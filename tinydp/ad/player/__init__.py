"""A recorded tape as one HTML page that plays the forward pass and the sweep, node by node.

`RecordedTape.to_html` calls `write_page`. The page is `page.html`, in this folder, with style, scripts and
the tape filled in, the tape as JSON: all that is shown is computed in `description.py`, as text; the page
decides what to show when. It loads nothing, so it can be kept, mailed and opened without a network.
"""

import json
import os
import secrets
from importlib import resources

from ..show import RecordedTape
from .description import described

SCRIPTS = ("timeline.js", "panels.js", "graph.js", "table.js", "controls.js")


def write_page(tape: RecordedTape, path: str | os.PathLike) -> None:
    """Write the page. A file that is there is replaced in one step, or left as it was."""
    content = page(tape)
    target = os.path.realpath(os.fsdecode(path))
    part = f"{target}.{secrets.token_hex(4)}.part"
    try:
        with open(part, "x", encoding="utf-8", newline="\n") as file:
            file.write(content)
        os.replace(part, target)
    except OSError as error:
        if error.filename == part:
            error.filename = os.fspath(path)
        raise
    finally:
        if os.path.exists(part):
            os.remove(part)


def page(tape: RecordedTape) -> str:
    """The page as text."""
    title = f"A tape of {len(tape)} operation{'s' * (len(tape) != 1)}"
    data = json.dumps(described(tape), separators=(",", ":"), allow_nan=False)
    before, after = template().replace("{{title}}", title).split("{{data}}")
    return before + data.replace("<", "\\u003c") + after                     # no </script> in it


def template() -> str:
    """The page without the tape: gaps for its title and its data."""
    folder = resources.files(__package__)
    text = {name: folder.joinpath(name).read_text("utf-8") for name in ("page.html", "style.css", *SCRIPTS)}
    script = "\n".join(text[name] for name in SCRIPTS)
    return text["page.html"].replace("{{style}}", text["style.css"]).replace("{{script}}", script)
