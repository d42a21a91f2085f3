"""Links between pages: what a page links to, and what there is to link to.

    >>> [link.target for link in links("See [the tour](tour.md#3-the-sweep), and `x[0](y)`.")]
    ['tour.md#3-the-sweep']
    >>> sorted(anchors("# One\\n\\n## `dp.grad(f)`, and more"))
    ['dpgradf-and-more', 'one']
"""

import pathlib
import re
from typing import NamedTuple

ROOT = pathlib.Path(__file__).parents[2]
DOCS = ROOT / "docs"

_CODE = re.compile(r"^(?P<fence>```+|~~~+).*?^(?P=fence)|^(?: {4}|\t).*?$|(?P<ticks>`+).+?(?P=ticks)",
                   re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^()\s]+)\)")
_FENCED = re.compile(r"^(?P<fence>```+|~~~+).*?^(?P=fence)", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


class Link(NamedTuple):
    """A link of a page, and where in its text the target stands."""

    target: str
    start: int
    end: int


def links(markdown: str) -> list[Link]:
    """All links and pictures of a page that are written as `[text](target)`, outside of code."""
    text = _CODE.sub(lambda code: re.sub(r"[^\n]", "x", code[0]), markdown)      # of the same length
    return [Link(markdown[start:end], start, end)
            for start, end in (found.span("target") for found in _LINK.finditer(text))]


def anchors(markdown: str) -> set[str]:
    """What a `#` can lead to: the headings, as GitHub and the site name them."""
    return {slug(heading) for heading in _HEADING.findall(_FENCED.sub("", markdown))}


def slug(heading: str) -> str:
    """The name of a heading in an address."""
    shown = _LINK.sub(lambda link: link["text"], heading)
    return re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")


def broken(page: pathlib.Path) -> list[str]:
    """The links of a page that lead to nothing in this folder; those to other places are not looked at."""
    text, found = page.read_text(), []
    for link in links(text):
        path, _, anchor = link.target.partition("#")
        if re.match(r"\w+:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            found.append(f"{page.name}: there is no {link.target}")
        elif anchor and (target.suffix != ".md" or anchor not in anchors(target.read_text())):
            found.append(f"{page.name}: there is no heading for {link.target}")
    return found
