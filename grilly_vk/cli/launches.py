"""Which kernels the package's functions launch: how a kernel's name gets to `launch()`.

The name may be written there, come through variables, tables, f-strings and attributes, be made by a helper, or be an
argument of type str: then it is the caller who chooses the kernel.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import NamedTuple

from .references import Place, References
from .syntax import Unit

_LAUNCH = {"launch", "pipeline"}  # methods whose first argument is a kernel's name


class _Way(NamedTuple):
    """How a kernel's name comes in: as a function's argument, and what may be put behind it."""

    function: str
    parameter: str
    position: int
    endings: frozenset[str]


class Launches:
    """The kernels that each function names.

    Args:
        references: of the package.
        kernels: names of all kernels, with their variants.
    """

    def __init__(self, references: References, kernels: Iterable[str]) -> None:
        self._refs = references
        self.kernels = frozenset(kernels)
        self._all_names = "\n".join(sorted(self.kernels))  # what is no part of it is no part of a kernel's name
        self._texts: dict[tuple[int, type | None], frozenset[str]] = {}

    def by_unit(self) -> dict[Unit, Callable[[type | None], set[str]]]:
        """The units that choose a kernel, each with a function from the class it runs for to the kernels' names."""
        found: dict[Unit, list[tuple[ast.AST, frozenset[str]]]] = {}
        seen: set[_Way] = set()
        todo = [_Way(name, "kernel", 0, frozenset({""})) for name in sorted(_LAUNCH)]
        todo.append(_Way("Kernel", "name", 0, frozenset({""})))
        while todo:
            way = todo.pop()
            if way in seen:
                continue
            seen.add(way)
            for unit, call in self._refs.calls.get(way.function, ()):
                given = [k.value for k in call.keywords if k.arg == way.parameter]
                expression = given[0] if given else call.args[way.position] if len(call.args) > way.position else None
                if expression is None:
                    continue
                found.setdefault(unit, []).append((expression, way.endings))
                # A parameter that goes into the name makes this unit a launcher, too.
                for inner, wanted in self._parameters_in(expression, unit):
                    own = self._strings(expression, (unit, None)) | {""}
                    endings = frozenset(a + b for a in own for b in way.endings if a + b in self._all_names)
                    name, position = inner.positions[wanted]
                    todo.append(_Way(inner.owner if name == "__init__" else name, wanted, position, endings))

        def names(unit: Unit, owner: type | None) -> set[str]:
            made = {t + end for e, ends in found[unit] for t in self._strings(e, (unit, owner)) for end in ends}
            return {name.split(".")[0] for name in made if name in self.kernels}

        return {unit: functools.partial(names, unit) for unit in found}

    def _parameters_in(self, e: ast.AST, unit: Unit, depth: int = 0) -> set[tuple[Unit, str]]:
        """The parameters of type str that go into a kernel's name, also those that a class was made with."""
        names = {n.id for n in ast.walk(e) if isinstance(n, ast.Name)}
        out = {(unit, name) for name in names & unit.texts}
        if depth > 3:
            return out
        for name in names - unit.texts:
            for value in unit.assigned.get(name, ()):
                out |= self._parameters_in(value, unit, depth + 1)
        for node in ast.walk(e):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "self":
                for other in self._refs.files[unit.module].units.values():
                    if other.name == "__init__" and other.owner == unit.owner:
                        for value in other.attributes.get(node.attr, ()):
                            out |= self._parameters_in(value, other, depth + 1)
        return out

    def _strings(self, e: ast.AST, at: Place) -> frozenset[str]:
        """Every text that an expression may be; unknown parts count as empty."""
        key = (id(e), at[1])
        if key not in self._texts:
            self._texts[key] = frozenset()  # for what is defined by itself
            self._texts[key] = frozenset(t for t in self._strings_of(e, at) if t in self._all_names)
        return self._texts[key]

    def _strings_of(self, e: ast.AST, at: Place) -> Iterable[str]:
        unit = at[0]

        def of(*inner: ast.AST) -> set[str]:
            return set().union(*[self._strings(i, at) for i in inner])

        if isinstance(e, ast.Constant):
            return {e.value} if isinstance(e.value, str) else set()
        if isinstance(e, ast.JoinedStr):
            return self._joined([of(v) for v in e.values])
        if isinstance(e, ast.FormattedValue):
            return of(e.value)
        if isinstance(e, ast.BinOp):
            return self._joined([of(e.left), of(e.right)])
        if isinstance(e, ast.IfExp):
            return of(e.body, e.orelse)
        if isinstance(e, ast.BoolOp):
            return of(*e.values)
        if isinstance(e, (ast.Tuple, ast.List, ast.Set)):
            return of(*e.elts)
        if isinstance(e, ast.Dict):
            return of(*e.values)
        if isinstance(e, ast.DictComp):
            return of(e.value)
        if isinstance(e, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
            return of(e.elt)
        if isinstance(e, (ast.Subscript, ast.Starred)):
            return of(e.value)
        if isinstance(e, ast.Name):
            if e.id in unit.assigned and unit.name != e.id:
                return of(*unit.assigned[e.id])
            table = self._refs.table(unit, e.id)
            return set() if table is None else self._strings(table.tree, (table, None))
        if isinstance(e, ast.Attribute):
            return self._strings_of_attribute(e, at)
        if isinstance(e, ast.Call):
            return self._strings_of_call(e, at)
        return set()

    def _joined(self, parts: list[set[str]]) -> set[str]:
        out = {""}
        for part in parts:
            out = {a + b for a in out for b in part or {""} if a + b in self._all_names}
        return out

    def _strings_of_attribute(self, e: ast.Attribute, at: Place) -> set[str]:
        """Of a class's own text, of what methods set it to, and of keywords of that name in the same file."""
        unit, owner = at
        out: set[str] = set()
        for kind, base in self._refs.things(e.value, at):
            value = inspect.getattr_static(base, e.attr, None) if kind in ("instance", "object") else None
            out |= {value} if isinstance(value, str) else set()
        for other in self._refs.files[unit.module].units.values():
            for value in (*other.keywords.get(e.attr, ()), *other.attributes.get(e.attr, ())):
                out |= self._strings(value, (other, owner))
        return out

    def _strings_of_call(self, e: ast.Call, at: Place) -> set[str]:
        """Of `text.replace(a, b)`, of a helper that makes a name from its arguments, and of zip() and its like."""
        arguments = [self._strings(a, at) for a in e.args]
        if isinstance(e.func, ast.Attribute) and e.func.attr == "replace" and len(arguments) == 2:
            texts = self._strings(e.func.value, at)
            return {t.replace(a, b) for t in texts for a in arguments[0] for b in arguments[1]}
        out = set().union(*arguments) if arguments else set()
        if isinstance(e.func, ast.Attribute) and e.func.attr in ("get", "items", "values"):
            out |= self._strings(e.func.value, at)
        for kind, found in self._refs.things(e.func, at):
            place = (
                self._refs.place(*found) if kind == "method" else self._refs.place(found) if kind == "object" else None
            )
            if place is not None:
                for node in place[0].nodes:
                    if isinstance(node, ast.Return) and node.value is not None:
                        out |= {a + text for text in self._strings(node.value, place) for a in {"", *out}}
        return out
