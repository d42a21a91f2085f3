"""One demo, from its command line to its exit code."""

import importlib

from . import COMMAND, command
from .checkpoints import CheckpointError
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
    command.make_folder(options.out, flags)
    try:
        match options.action:
            case "sweep":
                return command.later(f"{__package__}.sweep", "run")(demo, options, argv)
            case "play":
                return play(demo, options)
            case "plot":
                print(f"written  {', '.join(map(str, demo.plot(options, demo.train(options))))}")
                return 0
            case action:
                return show(demo, options, argv, pictures=action == "show")
    except (CheckpointError, command.NoCluster) as error:
        flags.error(str(error))


def show(demo: Demo, options: command.Options, argv: list[str], pictures: bool) -> int:
    """Train, judge, and draw if `pictures` are wanted."""
    outcome = demo.train(options)
    result, lines = command.judge(demo, options, outcome, argv)
    command.save(options.out / "result.json", result)
    files = [*(demo.plot(options, outcome) if pictures else []), options.out / "result.json"]
    print("\n".join([*lines, f"written  {', '.join(map(str, files))}"]))
    return 0 if result["success"] else 1


def play(demo: Demo, options: command.Options) -> int:
    """Open a window, or say why not, and show a picture of it."""
    assert demo.play is not None
    picture = demo.play(options, demo.train(options))
    if picture:
        print(f"There is no display for a window. What it would show: {picture}")
    return 0
