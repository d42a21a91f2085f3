"""How numbers, indices, conditions and addresses are typed in LLVM's language."""

from typing import Any

from llvmlite import binding, ir

NUMBER, INTEGER, CONDITION, BYTE = ir.DoubleType(), ir.IntType(64), ir.IntType(1), ir.IntType(8)
STATUS, POINTER = ir.IntType(32), ir.PointerType()
VALUE = {"f": NUMBER, "i": INTEGER, "b": CONDITION}              # of a variable
ELEMENT = {"f": NUMBER, "i": INTEGER, "b": BYTE}                 # of an array in memory
LANES = 8 if binding.get_host_cpu_features().get("avx512f") else 4       # numbers in a vector


def eighth(builder: ir.IRBuilder, start: Any, k: int) -> Any:
    """The address of the eight-byte place `k` in a row of these."""
    return builder.gep(start, [INTEGER(k)], inbounds=True, source_etype=INTEGER)


def room(builder: ir.IRBuilder, kind: ir.Type, count: int | None = None) -> ir.Value:
    """The address of memory on the stack for one value of this kind, or for a row of so many."""
    found = builder.alloca(kind if count is None else ir.ArrayType(kind, max(1, count)))
    found.type = POINTER                         # llvmlite still says what is there, which LLVM does not
    return found
