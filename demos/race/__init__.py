"""Reinforcement learning beside ours: the same unknown worlds, the same judge, counted in real steps.

`python -m demos NAME race`. Whoever learns gets a `Run`: it makes worlds, steps in them as it likes, and
shows what it has learned by `look`, which judges it apart from that when a milestone of real steps is
reached. That is all that rivals have in common, and ours is one of them.

| file | what it does |
| --- | --- |
| `run.py` | one run: a rival in a world, and the curve that comes of it |
| `searches.py` | random search and the cross-entropy method, in NumPy |
| `stable.py`, `zoo.py` | the algorithms of Stable-Baselines3, and the settings that RL Zoo publishes |
| `ours.py` | the learner of `demos/worlds`, as a rival |
| `trial.py` | all rivals in all worlds: the demo, its runs in files, its table |
| `draw.py` | the picture |

A machine is added by a file of its own, demos/NAME/race.py, with a `Course`:

    COURSE = Course(
        name="NAME", make=lambda seed: worlds.make("NAME", seed),   # a fresh world of that seed, each time
        judge=mean_return,                    # of (world, controller, episodes): the score, more is better
        rivals=(ours(TASK), stable("SAC", zoo.SAC_PENDULUM, budget=20_000), cross_entropy(...)),
        enough=lambda ours: 1.05 * ours,      # from what score on a rival is as good as ours, and ...
        margin="at most 5 % below its return",                      # ... the same in words
        first_world=1000, few=20, episodes=100, score="return")
    DEMO = demo(COURSE, __doc__, CLAIM, __name__)               # `CLAIM` and `TAKES` are for the listing

by `beside={"race": "demos.NAME.race"}` in the `Demo` of demos/NAME, and by "NAME race" in `LISTED` of
`demos/__main__.py`. `make` may return any `World`, also one of a machine that `worlds.make` does not know.
The rival named "ours" is the one that others are compared with; without it there is no comparison, but
curves. A rival of one's own is a `Rival`, whose `learn(run)` is the example at the head of `run.py`.
"""
