"""Pages that run in the browser: written while the site is built, and shown as cards on its front door.

A page is a line of `PAGES`. The cards' pictures, for readers without scripts, are printed by
`python docs/site/pictures.py`, and committed.
"""

import importlib
from typing import NamedTuple


class Shown(NamedTuple):
    """A page of the site."""

    name: str                            # of its file and its picture
    title: str
    words: str
    module: str                          # whose `page` makes it, or, if it does not learn, whose `text_of`
    learns: bool = True


PAGES = (
    Shown("pendulum", "Swing up", "throw, watch, learn", "demos.pendulum.page"),
    Shown("cartpole", "Balance", "push, fall, learn", "demos.cartpole.page"),
    Shown("trebuchet", "Aim", "drag, learn, hit", "demos.trebuchet.page"),
    Shown("tape", "Tape", "type, step, differentiate", "demos.page.tape", learns=False),
)
MARK = "<!-- pages -->"


def made() -> dict[str, str]:
    """The text of each page, by its address."""
    return {f"play/{shown.name}.html": text(shown) for shown in PAGES}


def text(shown: Shown) -> str:
    """A page, as its demo writes it."""
    module = importlib.import_module(shown.module)
    return importlib.import_module("demos.page").text_of(module.page()) if shown.learns else module.text_of()


def carded(markdown: str) -> str:
    """The front door, with its cards."""
    return markdown.replace(MARK, f'<div class="cards">{"".join(map(_card, PAGES))}</div>')


def _card(shown: Shown) -> str:
    return (f'<a class="card" href="play/{shown.name}.html"><img src="site/page-{shown.name}.png" '
            f'alt="The page {shown.title}"><strong>{shown.title}</strong><span>{shown.words}</span></a>')
