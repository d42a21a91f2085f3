"""Products of a vector and a small matrix in LLVM's language, for their very sides: sums stay in registers.

A loop that adds to an array in memory loads and stores each sum at each step, and so does what a compiler
makes of it. Here a row of up to six of the processor's vectors is summed before any is stored. Where there
are fewer, several sums of each are made, one for every second or fourth row: one alone waits for itself.
"""

import functools
from typing import Any

from llvmlite import ir

from .machine_types import INTEGER, LANES, NUMBER

MOST_SUMMED, LONGEST_SUMMED = 2**14, 256                     # elements of the matrix, and of its rows
SUM_VECTORS = 6                                      # whose sums are in registers at a time


def is_small(rows: Any, columns: Any) -> bool:
    """Whether it is for this file."""
    return type(rows) is int and type(columns) is int and rows > 0 and 0 < columns <= LONGEST_SUMMED and (
        rows * columns <= MOST_SUMMED)


def write_sums(to: Any, x: Any, matrix: Any, out: Any, rows: int, columns: int) -> None:
    """out = x @ matrix, of these addresses; without `x`, the sum of the rows."""
    parts = parts_of(columns)
    for k in range(0, len(parts), SUM_VECTORS):
        ColumnSums(to, x, matrix, columns, parts[k: k + SUM_VECTORS]).write(out, rows)


def parts_of(columns: int) -> list[tuple[int, int]]:
    """A row as vectors: where each begins, and how long it is."""
    found, at = [], 0
    for lanes in (LANES, 4, 2, 1):
        while columns - at >= lanes:
            found.append((at, lanes))
            at += lanes
    return found


class ColumnSums:
    """Some columns of the result."""

    def __init__(self, to: Any, x: Any, matrix: Any, columns: int, parts: list[tuple[int, int]]):
        self.to, self.x, self.matrix, self.columns, self.parts = to, x, matrix, columns, parts
        self.kinds = [ir.VectorType(NUMBER, lanes) for _, lanes in parts]

    def write(self, out: Any, rows: int) -> None:
        """Write all of it."""
        builder = self.to.builder
        count = min(rows, 1 if len(self.parts) > 3 else 2 if len(self.parts) > 1 else 4)
        zeros = [kind([0.0] * kind.count) for kind in self.kinds]
        before, body, end = builder.block, self.to.block("sums"), self.to.block("summed")
        builder.branch(body)
        builder.position_at_end(body)
        index, sets = self.phi(INTEGER, INTEGER(0), before), []
        for _ in range(count):
            sets.append([self.phi(kind, zero, before) for kind, zero in zip(self.kinds, zeros, strict=True)])
        row = builder.mul(index, INTEGER(count), flags=("nsw",))
        after = [self.added(sums, builder.add(row, INTEGER(k))) for k, sums in enumerate(sets)]
        following = builder.add(index, INTEGER(1), flags=("nsw",))
        for phi, x in ((index, following), *((a, b) for s, t in zip(sets, after, strict=True)
                                             for a, b in zip(s, t, strict=True))):
            phi.add_incoming(x, body)
        builder.cbranch(builder.icmp_signed("<", following, INTEGER(rows // count)), body, end)
        builder.position_at_end(end)
        for k in range(rows - rows % count, rows):
            after[0] = self.added(after[0], INTEGER(k))
        for (at, _), *sums in zip(self.parts, *after, strict=True):
            builder.store(functools.reduce(builder.fadd, sums), self.place(out, INTEGER(at)), align=8)

    def phi(self, kind: Any, first: Any, before: Any) -> Any:
        found = self.to.builder.phi(kind)
        found.add_incoming(first, before)
        return found

    def place(self, start: Any, index: Any) -> Any:
        return self.to.builder.gep(start, [index], inbounds=True, source_etype=NUMBER)

    def added(self, sums: list, row: Any) -> list:
        """The sums with one row more."""
        builder, found = self.to.builder, []
        start = builder.mul(row, INTEGER(self.columns), flags=("nsw",))
        factor = None if self.x is None else builder.load(self.place(self.x, row), typ=NUMBER)
        for (at, lanes), kind, total in zip(self.parts, self.kinds, sums, strict=True):
            part = builder.load(self.place(self.matrix, builder.add(start, INTEGER(at))), typ=kind, align=8)
            if factor is None:
                found.append(builder.fadd(total, part))
                continue
            first = builder.insert_element(kind(ir.Undefined), factor, ir.IntType(32)(0))
            spread = builder.shuffle_vector(first, first, ir.VectorType(ir.IntType(32), lanes)([0] * lanes))
            fma = self.to.module.library(f"llvm.fmuladd.v{lanes}f64", kind, [kind] * 3)
            found.append(builder.call(fma, [spread, part, total]))
        return found
