"""The types that `grad` and the others keep: those of the parameters and of the result of a function.

A checker of types then knows that `grad(f)(2.0)` takes what `f` takes and gives what `f` is differentiated
by.
What depends on `argnums` alone, such as which of several arguments that is, it cannot know: there it is
`Any`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Concatenate, Literal, ParamSpec, Protocol, TypeVar, TypeVarTuple, overload

import numpy as np

Number = float | np.floating[Any] | np.integer[Any]

P = ParamSpec("P")
Ts = TypeVarTuple("Ts")
X = TypeVar("X", bound=Any)  # within a lambda, anything can be done with it
Y = TypeVar("Y")
Aux = TypeVar("Aux")
R_co = TypeVar("R_co", covariant=True)
Num = TypeVar("Num", bound=Number)


class Grad(Protocol):
    """What `grad` is."""

    @overload  # of the position 0 more is known than of others
    def __call__(  # type: ignore[overload-overlap]
        self,
        f: Callable[Concatenate[X, P], Number],
        argnums: Literal[0] = 0,
        has_aux: Literal[False] = False,
    ) -> Callable[Concatenate[X, P], X]: ...
    @overload
    def __call__(
        self,
        f: Callable[Concatenate[X, P], tuple[Number, Aux]],
        argnums: Literal[0] = 0,
        *,
        has_aux: Literal[True],
    ) -> Callable[Concatenate[X, P], tuple[X, Aux]]: ...
    @overload
    def __call__(
        self, f: Callable[P, Number], argnums: int, has_aux: Literal[False] = False
    ) -> Callable[P, Any]: ...
    @overload
    def __call__(
        self, f: Callable[P, Number], argnums: Sequence[int], has_aux: Literal[False] = False
    ) -> Callable[P, tuple[Any, ...]]: ...
    @overload
    def __call__(
        self, f: Callable[P, tuple[Number, Aux]], argnums: int | Sequence[int] = 0, *, has_aux: Literal[True]
    ) -> Callable[P, tuple[Any, Aux]]: ...


class ValueAndGrad(Protocol):
    """What `value_and_grad` is."""

    @overload
    def __call__(  # type: ignore[overload-overlap]
        self,
        f: Callable[Concatenate[X, P], Num],
        argnums: Literal[0] = 0,
        has_aux: Literal[False] = False,
    ) -> Callable[Concatenate[X, P], tuple[Num, X]]: ...
    @overload
    def __call__(
        self,
        f: Callable[Concatenate[X, P], tuple[Num, Aux]],
        argnums: Literal[0] = 0,
        *,
        has_aux: Literal[True],
    ) -> Callable[Concatenate[X, P], tuple[tuple[Num, Aux], X]]: ...
    @overload
    def __call__(
        self, f: Callable[P, Num], argnums: int, has_aux: Literal[False] = False
    ) -> Callable[P, tuple[Num, Any]]: ...
    @overload
    def __call__(
        self, f: Callable[P, Num], argnums: Sequence[int], has_aux: Literal[False] = False
    ) -> Callable[P, tuple[Num, tuple[Any, ...]]]: ...
    @overload
    def __call__(
        self, f: Callable[P, tuple[Num, Aux]], argnums: int | Sequence[int] = 0, *, has_aux: Literal[True]
    ) -> Callable[P, tuple[tuple[Num, Aux], Any]]: ...


class Vjp(Protocol):
    """What `vjp` is: it takes the arguments of `f`, by position."""

    def __call__(
        self, f: Callable[P, Y], *primals: P.args, **none: P.kwargs
    ) -> tuple[Y, Callable[[Y], tuple[Any, ...]]]: ...


class Jvp(Protocol):
    """What `jvp` is."""

    @overload
    def __call__(self, f: Callable[[*Ts], Y], primals: tuple[*Ts], tangents: tuple[*Ts]) -> tuple[Y, Y]: ...
    @overload
    def __call__(self, f: Callable[..., Y], primals: list[Any], tangents: list[Any]) -> tuple[Y, Y]: ...


class Jacobian(Protocol):
    """What `jacobian` is."""

    def __call__(self, f: Callable[P, Any], argnums: int | Sequence[int] = 0) -> Callable[P, Any]: ...


class Hessian(Protocol):
    """What `hessian` is."""

    def __call__(self, f: Callable[P, Number], argnums: int = 0) -> Callable[P, Any]: ...


class Hvp(Protocol):
    """What `hvp` is."""

    def __call__(self, f: Callable[[X], Number], x: X, v: X) -> X: ...


class Checkpointed(Protocol):
    """What `checkpoint` is."""

    def __call__(self, f: Callable[P, Y]) -> Callable[P, Y]: ...


class CompiledFunction(Protocol[P, R_co]):
    """What `compile` gives: the function, and what can be asked of it."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...
    @property
    def source(self) -> str: ...
    @property
    def adjoint_source(self) -> str: ...
    def forget(self) -> None: ...
    def __get__(self, instance: Any, owner: Any = None) -> Any: ...


class Compile(Protocol):
    """What `compile` is."""

    @overload
    def __call__(
        self, f: Callable[P, Y], *, static: Sequence[str | int] | str = (), parallel: bool | int = False
    ) -> CompiledFunction[P, Y]: ...
    @overload
    def __call__(
        self, f: None = None, *, static: Sequence[str | int] | str = (), parallel: bool | int = False
    ) -> "Compile": ...
