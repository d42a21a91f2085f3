"""The pictures of the pages on the front door: `python docs/site/pictures.py`, from the project's folder."""

import pathlib
import sys
import tempfile

import pages

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))


def main() -> None:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  (of an extra)

    from demos.page.browser import CHROMIUM  # noqa: PLC0415  (the path has to be set)

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 960, "height": 640}, device_scale_factor=0.75)
        for shown in pages.PAGES:
            file = pathlib.Path(folder, "page.html")
            file.write_text(pages.text(shown), encoding="utf-8")
            page.goto(file.as_uri())
            if shown.learns:
                page.click("#learn")
                page.wait_for_timeout(6000)
            picture = ROOT / "docs" / "site" / f"page-{shown.name}.png"
            page.screenshot(path=picture)
            print(f"{picture.name}: {picture.stat().st_size / 1000:.0f} kB")
        browser.close()


if __name__ == "__main__":
    main()
