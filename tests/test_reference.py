"""The reference in docs/reference: every public name stands on exactly one page, and all pages are found."""

import functools
import importlib
import inspect
import operator
import pydoc
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

import grilly_vk
from grilly_vk import data, decode, encode, functional, models, monitor, nn, optim, plot, report, surrogate
from grilly_vk.equations.neurons import NODES
from grilly_vk.nn import conversion, traced

DOCS = Path(__file__).parent.parent / "docs"
DIRECTIVE = re.compile(r"^\.\. (?:auto\w+|py:data):: (grilly_vk[\w.]*)$", re.M)
MODULES = (
    grilly_vk, nn, functional, optim, encode, decode, models, monitor, plot, data, report, surrogate, conversion,
    traced,
)  # fmt: skip

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the documentation is not part of an installed package")


@functools.cache
def tools(name="public_names"):
    """A file of docs that the pages are made with."""
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(DOCS))


@functools.cache
def pages():
    """{page: its text as Sphinx reads it}."""
    known = tools()
    names, others = known.public_names()
    return {
        page.name: known.expanded(page.read_text(encoding="utf-8"), marks, names, others)
        for page, marks in known.places().items()
    }


def test_every_public_name_is_on_one_page():
    """By identity: what has two public paths is described under one of them."""
    described = [path for text in pages().values() for path in DIRECTIVE.findall(text) if ".ops." not in path]
    twice = [path for path, count in Counter(described).items() if count > 1]
    assert not twice
    values = Counter(id(operator.attrgetter(path.removeprefix("grilly_vk."))(grilly_vk)) for path in described)
    for module in MODULES:
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isroutine(value):
                assert values[id(value)] == 1, f"{module.__name__}.{name} is described {values[id(value)]} times"
    for name in ("max", "abs", "round"):  # which __all__ leaves out, lest a star import hide builtins
        assert values[id(getattr(grilly_vk, name))] == 1, name


def test_what_pages_name_is_there():
    """Also what no comment takes: the operations, and modules as a whole."""
    named = [(page, path) for page, text in pages().items() for path in DIRECTIVE.findall(text)]
    missing = [f"{page}: {path}" for page, path in named if pydoc.locate(path) is None]
    assert len(named) > 500 and not missing, "\n".join(missing)


def test_other_paths_are_said():
    """A name's other public paths stand on the page that describes it."""
    assert "`grilly_vk.surrogate.ATan` is `grilly_vk.nn.ATan`" in pages()["surrogates.md"]
    assert "`grilly_vk.nn.conversion.Converter` is `grilly_vk.nn.Converter`" in pages()["conversion.md"]


def test_what_is_inherited_is_described_once():
    """LIFNode's methods of Module, StatefulModule and SpikingNode are not said again, and those classes are there."""
    (options,) = re.findall(r"autoclass:: grilly_vk\.nn\.LIFNode\n((?:   .*\n)+)", pages()["nodes.md"])
    assert {"SpikingNode", "StatefulModule", "Module", "object"} <= set(re.findall(r"\w+", options))
    assert "autoclass:: grilly_vk.nn.SpikingNode\n" in pages()["nodes.md"]
    assert "autoclass:: grilly_vk.nn.Module\n" in pages()["layers.md"]


def test_comments_take_something():
    """Every comment of a page takes names, so that none stays when a file is renamed; "the rest" may be nothing."""
    for page, marks in tools().places().items():
        for mark, names in marks.items():
            assert names or ".*: *" in mark, f"{page.name}: {mark}"


def test_index_lists_the_pages():
    text = (DOCS / "reference" / "index.md").read_text(encoding="utf-8")
    listed, (tree,) = re.findall(r"\]\((\w+)\.md\)", text), re.findall(r":hidden:\n\n(.*?)```", text, re.S)
    assert listed == tree.split()
    assert {*listed, "index"} == {p.stem for p in (DOCS / "reference").glob("*.md")}


def test_a_name_that_no_page_takes_is_told(tmp_path, monkeypatch):
    """The build stops, naming what has no place."""
    for page in (DOCS / "reference").glob("*.md"):
        text = page.read_text(encoding="utf-8")
        (tmp_path / page.name).write_text(text.replace("<!-- names: grilly_vk.plot: * -->", ""), encoding="utf-8")
    monkeypatch.setattr(tools(), "REFERENCE", tmp_path)
    with pytest.raises(LookupError, match=r"no page .* takes grilly_vk\.plot\.accuracy_curve, grilly_vk\.plot\.pop"):
        tools().places()


def test_the_equations_of_every_model_are_shown():
    """As text, from the records: each model with its own numbers and states."""
    shown = tools("equations")
    text = shown.equations()
    assert shown.MARK in (DOCS / "reference" / "nodes.md").read_text(encoding="utf-8")
    for model in NODES:
        assert f"**{model.title}**" in text
    assert "k = 1 / tau\nscale = w where it trains\nh = max(scale * where(decay_input," in text
    assert "\nadaptation = rho * adaptation + (1 - rho) * s\n```" in text
