"""Sphinx: how the documentation is built; tools/docs runs it."""

import re
import sys
from pathlib import Path

from sphinx.errors import ExtensionError

import grilly_vk

sys.path.insert(0, str(Path(__file__).parent))
import equations
import gallery
import public_names

LARGEST = 600_000  # bytes of a page

project = "grilly-vk"
author = "the grilly-vk authors"
project_copyright = "the grilly-vk authors; MIT license"
version = release = grilly_vk.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
default_role = "code"  # single backticks in docstrings are code

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings give shapes and units, which the annotations can't
autodoc_default_options = {
    "members": True,
    "inherited-members": "object",
    "special-members": "__call__",
}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False  # what stands before a colon under "Returns" is a shape, not the name of a type

html_theme = "furo"
html_title = f"grilly-vk {release}"
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["pages.css"]


def _stars(app, what, name, obj, options, lines):
    """Shapes such as (T, *rest) are no emphasis."""
    for i, line in enumerate(lines):
        parts = re.split(r"(`+[^`]*`+)", line)  # code stays as it is
        parts[::2] = [re.sub(r"(?<![\w*\\])\*(?=[\w(])", r"\\*", part) for part in parts[::2]]
        lines[i] = "".join(parts)


def _public_bases(app, name, obj, options, bases):
    """Bases by their public names, so that they are links; object, which says nothing, is left out."""
    paths = {name.value: name.path for name in app.public_names if isinstance(name.value, type)}
    bases[:] = [f":py:class:`{paths[b]}`" if b in paths else b for b in bases if b is not object]


def _names(app, docname, source):
    """The names of a page of the reference, in place of the comments that say which (public_names.py)."""
    marks = app.public_places.get(Path(app.srcdir, f"{docname}.md"))
    if marks:
        source[0] = public_names.expanded(source[0], marks, app.public_names, app.public_aliases)


def _gallery(app, docname, source):
    """The examples, in place of a comment (gallery.py)."""
    source[0] = source[0].replace(gallery.MARK, gallery.gallery())


def _equations(app, docname, source):
    """The equations of neuron models, in place of a comment (equations.py)."""
    if equations.MARK in source[0]:
        source[0] = source[0].replace(equations.MARK, equations.equations())


def _sizes(app, exception):
    """No page is so large that a browser labours over it."""
    for page in Path(app.outdir).rglob("*.html"):
        if exception is None and page.name != "genindex.html" and page.stat().st_size > LARGEST:
            raise ExtensionError(f"{page.name} has {page.stat().st_size} bytes, more than {LARGEST}: split it")


def setup(app):
    """Called by Sphinx."""
    app.connect("build-finished", _sizes)
    gallery.write(Path(app.srcdir, "examples"))
    app.connect("source-read", _gallery)
    app.connect("source-read", _equations)
    app.public_names, app.public_aliases = public_names.public_names()
    app.public_places = public_names.places()
    app.connect("source-read", _names)
    app.connect("autodoc-process-bases", _public_bases)
    app.connect("autodoc-process-docstring", _stars, priority=400)
