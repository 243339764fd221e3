"""The package's own functions as they stand in its files."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

WORD = re.compile(r"[A-Za-z_]\w*")
PACKAGE = "grilly_vk"
_NO_USE = {"annotation", "returns", "ctx", "op"}
CODE = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(eq=False)
class Unit:
    """A function, a method, or the value of a module's variable; what is nested inside belongs to it."""

    module: str
    name: str
    tree: ast.AST
    owner: str = ""  # the class, for a method

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All of its syntax but the annotations, which are no use of what they name."""
        out, open_ = [], [self.tree]
        while open_:
            at = open_.pop()
            out.append(at)
            for name in at._fields:
                value = getattr(at, name)
                if isinstance(value, list):
                    open_ += [v for v in value if isinstance(v, ast.AST)]
                elif isinstance(value, ast.AST) and name not in _NO_USE:
                    open_.append(value)
        return out

    @cached_property
    def parameters(self) -> dict[str, ast.arg]:
        """All parameters, by name, also of functions inside."""
        return {n.arg: n for n in self.nodes if isinstance(n, ast.arg)}

    @cached_property
    def texts(self) -> set[str]:
        """The parameters that are annotated as text."""
        found = {name: a.annotation for name, a in self.parameters.items() if name in self.positions}
        return {name for name, a in found.items() if a is not None and "str" in WORD.findall(ast.unparse(a))}

    @cached_property
    def positions(self) -> dict[str, tuple[str, int]]:
        """Each parameter's function, which may be one inside, and its position in calls."""
        found: dict[str, tuple[str, int]] = {}
        for node in self.nodes:
            if isinstance(node, CODE):
                names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                names = names[1:] if names[:1] in (["self"], ["cls"]) else names
                found.update({name: (node.name, i) for i, name in enumerate(names)})
        return found

    @cached_property
    def assigned(self) -> dict[str, list[ast.AST]]:
        """What each local variable is set to, in any place; of `a, b = pairs` both get the whole right side."""
        found: dict[str, list[ast.AST]] = {}
        for node in self.nodes:
            for target, value in _bindings(node):
                for name in _names(target):
                    found.setdefault(name.id, []).append(_part(target, value, name))
        return found

    @cached_property
    def attributes(self) -> dict[str, list[ast.AST]]:
        """What each attribute of self is set to."""
        found: dict[str, list[ast.AST]] = {}
        for node in self.nodes:
            for target, value in _bindings(node):
                for part in target.elts if isinstance(target, ast.Tuple) else [target]:
                    if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "self":
                        found.setdefault(part.attr, []).append(_part(target, value, part))
        return found

    @cached_property
    def annotations(self) -> dict[str, ast.AST]:
        """The annotations of attributes of self."""
        typed = [n for n in self.nodes if isinstance(n, ast.AnnAssign)]
        return {n.target.attr: n.annotation for n in typed if isinstance(n.target, ast.Attribute)}

    @cached_property
    def keywords(self) -> dict[str, list[ast.AST]]:
        """What is given in calls under each keyword."""
        found: dict[str, list[ast.AST]] = {}
        for node in self.nodes:
            if isinstance(node, ast.keyword) and node.arg:
                found.setdefault(node.arg, []).append(node.value)
        return found

    @cached_property
    def imports(self) -> dict[str, tuple[str, str]]:
        """Names that are imported where they are used: (module, name there)."""
        found = {}
        for node in self.nodes:
            if isinstance(node, ast.ImportFrom):
                found.update(imported(self.module, node))
        return found


def _bindings(node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield target, node.value
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)) and node.value is not None:
        yield node.target, node.value
    elif isinstance(node, (ast.For, ast.comprehension)):
        yield node.target, node.iter
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        yield node.optional_vars, node.context_expr


def _names(target: ast.AST) -> list[ast.Name]:
    if isinstance(target, ast.Name):
        return [target]
    return [n for n in ast.walk(target) if isinstance(n, ast.Name)] if isinstance(target, (ast.Tuple, ast.List)) else []


def _part(target: ast.AST, value: ast.AST, name: ast.AST) -> ast.AST:
    """Of `a, b = x, y`, the side that belongs to the name."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for part, own in zip(target.elts, value.elts):
            if part is name:
                return own
    return value


def imported(module: str, node: ast.ImportFrom) -> dict[str, tuple[str, str]]:
    """What `from ... import ...` in a module binds: (module, name there)."""
    base = node.module or ""
    if node.level:
        is_package = hasattr(sys.modules.get(module), "__path__")
        parts = module.split(".")
        parts = parts[: len(parts) - node.level + is_package]
        base = ".".join([*parts, base] if base else parts)
    return {alias.asname or alias.name: (base, alias.name) for alias in node.names}


@dataclass
class File:
    """A module's units, and what it imports."""

    module: str
    units: dict[str, Unit] = field(default_factory=dict)  # by qualified name
    spans: list[tuple[int, int, Unit]] = field(default_factory=list)  # first and last line
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, unit: Unit, key: str) -> None:
        """Keeps a unit under a qualified name."""
        self.units[key] = unit
        tree: Any = unit.tree
        first = min([tree.lineno, *[d.lineno for d in getattr(tree, "decorator_list", ())]])
        self.spans.append((first, tree.end_lineno, unit))


def read_file(module: str, path: str) -> File:
    """The functions, methods and variables of a file."""
    out = File(module)
    for statement in ast.parse(Path(path).read_text(encoding="utf-8")).body:
        _add(out, statement)
    return out


def _add(out: File, statement: ast.stmt) -> None:
    if isinstance(statement, CODE):
        out.add(Unit(out.module, statement.name, statement), statement.name)
    elif isinstance(statement, ast.ClassDef):
        for inner in statement.body:
            if isinstance(inner, CODE):  # the setter of a property has its name, too
                key = f"{statement.name}.{inner.name}"
                out.add(Unit(out.module, inner.name, inner, statement.name), f"{key}:{inner.lineno}")
    elif isinstance(statement, ast.ImportFrom):
        out.imports.update(imported(out.module, statement))
    elif isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for name in {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}:
            out.add(Unit(out.module, name, statement.value), name)
        for node in ast.walk(statement.value):  # functions of a table, each by itself
            if isinstance(node, ast.Lambda):
                out.add(Unit(out.module, "<lambda>", node), f"<lambda>:{node.lineno}:{node.col_offset}")
    elif isinstance(statement, (ast.If, ast.Try)):
        for part in ast.iter_child_nodes(statement):
            if isinstance(part, ast.stmt):
                _add(out, part)
