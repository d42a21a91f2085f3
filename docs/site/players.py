"""Live tape players: a program on a page that ends in `.to_html(...)` is followed by what it writes.

A page says `<!-- live -->` before such a program. GitHub shows the program alone; the site runs it while it
is built, and holds the page that it wrote. `np` and `dp` are there, as in the examples around.

    >>> markdown = '''<!-- live -->
    ... ```python
    ... dp.record(lambda x: x * x, 3.0).to_html("square.html")
    ... ```
    ... '''
    >>> [(address, "<!DOCTYPE html>" in player) for address, player in players(markdown, "tour")]
    [('live/tour-1.html', True)]
    >>> print(framed(markdown, "tour").splitlines()[-2])          # doctest: +ELLIPSIS
    <iframe class="player" src="live/tour-1.html" ...
"""

import contextlib
import itertools
import pathlib
import re
import tempfile
from collections.abc import Iterator

_LIVE = re.compile(r"<!-- live -->\n(?P<block>```python\n(?P<program>.*?)```\n)", re.DOTALL)


def players(markdown: str, name: str) -> Iterator[tuple[str, str]]:
    """The player of each live program on the page of this name: its address, and the HTML."""
    for k, live in enumerate(_LIVE.finditer(markdown), 1):
        yield _address(name, k), written(live["program"])


def framed(markdown: str, name: str) -> str:
    """The page, with a frame for the player after each live program."""
    count = itertools.count(1)
    return _LIVE.sub(lambda live: f'{live["block"]}\n{_frame(_address(name, next(count)))}\n', markdown)


def _frame(address: str) -> str:
    return (f'<iframe class="player" src="{address}" loading="lazy" '
            'title="The tape of the program above, step by step"></iframe>\n'
            f'<p class="alone"><a href="{address}">The player on a page of its own</a></p>')


def _address(name: str, k: int) -> str:
    return f"live/{name}-{k}.html"


def written(program: str) -> str:
    """Run a program in an empty folder; the one page that it writes there."""
    import numpy as np  # noqa: PLC0415  (only where a page is live)

    import tinydp as dp  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        file = pathlib.Path(folder, "program.py")        # the player shows lines of it
        file.write_text(program)
        exec(compile(program, file, "exec"), {"np": np, "dp": dp, "__name__": "program"})
        (page,) = pathlib.Path(folder).glob("*.html")
        return page.read_text()
