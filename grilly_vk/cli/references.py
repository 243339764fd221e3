"""What the package's functions refer to: other functions, methods and tables of functions.

Names are looked up in the imported modules, types in annotations and in what variables are set to, so nothing is run
and no device is needed.  Where a type stays unknown, the reference is left out.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import sys
import types
from collections.abc import Hashable, Iterable, Iterator
from functools import cached_property
from typing import Any

from .syntax import CODE, PACKAGE, WORD, File, Unit, read_file

Thing = tuple[str, Any]  # ("object", a module, class, function or value) or ("instance", its class)
Place = tuple[Unit, "type | None"]  # a function, and for a method the class that it runs for
_NOTHING: frozenset[Thing] = frozenset()


class References:
    """All loaded modules of the package."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self._by_path: dict[str, File] = {}
        for name, module in sorted(sys.modules.items()):
            path = getattr(module, "__file__", None) or ""
            if name.split(".")[0] == PACKAGE and path.endswith(".py") and not name.startswith(f"{PACKAGE}.cli"):
                self.files[name] = self._by_path[path] = read_file(name, path)
        self._values: dict[tuple[int, type | None], frozenset[Thing]] = {}
        self._methods: dict[type, list[Unit]] = {}
        self._members: dict[tuple[type, str], frozenset[Thing]] = {}
        self._units: dict[types.CodeType, Unit | None] = {}

    @cached_property
    def calls(self) -> dict[str, list[tuple[Unit, ast.Call]]]:
        """Every call in the package, by the name of what is called."""
        out: dict[str, list[tuple[Unit, ast.Call]]] = {}
        for unit in {u for file in self.files.values() for u in file.units.values()}:
            for node in unit.nodes:
                if isinstance(node, ast.Call):
                    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                    out.setdefault(name, []).append((unit, node))
        return out

    # ---- from running code to source ----

    def unit(self, code: types.CodeType) -> Unit | None:
        """The source of a code object: the innermost unit around its first line."""
        if code not in self._units:
            file = self._by_path.get(code.co_filename)
            spans = [s for s in file.spans if s[0] <= code.co_firstlineno <= s[1]] if file else []
            self._units[code] = min(spans, key=lambda s: s[1] - s[0])[2] if spans else None
        return self._units[code]

    def place(self, function: Any, owner: type | None = None) -> Place | None:
        """The unit of a function, method, property or bound method of the package."""
        if isinstance(function, property):
            function = function.fget
        function = inspect.unwrap(getattr(function, "__func__", function)) if function is not None else None
        code = getattr(function, "__code__", None)
        unit = self.unit(code) if code is not None else None
        return None if unit is None else (unit, owner if unit.owner else None)

    # ---- what an expression is ----

    def things(self, expression: ast.AST | None, at: Place) -> frozenset[Thing]:
        """What an expression may be.  A container counts as its elements."""
        key = (id(expression), at[1])
        if expression is None:
            return _NOTHING
        if key not in self._values:
            self._values[key] = _NOTHING  # for what is defined by itself
            self._values[key] = frozenset(self._things(expression, at))
        return self._values[key]

    def _things(self, e: ast.AST, at: Place) -> Iterable[Thing]:
        unit, owner = at
        if isinstance(e, ast.Name):
            return self._named(e.id, at)
        if isinstance(e, ast.Attribute):
            return self._attribute(self.things(e.value, at), e.attr)
        if isinstance(e, ast.Call):
            if isinstance(e.func, ast.Name) and e.func.id == "super" and owner is not None:
                mro = owner.__mro__
                own = next((i for i, c in enumerate(mro) if c.__name__ == unit.owner), len(mro) - 1)
                return [("super", (owner, c)) for c in mro[own + 1 : own + 2]]
            made = [self._result(thing) for thing in self.things(e.func, at)]
            return itertools.chain.from_iterable(made)
        inner: list[ast.AST | None] = []
        if isinstance(e, (ast.List, ast.Tuple, ast.Set)):
            inner = list(e.elts)
        elif isinstance(e, ast.Dict):
            inner = list(e.values)
        elif isinstance(e, (ast.Subscript, ast.Starred, ast.Await)):
            inner = [e.value]
        elif isinstance(e, ast.IfExp):
            inner = [e.body, e.orelse]
        elif isinstance(e, ast.BoolOp):
            inner = list(e.values)
        elif isinstance(e, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
            inner = [e.elt]
        elif isinstance(e, ast.NamedExpr):
            inner = [e.value]
        return itertools.chain.from_iterable(self.things(i, at) for i in inner)

    def _named(self, name: str, at: Place) -> Iterable[Thing]:
        unit, owner = at
        if name in ("self", "cls") and owner is not None:
            return [("instance" if name == "self" else "object", owner)]
        if name in unit.imports:
            return self._imported(*unit.imports[name])
        if name in unit.parameters:
            typed = list(self._annotated(unit.parameters[name].annotation, unit.module))
            return typed or self._given(name, unit)
        if name in unit.assigned and unit.name != name:
            return itertools.chain.from_iterable(self.things(v, at) for v in unit.assigned[name])
        scope = vars(sys.modules[unit.module])
        return _thing(scope[name]) if name in scope else []

    def _given(self, name: str, unit: Unit) -> Iterator[Thing]:
        """What a class is made with, where that is a function it calls later."""
        position = unit.positions.get(name, ("", 0))
        if position[0] != "__init__" or not unit.owner:
            return
        for other, call in self.calls.get(unit.owner, ()):
            given = [k.value for k in call.keywords if k.arg == name] or call.args[position[1] : position[1] + 1]
            owner = getattr(sys.modules[other.module], other.owner, None) if other.owner else None
            for value in given:
                if isinstance(value, (ast.Attribute, ast.Name)):
                    yield from (t for t in self.things(value, (other, owner)) if t[0] in ("method", "object"))

    def _imported(self, module: str, name: str) -> Iterable[Thing]:
        found = getattr(sys.modules.get(module), name, None) or sys.modules.get(f"{module}.{name}")
        return _thing(found)

    def _annotated(self, annotation: Any, module: str) -> Iterable[Thing]:
        """Instances of every class of the package that an annotation mentions."""
        annotation = getattr(annotation, "__forward_arg__", annotation)  # of a NamedTuple
        text = ast.unparse(annotation) if isinstance(annotation, ast.AST) else annotation
        scope = vars(sys.modules[module])
        for name in WORD.findall(text) if isinstance(text, str) else ():
            found = scope.get(name)
            if isinstance(found, type) and found.__module__.split(".")[0] == PACKAGE:
                yield "instance", found

    def _attribute(self, bases: Iterable[Thing], name: str) -> Iterator[Thing]:
        for kind, base in bases:
            if kind == "super":
                owner, above = base
                found = inspect.getattr_static(above, name, None)
                if found is not None:
                    yield "method", (found, owner)
            elif kind == "object" and isinstance(base, types.ModuleType):
                yield from _thing(getattr(base, name, None))
            elif kind == "object" and isinstance(base, type):
                found = inspect.getattr_static(base, name, None)
                if found is not None:
                    yield "method", (found, base)
            elif kind == "instance":
                if (base, name) not in self._members:
                    self._members[base, name] = _NOTHING
                    self._members[base, name] = frozenset(self._member(base, name))
                yield from self._members[base, name]

    def _member(self, owner: type, name: str) -> Iterator[Thing]:
        found = inspect.getattr_static(owner, name, None)
        if not isinstance(found, Hashable):  # a method of the native module: nothing to follow
            return
        if isinstance(found, property):
            place = self.place(found, owner)
            if place is not None:
                yield from self._annotated(getattr(place[0].tree, "returns", None), place[0].module)
        elif callable(found) or isinstance(found, (classmethod, staticmethod)):
            yield "method", (found, owner)
        else:
            yield from _thing(found)
        for cls in owner.__mro__:
            if cls.__module__ not in self.files:
                continue
            annotation = vars(cls).get("__annotations__", {}).get(name)
            yield from self._annotated(annotation, cls.__module__)
            for unit in self.methods(cls):
                yield from self._annotated(unit.annotations.get(name), unit.module)
                for value in unit.attributes.get(name, ()):
                    yield from self.things(value, (unit, owner))

    def methods(self, cls: type) -> list[Unit]:
        """The methods that a class defines itself."""
        if cls not in self._methods:
            file = self.files.get(cls.__module__)
            self._methods[cls] = [u for u in file.units.values() if u.owner == cls.__name__] if file else []
        return self._methods[cls]

    def _result(self, thing: Thing) -> Iterable[Thing]:
        kind, found = thing
        if kind == "object" and isinstance(found, type):
            return [("instance", found)] if found.__module__.split(".")[0] == PACKAGE else []
        place = self.place(*found) if kind == "method" else self.place(found) if kind == "object" else None
        if place is None:
            return []
        return self._annotated(getattr(place[0].tree, "returns", None), place[0].module)

    # ---- what a unit refers to ----

    def references(self, at: Place) -> set[Place]:
        """The functions, methods and tables of functions that a unit mentions."""
        unit, _ = at
        out: set[Place] = set()
        for node in unit.nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                self._refer(self.things(node, at), out)
                table = self.table(unit, node.id)
                if table is not None and table is not unit:
                    out.add((table, None))
            elif isinstance(node, ast.Attribute):
                things = self.things(node, at)
                self._refer(things, out)
                for kind, base in self.things(node.value, at):
                    found = inspect.getattr_static(base, node.attr, None) if kind == "instance" else None
                    if isinstance(found, property):
                        self._refer([("method", (found, base))], out)
            elif isinstance(node, ast.Call):
                for kind, found in self.things(node.func, at):
                    if kind == "object" and isinstance(found, type):
                        self._refer([("method", (inspect.getattr_static(found, "__init__"), found))], out)
                        for name in ("__call__", "forward"):  # made to be called, by a hook or a container
                            function = inspect.getattr_static(found, name, None)
                            if isinstance(function, types.FunctionType):
                                self._refer([("method", (function, found))], out)
                    elif kind == "instance":
                        self._refer(self._attribute([(kind, found)], "__call__"), out)
            elif isinstance(node, ast.withitem):
                things = self.things(node.context_expr, at)
                for name in ("__enter__", "__exit__"):
                    self._refer(self._attribute(things, name), out)
        return out

    def _refer(self, things: Iterable[Thing], out: set[Place]) -> None:
        for kind, found in things:
            if kind == "object" and not isinstance(found, (type, types.ModuleType)):
                places = [self.place(found)] if callable(found) else []
            elif kind == "method":
                function, owner = found
                places = [self.place(function, owner), *self._overrides(function, owner)]
            else:
                continue
            out.update(p for p in places if p is not None)

    def _overrides(self, function: Any, owner: type) -> Iterator[Place | None]:
        """The same method of classes that derive from it, where a variable may hold one of these."""
        name = getattr(function, "__name__", "")
        if not owner.__name__.startswith("_") and name in ("forward", "__call__", "__init__"):
            return
        for sub in _subclasses(owner):
            if sub.__module__ in self.files and name in vars(sub):
                yield self.place(vars(sub)[name], sub)

    def table(self, unit: Unit, name: str) -> Unit | None:
        """A variable of a module, followed through imports, that may hold functions."""
        if name in unit.parameters or (name in unit.assigned and unit.name != name):
            return None
        module = unit.module
        for _ in range(4):
            file = self.files.get(module)
            if file is None:
                return None
            found = file.units.get(name)
            if found is not None:
                return None if isinstance(found.tree, CODE) else found
            if name not in file.imports:
                return None
            module, name = file.imports[name]
        return None


def _thing(found: Any) -> list[Thing]:
    """What a variable of a module or a class holds."""
    plain = isinstance(found, (type, types.ModuleType, types.FunctionType, types.MethodType))
    if plain or hasattr(found, "__wrapped__"):
        return [("object", found)]
    return [("instance", type(found))] if type(found).__module__.split(".")[0] == PACKAGE else []


def _subclasses(cls: type) -> Iterator[type]:
    below: list[type] = type.__subclasses__(cls)
    for sub in below:
        yield sub
        yield from _subclasses(sub)
