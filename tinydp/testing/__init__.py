"""Gradient checks that can be believed, for any engine's gradients.

`strategies` needs Hypothesis and is imported on its own: `from tinydp.testing import strategies`.
"""

from .check import check_grads
from .differences import Derivative, derivative, one_sided, verdict
from .report import Check, Culprit, GradientError, Report

__all__ = [
    "Check", "Culprit", "Derivative", "GradientError", "Report", "check_grads", "derivative",
    "one_sided", "verdict",
]
