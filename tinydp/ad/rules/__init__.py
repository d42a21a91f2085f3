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
)

__all__ = ["curves", "decompositions", "determinants", "elementwise", "gathers", "linear", "powers",
           "reductions", "shaping", "sorting", "spectra"]
