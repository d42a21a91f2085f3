"""One compiled program for many starts, in parallel."""

from collections.abc import Callable

from . import Program
from .cache import load
from .names import Names
from .writer import wrapped

_DRIVER = '''

from numba import prange


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
{head}
    {first} = {one}({of_first})
{allocations}
    {as_traced} = np.empty({n}, np.bool_)
    for {row} in prange({n}):
        {results} = {one}({of_row})
{stores}
        {as_traced}[{row}] = {results}[{last}]
    return {returned}
'''


def parallel(program: Program, starts: int) -> Callable:
    """The function of n, the starts, the other arguments and constants that runs all programs."""
    module = Names()
    one, name = module.fresh(program.name), module.fresh(f"{program.name}_of_each")
    assert one == program.name
    names = Names(module)
    parameters = [names.fresh(x) for x in program.parameters]
    n, first, row, results, as_traced = map(names.fresh, ("n", "first", "row", "results", "as_traced"))
    stacks = [names.fresh("result") for _ in range(program.results)]
    kinds = ["np.float64" if k in program.real else "np.bool_" for k in range(program.results)]
    given, rest = parameters[:starts], parameters[starts:]
    text = _DRIVER.format(
        head="\n".join(wrapped(0, f"def {name}(", [n, *parameters], "):")),
        one=one, n=n, first=first, row=row, results=results, as_traced=as_traced,
        of_first=", ".join([*(f"{x}[0]" for x in given), *rest]),
        of_row=", ".join([*(f"{x}[{row}]" for x in given), *rest]),
        allocations="\n".join(
            f"    {x} = np.empty(({n},) + np.shape({first}[{k}]), {kinds[k]})" for k, x in enumerate(stacks)),
        stores="\n".join(f"        {x}[{row}] = {results}[{k}]" for k, x in enumerate(stacks)),
        last=program.results + 1, returned=", ".join([*stacks, as_traced]))
    return load(name, program.source + text)[0]
