"""A page in headless Chromium, driven by Playwright: for the tests, and to measure.

    $ python -m demos.page.browser out/pendulum-page/page.html --seeds 5 --seconds 10

opens the page anew for each seed, presses "Learn", and prints after how many updates and seconds the mean
return was better than the goal, what it is at the end, and how many frames a second were drawn meanwhile.
"""

import argparse
import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextlib.contextmanager
def opened(path: Path, width: int = 1366, height: int = 900, **options: Any
           ) -> Iterator[tuple[Any, list[str]]]:
    """A page, and what it says in the console; `options` as of Playwright's `new_page`.

    Raises `ImportError` without Playwright, and `FileNotFoundError` without a browser.
    """
    from playwright.sync_api import sync_playwright  # of an extra

    if CHROMIUM is None:
        raise FileNotFoundError("there is no Chromium here: apt-get install chromium")
    said: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height}, **options)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path.resolve().as_uri())
        page.wait_for_function("points.length > 0")
        yield page, said
        browser.close()


def measured(path: Path, seed: int, seconds: float, goal: float) -> dict[str, float]:
    """How a page learns from the network of this seed."""
    with opened(path) as (page, _):
        page.evaluate(f"seed = {seed}; fresh()")
        page.wait_for_function("points.length > 0 && points.at(-1)[0] === 0")
        start, frames = time.perf_counter(), page.evaluate("frames.count")
        page.click("#learn")
        reached, updates = float("nan"), float("nan")
        while (now := time.perf_counter() - start) < seconds:
            time.sleep(0.05)
            if reached != reached and page.evaluate("judgement.value") > goal:           # noqa: PLR0124
                reached, updates = now, page.evaluate("judgement.of")
        return {"seed": seed, "first": page.evaluate("points[0][1]"), "reached": reached, "of": updates,
                "value": page.evaluate("judgement.value"),
                "newest": page.evaluate("judgement.now"), "updates": page.evaluate("progress.step"),
                "frames": (page.evaluate("frames.count") - frames) / now}


def main() -> None:
    flags = argparse.ArgumentParser(prog="python -m demos.page.browser", description=__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("page", type=Path)
    flags.add_argument("--seeds", type=int, default=5)
    flags.add_argument("--seconds", type=float, default=10.0)
    flags.add_argument("--goal", type=float, default=-145.0)
    options = flags.parse_args()
    for seed in range(1, options.seeds + 1):
        found = measured(options.page, seed, options.seconds, options.goal)
        print("seed {seed:.0f}: {first:.1f} at first; better than the goal after {reached:.1f} s and "
              "{of:.0f} updates; after all, {updates:.0f} updates: {value:.4g}, the newest network "
              "{newest:.4g} (other starts); {frames:.0f} frames a second".format(**found), flush=True)


if __name__ == "__main__":
    main()
