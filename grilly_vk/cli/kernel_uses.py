"""Which public calls launch which kernel, found in the package's own sources."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import pkgutil
import types
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import grilly_vk
from grilly_vk.runtime.kernels import Kernels
from grilly_vk.snn import SNN

from .launches import Launches
from .references import Place, References
from .syntax import PACKAGE

_SHORT = {"functional": "F", "nn": "nn", "optim": "optim", "Tensor": "Tensor", "SNNCompute": "SNNCompute"}
_MANY = 20  # classes that inherit a method; it is then listed with the class that it comes from, and no other
_ITSELF = {"forward", "__call__", "__init__"}  # of a class: what it is there for


def load_all() -> None:
    """Imports every module of the package that can be imported here."""
    for found in pkgutil.walk_packages(grilly_vk.__path__, f"{PACKAGE}."):
        if not found.name.startswith((f"{PACKAGE}.cli", f"{PACKAGE}.__main__")):
            with contextlib.suppress(ImportError):  # what needs another package that is not installed
                importlib.import_module(found.name)


class KernelUses:
    """The public calls of each kernel.

    Public is what `grilly_vk` and the modules in it name in `__all__`, the methods of the classes there, and
    ``VulkanCompute().snn``.  A call uses a kernel if the function, or a helper that is not public itself, launches it;
    the gradient of an operation belongs to the operation.  Modules of `nn` count as well where it is a function of
    `grilly_vk.functional` that they call.

    Args:
        kernels: names of all kernels, with their variants.
    """

    def __init__(self, kernels: Iterable[str]) -> None:
        load_all()
        self.references = References()
        self._kernels = tuple(kernels)
        self.public: dict[Place, list[str]] = {}
        self.inherited: dict[str, str] = {}  # a method's name in a class -> its name in the class it comes from
        for name, base, function, owner in _surface():
            place = self.references.place(function, owner)
            if base != name:
                self.inherited[name] = base
            if place is not None and name not in self.public.setdefault(place, []):
                self.public[place].append(name)

    @cached_property
    def edges(self) -> dict[Place, set[Place]]:
        """What each function refers to, for all that public calls can reach."""
        found: dict[Place, set[Place]] = {}
        open_ = list(self.public)
        while open_:
            place = open_.pop()
            if place not in found:
                found[place] = self.references.references(place)
                open_ += found[place]
        return found

    @cached_property
    def launched(self) -> dict[str, set[Place]]:
        """The functions that name each kernel."""
        launches = Launches(self.references, self._kernels).by_unit()
        out: dict[str, set[Place]] = {}
        for place in self.edges:
            unit, owner = place
            for kernel in launches[unit](owner) if unit in launches else ():
                out.setdefault(kernel, set()).add(place)
        return out

    @cached_property
    def _callers(self) -> dict[Place, set[Place]]:
        out: dict[Place, set[Place]] = {}
        for place, inner in self.edges.items():
            for other in inner:
                out.setdefault(other, set()).add(place)
        return out

    def of(self, kernel: str) -> list[str]:
        """The public calls of a kernel, those with the fewest helpers in between first."""
        out: dict[str, None] = {}
        seen = set(self.launched.get(kernel, ()))
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
        seen, level = set(), set(self.launched.get(kernel, ()))
        while level:
            seen |= level
            level = {p for place in level for p in self._callers.get(place, ())} - seen
        return {name for place in seen for name in self.public.get(place, ())}

    def names(self, code: types.CodeType, owner: type | None) -> list[str]:
        """The public names of running code; `owner` is the class of its `self`."""
        unit = self.references.unit(code)
        if unit is None:
            return []
        classes = owner.__mro__ if owner is not None and unit.owner else (None,)
        if unit.name in _ITSELF:  # of a class that is not public itself it says nothing
            classes = classes[:1]
        return [name for cls in classes for name in self.public.get((unit, cls), ())]


@functools.lru_cache(1)
def installed() -> KernelUses:
    """The uses of the kernels that the build made."""
    return KernelUses(Kernels().names())


def _order(name: str) -> tuple[int, str]:
    families = ("nn.", "SNNCompute", "snn.", "F.", "optim.", f"{PACKAGE}.", "Tensor.")
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
            name = f"{prefix}.{member}" if prefix else _SHORT.get(member, f"{PACKAGE}.{member}")
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
            private = member.startswith("_") and not member.startswith("__")
            if private or (member.startswith("__") and cls is not grilly_vk.Tensor and member not in _ITSELF):
                continue
            if member in _ITSELF:
                yield name, name, found, cls
                continue
            home = next((c for c in cls.__mro__ if member in vars(c)), cls)
            if home is cls or home not in own or inherited[home] < _MANY:
                yield f"{name}.{member}", f"{own.get(home, name)}.{member}", found, cls
