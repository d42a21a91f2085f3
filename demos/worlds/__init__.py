"""What demos share that learn a machine nobody knows, while their one real episode runs.

Read `learner.py` first: act, refine, improve. `belief.py` is how measurements refine a simulator,
`network.py` what may explain the rest, and `trial.py` runs one world beside who learns nothing from it and
who is told the truth; `draw.py` draws it.
A machine is a `Task`: demos/pendulum/world.py, demos/cartpole/world.py.
"""
