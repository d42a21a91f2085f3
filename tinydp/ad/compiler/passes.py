"""The passes between differentiation and lowering, in their order."""

from typing import Any

from .marks import is_mark
from .program import Program, Value
from .record import needed


def optimised(program: Program) -> Program:
    return program


def finished(program: Program) -> Program:
    """The program without the identities that kept paths apart while it was differentiated."""
    same: dict[Any, Any] = {}
    def given(x: Any) -> Any:
        while type(x) is Value and x in same:
            x = same[x]
        return x
    ops = []
    for old in program.ops:
        op = old.with_(args=tuple(map(given, old.args)))
        if is_mark(op.prim):
            same.update(zip(op.outs, op.args, strict=False))
        elif op.body is not None:
            ops.append(op.with_(options=op.options | {"body": finished(op.body)}))
        else:
            ops.append(op)
    outputs = [*map(given, program.outputs)]
    return Program(program.inputs, needed(ops, outputs), outputs)
