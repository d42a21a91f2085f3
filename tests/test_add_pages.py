"""What the pages "Add a rule" and "Add a simulator" quote stands in the files that they name."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "add-a-rule.md").read_text()
QUOTED = re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("file", "lines"), QUOTED)
def test_a_quoted_line_is_there(file, lines):
    assert lines.strip() in (ROOT / file).read_text()


def test_each_step_has_its_line():
    assert len(QUOTED) == 6


TABLE = PAGE.partition("| what they print | do step |")[2].partition("\n\n")[0]
MESSAGES = re.findall(r"^\| `(.*?)` \|", TABLE, re.MULTILINE)


def test_the_table_has_all_messages():
    assert len(MESSAGES) == 11


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_of_the_table_is_one_of_the_tests(message):
    """Its words, without what is filled in."""
    texts = "".join((ROOT / file).read_text() for file in (
        "tests/ad/rules/test_all_rules.py", "tests/ad/rules/test_second_order.py", "tests/ad/rules/checks.py",
        "tests/testing/test_strategies.py", "tests/ad/compile/test_rules.py", "docs/coverage.py"))
    told = re.sub(r'"\s*f?"', "", texts)
    words = re.sub(r"\{[^}]*\}", "...", told)
    filled = re.sub(r"\bf\b(\(\.\.\.\))?|argument 0|coverage\.md", "...", message)
    parts = [part.strip(" .") for part in filled.split("...") if part.strip(" .")]
    assert parts
    assert all(part in words for part in parts), parts
