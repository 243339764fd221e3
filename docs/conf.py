"""Sphinx: how the documentation is built; tools/docs runs it."""

import re

import grilly_vk

project = "grilly-vk"
author = "the grilly-vk authors"
project_copyright = "the grilly-vk authors; MIT license"
version = release = grilly_vk.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
default_role = "code"  # single backticks in docstrings are code

myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings give shapes and units, which the annotations can't
autodoc_default_options = {"members": True, "inherited-members": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False  # what stands before a colon under "Returns" is a shape, not the name of a type

html_theme = "furo"
html_title = f"grilly-vk {release}"
html_copy_source = False


def _stars(app, what, name, obj, options, lines):
    """Shapes such as (T, *rest) are no emphasis."""
    for i, line in enumerate(lines):
        parts = re.split(r"(`+[^`]*`+)", line)  # code stays as it is
        parts[::2] = [re.sub(r"(?<![\w*\\])\*(?=[\w(])", r"\\*", part) for part in parts[::2]]
        lines[i] = "".join(parts)


def setup(app):
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", _stars, priority=400)
