"""What a page of the built site needs is in the site: `python docs/site/check.py build/site`.

Every link, picture, script and frame leads to a file there, every anchor to an element; and nothing is loaded
from elsewhere, so that the site can be read without a network. Examples of docstrings are shown as code.
"""

import pathlib
import sys
from html.parser import HTMLParser
from urllib.parse import unquote

LOADED = {"img": "src", "script": "src", "iframe": "src", "link": "href", "source": "src"}
FOLLOWED = {"a": "href"}


class Page(HTMLParser):
    """What a page names, and what it refers to."""

    def __init__(self, text: str):
        super().__init__()
        self.names: set[str] = set()
        self.loaded: list[str] = []
        self.followed: list[str] = []
        self.quotes = "<blockquote>" in text
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.names |= {given[name] for name in ("id", "name") if name in given}
        if "canonical" in given.get("rel", ""):
            return
        for table, found in ((LOADED, self.loaded), (FOLLOWED, self.followed)):
            if given.get(table.get(tag, "")):
                found.append(given[table[tag]])


def problems(site: pathlib.Path) -> list[str]:
    """In words, what is missing."""
    pages = {path: Page(path.read_text()) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        if path.name == "404.html":              # it is shown under any address
            continue
        where = path.relative_to(site)
        if page.quotes and where.parts[0] == "reference":
            found.append(f"{where} shows an example as a quotation")
        found += [f"{where} loads {target} from elsewhere" for target in page.loaded if _is_elsewhere(target)]
        for target in filter(lambda target: not _is_elsewhere(target), page.loaded + page.followed):
            address, _, anchor = unquote(target).partition("#")
            goal = (path.parent / address).resolve() if address else path
            goal = goal / "index.html" if goal.is_dir() else goal
            if not goal.exists():
                found.append(f"{where}: there is no {target}")
            elif anchor and goal in pages and anchor not in pages[goal].names and not anchor.startswith("__"):
                found.append(f"{where}: there is no place {target}")
    return found


def _is_elsewhere(target: str) -> bool:
    return target.startswith(("http:", "https:", "//", "mailto:", "data:"))


if __name__ == "__main__":
    told = problems(pathlib.Path(sys.argv[1]).resolve())
    print("\n".join(told) or "all that the site refers to is there")
    sys.exit(bool(told))
