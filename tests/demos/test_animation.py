"""Animations that draw again only what moved: the pixels are those of the whole figure."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from demos import animation, style


def _whole(picture):
    """The figure as Matplotlib draws it."""
    picture.canvas.draw()
    return np.asarray(picture.canvas.buffer_rgba())[..., :3].copy()


def _scene(rng):
    """Two axes, one of them bare, with parts above each other: some move often, some rarely."""
    picture = style.figure(240, 120)
    plane, stage = picture.subplots(1, 2)
    style.bare(stage)
    stage.set(xlim=(0, 1), ylim=(0, 1))
    plane.set(xlim=(0, 1), ylim=(0, 1))
    image = plane.imshow(rng.random((4, 4)), extent=(0, 1, 0, 1), aspect="auto")
    parts = [axes.plot([0, 1], [0, 1], color=style.BLUE, linewidth=4, zorder=z)[0]
             for axes in (plane, stage) for z in (1, 2, 3)]
    parts[1].set_color(style.ORANGE)
    said = stage.text(0.5, 0.1, "still")

    def draw(k):
        for part in parts[:2] + parts[4:5]:
            part.set_ydata(rng.random(2))
        parts[4].set_visible(k % 3 > 0)
        if k % 5 == 4:
            image.set_data(rng.random((4, 4)))
            plane.set_title(f"frame {k}")
        if k == 6:
            said.set_text("moved at last")
            parts[5].set_visible(False)

    return picture, draw


@pytest.mark.parametrize("seed", range(3))
def test_each_frame_has_the_pixels_of_the_whole_figure(seed):
    with style.styled():
        picture, draw = _scene(np.random.default_rng(seed))
        stage = animation.Stage(picture)
        for frame in range(12):
            draw(frame)
            got = stage.pixels()
            fresh, again = _scene(np.random.default_rng(seed))
            _whole(fresh)
            fresh.set_layout_engine("none")
            for earlier in range(frame + 1):
                again(earlier)
            assert np.array_equal(got, _whole(fresh)), frame


def test_a_frame_draws_what_moved_and_not_the_axes(monkeypatch):
    with style.styled():
        picture = style.figure(240, 120)
        line, = picture.subplots().plot([0, 1], [0, 1])
        stage, wholes = animation.Stage(picture), []
        draw = FigureCanvasAgg.draw
        monkeypatch.setattr(FigureCanvasAgg, "draw", lambda canvas: (wholes.append(0), draw(canvas)))
        for frame in range(60):
            line.set_ydata([0, frame / 60])
            stage.pixels()
    assert len(wholes) == 7                          # the first, and after 1, 2, 4, 8, 16, 32


def test_a_gif_of_all_frames(tmp_path):
    with style.styled():
        picture, draw = _scene(np.random.default_rng(0))
        animation.save_animation(tmp_path / "moving.gif", picture, draw, iter(range(5)), 0.05)
    with Image.open(tmp_path / "moving.gif") as gif:
        assert (gif.n_frames, gif.size, gif.info["duration"]) == (5, (240, 120), 50)
