"""Imports stand at the top of files and go one way: none is made inside a function, and none leads back to its file."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1] / "grilly_vk"
FILES = {
    ".".join((ROOT.name, *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in ROOT.rglob("*.py*")
    if path.suffix in (".py", ".pyi")
}
NATIVE = "grilly_vk.runtime.kp"  # loaded at its first use, so that its lack is told as an error of ours
OPTIONAL = {
    "h5py",
    "lz4",
    "matplotlib",
    "mpi4py",
    "nir",
    "rich",
    "safetensors",
    "torch",
    "zstandard",
}  # at their first use
# What only type checkers import, since it would lead back; why it can't be otherwise.
TYPING = {
    ("grilly_vk.tensor", "grilly_vk.tensor_types"): "declares the methods that methods/ attaches to Tensor",
    ("grilly_vk.ops.pointwise", "grilly_vk.tensor"): "tensor_types takes declarations from it",
}


def statements(node, late=False, typing=False):
    """(import statement, whether it is inside a function, whether only type checkers see it)."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, late, typing
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            yield from statements(ast.Module(child.body, []), late, True)
            yield from statements(ast.Module(child.orelse, []), late, typing)
        else:
            inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from statements(child, late or inside, typing)


def imports(name, source=None):
    """(imported module, whether late, whether for type checkers alone) of a module; by their full names."""
    path = FILES[name]
    package = name.split(".") if path.stem == "__init__" else name.split(".")[:-1]
    for node, late, typing in statements(ast.parse(path.read_text() if source is None else source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, late, typing) for alias in node.names)
            continue
        base = package[: len(package) + 1 - node.level] if node.level else []
        base = ".".join([*base, *filter(None, [node.module])])
        for alias in node.names:
            whole = f"{base}.{alias.name}"
            yield (whole if whole in FILES else base), late, typing


def late(name, source=None):
    """What a module imports inside functions and should not."""
    found = [target for target, inside, _ in imports(name, source) if inside]
    return [t for t in found if t != NATIVE and t.split(".")[0] not in OPTIONAL]


def circles(edges):
    """Modules of which each leads to the others by its imports, as sorted lists."""
    reached = {name: {name} for name in edges}
    while True:
        before = sum(map(len, reached.values()))
        for name, targets in edges.items():
            reached[name] = reached[name].union(*(reached.get(t, {t}) for t in targets))
        if sum(map(len, reached.values())) == before:
            break
    tied = {tuple(sorted(m for m in reached[name] if m in edges and name in reached[m])) for name in edges}
    return [list(group) for group in sorted(tied) if len(group) > 1]


def test_no_import_is_late():
    found = [f"{name} imports {target} in a function" for name in FILES for target in late(name)]
    assert not found, "\n".join(found)


def test_no_import_leads_back():
    edges = {name: {t for t, _, typing in imports(name) if not typing and t != name} for name in FILES}
    found = [" ".join(circle) for circle in circles(edges)]
    assert not found, "\n".join(found)


def test_what_only_type_checkers_import():
    found = {(name, t) for name in FILES for t, _, typing in imports(name) if typing and t != NATIVE}
    assert found == set(TYPING), "\n".join(map(" imports ".join, sorted(found ^ set(TYPING))))


def test_the_rules_are_seen_broken():
    assert late("grilly_vk.tensor", "def f():\n    from .ops import shape") == ["grilly_vk.ops.shape"]
    assert late("grilly_vk.nn.module", "class A:\n    def f(self):\n        from ..ops.layout import width_of")
    assert late("grilly_vk.saving", "def f():\n    import json") == ["json"]
    assert late("grilly_vk.saving", "def f():\n    import safetensors.numpy\n    from .runtime import kp") == []
    assert circles({"a": {"b"}, "b": {"c", "numpy"}, "c": {"b"}, "d": {"d2", "a"}, "d2": set()}) == [["b", "c"]]
    typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .engine import Engine"
    assert list(imports("grilly_vk.runtime.kernel", typed))[1:] == [("grilly_vk.runtime.engine", False, True)]
