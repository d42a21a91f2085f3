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
        name="NAME", make=lambda seed: worlds.make("NAME", seed),   # a fresh world of the seed, each time
        judge=mean_return,                                          # (world, controller, episodes): more is better
        rivals=(ours(MACHINE.task), stable("SAC", zoo.SAC_PENDULUM, budget=20_000), cross_entropy(...)),
        enough=lambda ours: 1.05 * ours,                            # the score that counts as ours, or as good
        first_world=1000, few=20, episodes=100, score="return")
    DEMO = demo(COURSE, __doc__, CLAIM)

and by `beside={"race": "demos.NAME.race"}` in the `Demo` of demos/NAME. `make` may return any `World`; a rival
of one's own is a `Rival`, whose `learn(run)` is the example at the head of `run.py`.
"""
