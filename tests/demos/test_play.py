"""Windows to play in: what the user does, on a canvas without a screen; and the picture instead."""

import signal
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.backend_bases import KeyEvent, MouseEvent
from PIL import Image

from demos import play, style
from demos.pendulum.machine import HANGING, new_controller
from demos.pendulum.window import HAND, Game

pytestmark = pytest.mark.demo


def _ball(ticks):
    def build(figure):
        figure.add_subplot().plot([0, 1])
        return lambda: ticks.append(len(ticks))

    return build


def test_without_a_display_it_writes_a_picture(tmp_path, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    ticks = []
    path = play.play("A ball", (400, 300), _ball(ticks), tmp_path / "play.png", ticks_before=7)
    assert path == tmp_path / "play.png"
    assert ticks == list(range(7))
    with Image.open(path) as picture:
        assert picture.size == (800, 600)


def test_a_display_without_a_way_to_it_counts_as_none(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("MPLBACKEND", "agg")
    assert play.open_window("A ball", (400, 300)) is None


# ---------------------------------------------------------------------------- the pendulum's game

@pytest.fixture
def game():
    figure = style.figure(900, 460, layout=None)
    game = Game(figure, new_controller(np.random.default_rng(0)))
    for _ in range(3):
        game.tick()
    return game, figure


def test_keys_push_and_let_go(game):
    game, figure = game
    quiet = game.state.rate
    for key, hand in (("left", HAND), ("right", -HAND)):
        KeyEvent("key_press_event", figure.canvas, key)._process()
        assert game.hand == hand
        before = game.state.rate
        for _ in range(5):
            game.tick()
        assert (game.state.rate - before) * hand > 0
        KeyEvent("key_release_event", figure.canvas, key)._process()
        assert game.hand == 0.0
    assert abs(quiet) < 0.5
    KeyEvent("key_press_event", figure.canvas, " ")._process()
    assert game.state == HANGING


def test_the_mouse_pulls_the_bob_towards_it(game):
    game, figure = game
    for x, hand in ((-1.0, -HAND), (1.0, HAND)):         # hanging, so left is clockwise
        place = game.stage.transData.transform((x, -1.0))
        MouseEvent("button_press_event", figure.canvas, *place, button=1)._process()
        assert game.hand == hand
        MouseEvent("button_release_event", figure.canvas, *place, button=1)._process()
        assert game.hand == 0.0


def test_ctrl_c_ends_a_window():
    """Whatever loop the display runs: it is closed, and the interrupt is raised as ever."""
    class Clock:
        def add_callback(self, tick):
            assert tick()

        def start(self):
            pass

    class Pyplot:
        closed = []

        def show(self):
            signal.raise_signal(signal.SIGINT)
            assert self.closed                   # the loop has gone on until now

        def close(self, figure):
            self.closed.append(figure)

    figure = SimpleNamespace(canvas=SimpleNamespace(new_timer=lambda interval: Clock()))
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        play.show_until_closed(Pyplot(), figure)
    assert Pyplot.closed == [figure]
    assert signal.getsignal(signal.SIGINT) is before
