"""The programs of the tutorial: a page's Python blocks, one after the other, and what they print."""

import re
from pathlib import Path

TUTORIAL = Path(__file__).parent / "tutorial"
PAGES = tuple(TUTORIAL / f"{name}.md" for name in (
    "first_spikes", "first_training", "convolutions", "recurrence", "plasticity", "conversion",
))  # fmt: skip
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.M | re.S)
LINE = "-" * 20 + " output "


def source(page):
    """The program, which prints a line of its own where the page shows an output."""
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    return "\n".join(text if kind == "python" else f"print({LINE!r})\n" for kind, text in blocks)


def shown(page):
    """The outputs that the page shows, in order."""
    return [text for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")) if kind == "text"]


def printed(output):
    """What `source` printed, by the outputs that the page shows; what is printed after the last is left out."""
    return output.split(f"{LINE}\n")[:-1]
