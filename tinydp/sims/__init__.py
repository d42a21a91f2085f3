"""Simulators: plain NumPy functions over named tuples, which know nothing of gradients."""

from . import pendulum

__all__ = ["pendulum"]
