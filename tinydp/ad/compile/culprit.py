"""The first operation of a compiled program that has not the result which NumPy gives it.

The program is compiled once more, so that it returns what each of its operations gave. Each is then compared
with NumPy's result for the same operands. A loop is interpreted as a whole; if the compiled one differs, the
operations of its first steps are looked at in the same way.
"""

from typing import Any, NamedTuple

import numpy as np

from ..errors import Place, Spot, place_of, user_place
from ..watch import shown
from .loops import SCAN
from .program import Op, Program, interpret, replaced, results_of
from .verify import ROUNDING, CheckedRun

STEPS = 20                               # of a loop, in which each operation is looked at


class TapeWarning(RuntimeWarning):
    """A compiled function is not used, since its gradient is not finite: a tape computes it instead.

    The value is the same; it takes longer. It is said once, when that has happened time and again, with the
    line of the first operation that is not finite: keep away from that point, or choose with `np.where`.

        >>> import warnings
        >>> import numpy as np
        >>> from tinydp import compile, grad, scan
        >>> def root(x):                                  # of infinite slope at 0, where it is not taken
        ...     step = lambda c, _: (np.where(x > 0, np.sqrt(x) * c, c), None)
        ...     return scan(step, 1.0, length=3)[0] + x
        >>> slope = grad(compile(root))
        >>> with warnings.catch_warnings(record=True, action="always") as told:
        ...     slopes = {slope(0.0) for _ in range(10)}
        >>> slopes, [w.category.__name__ for w in told]
        ({1.0}, ['TapeWarning'])
    """


class Culprit(NamedTuple):
    """An operation with a wrong result, in words, and the user's line."""

    text: str
    place: Place | None


def first_wrong(run: CheckedRun) -> Culprit | None:
    """The first operation of the program that was run with a wrong result, if one of them is to blame."""
    return _wrong(run.built.program, [*run.values, *run.seeds])


def _wrong(program: Program, given: list) -> Culprit | None:
    from .build import machine_code  # noqa: PLC0415  (it builds on this file)

    outs = [x for op in program.ops for x in op.outs if x.kind != "i"]
    whole = Program(program.inputs, program.ops, outs)
    code = machine_code(whole, "all_of_it", "All that the operations of a program give.")
    known = dict(zip(program.inputs, given, strict=True))
    known |= zip(outs, code.run(*given, *code.constants), strict=True)
    for op in program.ops:
        if any(x not in known for x in (*op.operands, *op.outs)):
            continue                             # a number of steps
        operands = [replaced(x, known) for x in op.args]
        for k, (x, right) in enumerate(zip(op.outs, results_of(op, operands), strict=True)):
            if k not in op.prim.opaque and not _near(known[x], right):
                return _inside(op, operands) or _described(op, operands, known[x], right)
    return None


def not_finite(program: Program, given: list, left: tuple[Spot, ...]) -> tuple[str, Place]:
    """Which operation is the first to make an infinity or a nan of what is finite, in words, and its line.

    Or else what it may be: lines `left` to the tape if they are decided often.
    """
    known = dict(zip(program.inputs, given, strict=True))
    for op in program.ops:
        operands = [replaced(x, known) for x in op.args]
        try:
            known |= zip(op.outs, results_of(op, operands), strict=True)
        except np.linalg.LinAlgError as error:
            return f"{op.name} raises {error}", place_of(op.spot) if op.spot else user_place()
        if op.spot is not None and not all(np.all(np.isfinite(known[x])) for x in op.outs):
            back = "on the way back through" if op.back else "in"
            return f"{op.name}, {back} this line, is not finite", place_of(op.spot)
    if left:
        what = "the `while` in this line goes round more often than was tried (use dp.while_loop)"
        return what, place_of(left[0])
    return "an operation of Python's would raise", user_place()


def _described(op: Op, operands: list, found: Any, right: Any) -> Culprit:
    of = "" if op.body is not None else f" of {', '.join(map(shown, operands))}"
    back = "on the way back " if op.back else ""
    place = place_of(op.spot) if op.spot else None
    where = f", {back}from {place.file}:{place.line}" if place else ""
    text = f"the first that differs is {op.name}{where}: {shown(found)}{of}, by NumPy {shown(right)}."
    return Culprit(text, place)


def _inside(op: Op, operands: list) -> Culprit | None:
    """The culprit in the first steps of a scan."""
    if op.prim is not SCAN or op.options["length"] is None:
        return None
    body, n, m = op.options["body"], op.options["carries"], op.options["rows"]
    carry, xs, captured = operands[:n], operands[n: n + m], operands[n + m:]
    steps = range(op.options["length"])
    for k in ([*reversed(steps)] if op.options["reverse"] else steps)[:STEPS]:
        given = [_whole(x) for x in (*carry, *(x[k] for x in xs), *captured)]
        found = _wrong(body, given)
        if found is not None:
            return found
        carry = interpret(body, *given)[:n]
    return None


def _whole(x: Any) -> Any:
    """A row as a compiled function takes it."""
    return np.array(x) if np.ndim(x) else x if isinstance(x, (bool, np.bool_)) else float(x)


def _near(a: Any, b: Any) -> bool:
    """Whether they differ by rounding alone; of one operation, or of a loop that adds it up."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.shape != b.shape:
        return False
    size = np.max(np.abs(b), where=np.isfinite(b), initial=0.0)
    return bool(np.allclose(a, b, rtol=1e3 * ROUNDING, atol=1e3 * ROUNDING * size, equal_nan=True))
