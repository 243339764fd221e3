"""What stands once: the names of inner classes, and the check of a setting."""

import ast
import collections
import importlib
import re
from pathlib import Path

from grilly_vk.settings import Setting

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "grilly_vk").rglob("*.py"))
# Users see these in both places, by names that other libraries gave them, or in one of them.
PUBLIC = {
    "Buffer", "Delay", "Function", "Graph", "IF", "LI", "LIF", "LIFNeuron", "Linear", "Network", "Node", "SNN",
    "STDP", "Tanh",
}  # fmt: skip

# Operations that look at arguments themselves, most for the methods of tensors; for all others `functional` does.
CHECKING = {
    "arrange", "diehl_cook", "elementwise", "encode", "gather", "lif_constants", "linear", "matmul", "monitor",
    "number_kinds", "plasticity", "readout", "reduce", "reductions", "shape", "sort", "state", "statistics", "steps",
}  # fmt: skip


def classes():
    """Every class at the top of a module: (path, definition)."""
    for path in FILES:
        yield from ((path, node) for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef))


def test_two_inner_classes_of_one_name():
    places = collections.defaultdict(list)
    for path, node in classes():
        places[node.name].append(str(path.relative_to(ROOT)))
    found = [f"{name}: {where}" for name, where in places.items() if len(where) > 1 and name not in PUBLIC]
    assert not found, "\n".join(found)
    assert {name for name in PUBLIC if len(places[name]) < 2} == set(), "no longer in two places"


def checked_twice(source, kind):
    """Lines of a constructor with the check that a setting makes itself: `self.p = arguments.real("p", p)`."""
    (node,) = ast.parse(source).body
    for line in ast.walk(node):
        if not isinstance(line, ast.Assign):
            continue
        target, value = line.targets[0], line.value
        pairs = zip(target.elts, getattr(value, "elts", [])) if isinstance(target, ast.Tuple) else [(target, value)]
        for to, made in pairs:
            made = made.orelse if isinstance(made, ast.IfExp) else made
            own = getattr(kind, getattr(to, "attr", ""), None)
            if isinstance(own, Setting) and isinstance(made, ast.Call) and made.args:
                name = getattr(made.args[0], "value", None)
                if name == to.attr and ast.unparse(made.func).split(".")[-1] == own.check.__name__:
                    yield ast.unparse(line)


def test_constructors_leave_checks_to_settings():
    found = []
    for path, node in classes():
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        kind = getattr(module, node.name)
        for part in node.body:
            if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                found += [f"{node.name}: {line}" for line in checked_twice(ast.unparse(part), kind)]
    assert not found, "\n".join(found)


def test_a_second_check_is_seen():
    from grilly_vk.nn import Dropout

    twice = 'def __init__(self, p, inplace):\n    self.p, self.inplace = arguments.between("p", p, 0.0, 1.0), inplace'
    once = "def __init__(self, p):\n    self.p = p"
    assert len(list(checked_twice(twice, Dropout))) == 1 and not list(checked_twice(once, Dropout))


def test_operations_take_what_was_checked():
    found = {p.stem for p in FILES if p.parent.name == "ops" and re.search(r"import .*\barguments\b", p.read_text())}
    assert found == CHECKING, sorted(found ^ CHECKING)
