"""What is computed while the site is built; MkDocs calls these functions by their names.

Pages of docs/ are written to be read on GitHub as well. Here, links to files of the project lead to copies of
those files, answers that are folded are read as Markdown, live programs are run, and the reference is made of
the docstrings of all public names.
"""

import re

import examples
import pages
import players
import reference
import sources
from links import DOCS, ROOT
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File

WRITTEN = ("README.md", "CONTRIBUTING.md")       # pages that stand above docs/


class Examples(Extension):
    """Shows examples as code, in docstrings as well. Fenced code is out of the way by then."""

    def extendMarkdown(self, md):
        first = Preprocessor(md)
        first.run = examples.indented
        md.preprocessors.register(first, "examples", priority=1)


@event_priority(100)                             # before mkdocstrings takes the extensions over
def on_config(config):
    """Put the pages of the reference into the navigation, and last what no section has."""
    sections = {name: listed for section in config.nav for name, listed in section.items()}
    sections["Reference"][1:1] = [{page.title: page.address} for page in reference.PAGES]
    listed = str(config.nav)
    names = [page.name for page in sorted(DOCS.glob("*.md"))]
    sections["Take part"] += [name for name in names if f"'{name}'" not in listed]
    config.markdown_extensions.append(Examples())
    return config


def on_files(files, config):
    """Add the pages that no file in docs/ is."""
    own = {f"docs/{file.src_uri}": file.content_string for file in files.documentation_pages()}
    own |= {name: (ROOT / name).read_text() for name in WRITTEN}
    made = {sources.address(file): sources.page(file) for file in sources.wanted(own)}
    made |= reference.pages() | pages.made()
    for source, text in own.items():
        made |= dict(players.players(text, _name(source)))
    for address, content in made.items():
        files.append(File.generated(config, address, content=content))
    return files


def on_page_markdown(markdown, page, config, files):
    """A page as the site has it."""
    here = page.file.src_uri
    if here.startswith(("source/", "reference/")):
        return markdown
    source = {sources.address(name): name for name in WRITTEN}.get(here, f"docs/{here}")
    markdown = pages.carded(players.framed(sources.rewritten(markdown, source, here), _name(source)))
    return re.sub(r"^<details>", '<details markdown="1">', markdown, flags=re.MULTILINE)


def _name(source):
    return source.rpartition("/")[2].removesuffix(".md").lower()
