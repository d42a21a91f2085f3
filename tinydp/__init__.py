"""tinydp: differentiable programming small enough to read."""

from . import ad
from .ad.primitives import custom_gradient, defvjp, primitive, sign, stop_gradient, straight_through, value
from .ad.transforms import grad, value_and_grad, vjp

__version__ = "0.1.0.dev0"

__all__ = [
    "ad", "custom_gradient", "defvjp", "grad", "primitive", "sign", "stop_gradient",
    "straight_through", "value", "value_and_grad", "vjp",
]
