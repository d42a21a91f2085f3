"""Memory of a program in machine code: a function of its module that asks the system for it."""

import sys
from typing import Any

from llvmlite import ir

from .kernels import HUGE_PAGES, LARGE, PAGE
from .machine_types import INTEGER, POINTER, STATUS


def allocate(module: Any) -> ir.Function:
    """The function of a module that allocates so many bytes; many are in huge pages, see `empty_array`."""
    if (known := module.ir.globals.get("allocate")) is not None:
        return known
    function = ir.Function(module.ir, ir.FunctionType(POINTER, [INTEGER]), "allocate")
    function.linkage = "internal"
    function.return_value.add_attribute("noalias")
    builder, (size,) = ir.IRBuilder(function.append_basic_block()), function.args
    memory = builder.call(module.library("malloc", POINTER, [INTEGER]), [size])
    if sys.platform == "linux":
        with builder.if_then(builder.icmp_unsigned(">=", size, INTEGER(LARGE))):
            first = builder.add(builder.ptrtoint(memory, INTEGER), INTEGER(PAGE - 1))
            first = builder.and_(first, INTEGER(-PAGE))
            advise = module.library("madvise", STATUS, [INTEGER, INTEGER, STATUS])
            builder.call(advise, [first, builder.sub(size, INTEGER(PAGE)), STATUS(HUGE_PAGES)])
    builder.ret(memory)
    return function
