"""The glossary has the words that the code uses, and no others."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "glossary.md").read_text()
CODE = "\n".join(file.read_text() for file in sorted((ROOT / "tinydp").rglob("*.py"))).lower()
ROWS = re.findall(r"^\| (\*.*?) \| (.*) \|$", PAGE, re.MULTILINE)
WORDS = [word for row, _ in ROWS for word in re.findall(r"\*([^*]+)\*", row)]


@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_one_of_the_code(word):
    stem = re.escape(word.removeprefix("to ").lower()).replace(r"\ ", r"\s+(?:# +)?")
    assert re.search(rf"\b{stem}", CODE)


def test_no_word_has_two_lines():
    assert len(WORDS) == len(set(WORDS))


@pytest.mark.parametrize(("words", "meaning"), ROWS)
def test_a_word_is_told_in_one_line(words, meaning):
    assert 5 < len(meaning) < 200
