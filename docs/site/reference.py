"""The reference: which page of the site has which public names. Their docstrings are the text.

    >>> PAGES[0].title, PAGES[0].names[0]
    ('Derivatives', 'tinydp.grad')
    >>> print(pages()["reference/derivatives.md"].splitlines()[2])
    ::: tinydp.grad
"""

import importlib
import inspect
from types import ModuleType
from typing import Any, NamedTuple


class Page(NamedTuple):
    """A page of the reference. A name that is a module stands for all public names in it."""

    title: str
    names: tuple[str, ...]

    @property
    def address(self) -> str:
        return f"reference/{self.title.lower().replace(' ', '-').replace(',', '')}.md"


def _of(module: str, names: str) -> tuple[str, ...]:
    return tuple(f"{module}.{name}" for name in names.split())


PAGES = (
    Page("Derivatives", _of("tinydp", "grad value_and_grad vjp jvp jacobian hessian hvp")),
    Page("Gradients of your own", _of("tinydp", "primitive defvjp custom_gradient straight_through sign "
                                                "stop_gradient value")),
    Page("Loops and choices", _of("tinydp", "scan while_loop integrate checkpoint vmap cond")),
    Page("Equations", _of("tinydp", "root argmin")),
    Page("Arrays and structures", (*_of("tinydp", "set_at add_at lookup linalg"), "tinydp.ad.tree.register")),
    Page("Compiler", (*_of("tinydp", "compile"), *_of("tinydp.ad.compile", "Compiled TapeWarning"))),
    Page("Export", (*_of("tinydp", "export"), "tinydp.ad.export.Shape")),
    Page("Looking inside", (*_of("tinydp", "record debug_nans"), "tinydp.ad.show.RecordedTape",
                            "tinydp.ad.show.ShownNode", "tinydp.ad.show.Share")),
    Page("Networks and optimisers", _of("tinydp", "nn optim")),
    Page("Trained controllers", ("tinydp.controllers",)),
    Page("Gradient checks", ("tinydp.testing", "tinydp.testing.strategies")),
    Page("Simulators", _of("tinydp.sims", "pendulum cartpole swingup trebuchet integrators rollouts gym")),
    Page("Worlds", ("tinydp.sims.worlds",)),
    Page("Error classes", ("tinydp.ad.errors",)),
)


def found(name: str) -> Any:
    """What a dotted name means."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        module, _, last = name.rpartition(".")
        return getattr(importlib.import_module(module), last)


def public(module: ModuleType) -> list[str]:
    """The names that a module offers, in the order of its source, without the modules in it."""
    return [name for name, thing in vars(module).items()
            if name in module.__all__ and not inspect.ismodule(thing)]


def entries() -> dict[str, Any]:
    """Every name of the reference, and what it means."""
    listed = {name: found(name) for page in PAGES for name in page.names}
    inside = {f"{module}.{name}": getattr(thing, name) for module, thing in listed.items()
              if inspect.ismodule(thing) for name in public(thing)}
    return {name: thing for name, thing in (listed | inside).items() if not inspect.ismodule(thing)}


def pages() -> dict[str, str]:
    """The pages as Markdown: the docstrings themselves are put in by mkdocstrings."""
    return {page.address: _text(page) for page in PAGES} | {"reference/index.md": _index()}


def _text(page: Page) -> str:
    told = "\n".join(_block(name) for name in page.names)
    raised = [_row(name) for name in entries() if _has_a_program(name) and name.startswith(page.names)]
    table = "\n".join(["| class | when |", "| --- | --- |", *raised, ""]) if raised else ""
    return f"# {page.title}\n\n{told}\n{table}"


def _block(name: str) -> str:
    thing = found(name)
    if not inspect.ismodule(thing):
        return f"::: {name}\n"
    members = "".join(f"        - {member}\n" for member in public(thing)
                      if not _has_a_program(f"{name}.{member}"))
    return f"::: {name}\n    options:\n      show_root_full_path: true\n      members:\n{members}"


def _index() -> str:
    lines = ["# Reference", "", "All public names, `import tinydp as dp`. Each has its shapes and units, "
             "what it raises, and an example that the tests run.", ""]
    for page in PAGES:
        lines += [f"## {page.title}", "", "| name | what it is |", "| --- | --- |"]
        for name in page.names:
            thing = found(name)
            inside = [f"{name}.{member}" for member in public(thing)] if inspect.ismodule(thing) else []
            lines += [_row(entry) for entry in (name, *inside)]
        lines += [""]
    return "\n".join(lines)


def _row(name: str) -> str:
    thing = found(name)
    told = inspect.ismodule(thing) or callable(thing)
    about = (inspect.getdoc(thing) or "").partition("\n\n")[0].replace("\n", " ") if told else ""
    shown, last = name.replace("tinydp", "dp", 1), name.rpartition(".")[2]
    link = f"[`{last}`](../errors.md#{last.lower()})" if _has_a_program(name) else f"[`{shown}`][{name}]"
    return f"| {link} | {about.replace('|', chr(92) + '|')} |"


def _has_a_program(name: str) -> bool:
    """Whether docs/errors.md has a program that raises it, which says more than a docstring."""
    return name.startswith("tinydp.ad.errors.") and not name.endswith(".TinydpError")
