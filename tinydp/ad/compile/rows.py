"""A program while parts of it are replaced; a stack of the rows of an array is that array again.

    >>> builder = Builder()
    >>> xs = builder.input(np.zeros(3), "xs")
    >>> rows = [builder.record(GETITEM, (xs, k), {})[0] for k in range(3)]
    >>> program = builder.program([builder.record(stacked, tuple(rows[:2]), {})[0]])
    >>> print(program)
    given xs: f(3,)
    t: f = getitem(xs, 0)
    t_1: f = getitem(xs, 1)
    t_2: f(2,) = stack(t, t_1)
    return t_2
    >>> rewriting = Rewriting(program)
    >>> rewriting.copy(program.ops)
    >>> print(rewriting.program(program.outputs))
    given xs: f(3,)
    t: f(2,) = getitem(xs, 0:2:1)
    return t
"""

import itertools
import operator
from typing import Any

import numpy as np

from ..parts import scatter
from ..registry import registered
from ..rules.shaping import joined, stacked
from .program import Op, Program, Value, example_of, known, replaced
from .record import Builder

GETITEM = registered(operator.getitem)
FEWEST_STACKED = 16                              # numbers that are rather one array
FEWEST_SCATTERED = 4                             # rows that are scattered as one array


class Rewriting(Builder):
    """A program while parts of it are replaced: operations are kept as they are, or others are recorded."""

    def __init__(self, program: Program):
        super().__init__()
        self.maker.update(program.maker)         # what is not kept yet is looked at, too
        self.now: dict[Value, Any] = {}          # what became of a value, if it is not the same
        for x in program.inputs:
            self.adopt(x)

    def lift(self, x: Any) -> Any:
        """What stands for a value, or a constant, of the old program."""
        return super().lift(replaced(x, self.now))

    def new(self, prim: Any, args: tuple, options: dict, like: Op) -> list[Value]:
        """The results of a new operation, at the place of another."""
        return self.record(prim, args, options, like.spot, like.back)

    def copy(self, ops: list[Op]) -> None:
        """Keep operations of the old program, of what became of their operands."""
        for op in ops:
            new = op.given(self.now)
            if op.prim is stacked and op.options.get("axis", 0) == 0 and any(map(self._array_of, new.args)):
                self.now[op.outs[0]] = self.stacked(list(new.args), op, FEWEST_STACKED)
            elif (op.prim is scatter and len(op.args) >= FEWEST_SCATTERED
                  and any(map(self._array_of, new.args))):
                self.now[op.outs[0]] = self.scattered(new)
            else:
                self.keep(new)

    def stacked(self, values: list, like: Op, gathered: int = 0) -> Any:
        """These values as the rows of an array: where they are rows of one array, a part of that.

        Rows in no regular order are gathered if there are so many.
        """
        if not any(type(x) is Value for x in values):
            return np.array(values)
        parts: list[tuple[Any, Any]] = []        # an array and which of its rows are next, or None and values
        for array, group in itertools.groupby(values, self._array_of):
            rows = list(group)
            index = None if array is None else rows_of([self.maker[x].args[1] for x in rows], array.shape)
            if index is not None and (len(rows) >= gathered or not any(type(k) is np.ndarray for k in index)):
                parts.append((array, index))
            elif parts and parts[-1][0] is None:
                parts[-1][1].extend(rows)
            else:
                parts.append((None, rows))
        made = [self.new(stacked, tuple(rows), {}, like)[0] if array is None
                else self.taken(array, rows, like) for array, rows in parts]
        return made[0] if len(made) == 1 else self.new(joined, tuple(made), {}, like)[0]

    def scattered(self, op: Op) -> Value:
        """What is scattered, row by row of an array, as that array, whose rows go to the same places."""
        args, indices = list[Any](), list[Any]()
        pairs = zip(op.args, op.options["indices"], strict=True)
        for array, group in itertools.groupby(pairs, lambda pair: self._array_of(pair[0])):
            rows = list(group)
            taken = None if array is None else rows_of([self.maker[x].args[1] for x, _ in rows], array.shape)
            places = [index for _, index in rows]
            if array is None or taken is None or len(rows) < FEWEST_SCATTERED or not _name_each(rows):
                args += [x for x, _ in rows]
                indices += places
            else:
                args.append(self.taken(array, taken, op))
                indices.append(tuple([np.stack(axis) for axis in zip(*places, strict=True)]))
        return self.new(op.prim, tuple(args), op.options | {"indices": tuple(indices)}, op)[0]

    def _array_of(self, x: Any) -> Value | None:
        """The array that a value is taken from by an index, if it is."""
        op = self.maker.get(x) if type(x) is Value else None
        array = self.lift(op.args[0]) if op and op.prim is GETITEM else None
        return array if type(array) is Value else None

    def taken(self, array: Value, index: tuple, like: Op) -> Value:
        """A part of an array, or all of it."""
        if len(index) == 1 and type(index[0]) is slice and index[0] == slice(0, array.shape[0], 1):
            return array
        return self.new(GETITEM, (array, index if len(index) > 1 else index[0]), {}, like)[0]


def _name_each(rows: list) -> bool:
    """Whether each index names the place of each element, by an array for each axis."""
    return all(type(index) is tuple and all(
        isinstance(part, np.ndarray) and part.dtype.kind == "i" and part.shape == np.shape(example_of(x))
        for part in index) for x, index in rows)


def rows_of(indices: list, shape: tuple) -> tuple | None:
    """One index that takes, as rows, what these take one by one, or nothing.

        >>> rows_of([1, 2, 3], (5,)), rows_of([(0, -1), (0, -2), (0, -3)], (2, 3))
        ((slice(1, 4, 1),), (0, slice(2, None, -1)))
    """
    parts = [*map(index_parts, indices)]
    if len({len(part) for part in parts}) > 1:
        return None
    columns = [*zip(*parts, strict=True)]
    varying = [t for t, column in enumerate(columns) if len({known(k) for k in column}) > 1]
    if (not varying or any(type(k) is not int for column in columns[:varying[-1] + 1] for k in column)
            or any(type(column[0]) not in (int, slice) for column in columns)):
        return None
    index: list = [column[0] for column in columns]
    for t in varying:
        index[t] = np.array([k % shape[t] for k in columns[t]])
    steps = set(np.diff(index[varying[0]]).tolist())
    if len(varying) == 1 and len(steps) == 1 and (step := steps.pop()):
        start, stop = int(index[varying[0]][0]), int(index[varying[0]][-1]) + step
        index[varying[0]] = slice(start, stop if stop >= 0 else None, step)
    return tuple(index)


def index_parts(index: Any) -> tuple:
    """An index as the tuple that NumPy sees."""
    return index if type(index) is tuple else (index,)
