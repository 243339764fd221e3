"""Layers: a module imports from its own layer and those below it, and only the runtime imports kp."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "grilly_vk"

# From the bottom up; a name is a module or a package of grilly_vk, a set is one layer.
LAYERS = [
    {"errors", "torch_hints", "files", "modes", "deprecation", "equations"},
    {"families"},
    {"calling"},
    {"runtime"},
    {"values"},
    {"grad_mode"},
    {"tensor", "tensor_types"},
    {"arguments", "typing"},
    {"autograd"},
    {"settings", "host_random"},
    {"ops"},
    {"control"},
    {"creation", "ranks", "recompute"},
    {"methods"},
    {"functions", "random_numbers"},
    {"gradient_check"},
    {"surrogate"},
    {"decode"},
    {"stepping"},
    {"functional"},
    {"snn", "compute"},
    {"nn"},
    {"models"},
    {"encode", "optim", "saving", "sim", "snn_compute", "nir", "interop"},
    {"parallel", "surroundings"},
    {"compiled"},
    {"data", "plot", "report"},
    {"monitor"},
    {"__init__"},  # what users import, which the command line uses like one of them
    {"cli"},
    {"__main__"},
]
LEVEL = {name: level for level, layer in enumerate(LAYERS) for name in layer}
FILES = sorted(ROOT.rglob("*.py"))


def layer_of(parts):
    """The top-level name that a module of grilly_vk belongs to; `parts` without grilly_vk itself."""
    return parts[0] if parts else "__init__"


def imports(path, source):
    """Every imported module, as full dotted names (candidates: `from a import b` may mean a.b)."""
    package = ["grilly_vk", *path.relative_to(ROOT).with_suffix("").parts][:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ([alias.name.split(".")] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            base = base + (node.module.split(".") if node.module else [])
            yield [[*base, alias.name] for alias in node.names] if base == ["grilly_vk"] else base


def targets(path, source):
    """What a file imports of grilly_vk, as top-level names, and the other packages' names."""
    for found in imports(path, source):
        names = found if isinstance(found[0], list) else [found]
        for name in names:
            if name[0] != "grilly_vk":
                yield "outside", name[0]
                continue
            inside = name[1:]
            # `from .. import arguments` means the module, `from .. import SNNCompute` the package
            yield "inside", inside[0] if inside and inside[0] in LEVEL else layer_of([])


def dynamic(source):
    """Names given to importlib.import_module and __import__."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
            "import_module",
            "__import__",
        ):
            yield from (a.value for a in node.args if isinstance(a, ast.Constant))


def problems(path, source):
    """Imports of a file that break the rules."""
    own = layer_of(path.relative_to(ROOT).with_suffix("").parts)
    for kind, name in targets(path, source):
        if kind == "inside" and LEVEL[name] > LEVEL[own]:
            yield f"{own} imports from {name}, which is above it"
        if kind == "outside" and name == "kp" and own != "runtime":
            yield f"{own} imports kp"
    yield from (f"{own} imports kp" for name in dynamic(source) if name.split(".")[0] == "kp" and own != "runtime")


def looks_into_captures(source):
    """Lines that ask a stream for its capture, or a capture for what it has noted, past the verbs of `recording`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and (
            node.attr in ("assumptions", "begun") or ast.unparse(node).endswith("stream.capture")
        ):
            yield node.lineno


def test_every_module_has_a_layer():
    assert {layer_of(p.relative_to(ROOT).with_suffix("").parts) for p in FILES} <= set(LEVEL)


def test_imports_go_down():
    found = [f"{p.relative_to(ROOT)}: {problem}" for p in FILES for problem in problems(p, p.read_text())]
    assert not found, "\n".join(found)


def test_captures_are_told_through_recording_alone():
    outside = [p for p in FILES if p.relative_to(ROOT).parts[0] != "runtime" and p.name != "compiled.py"]
    found = [f"{p.relative_to(ROOT)}:{line}" for p in outside for line in looks_into_captures(p.read_text())]
    assert not found, "\n".join(found)
    assert list(looks_into_captures("if engine().stream.capture is None:\n    graph.assumptions.meet(x)")) == [1, 2]


@pytest.mark.parametrize(
    "name, source, text",
    [
        ("snn/neurons.py", "from ..nn.flat.neurons import constants", "snn imports from nn, which is above it"),
        ("ops/linear.py", "from .. import nn", "ops imports from nn"),
        ("ops/linear.py", "import grilly_vk.nn.flat.neurons", "ops imports from nn"),
        ("ops/linear.py", "from grilly_vk.nn import LIFNeuron", "ops imports from nn"),
        ("nn/flat/base.py", "def f():\n    from ... import VulkanCompute", "nn imports from __init__"),
        ("ops/linear.py", "import kp", "ops imports kp"),
        ("tensor.py", "import importlib\nimportlib.import_module('kp')", "tensor imports kp"),
        ("tensor.py", "from .ops import linear", "tensor imports from ops"),
    ],
)
def test_the_rules_are_seen_broken(name, source, text):
    assert text in " ".join(problems(ROOT / name, source))


def test_the_rules_allow_what_they_should():
    assert not list(problems(ROOT / "nn/flat/base.py", "import numpy\nfrom ...ops.steps import spans"))
    assert not list(problems(ROOT / "runtime/engine.py", "import importlib\nimportlib.import_module('kp')"))
