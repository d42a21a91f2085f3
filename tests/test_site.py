"""The pages: links lead somewhere, pictures have their commands, live programs run. MkDocs is not needed."""

import doctest
import importlib
import pathlib
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS / "site"))

import links  # noqa: E402  (docs/site is no package)
import players  # noqa: E402
import reference  # noqa: E402
import sources  # noqa: E402

PAGES = sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    made = {f"there is no {address}" for address in reference.pages()}           # on the site
    assert [told for told in links.broken(page) if told.partition(": ")[2] not in made] == []


def test_a_broken_link_is_found(tmp_path):
    (tmp_path / "b.md").write_text("# One\n\n## It's `here`, too\n\n    # not this\n")
    page = tmp_path / "a.md"
    page.write_text("[1](b.md#one) [2](b.md#its-here-too) [3](b.md#two) [4](c.md) [5](#six)\n"
                    "`[no](link.md)` [6](https://example.org/x.md)\n\n    [nor](this.md)\n\n"
                    "```\n[nor](that.md)\n```\n")
    assert links.broken(page) == ["a.md: there is no heading for b.md#two", "a.md: there is no c.md",
                                  "a.md: there is no heading for #six"]


def test_the_navigation_lists_pages_that_there_are():
    """... and the site adds, as the last ones, those that it does not list."""
    written = (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2].partition("\ntheme:")[0]
    listed = set(re.findall(r"[\w-]+\.md", written.replace("reference/index.md", "")))
    assert len(listed) > 10
    assert listed - {"contributing.md"} <= {page.name for page in DOCS.glob("*.md")}


@pytest.mark.parametrize("name", ["examples", "links", "players", "reference", "sources"])
def test_what_computes_the_site_does_what_its_examples_say(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("page", [page for page in PAGES if "<!-- live -->" in page.read_text()],
                         ids=lambda page: page.name)
def test_live_programs_run(page):
    text = page.read_text()
    made = list(players.players(text, page.stem))
    assert len(made) == text.count("<!-- live -->") == players.framed(text, page.stem).count("<iframe")
    assert all("program.py" in player for _, player in made)                     # it shows the source


def test_a_page_as_the_site_has_it():
    """What is above docs/ or in no page has a place of its own there."""
    text = "[a](../tinydp/ad/tape.py) [b](tour.md#3-the-sweep) [c](../README.md#read-it) [d](https://x.org)"
    assert sources.rewritten(text, "docs/faq.md", "faq.md") == (
        "[a](source/tinydp/ad/tape.py.md) [b](tour.md#3-the-sweep) [c](readme.md#read-it) [d](https://x.org)")
    assert sources.rewritten("[a](docs/tour.md) [b](tinydp/ad/tape.py)", "README.md", "readme.md") == (
        "[a](tour.md) [b](source/tinydp/ad/tape.py.md)")


def test_every_picture_is_in_the_gallery_with_its_command():
    parts = re.split(r"\n\n(?=!\[)", (DOCS / "gallery.md").read_text())[1:]
    shown = {name for part in parts for name in re.findall(r"\]\((\S+\.(?:png|gif))\)", part)}
    assert shown == {path.name for kind in ("*.png", "*.gif") for path in DOCS.glob(kind)}
    for part in parts:
        after = part.rpartition(")\n\n")[2] if "[More]" not in part else part
        assert re.search(r"`python (-m \w+|docs/\w+\.py)", after), f"no command: {part[:80]}"


def test_commands_of_the_gallery_are_known():
    from demos.__main__ import DEMOS  # noqa: PLC0415

    text = (DOCS / "gallery.md").read_text()
    assert set(re.findall(r"`python -m demos (\w+)", text)) == set(DEMOS)
    assert all((ROOT / file).exists() for file in re.findall(r"`python (docs/\w+\.py)", text))


def test_the_citation_has_the_version_and_the_licence():
    import tinydp  # noqa: PLC0415

    text = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {tinydp.__version__}\n" in text
    assert "\nlicense: MIT\n" in text
