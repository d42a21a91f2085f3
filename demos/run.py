"""One demo, from its command line to its exit code."""

import contextlib
import importlib
from pathlib import Path
from typing import Any

from . import COMMAND, command
from .checkpoints import CheckpointError, Keeper, save
from .command import Demo


def run(demo: Demo, argv: list[str]) -> int:
    """Do what the command line says; the exit code: 0 fine, 1 the goal was missed.

    Bad usage ends the program with 2, as do files that belong to something else.
    """
    if argv and argv[0] in demo.beside:
        return run(importlib.import_module(demo.beside[argv[0]]).DEMO, argv[1:])
    recipe, others = command.recipe(demo, argv)
    if recipe != command.OWN:
        return run(importlib.import_module(demo.beside[recipe]).DEMO, others)
    flags = command.parser(demo)
    options = flags.parse_intermixed_args(argv)
    if options.action in demo.beside:
        flags.error(f"{options.action} is a demo of its own and comes first: "
                    f"{COMMAND} {demo.name} {options.action} ...")
    command.require(*demo.packages, *(() if options.action == "train" else ("matplotlib", "PIL")))
    command.make_folder(options.out, flags)
    try:
        match options.action:
            case "sweep":
                return command.later(f"{__package__}.sweep", "run")(demo, options, argv)
            case "play":
                return play(demo, options)
            case "plot":
                print(f"written  {', '.join(map(str, drawn(demo, options, outcome_of(demo, options))))}")
                return 0
            case action:
                return show(demo, options, argv, pictures=action == "show")
    except (CheckpointError, command.NoCluster) as error:
        flags.error(str(error))


def outcome_of(demo: Demo, options: command.Options) -> Any:
    """What it learned and how that was judged: from a file, where all of it was done before."""
    if not demo.outcomes:
        return demo.train(options)
    path = options.out / f"outcome-{variant(demo, options)}{options.seed}.npz"
    keeper = Keeper(path, demo.name, demo.settings(options), demo.outcomes)
    with contextlib.suppress(CheckpointError):               # of other flags: then it is not known
        if known := keeper.load(options.fresh):
            command.note(f"Trained and judged before, as kept in {path} (--fresh begins anew).",
                         options.quiet)
            return known
    found = demo.train(options)
    keeper.keep(found, finished=True)
    return found


def show(demo: Demo, options: command.Options, argv: list[str], pictures: bool) -> int:
    """Train, judge, and draw if `pictures` are wanted."""
    outcome = outcome_of(demo, options)
    result, lines = command.judge(demo, options, outcome, argv)
    told = options.out / f"{variant(demo, options)}result.json"
    command.save(told, result)
    files = [*(drawn(demo, options, outcome) if pictures else []),
             *controller_of(demo, options, outcome), told]
    print("\n".join([*lines, f"written  {', '.join(map(str, files))}"]))
    return 0 if result["success"] else 1


def variant(demo: Demo, options: command.Options) -> str:
    """What stands before a file's own name, so that no mode overwrites what another has written."""
    return f"{name}-" if (name := demo.variant(options)) else ""


def controller_of(demo: Demo, options: command.Options, outcome: Any) -> list[Path]:
    """Where the controller is written, for `tinydp.controllers.load`."""
    if demo.acts is None or demo.keeps is None:
        return []
    path = options.out / f"controller-{variant(demo, options)}{options.seed}.npz"
    save(path, params_of(demo.keeps(options, outcome)), demo.name, demo.settings(options))
    return [path]


def params_of(kept: dict[str, Any]) -> dict[str, Any]:
    """What a sweep keeps, without all but the parameters."""
    return {name: part if name == "params" else params_of(part) for name, part in kept.items()
            if name == "params" or isinstance(part, dict)}


def drawn(demo: Demo, options: command.Options, outcome: Any) -> list[Path]:
    """The pictures of an outcome, as files."""
    with command.working("drawing", options.quiet):
        return demo.plot(options, outcome)


def play(demo: Demo, options: command.Options) -> int:
    """Open a window, or say why not, and show a picture of it."""
    assert demo.play is not None
    picture = demo.play(options, outcome_of(demo, options))
    if picture:
        print(f"There is no display for a window. What it would show: {picture}")
    return 0
