"""docs/article.md: every command in it is one."""

import importlib
import re
from pathlib import Path

import pytest

import demos
from demos import command

pytestmark = pytest.mark.demo

PAGE = (Path(demos.__file__).parent.parent / "docs" / "article.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"`python -m demos ([^`]*)`", PAGE)) - {"NAME sweep"})


@pytest.mark.parametrize("line", COMMANDS)
def test_its_commands_are_understood(line):
    name, *argv = line.split()
    demo = importlib.import_module(f"demos.{name}").DEMO
    recipe, argv = command.recipe(demo, argv)
    beside = argv[0] if argv and argv[0] in demo.beside else recipe
    if beside in demo.beside:
        demo = importlib.import_module(demo.beside[beside]).DEMO
        argv = [word for word in argv if word != beside]
    options = command.parser(demo).parse_intermixed_args(argv)
    assert options.action in demo.actions()


def test_all_recipes_of_the_article_are_there():
    for name in ("pendulum", "cartpole", "trebuchet"):
        assert any(line.startswith(f"{name} --recipe article") for line in COMMANDS)
