"""tinydp: differentiable programming small enough to read."""

from . import ad
from .ad.custom import custom_gradient, primitive, sign, stop_gradient, straight_through, value
from .ad.primitives import defvjp
from .ad.transforms import checkpoint, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

__version__ = "0.1.0.dev0"

__all__ = [
    "ad", "checkpoint", "custom_gradient", "defvjp", "grad", "hessian", "hvp", "jacobian", "jvp",
    "primitive", "sign", "stop_gradient", "straight_through", "value", "value_and_grad", "vjp",
]
