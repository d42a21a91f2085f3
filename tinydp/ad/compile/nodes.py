"""A compiled call on a tape: one node, whose pullback is a compiled function, too."""

from dataclasses import dataclass
from typing import Any

from ..errors import MutationError
from ..parts import RESIDUALS, Residuals, dense, masks_of, with_parts
from ..selected import NOTHING, Selected, behind, made
from ..tape import Node, Tape, Var
from ..transforms import Pullback, vjp
from ..values import shape
from .arguments import as_argument, name_of
from .build import Built, LeftToTheTape


@dataclass(eq=False)
class CompiledResiduals(Residuals):
    """What the node of a compiled call saves for its pullback."""

    compiled: Any                        # that was called
    call: Any
    values: list
    active: tuple                        # which leaves are on the tape
    real: tuple                          # which results are
    program: Built | None                # that computed the results, on one tape
    adjoints: tuple[Built, ...]          # made of the same surroundings
    gradients: list | None               # of one real number, by the active leaves
    made: Any                            # what there was of the compiled function then

    def is_unsure(self) -> bool:
        """Whether it is the call of a derivative where that has a kink, or a tie."""
        return self.compiled.derivative and self.program is not None and self.program.is_unsure(self.values)

    def on_tape(self, tape: Tape, leaves: tuple, results: list) -> list:
        """The results of the call, the real ones as values of a node of the tape."""
        return with_parts(tape, CallOperation(self.compiled), leaves, results, self.real, self)


class CallOperation:
    """The operation of a compiled call's node."""

    rules = ()
    loop = False

    def __init__(self, compiled: Any):
        self.name = name_of(compiled.f)

    def pull(self, node: Node, g: Any) -> list:
        """The adjoint program's results, for the cotangent that arrived."""
        saved: CompiledResiduals = node.kwargs[RESIDUALS]
        masks, g, gradients = masks_of(g), dense(g), saved.gradients
        if gradients is not None:
            if type(g[0]) is not float or g[0] != 1.0:
                gradients = [g[0] * c for c in gradients]
        elif any(type(x) is Var for x in (*g, *saved.values)):
            self.require_unchanged(saved)
            gradients = saved.compiled.pulled_back(saved.call, saved.values, saved.active, g)
        else:
            try:
                gradients = self.by_adjoint(saved, tuple([as_argument(c) for c in g]))
            except ArithmeticError as error:     # a derivative of a derivative at a kink is right, or nan
                unsure = type(error) is LeftToTheTape and saved.is_unsure()
                gradients = error.args[0] if unsure else list(self.on_tape(saved).of(_masked(g, masks)))
        if masks:
            gradients = behind(lambda dye: list(self.on_tape(saved)(tuple(dye))), masks, gradients)
        return [(node.args[k], c) for k, c in zip(saved.active, gradients, strict=True) if c is not NOTHING]

    def by_adjoint(self, saved: CompiledResiduals, g: tuple) -> list:
        """The results of the adjoint program that took the same branches; it may have to be made."""
        for program in saved.adjoints:
            if self.is_unchanged(saved):
                gradients = saved.compiled._results(program, saved.call, saved.values, saved.active, g)
            else:                                # there is nothing left to compare it with
                gradients = program.results_of(saved.values, g)
            if gradients is not None:
                return gradients
        self.require_unchanged(saved)
        gradients = saved.compiled._run(saved.call, saved.values, saved.active, g)[1]
        self.require_unchanged(saved)             # a program made now may have found that it is
        return gradients

    def require_unchanged(self, saved: CompiledResiduals) -> None:
        """What is made now must be made of what the function found when it was called."""
        if not self.is_unchanged(saved):
            raise MutationError(
                f"something that {self.name} found in its surroundings was changed before its pullback.",
                "pass it as an argument, or let it be until the gradient is there.")

    def is_unchanged(self, saved: CompiledResiduals) -> bool:
        """Whether the function would find the same as when it was called."""
        return saved.made is saved.compiled.made and (saved.program is None or (
            saved.program.is_current() and not saved.program.around.changed()))

    def on_tape(self, saved: CompiledResiduals) -> Pullback:
        """The pullback by an ordinary tape, which knows what to do at a singular point."""
        self.require_unchanged(saved)
        of_active = saved.compiled._of_active(saved.call, saved.values, saved.active)
        return vjp(of_active, *(saved.values[k] for k in saved.active))[1]


def _masked(g: tuple, masks: tuple | None) -> list:
    """Cotangents with their masks; what has none has arrived everywhere, though it may be zero."""
    if masks is None:
        return list(g)
    return [Selected(c, mask) if shape(c) else c if made(mask) else NOTHING
            for c, mask in zip(g, masks, strict=True)]
