"""The tables of docs/coming_from.md."""

import re
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[2] / "docs" / "coming_from.md"


class Row(NamedTuple):
    """A row: the other library's names, ours, and what differs."""

    theirs: str
    ours: str
    differs: str


def tables():
    """The rows of each section's table, by its title."""
    out = {}
    for section in re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        lines = [line for line in section.splitlines() if line.startswith("|")]
        cells = [[cell.strip("| ") for cell in line.split(" | ")] for line in lines]
        if lines:
            out[section.splitlines()[0]] = [Row(*(row + [""] * 3)[:3]) for row in cells[2:]]
    return out


def spans(cell):
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def constructors(section):
    """(their call, our explicit call) of the rows that write one, such as `nn.LIFNode(tau=2.0)`."""
    return [
        (spans(row.theirs)[0], call)
        for row in tables()[section]
        for call in spans(row.ours)
        if re.fullmatch(r"nn\.[A-Z]\w+\((?!\.\.\.).*\)", call) and "..." not in call and len(spans(row.theirs)) == 1
    ]
