"""Pages in which a demo's machine moves and learns: one file each, which needs no network.

A page is put together from what is exported (as `dp.export` does, in WebAssembly) and from a few files: here
`frame.html`, `style.css`, `parts.js` (what pages have in common) and `learning.js` (the loop that learns, in
a thread of its own); beside the demo `page.html` (what is seen) and `page.js` (what draws it).

How a page learns: its programs have an `update`, whose results become its next arguments, and which takes
`draws`, random numbers within (0, 1); a `begin`, which makes its first arguments, from `draws` as well; and
a `judge` with the result `mean`, which takes `average`, what the page shows. Other arguments are settings,
such as a mass, that sliders change. Of the page's `data`, `starts` are those that choose and those that
judge, `updates` how many there are; `trained` is the network of the demo's controller, if that is there;
`pace` is how many updates there are in a second, if not as many as can be, for what would be learned before
it is seen; `judged` how many lie between two judgements, if not 10.
"""

import html
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinydp import controllers
from tinydp.ad.compile import javascript
from tinydp.ad.export.modules import prepared, script

from ..command import Demo, Options, Report, budget, note

HERE = Path(__file__).parent
LARGEST = 500_000                        # bytes


class Page(NamedTuple):
    """What a page is made of."""

    name: str
    title: str
    folder: str                          # the Python file beside `page.html` and `page.js`
    programs: dict[str, tuple]           # as `dp.export` takes them
    shown: dict[str, Callable] = {}      # functions whose text is shown, by a caption
    examples: tuple = ()                 # ... and their example arguments
    data: dict[str, Any] = {}            # for `page.js`, as `DATA`


def text_of(page: Page) -> str:
    """The page."""
    beside = Path(page.folder).parent
    read = lambda folder, name: (folder / name).read_text(encoding="utf-8")
    parts = {
        "TITLE": html.escape(page.title),
        "STYLE": read(HERE, "style.css"),
        "BODY": read(beside, "page.html"),
        "SHOWN": "".join([
            *(_shown(caption, f, page.examples) for caption, f in page.shown.items()),
            _details("the Python that it was made from", read(beside, Path(page.folder).name), "python")]),
        "LINK": html.escape(Path(page.folder).relative_to(HERE.parents[1]).as_posix()),
        "PROGRAMS": script(prepared(page.programs)),
        "LEARNING": read(HERE, "learning.js"),
        "DATA": json.dumps(page.data),
        "PARTS": read(HERE, "parts.js"),
        "PAGE": read(beside, "page.js"),
    }
    text = read(HERE, "frame.html")
    for name, part in parts.items():
        text = text.replace(f"<!--{name}-->", part).replace(f"/*{name}*/", part)
    return text


def _shown(caption: str, f: Callable, examples: tuple) -> str:
    """A program in JavaScript, to be read."""
    (made,) = prepared({"program": (f, *examples)})
    text = javascript.printed(made.module).text
    return _details(f"{caption}, as the page has it", text)


def _details(caption: str, text: str, name: str = "") -> str:
    """A text that is there for those who want it."""
    place, shown = f' id="{name}"' if name else "", html.escape(caption[0].upper() + caption[1:])
    return (f"<details{place}><summary>{shown}</summary>"
            f"<pre tabindex=0>{html.escape(text)}</pre></details>")


def trained(page: Page, file: Path) -> dict[str, list] | None:
    """The network of a demo's controller, by the names of its arrays; None without one of these sizes."""
    if not file.exists():
        return None
    layers, example = controllers.load(file).params, page.programs["update"][1]
    if [np.shape(x) for layer in layers for x in layer] != [np.shape(x) for layer in example for x in layer]:
        return None
    return {f"{k}.{name}": np.ravel(x).tolist() for k, layer in enumerate(layers)
            for name, x in layer._asdict().items()}


def page_demo(page: Callable[[], Page], name: str, about: str) -> Demo:
    """A demo that writes a page; with the controller that its demo trained, if there is one."""
    def made(options: Options) -> str:
        demo, new = name.split(maxsplit=1)[0], page()
        file = options.out.parent / demo / f"controller-{options.seed}.npz"
        network = trained(new, file)
        note(f"With the controller in {file}." if network else
             f"Without a trained controller: there is none of its size in {file}.", options.quiet)
        return text_of(new._replace(data=new.data | {"trained": network}))

    def write(options: Options, text: str) -> list[Path]:
        path = options.out / "page.html"
        path.write_text(text, encoding="utf-8")
        return [path]

    def report(options: Options, text: str) -> Report:
        size = len(text.encode())
        return Report(success=size < LARGEST, result={"bytes": size}, budget=budget(), claim=about,
                      goal={"bytes": LARGEST},
                      lines=[f"page     {size / 1000:,.0f} kB, in one file: open it in a browser"])

    return Demo(name, inspect.cleandoc(about), train=made, report=report, plot=write,
                settings=lambda options: {"page": name})
