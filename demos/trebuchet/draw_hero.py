"""The frames of the animation of `hero`: what is said and shown, one after the other.

Each part of the story changes the board, and yields where a frame is to be drawn.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .. import style
from ..animation import save_animation
from ..command import count
from .backward import backward
from .hero import AFTER, Story
from .hero_board import Board, Shot, shot_at
from .learning import SHOTS

SIZE, FRAME = (800, 500), 0.06                   # pixels, and s for which each frame is shown
BLOWS, GOALS = 2.0, (55.0, 35.0, 80.0)           # wind in m/s and targets in m; the story is of the first one
SLOW, FAST = 0.03, 0.25                         # s a frame, until the release, and in flight
READ = 20                                        # frames for a line to be read
Frames = Iterator[None]


def animate_story(path: Path, story: Story, quiet: bool) -> None:
    """Write the GIF."""
    with style.styled():
        picture = style.figure(*SIZE, layout="none")
        board = Board(picture, backward(story.looked_at[0], BLOWS, GOALS[0]), BLOWS)
        first, *others = (shot_at(story.looked_at[0], BLOWS, target) for target in GOALS)

        def frames() -> Frames:
            yield from before(board, first, others)
            yield from backwards(board, first)
            yield from learning(board, story)
            yield from after(board, story)

        number, going = sum(1 for _ in frames()), frames()
        save_animation(path, picture, lambda k: next(going), range(number), FRAME, quiet)


def before(board: Board, first: Shot, others: list[Shot]) -> Frames:
    """The untrained network aims, and misses; and misses the other targets, too."""
    board.say("The network is told wind and target, and says how to throw", "Before training")
    board.clear(*GOALS[:1])
    board.aim(first)
    yield from thrown(board, first)
    board.miss(first)
    board.say(f"How far from the target it lands is the loss L: {first.told}")
    yield from held(READ)
    board.clear(*GOALS)
    board.say("Other targets: the same aim for all")
    for k, shot in enumerate([first, *others]):
        landed(board, shot, k)
        yield from held(READ // 3)


def backwards(board: Board, first: Shot) -> Frames:
    """The gradient, from the miss to the network."""
    back = board.back
    board.clear(*GOALS[:1])
    landed(board, first)
    board.say("by the reverse sweep, through the same program", "The gradient of the miss goes back ...")
    yield from held(READ // 2)
    board.say("through the flight: it would miss by less further back (orange), and slower (dark)")
    for k in reversed(range(len(board.flown))):
        board.pull(k)
        yield from held(2)
    yield from held(READ)
    board.say(f"through the release: ∂L/∂angle = {style.number(back.angle, 2)} m per °")
    yield from held(READ)
    board.say("through the sling, and the slide before it: how to turn arm and sling")
    for k in reversed(range(len(board.swing))):
        board.turn(k)
        yield from held(2)
    yield from held(READ // 2)
    board.say(f"to the counterweight: ∂L/∂weight = {style.number(back.weight, 3)} m per lb")
    yield from held(READ)
    weights = sum(layer.weight.size + layer.bias.size for layer in back.params)
    board.say(f"into the network: ∂L/∂ each of its {weights:,} parameters")
    for k in reversed(range(1, len(board.nodes))):
        board.learn(k)
        yield from held(READ // 4)
    yield from held(READ)


def learning(board: Board, story: Story) -> Frames:
    """The first target again, as the training goes on."""
    for updates, params in zip(AFTER[1:], story.looked_at[1:], strict=False):
        shot = shot_at(params, BLOWS, GOALS[0])
        board.clear(*GOALS[:1])
        landed(board, shot)
        board.say(f"It misses by {shot.told}",
                  f"{count(updates, 'step')} against such gradients, each of {SHOTS} throws")
        yield from held(READ // 2)


def after(board: Board, story: Story) -> Frames:
    """The trained network hits."""
    updates, seconds = story.training.update, story.training.seconds
    board.say("", f"After {count(updates, 'step')}, {seconds.processor:.0f} s of one core")
    board.clear(*GOALS)
    shots = [shot_at(story.training.params, BLOWS, target) for target in GOALS]
    for k, shot in enumerate(shots):
        board.aim(shot)
        yield from thrown(board, shot, k)
        board.say("It misses by " + ", ".join(shot.told for shot in shots[:k + 1]))
        yield from held(READ // 3)
    yield from held(2 * READ)


def landed(board: Board, shot: Shot, k: int = 0) -> None:
    """The end of a throw, with its miss."""
    board.aim(shot)
    board.throw(shot, shot.throw.events[2], k)
    board.miss(shot, k)


def thrown(board: Board, shot: Shot, k: int = 0) -> Frames:
    """A throw, in slow motion until the release."""
    _, release, landing = shot.throw.events
    for now in (*np.arange(0.0, release, SLOW), *np.arange(release, landing, FAST), landing):
        board.throw(shot, now, k)
        yield


def held(frames: int) -> Frames:
    """Nothing changes."""
    for _ in range(frames):
        yield
