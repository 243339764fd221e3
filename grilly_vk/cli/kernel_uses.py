"""Which public calls launch which kernel: what the package's loaded functions mention, from the kernels upwards."""

from __future__ import annotations

import contextlib
import dataclasses
import dis
import functools
import importlib
import inspect
import itertools
import pkgutil
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any

import grilly_vk
from grilly_vk.runtime.kernel import REGISTRY, Kernel
from grilly_vk.runtime.kernels import Kernels
from grilly_vk.snn import SNN

_PACKAGE = "grilly_vk"
_RUNTIME = f"{_PACKAGE}.runtime"  # below all operations
_SHORT = {"functional": "F", "nn": "nn", "optim": "optim", "Tensor": "Tensor", "SNNCompute": "SNNCompute"}
_MANY = 20  # classes that inherit a method; it is then listed with the class that it comes from, and no other
_ITSELF = ("forward", "__call__", "__init__")  # of a class: what it is there for
_IMPORT = dis.opmap["IMPORT_NAME"]

Place = tuple[types.CodeType, "type | None"]  # a function, and for a method the class that it runs for


def load_all() -> None:
    """Imports every module of the package that can be imported here."""
    for found in pkgutil.walk_packages(grilly_vk.__path__, f"{_PACKAGE}."):
        if not found.name.startswith((f"{_PACKAGE}.cli", f"{_PACKAGE}.__main__")):
            with contextlib.suppress(ImportError):  # what needs another package that is not installed
                importlib.import_module(found.name)


class KernelUses:
    """The public calls of each kernel.

    Public is what `grilly_vk` and the modules in it name in `__all__`, the methods of the classes there, and
    ``VulkanCompute().snn``.  A call uses a kernel if the function, or a helper that is not public itself, mentions it;
    the gradient of an operation belongs to the operation.  Modules of `nn` count as well where it is a function of
    `grilly_vk.functional` that they call.
    """

    def __init__(self) -> None:
        load_all()
        self.public: dict[Place, list[str]] = {}
        self.inherited: dict[str, str] = {}  # a method's name in a class -> its name in the class it comes from
        self._functions: dict[types.CodeType, types.FunctionType] = {}
        self._shown: set[type] = set()
        for name, base, function, owner in _surface():
            if base != name:
                self.inherited[name] = base
            for place in self._places(function, owner):
                if name not in self.public.setdefault(place, []):
                    self.public[place].append(name)
            if owner is not None:
                self._shown.add(owner)
        self._callers: dict[Any, set[Place]] = {}  # of a function or a kernel
        open_, seen = list(self.public), set(self.public)
        while open_:
            place = open_.pop()
            for found in self._mentions(place):
                self._callers.setdefault(found, set()).add(place)
                if isinstance(found, tuple) and found not in seen:
                    seen.add(found)
                    open_.append(found)
        kernels = Kernels()
        for name in filter(kernels.has, REGISTRY):  # an older compiler leaves some unbuilt
            if any(
                number.name == "draw" for number in kernels.module(name)[1].push
            ):  # a submit with random numbers ends with a mark
                self._callers.setdefault("mark", set()).update(self._callers.get(name, ()))

    # ---- what a function mentions ----

    def _places(self, found: Any, owner: type | None = None) -> Iterator[Place]:
        """The function, method or property as places: one, or none of another package."""
        found = getattr(found, "fget", None) or getattr(found, "__func__", found)
        found = inspect.unwrap(getattr(found, "func", found)) if callable(found) or hasattr(found, "func") else found
        home = getattr(owner or found, "__module__", None) or ""  # a function made of text may have none
        if isinstance(found, types.FunctionType) and home.startswith(_PACKAGE) and not home.startswith(_RUNTIME):
            self._functions[found.__code__] = found
            yield found.__code__, owner

    def _mentions(self, place: Place) -> Iterator[Place | str]:
        """The functions and kernels whose names stand in a function: of its module, of modules, of its class."""
        code, owner = place
        function = self._functions[code]
        names = {name for inner in _codes(code) for name in (*inner.co_names, *inner.co_freevars)}
        classes = owner.__mro__ if owner is not None else ()
        imports = any(_IMPORT in inner.co_code[::2] for inner in _codes(code))
        scope: list[Mapping[str, Any]] = [function.__globals__]
        for name in names:
            found = scope[0].get(name) or (_module(name, function.__module__) if imports else None)
            if isinstance(found, types.ModuleType) and found.__name__.startswith(_PACKAGE):
                scope.append(vars(found))
        # Attributes of what is annotated with a class of an operation, which the module knows then.
        helpers = [c for c in scope[0].values() if isinstance(c, type) and c not in self._shown]
        scope += [vars(c) for c in helpers if c.__module__.startswith((f"{_PACKAGE}.ops", f"{_PACKAGE}.sim"))]
        for name in names:
            for space in scope:
                yield from self._reached(space.get(name))
            ways = [list(self._reached(vars(cls)[name], owner)) for cls in classes if name in vars(cls)]
            if [place] in ways:  # it calls what it overrides
                ways = ways[ways.index([place]) + 1 :]
            yield from ways[0] if ways else ()

    def _reached(self, found: Any, owner: type | None = None) -> Iterator[Place | str]:
        """What mentioning it may come to: a class is made and called, a container is its elements."""
        if isinstance(found, Kernel):
            yield found.name.partition("~")[0]
        elif isinstance(found, type):
            if found.__module__.startswith(_PACKAGE):
                hidden = [vars(cls) for cls in found.__mro__ if cls not in self._shown]
                for name in {*_ITSELF, *itertools.chain(*hidden)}:
                    yield from self._places(inspect.getattr_static(found, name, None), found)
        elif isinstance(found, (dict, list, tuple, set, frozenset)) or dataclasses.is_dataclass(found):
            held = vars(found) if dataclasses.is_dataclass(found) else found
            for element in held.values() if isinstance(held, Mapping) else held:
                if callable(element) or isinstance(element, (Kernel, tuple)):
                    yield from self._reached(element)
        elif callable(found) or isinstance(found, property):
            yield from self._places(found, owner)

    # ---- who launches a kernel ----

    def of(self, kernel: str) -> list[str]:
        """The public calls of a kernel, those with the fewest helpers in between first."""
        out: dict[str, None] = {}
        seen = set(self._callers.get(kernel, ()))
        level = {(place, False) for place in seen}
        while level:
            names: set[str] = set()
            above: set[tuple[Place, bool]] = set()
            for place, layers_only in level:
                own = self.public.get(place, [])
                names.update(n for n in own if not layers_only or n.startswith("nn."))
                functional = any(n.startswith("F.") for n in own)
                if not own or functional:
                    above |= {(p, layers_only or functional) for p in self._callers.get(place, ())}
            out.update(dict.fromkeys(sorted(names, key=_order)))
            level = {(p, only) for p, only in above if p not in seen}
            seen |= {p for p, _ in level}
        return [name for name in out if self.inherited.get(name) not in out]

    def reached_by(self, kernel: str) -> set[str]:
        """Every public call that may launch the kernel, also through other public calls."""
        seen: set[Place] = set()
        level = set(self._callers.get(kernel, ()))
        while level:
            seen |= level
            level = {p for place in level for p in self._callers.get(place, ())} - seen
        return {name for place in seen for name in self.public.get(place, ())}

    def names(self, code: types.CodeType, owner: type | None) -> list[str]:
        """The public names of running code; `owner` is the class of its `self`."""
        outer = self._outer.get(code)
        if outer is None:
            return []
        classes = (*owner.__mro__, None) if owner is not None else (None,)
        if outer.co_name in _ITSELF:  # of a class that is not public itself it says nothing
            classes = classes[:1]
        return [name for cls in classes for name in self.public.get((outer, cls), ())]

    @functools.cached_property
    def _outer(self) -> dict[types.CodeType, types.CodeType]:
        """The function that each code, which may be nested inside, belongs to."""
        nested = {inner: code for code in self._functions for inner in _codes(code)}
        return nested | {code: code for code in self._functions}


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's code, and that of the functions inside."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _module(name: str, beside: str) -> Any:
    """The module of the package that a function in module `beside` may mean by what it imports itself."""
    while beside:
        beside = beside.rpartition(".")[0]
        if name and f"{beside}.{name}" in sys.modules:
            return sys.modules[f"{beside}.{name}"]
    return None


@functools.lru_cache(1)
def installed() -> KernelUses:
    """The uses of all kernels."""
    return KernelUses()


def _order(name: str) -> tuple[int, str]:
    families = ("nn.", "SNNCompute", "snn.", "F.", "optim.", f"{_PACKAGE}.", "Tensor.")
    return next((i for i, f in enumerate(families) if name.startswith(f)), len(families)), name


def _surface() -> Iterator[tuple[str, str, Any, type | None]]:
    """(name, name in the class that it comes from, function, class that it runs for) of everything public."""
    classes: list[tuple[str, type]] = [("snn", SNN)]
    open_: list[tuple[str, types.ModuleType]] = [("", grilly_vk)]
    seen: set[Any] = {grilly_vk}
    while open_:
        prefix, module = open_.pop(0)
        for member in module.__all__:
            found = getattr(module, member)
            name = f"{prefix}.{member}" if prefix else _SHORT.get(member, f"{_PACKAGE}.{member}")
            if isinstance(found, types.ModuleType):
                if hasattr(found, "__all__") and found not in seen:
                    seen.add(found)
                    open_.append((name, found))
            elif isinstance(found, type):
                classes.append((name, found))
            elif callable(found):
                yield name, name, found, None
    own = {cls: name for name, cls in reversed(classes)}
    inherited = {base: len([c for c in own if issubclass(c, base)]) for base in own}
    for name, cls in classes:
        if "_layer" in vars(cls):  # a loss, which is made from its function
            yield name, name, cls._layer.function, None  # type: ignore[attr-defined]
        for member in dir(cls):
            found = inspect.getattr_static(cls, member)
            private = member == "extra_repr" or (member.startswith("_") and not member.startswith("__"))
            if private or (member.startswith("__") and cls is not grilly_vk.Tensor and member not in _ITSELF):
                continue
            if member in _ITSELF:
                yield name, name, found, cls
                continue
            home = next((c for c in cls.__mro__ if member in vars(c)), cls)
            if home is cls or home not in own or inherited[home] < _MANY:
                yield f"{name}.{member}", f"{own.get(home, name)}.{member}", found, cls
