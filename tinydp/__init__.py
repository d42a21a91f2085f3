"""tinydp: differentiable programming small enough to read."""

from typing import TYPE_CHECKING

from . import ad, controllers, linalg, nn, optim, sims, testing
from .ad.branches import cond
from .ad.custom import custom_gradient, primitive, sign, stop_gradient, straight_through, value
from .ad.export import Shape, export
from .ad.implicit import argmin, root
from .ad.indexing import add_at, lookup
from .ad.loops import integrate, scan
from .ad.mapping import vmap
from .ad.placed import set_at
from .ad.registry import defvjp
from .ad.show import record
from .ad.watch import debug_nans
from .ad.whiles import while_loop

if TYPE_CHECKING:                                # they keep the parameters and results of what they wrap
    from .ad import signatures

    compile: signatures.Compile
    grad: signatures.Grad
    value_and_grad: signatures.ValueAndGrad
    vjp: signatures.Vjp
    jvp: signatures.Jvp
    jacobian: signatures.Jacobian
    hessian: signatures.Hessian
    hvp: signatures.Hvp
    checkpoint: signatures.Checkpointed
else:
    from .ad.compile import compile
    from .ad.transforms import checkpoint, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

__version__ = "0.1.0.dev0"

__all__ = [
    "Shape", "ad", "add_at", "argmin", "checkpoint", "compile", "cond", "controllers", "custom_gradient",
    "debug_nans", "defvjp", "export", "grad", "hessian", "hvp", "integrate", "jacobian", "jvp", "linalg",
    "lookup", "nn", "optim", "primitive", "record", "root", "scan", "set_at", "sign", "sims", "stop_gradient",
    "straight_through", "testing", "value", "value_and_grad", "vjp", "vmap", "while_loop",
]
