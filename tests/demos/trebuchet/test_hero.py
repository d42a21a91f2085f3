"""The animation of the story, on a tiny budget."""

import numpy as np
import pytest
from PIL import Image

import tinydp as dp
from demos import style
from demos.trebuchet import draw_hero, hero, hero_board, learning
from demos.trebuchet.backward import backward
from demos.trebuchet.machine import new_controller

pytestmark = pytest.mark.demo


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(learning, "SHOTS", 4)
    monkeypatch.setattr(learning, "VALIDATION", 5)
    monkeypatch.setattr(hero, "AFTER", (0, 1, 2))
    monkeypatch.setattr(draw_hero, "AFTER", (0, 1, 2))
    monkeypatch.setattr(draw_hero, "READ", 4)
    monkeypatch.setattr(draw_hero, "SLOW", 0.3)
    monkeypatch.setattr(draw_hero, "FAST", 2.0)


def test_the_whole(small, tmp_path, capsys):
    hero.main(["--updates", "3", "--out", str(tmp_path), "--quiet"])
    assert "hero.gif" in capsys.readouterr().out
    with Image.open(tmp_path / "hero.gif") as image:
        assert image.size == draw_hero.SIZE
        assert image.n_frames > 20


def test_it_is_the_training_of_the_demo(small, tmp_path):
    from demos import command, trebuchet  # noqa: PLC0415

    options = command.parser(trebuchet.DEMO).parse_args(["--updates", "3", "--out", str(tmp_path), "--quiet"])
    story, training = hero.train_and_look(options), learning.train(options)
    flat = lambda params: [np.asarray(x).tobytes() for x in dp.ad.tree.flatten(params)[0]]
    assert flat(story.training.params) == flat(training.params)
    assert len(story.looked_at) == 3
    assert flat(story.looked_at[1]) != flat(story.looked_at[2])


def test_arrows_point_to_where_the_miss_shrinks():
    back = backward(new_controller(np.random.default_rng(0)), 2.0, 55.0)         # it throws too far
    at, along = hero_board.pulling(back.flight, ("x", "y"), 1.0)
    assert back.landing > 55
    assert along[:, 0] == pytest.approx(-1.0)
    assert at[0, 1] > 3                          # above the ground, not below the pivot
    at, along = hero_board.turning(back.hang[:1])
    machine, slope = back.hang[0]
    tip = np.array(hero_board.joints(machine._replace(arm=machine.arm + 1e-6)).tip) - at[0]
    assert np.sign(along[0] @ tip) == -np.sign(slope.arm)


def test_arrows_are_shown_from_one_on():
    with style.styled():
        axes = style.figure(200, 200).subplots()
        made = hero_board.arrows(axes, np.zeros((3, 2)), np.ones((3, 2)))
    assert np.all(made.Umask)
    hero_board.show_from(made, 1)
    assert made.Umask.tolist() == [True, False, False]


def test_shades_are_white_for_nothing():
    assert hero_board.shades(np.array([0.0, -2.0]), "#000000").tolist() == [[1, 1, 1, 1], [0, 0, 0, 1]]
