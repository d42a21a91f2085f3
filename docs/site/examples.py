"""Examples that stand at the margin of a docstring are code, too: Markdown takes their `>>>` for quotations.

    >>> indented(["Text.", "", ">>> 1 + 1", "2", "", "Text."])
    ['Text.', '', '    >>> 1 + 1', '    2', '', 'Text.']
"""


def indented(lines: list[str]) -> list[str]:
    """The lines of a text, with its examples moved in as code is; an example ends with an empty line."""
    found, inside = [], False
    for line in lines:
        inside = line != "" and (inside or line.startswith(">>> "))
        found.append("    " + line if inside else line)
    return found
