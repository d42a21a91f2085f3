"""Removing what nobody needs from a program, inside its loops as well."""

import copy
from typing import Any

from .loops import EventCall, LoopCall, ReverseEventCall
from .trace import Program, Sym


def pruned(program: Program) -> Program:
    """The program without what its outputs do not need, inside its loops as well."""
    wanted = {id(x) for x in program.outputs if isinstance(x, Sym)}
    calls = []
    for call in reversed(program.calls):
        if not any(id(out) in wanted for out in call.outs):
            continue
        kept = pruned_loop(call, wanted) if isinstance(call, LoopCall) else call
        calls.append(kept)
        wanted.update(id(x) for x in kept.operands)
    return Program(program.inputs, program.captures, calls[::-1], program.outputs)


def pruned_loop(call: Any, wanted: set) -> Any:
    """The loop with those parts of the carry and of the rows that somebody wants."""
    call = copy.copy(call)
    body, n = call.body, len(call.inits)
    if isinstance(call, ReverseEventCall):
        call.body = pruned(body)
        return call
    heights = 1 if isinstance(call, EventCall) else 0
    ys = [k for k, out in enumerate(call.y_outs) if id(out) in wanted]
    carry = [k for k, out in enumerate(call.carry_outs) if id(out) in wanted]
    while True:
        chosen = [*carry, *range(n, n + heights), *(n + heights + k for k in ys)]
        inner = pruned(Program(body.inputs, body.captures, body.calls, [body.outputs[k] for k in chosen]))
        used = inner.used()
        more = sorted({*carry, *(k for k in range(n) if id(body.inputs[k]) in used)})
        if more == carry:
            break
        carry = more
    rows = [k for k, x in enumerate(body.inputs[n + heights:]) if id(x) in used]
    inner.inputs = [body.inputs[k] for k in (*carry, *range(n, n + heights))]
    inner.inputs += [body.inputs[n + heights + k] for k in rows]
    call.body = inner
    call.inits, call.xs = [call.inits[k] for k in carry], [call.xs[k] for k in rows]
    call.carry_outs, call.y_outs = [call.carry_outs[k] for k in carry], [call.y_outs[k] for k in ys]
    return call
