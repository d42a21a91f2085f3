"""The tables of rl.md, from the races kept in docs/data: `python docs/rl.py` writes them, `--check` compares.

A race is put there by `python -m demos NAME race`, whose result.json becomes data/NAME-race.json.
"""

import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
TABLE = re.compile(r"(<!-- race: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def written(page: str) -> str:
    """The page with all of its tables as the data are now."""
    return TABLE.sub(lambda found: found[1] + table(found[2]) + found[3], page)


def table(name: str) -> str:
    """The rows of a race: medians, and ranges over the worlds."""
    data = json.loads((HERE / "data" / f"{name}-race.json").read_text(encoding="utf-8"))
    result, unit = data["result"], data["result"]["unit"]
    worlds, episodes = result["worlds"], data["settings"]["episodes"]
    first, last = worlds[0], worlds[-1]
    seeds = f"{len(worlds)} worlds (seeds {first} to {last})" if first < last else f"world {first}"
    rows = [[f"{name}, {seeds}",
             f"{result['score']}, {episodes} episodes", f"real {unit}s", f"simulated {unit}s",
             "processor seconds", f"as good as ours after real {unit}s", "times those of ours"],
            ["---"] * 7,
            *(row(who, found, result["digits"]) for who, found in result["rivals"].items())]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def row(who: str, found: dict, digits: int) -> list[str]:
    """The cells of one rival."""
    reached, most = found["reached"], found["real"]["median"]
    cells = [found["title"], ranged(found["final"], digits), f"{most:,.0f}",
             f"{found['simulated']['median']:,.0f}", ranged(found["seconds"], 0)]
    if who == "ours":
        return [*cells, "", "1"]
    if not reached["worlds"]:
        return [*cells, f"not within {most:,.0f}", ""]
    good, all_ = reached["worlds"], reached["of"]
    share = "" if good == all_ else f", in {good} of {all_} worlds"
    return [*cells, ranged(reached["real"], 0) + share, significant(reached["ratio"]) + share]


def ranged(values: dict, digits: int) -> str:
    """A median, and the range if there is one."""
    middle, least, most = (f"{values[part]:,.{digits}f}".replace("-", "\N{MINUS SIGN}")
                           for part in ("median", "least", "most"))
    return middle if least == most else f"{middle} ({least} to {most})"


def significant(values: dict) -> str:
    """The same with two digits that count."""
    middle, least, most = (f"{float(f'{values[part]:.2g}'):g}" for part in ("median", "least", "most"))
    return middle if least == most else f"{middle} ({least} to {most})"


def main(argv: list[str]) -> int:
    """Write the page; or only say whether it is what would be written."""
    page = HERE / "rl.md"
    old = page.read_text(encoding="utf-8")
    new = written(old)
    if argv == ["--check"]:
        if old != new:
            print("docs/rl.md is not what docs/data says: run python docs/rl.py", file=sys.stderr)
        return int(old != new)
    page.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
