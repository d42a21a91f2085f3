"""The table of gradient rules: importing this package fills the registry."""

from . import (
           curves,
           decompositions,
           determinants,
           elementwise,
           gathers,
           linear,
           powers,
           reductions,
           shaping,
           sorting,
           spectra,
           triangles,
)

__all__ = ["curves", "decompositions", "determinants", "elementwise", "gathers", "linear", "powers",
           "reductions", "shaping", "sorting", "spectra", "triangles"]
