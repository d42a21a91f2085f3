"""All that the demo does before it tells and draws: train, and judge by Gymnasium and from all over."""

from typing import Any, NamedTuple

from ..command import Options
from .evaluation import Episodes, evaluate
from .judge import Judged, judge_everywhere
from .learning import GOALS, Check, Training, kept, settings, train
from .machine import recipe

STARTS = {"episode": 10_000, "batch": 100_000}             # all over, by which a network is judged as well


def starts_everywhere(options: Options) -> int:
    """From how many starts, all over, the network is judged."""
    return options.starts or STARTS[options.mode]


def judged(options: Options) -> dict[str, Any]:
    """All that an outcome depends on."""
    goals = {name: getattr(recipe(options), name) for name in GOALS}
    return settings(options) | {"plan": options.plan, "after": options.after,
                                "starts": starts_everywhere(options), "goals": goals}


def chosen(options: Options, training: Training) -> Check:
    """The controller that is judged: what the training results in, or what it was on the way."""
    if options.after is None:
        return kept(training, recipe(options))
    return min(training.checks, key=lambda check: abs(check.update - options.after))


class Outcome(NamedTuple):
    """The training, how the real environment judges the controller that it results in, and from all over."""

    training: Training
    episodes: Episodes
    everywhere: Judged


def learn(options: Options) -> Outcome:
    """Train and evaluate."""
    training = train(options)
    params = chosen(options, training).params
    episodes = evaluate(params, options.quiet, improvements=options.plan)
    return Outcome(training, episodes, judge_everywhere(params, starts_everywhere(options), options.quiet))
