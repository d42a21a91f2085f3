"""Each program in docs/errors.md raises the error under it, word by word."""

import linecache
import pathlib
import re

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad import errors

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "errors.md").read_text()
ENTRY = re.compile(r"^## (?P<name>\w+)\n.*?```python\n(?P<program>.*?)```\n+```text\n(?P<message>.*?)```",
                   re.MULTILINE | re.DOTALL)
ENTRIES = [entry.group("name", "program", "message") for entry in ENTRY.finditer(PAGE)]


def message_of(program):
    """What the program raises (or warns of), with its lines numbered as on the page."""
    linecache.cache["program.py"] = (len(program), None, program.splitlines(keepends=True), "program.py")
    with pytest.raises(Exception) as caught:     # noqa: PT011
        exec(compile(program, "program.py", "exec"), {"np": np, "dp": dp})
    return caught.value


@pytest.mark.parametrize(("name", "program", "message"), ENTRIES, ids=[entry[0] for entry in ENTRIES])
def test_the_program_raises_its_error(name, program, message):
    error = message_of(program)
    assert type(error).__name__ == name
    said, expected = str(error).rstrip(), message.rstrip()
    if expected.endswith(" ..."):                # a path of this machine follows
        said, expected = said[: len(expected) - 4], expected[:-4]
    assert said == expected


def test_the_program_at_the_head():
    """... which has names of its own."""
    head = PAGE.partition("\n## ")[0]
    program, message = (head.partition(f"```{kind}\n")[2].partition("```")[0] for kind in ("python", "text"))
    linecache.cache["program.py"] = (len(program), None, program.splitlines(keepends=True), "program.py")
    with pytest.raises(errors.MutationError) as caught:
        exec(compile(program, "program.py", "exec"), {})
    assert str(caught.value) == message.rstrip()


def test_every_error_is_on_the_page():
    ours = {name for name, e in vars(errors).items()
            if isinstance(e, type) and issubclass(e, (errors.TinydpError, Warning))}
    assert {entry[0] for entry in ENTRIES} == ours - {"TinydpError"}
