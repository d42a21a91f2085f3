"""All passes between differentiation and lowering, in order.

What is dead goes first, so that nobody looks at it. Scans that do the same are found once equal operations
are one, and again where loops in loops were computed twice, which `residuals` finds. Only then is it known
what else is dead, and which factors of products are stored already. The last two tidy up.
"""

import os
from collections.abc import Callable

from .dead import pruned
from .marks import undressed
from .merge import merged
from .products import sums_of_products
from .program import Program, verify
from .residuals import residuals
from .scattered import scattered
from .shifted import shifted
from .simplify import simplified

PASSES: tuple[Callable[[Program], Program], ...] = (
    pruned, simplified, merged, residuals, merged, pruned, scattered, sums_of_products, simplified, pruned)


def _verified(program: Program) -> None:
    """Look at what a pass made, if that was asked for."""
    if os.environ.get("TINYDP_VERIFY") == "always":
        verify(program)


def optimised(program: Program, after: Callable[[Program], object] = _verified, parallel: bool = False
              ) -> Program:
    """The program with less to do. `after` is called with what each pass returns.

    One that is to be `parallel` leaves sums over rows where the rows are.
    """
    for one_pass in PASSES:
        is_apart = parallel and one_pass is sums_of_products
        program = _products_within()(program) if is_apart else one_pass(program)
        after(program)
    return program


def _products_within() -> Callable[[Program], Program]:
    from .parallel import products_within  # noqa: PLC0415  (imports Numba)

    return products_within


def finished(program: Program, after: Callable[[Program], object] = _verified, parallel: bool = False
             ) -> Program:
    """The program that is differentiated no more, without what kept paths apart for that."""
    bare = undressed(program)
    found = shifted(program if bare is program else optimised(bare, after, parallel))
    after(found)
    return found
