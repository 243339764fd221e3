"""Each page of the tutorial is a program: it runs, prints what the page shows, and draws the page's picture."""

import importlib.util
import re
from pathlib import Path

import matplotlib.image
import pytest

DOCS = Path(__file__).parent.parent / "docs"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

if not DOCS.exists():
    pytest.skip("the documentation is not part of an installed package", allow_module_level=True)

spec = importlib.util.spec_from_file_location("programs", DOCS / "programs.py")
programs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(programs)


def alike(shown, printed):
    """The same words; whole numbers within 5 %, others within 0.03: runs on two devices differ in their last bits."""
    if NUMBER.sub("#", shown) != NUMBER.sub("#", printed):
        return False
    pairs = [(float(a), float(b), "." in a) for a, b in zip(NUMBER.findall(shown), NUMBER.findall(printed))]
    return all(abs(a - b) <= (0.03 if broken else 0.05 * abs(a)) for a, b, broken in pairs)


def test_alike_tells_apart():
    assert alike("accuracy 0.98, 7 spikes\n", "accuracy 0.97, 7 spikes\n")
    assert not alike("accuracy 0.98, 7 spikes\n", "accuracy 0.90, 7 spikes\n")
    assert not alike("accuracy 0.98, 7 spikes\n", "accuracy 0.98, 8 spikes\n")
    assert not alike("7 spikes\n", "7 spikes\n7 spikes\n")


@pytest.mark.learning
@pytest.mark.parametrize("page", programs.PAGES, ids=lambda p: p.stem)
def test_page(page, snippet, tmp_path):
    begin = "import os, sys, warnings\nos.chdir(sys.argv[1])\nwarnings.simplefilter('error')\n"
    out = snippet(begin + programs.source(page), tmp_path, timeout=120, MPLBACKEND="Agg").out
    shown, printed = programs.shown(page), programs.printed(out)
    assert len(shown) == len(printed) >= 2
    for wanted, got in zip(shown, printed):
        assert alike(wanted, got), f"the page shows\n{wanted}and it printed\n{got}"
    drawn, kept = (matplotlib.image.imread(folder / f"{page.stem}.png") for folder in (tmp_path, page.parent))
    assert drawn.shape == kept.shape
    assert abs(drawn - kept).mean() < 0.05  # the same axes and lines, if not the same pixels


def test_pages_are_short_and_in_order():
    """Small pictures; each page leads to the next, and the index has them all."""
    index = (programs.TUTORIAL / "index.md").read_text(encoding="utf-8")
    assert {*programs.PAGES, programs.TUTORIAL / "index.md"} == set(programs.TUTORIAL.glob("*.md"))
    assert re.findall(r"\]\((\w+\.md)\)", index) == [p.name for p in programs.PAGES]
    for page, following in zip(programs.PAGES, programs.PAGES[1:]):
        assert f"]({following.name})." in page.read_text(encoding="utf-8").splitlines()[-1]
    for page in programs.PAGES:
        assert page.with_suffix(".png").stat().st_size < 60_000
        assert len(page.read_text(encoding="utf-8").splitlines()) < 130
        assert f"]({page.stem}.png)" in page.read_text(encoding="utf-8")
