"""What the reference lists: the package's public names, and which page of docs/reference takes which.

A page says what it takes in comments such as ``<!-- names: grilly_vk.nn: nodes LIFNode * -->``: a public module (or a
pattern for several) and, of its names, those defined in a file ``nodes.py``, a name by itself, or all that no other
comment takes.  Sphinx sees the directives that `expanded` puts in their place, so a new public name gets its place from
the file that it is in, and a name with several public paths is described once and listed under the others.
"""

import fnmatch
import importlib
import inspect
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import grilly_vk
from grilly_vk import calling

REFERENCE = Path(__file__).parent / "reference"
MARK = re.compile(
    r"^<!-- names: (?P<module>[\w.*]+): (?P<items>[^|>]+?)(?: \| without: (?P<without>[^>]+?))? -->$", re.M
)
# Public modules that no __all__ names; those it names come by themselves.
MORE = (
    "grilly_vk.nn.conversion", "grilly_vk.nn.utils", "grilly_vk.nir", "grilly_vk.surrogate", "grilly_vk.report",
    "grilly_vk.snn",
)  # fmt: skip
# In __all__ for those who extend the engine; what users need of them stands in grilly_vk itself.
INNER = ("grilly_vk.autograd", "grilly_vk.tensor")


@dataclass(frozen=True)
class Name:
    """A public name: the module that it is read from, and what it is."""

    module: str
    name: str
    value: object

    @property
    def path(self):
        return f"{self.module}.{self.name}"

    @property
    def kind(self):
        """The directive of autodoc for it, or "data"."""
        if isinstance(self.value, type) and not issubclass(self.value, (tuple, int)):
            return "exception" if issubclass(self.value, BaseException) else "class"
        return "function" if inspect.isroutine(self.value) else "data"

    def is_of(self, item):
        """Whether a page's item means it: its name, or the file that defines it."""
        file = getattr(self.value, "__module__", "").rpartition(".")[2]
        return item in ("*", self.name, file)


def public_modules():
    """All public modules by name, those with the shortest paths first."""
    found = [m.__name__ for m in calling.public_modules(grilly_vk, *map(importlib.import_module, MORE))]
    found.sort(key=lambda path: (path.count("."), path in MORE))
    return {path: sys.modules[path] for path in found if path not in INNER}


def names_of(path, module):
    """What a module offers."""
    listed = calling.public_names(module)
    values = [Name(path, n, getattr(module, n)) for n in listed if not n.startswith("_")]
    values = [n for n in values if not inspect.ismodule(n.value)]
    return sorted(values, key=lambda n: getattr(n.value, "__name__", n.name) != n.name)  # aliases last


def public_names():
    """(names described once, {other path: Name}) over all public modules."""
    first, others = {}, {}
    for path, module in public_modules().items():
        for name in names_of(path, module):
            key = (name.path,) if name.kind == "data" else id(name.value)
            if key in first:
                others[name.path] = first[key]
            else:
                first[key] = name
    return list(first.values()), others


def places():
    """{page: {comment: [Name]}}: a name goes to the comment that says most exactly that it is meant."""
    pages = {p: list(MARK.finditer(p.read_text(encoding="utf-8"))) for p in sorted(REFERENCE.glob("*.md"))}
    taken = {page: {mark.group(): [] for mark in marks} for page, marks in pages.items()}
    homeless = []
    for name in public_names()[0]:
        best = None
        for page, marks in pages.items():
            for mark in marks:
                if not fnmatch.fnmatchcase(name.module, mark["module"]):
                    continue
                for order, item in enumerate(mark["items"].split()):
                    if name.is_of(item):
                        rank = (item == name.name, item != "*", "*" not in mark["module"])
                        if best is None or rank > best[0]:
                            best = (rank, page, mark.group(), order)
        if best is None:
            homeless.append(name.path)
        else:
            taken[best[1]][best[2]].append((best[3], name))
    if homeless:
        raise LookupError(f"no page of docs/reference takes {', '.join(homeless)}")
    return {
        page: {mark: [n for _, n in sorted(names, key=lambda pair: pair[0])] for mark, names in marks.items()}
        for page, marks in taken.items()
    }


def directive(name, without, public):
    """How Sphinx is told to describe a name; what a class inherits from another public class is described there."""
    if name.kind == "data":
        return f".. py:data:: {name.path}\n"
    lines = [f".. auto{name.kind}:: {name.path}"]
    if name.kind == "class":
        elsewhere = [base.__name__ for base in name.value.__mro__[1:] if base in public or base in (object, tuple)]
        lines.append(f"   :inherited-members: {', '.join(elsewhere)}")
        if name.value.__bases__ != (object,):
            lines.append("   :show-inheritance:")
        if without:
            lines.append(f"   :exclude-members: {', '.join(without.split())}")
    if name.kind == "exception":
        lines.append("   :no-inherited-members:")
    return "\n".join(lines) + "\n"


def expanded(text, marks, names, others):
    """A page's text with directives in place of its comments; `names` and `others` as `public_names` gives them."""
    public = {name.value for name in names if isinstance(name.value, type)}

    def one(mark):
        here = marks[mark.group()]
        parts = [directive(name, mark["without"], public) for name in here]
        also = [f"`{path}` is `{n.path}`" for path, n in sorted(others.items()) if n in here]
        more = f"\nOther names: {'; '.join(also)}.\n" if also else ""
        return "```{eval-rst}\n" + "\n".join(parts) + "```\n" + more

    return MARK.sub(one, text)
