"""One compiled program for many starts, in parallel."""

import re
from collections.abc import Callable

from . import Program
from .cache import load

_DRIVER = '''

@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def {name}_of_each(n, {parameters}):
    first = {one}({of_first})
{allocations}
    as_traced = np.empty(n, np.bool_)
    for row in prange(n):
        one = {one}({of_row})
{stores}
        as_traced[row] = one[{last}]
    return {results}, as_traced
'''


def parallel(program: Program, starts: int) -> Callable:
    """The function of n, the starts, the other arguments and constants that runs all programs."""
    head = re.search(r"^def (\w+)\((.*?)\):", program.source[program.source.rindex("@njit(cache=True"):],
                     re.MULTILINE | re.DOTALL)
    assert head is not None
    name, parameters = head[1], [part.strip() for part in head[2].split(",") if part.strip()]
    rest = parameters[starts:]
    count = program.results
    text = _DRIVER.format(
        name=name, one=name, parameters=", ".join(parameters),
        of_first=", ".join([*(f"{x}[0]" for x in parameters[:starts]), *rest]),
        of_row=", ".join([*(f"{x}[row]" for x in parameters[:starts]), *rest]),
        allocations="\n".join(f"    result_{k} = np.empty((n,) + np.shape(first[{k}]))"
                              for k in range(count)),
        stores="\n".join(f"        result_{k}[row] = one[{k}]" for k in range(count)),
        last=count + 1, results=", ".join(f"result_{k}" for k in range(count)))
    source = program.source.replace("from numba import njit", "from numba import njit, prange") + text
    return load(f"{name}_of_each", source)[0]
