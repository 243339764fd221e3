"""The gallery of the documentation: each program of examples/ has its card and its page, a new one too."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

if not DOCS.exists():
    pytest.skip("the documentation is not part of an installed package", allow_module_level=True)

spec = importlib.util.spec_from_file_location("gallery", DOCS / "gallery.py")
gallery = importlib.util.module_from_spec(spec)
spec.loader.exec_module(gallery)

NEW = '''"""A new thing: spikes of shape (T, *rest), --fast.

    python examples/new_thing.py [--fast]

It is in data/new.py.
"""

if __name__ == "__main__":
    print(1)
'''


def test_no_program_is_missing():
    """A program has a main part, says how it is run or prints; each has a card, a page and a place in the toctree."""
    files = {p: p.read_text(encoding="utf-8") for p in (ROOT / "examples").rglob("*.py")}
    programs = [p for p, text in files.items() if re.search(r"__main__|^print\(|^ *python examples/", text, re.M)]
    found = {e.file: e for e in gallery.examples()}
    assert set(programs) == set(found) and len(found) >= 14
    text = gallery.gallery()
    for example in found.values():
        assert text.count(f"[{example.title}](examples/{example.name}.md)") == 1
        assert f"<examples/{example.name}>" in text
        page = gallery.page(example)
        assert page.startswith(f"# {example.title}\n") and len(example.title) < 110
        assert (DOCS / "examples" / re.search(r"\{literalinclude\} (\S+)", page)[1]).resolve() == example.file
    assert gallery.MARK in (DOCS / "gallery.md").read_text(encoding="utf-8")


def test_pictures_and_outputs_belong_to_an_example():
    """So that none stays when an example is renamed."""
    found = {e.name: e for e in gallery.examples()}
    assert {p.stem for p in gallery.OUTPUTS.iterdir()} <= set(found)
    shown = [e for e in found.values() if e.picture or e.output]
    assert len(shown) >= 12
    assert "](../diehl_cook.png)" in gallery.page(found["diehl_cook"])
    assert found["lif_frequency_current"].output in gallery.page(found["lif_frequency_current"])


def test_a_new_example_appears(tmp_path, monkeypatch):
    """What others import from has no page; a page goes with its example."""
    folder = tmp_path / "examples"
    (folder / "ports").mkdir(parents=True)
    monkeypatch.setattr(gallery, "EXAMPLES", folder)
    (folder / "new_thing.py").write_text(NEW, encoding="utf-8")
    (folder / "shared.py").write_text('"""Shared."""\n\n\ndef digits():\n    print(2)\n', encoding="utf-8")
    (folder / "ports" / "other.py").write_text('"""Another one."""\n\nprint(3)\n', encoding="utf-8")
    first, second = gallery.examples()
    assert (first.title, first.command) == ("A new thing", "python examples/new_thing.py [--fast]")
    assert (second.name, second.command) == ("ports_other", "python examples/ports/other.py")
    assert "## Ports" in gallery.gallery()
    assert "Spikes of shape (T, \\*rest), `--fast`." in gallery.page(first)
    assert "It is in `data/new.py`." in gallery.page(first)
    gallery.write(tmp_path / "pages")
    assert {p.name for p in (tmp_path / "pages").iterdir()} == {"new_thing.md", "ports_other.md"}
    (folder / "new_thing.py").unlink()
    gallery.write(tmp_path / "pages")
    assert {p.name for p in (tmp_path / "pages").iterdir()} == {"ports_other.md"}


def test_a_program_without_a_docstring_is_told(tmp_path):
    (tmp_path / "silent.py").write_text("print(1)\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has no docstring"):
        gallery.read(tmp_path / "silent.py")
