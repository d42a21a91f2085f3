"""The story in one animation: shots miss, the gradient of a miss goes back, the network learns, shots hit.

`python -m demos.trebuchet.hero` trains as `python -m demos trebuchet` does, to the same bits, keeps the
network at some moments of that, and draws one GIF. Nothing in it is drawn by hand: every arrow and colour of
its second part is the gradient of that very miss at that place, as `backward` finds it.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

from tinydp.nn import Params

from .. import command
from ..checkpoints import Keeper
from ..command import Options
from . import learning
from .learning import KINDS, UPDATES, Training, adam, begin, improve, settings

AFTER = (0, 5, 20, 100, 500)     # updates after which the network is looked at; and at the end


class Story(NamedTuple):
    """A training, and its network after the updates `AFTER` so far."""

    training: Training
    looked_at: list[Params]


def train_and_look(options: Options) -> Story:
    """The training of the demo; or on from where a run was interrupted, or what it kept."""
    keeper = Keeper(options.out / f"hero-{options.seed}.npz", "trebuchet hero",
                    settings(options) | {"after": AFTER}, kinds=(Story, *KINDS))
    optimiser = adam(options.updates)
    story = keeper.load(options.fresh) or looked(begin(options.seed, optimiser), [])
    with command.progress(learning.SHOTS * options.updates, "shots", "training", options.quiet,
                          initial=learning.SHOTS * story.training.update) as bar:
        while story.training.update < options.updates:
            story = looked(improve(story.training, optimiser, options)[0], story.looked_at)
            keeper.keep(story, finished=story.training.update == options.updates)
            bar.update(learning.SHOTS)
    return story


def looked(training: Training, before: list[Params]) -> Story:
    """The story with this training, whose network is added if it is its time."""
    return Story(training, [*before, training.params] if training.update in AFTER else before)


def main(argv: list[str] | None = None) -> None:
    """Train, and draw hero.gif."""
    from .draw_hero import animate_story

    flags = argparse.ArgumentParser(prog="python -m demos.trebuchet.hero", description=__doc__)
    flags.add_argument("--seed", type=command.natural, default=0, metavar="N", help="of all random numbers")
    flags.add_argument("--updates", type=command.positive, default=UPDATES, metavar="N")
    flags.add_argument("--out", type=Path, default=Path("out/trebuchet"), metavar="DIR")
    flags.add_argument("--quiet", action="store_true", help="no progress bars")
    flags.add_argument("--fresh", action="store_true", help="begin anew, not where the last run ended")
    flags.set_defaults(through=0)
    options = flags.parse_args(argv)
    command.make_folder(options.out, flags)
    path = options.out / "hero.gif"
    animate_story(path, train_and_look(options), options.quiet)
    print(f"written  {path}, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
