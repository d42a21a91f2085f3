"""Animations as small GIF files, and fast: a frame draws again what moved, on a picture of the rest.

A whole figure takes Matplotlib 50 to 100 ms, most of it for ticks and text that stay as they are.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sized
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from .command import progress
from .style import BLUE, GREY, INK, ORANGE, PALE


def save_animation(path: Path, picture: Figure, draw: Callable[[int], Any], frames: Iterable[int],
                   seconds: float, quiet: bool = True) -> None:
    """Write a GIF that calls `draw(frame)` for each frame, shows it for `seconds`, and repeats."""
    palette, stage, images = _palette(), Stage(picture), []
    frames = frames if isinstance(frames, Sized) else list(frames)
    with progress(len(frames), "frames", "drawing", quiet) as bar:
        for frame in frames:
            draw(frame)
            images.append(Image.fromarray(stage.pixels()).quantize(palette=palette, dither=Image.Dither.NONE))
            bar.update()
    images[0].save(path, save_all=True, append_images=images[1:], duration=round(1000 * seconds), loop=0,
                   optimize=True, disposal=1)


class Layer(NamedTuple):
    """Of one axes, what is drawn in each frame: what moves, and all that lies above it."""

    axes: Axes
    artists: list[Artist]


class Stage:
    """A figure, frame by frame: `pixels` are those of the whole figure, drawn anew where it changed.

    What moved in more than half of the frames is expected to move in the next one, as is asked again after 1,
    2, 4, 8, ... frames. Where something else changes, the rest is drawn again, too.
    """

    def __init__(self, picture: Figure) -> None:
        self.picture = picture
        self.canvas = picture.canvas
        assert isinstance(self.canvas, FigureCanvasAgg)
        self.frames, self.moved = 0, Counter[Artist]()
        self.layers: list[Layer] = []
        self.rest: Any = None

    def pixels(self) -> np.ndarray:
        """The figure as it is now: (height, width, 3) of bytes."""
        if not self.frames:
            self.canvas.draw()
            self.picture.set_layout_engine("none")               # once is enough
        else:
            changed = {artist for axes in self.picture.axes for artist in drawn(axes) if artist.stale}
            self.moved.update(changed)
            above = {artist for layer in self.layers for artist in layer.artists}
            if not changed <= above or self.frames.bit_count() == 1:
                self.layers = [self.layer(axes) for axes in self.picture.axes]
                self.rest = self.without_layers()
            self.canvas.restore_region(self.rest)
            for axes, artists in self.layers:
                for artist in artists:
                    axes.draw_artist(artist)
            for artist in changed:
                artist.stale = False                             # of what is not visible, too
        self.frames += 1
        return np.asarray(self.canvas.buffer_rgba())[..., :3].copy()

    def layer(self, axes: Axes) -> Layer:
        """What of these axes to draw in the next frames."""
        artists = drawn(axes)
        moving = [2 * self.moved[artist] > self.frames for artist in artists]
        return Layer(axes, artists[moving.index(True):] if any(moving) else [])

    def without_layers(self) -> Any:
        """A picture of all that is in no layer."""
        above = [artist for layer in self.layers for artist in layer.artists]
        before = [artist.get_animated() for artist in above]
        for artist in above:
            artist.set_animated(True)                            # Matplotlib leaves these to us
        self.canvas.draw()
        for artist, animated in zip(above, before, strict=True):
            artist.set_animated(animated)
        return self.canvas.copy_from_bbox(self.picture.bbox)


def drawn(axes: Axes) -> list[Artist]:
    """What axes draw, one after the other, on their background."""
    left_out = {axes.patch, *(() if axes.axison and axes.get_frame_on() else axes.spines.values()),
                *(() if axes.axison else (axes.xaxis, axes.yaxis))}
    return sorted((artist for artist in axes.get_children() if artist not in left_out),
                  key=lambda artist: artist.get_zorder())


def _palette(shades: int = 12) -> Image.Image:
    """White, our colours, and their blends with white, which smooth edges need.

    One palette for all frames and no dithering: still parts stay still, and the file small.
    """
    colours = [(255.0, 255.0, 255.0)]
    for name in (INK, GREY, PALE, BLUE, ORANGE):
        pure = 255 * np.array(to_rgb(name))
        blends = [pure + (255 - pure) * k / shades for k in range(shades)]
        colours += [tuple(blend) for blend in blends if min(blend) < 245]     # no second white
    image = Image.new("P", (1, 1))
    image.putpalette([round(part) for colour in colours for part in colour])
    return image
