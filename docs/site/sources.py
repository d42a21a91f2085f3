"""The files of the project as pages, so that a link to one stays within the site.

    >>> address("tinydp/ad/tape.py")
    'source/tinydp/ad/tape.py.md'
    >>> print(page("tinydp/ad/along.py").splitlines()[4])
    # tinydp/ad/along.py
"""

import re

from links import DOCS, ROOT, links

PAGES = {"README.md": "readme.md", "CONTRIBUTING.md": "contributing.md", "LICENSE": "source/LICENSE.md"}


def address(file: str) -> str:
    """Where the site has a file of the project that is no page of docs/."""
    return PAGES.get(file, f"source/{file}.md")


def page(file: str) -> str:
    """A file of the project as a page: a Markdown file as it is, all else as code with numbered lines."""
    text = (ROOT / file).read_text()
    if file.endswith(".md"):
        return text
    kind = "python" if file.endswith(".py") else "text"
    return (f"---\nsearch: {{exclude: true}}\nhide: [navigation, toc]\n---\n# {file}\n\n"
            f"~~~~~~ {{.{kind} linenums=1}}\n{text.rstrip()}\n~~~~~~\n")


def wanted(pages: dict[str, str]) -> list[str]:
    """The files outside of docs/ that these pages link to, and all of the engine: the site's own copies."""
    linked = {outside(link.target, source) for source, text in pages.items() for link in links(text)}
    engine = {str(path.relative_to(ROOT)) for path in (ROOT / "tinydp").rglob("*.py")}
    return sorted((linked | engine | set(PAGES)) - {None})


def outside(target: str, source: str) -> str | None:
    """The file that a link leads to, if it is a program or not in docs/. `source`: the page's file."""
    if not target or re.match(r"\w+:|#", target):
        return None
    path = (ROOT / source).parent.joinpath(target.partition("#")[0]).resolve()
    is_page = path.is_relative_to(DOCS) and path.suffix != ".py"
    if is_page or not path.is_relative_to(ROOT) or not path.is_file():
        return None
    return str(path.relative_to(ROOT))


def rewritten(text: str, source: str, here: str) -> str:
    """The page `source` as the site has it at `here`, its links led to where the site has what they mean."""
    for link in reversed(links(text)):
        path, mark, anchor = link.target.partition("#")
        file = outside(link.target, source)
        if file:
            goal = address(file)
        elif source.startswith("docs/") or not path or re.match(r"\w+:", path):
            continue
        else:                                    # from a page above docs/ into it
            goal = path.removeprefix("docs/")
        up = "../" * here.count("/")
        text = text[:link.start] + up + goal + mark + anchor + text[link.end:]
    return text
