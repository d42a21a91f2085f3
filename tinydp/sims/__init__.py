"""Simulators written as plain Python with NumPy: their equations know nothing of gradients."""

from . import cartpole, integrators, pendulum, rollouts, swingup, trebuchet

__all__ = ["cartpole", "integrators", "pendulum", "rollouts", "swingup", "trebuchet"]
