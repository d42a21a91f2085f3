"""A compiled call on a tape: one node, whose pullback is a compiled function, too."""

from typing import Any, NamedTuple

from ..errors import MutationError
from ..parts import dense, masks_of, with_parts
from ..selected import NOTHING, Selected, behind, made
from ..tape import Node, Tape, Var
from ..transforms import Pullback, vjp
from ..values import shape
from .arguments import as_argument, name_of
from .build import Built, LeftToTheTape


class Kept(NamedTuple):
    """What the node of a compiled call keeps for its pullback."""

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
        form: Kept = node.kwargs["form"]
        masks, g, gradients = masks_of(g), dense(g), form.gradients
        if gradients is not None:
            if type(g[0]) is not float or g[0] != 1.0:
                gradients = [g[0] * c for c in gradients]
        elif any(type(x) is Var for x in (*g, *form.values)):
            self.require_unchanged(form)
            gradients = form.compiled.pulled_back(form.call, form.values, form.active, g)
        else:
            try:
                gradients = self.by_adjoint(form, tuple([as_argument(c) for c in g]))
            except ArithmeticError as error:     # a derivative of a derivative at a kink is right, or nan
                unsure = type(error) is LeftToTheTape and form.is_unsure()
                gradients = error.args[0] if unsure else list(self.on_tape(form).of(_masked(g, masks)))
        if masks:
            gradients = behind(lambda dye: list(self.on_tape(form)(tuple(dye))), masks, gradients)
        return [(node.args[k], c) for k, c in zip(form.active, gradients, strict=True) if c is not NOTHING]

    def by_adjoint(self, form: Kept, g: tuple) -> list:
        """The results of the adjoint program that took the same branches; it may have to be made."""
        for program in form.adjoints:
            if self.is_unchanged(form):
                gradients = form.compiled._results(program, form.call, form.values, form.active, g)
            else:                                # there is nothing left to compare it with
                gradients = program.results_of(form.values, g)
            if gradients is not None:
                return gradients
        self.require_unchanged(form)
        gradients = form.compiled._run(form.call, form.values, form.active, g)[1]
        self.require_unchanged(form)             # a program made now may have found that it is
        return gradients

    def require_unchanged(self, form: Kept) -> None:
        """What is made now must be made of what the function found when it was called."""
        if not self.is_unchanged(form):
            raise MutationError(
                f"something that {self.name} found in its surroundings was changed before its pullback.",
                "pass it as an argument, or let it be until the gradient is there.")

    def is_unchanged(self, form: Kept) -> bool:
        """Whether the function would find the same as when it was called."""
        return form.made is form.compiled.made and (form.program is None or (
            form.program.is_current() and not form.program.around.changed()))

    def on_tape(self, form: Kept) -> Pullback:
        """The pullback by an ordinary tape, which knows what to do at a singular point."""
        self.require_unchanged(form)
        of_active = form.compiled._of_active(form.call, form.values, form.active)
        return vjp(of_active, *(form.values[k] for k in form.active))[1]


def _masked(g: tuple, masks: tuple | None) -> list:
    """Cotangents with their masks; what has none has arrived everywhere, though it may be zero."""
    if masks is None:
        return list(g)
    return [Selected(c, mask) if shape(c) else c if made(mask) else NOTHING
            for c, mask in zip(g, masks, strict=True)]
