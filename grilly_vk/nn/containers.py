"""Modules made of modules, and the two layers that only pass on."""

from __future__ import annotations

import functools
import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .. import arguments, families
from ..modes import S
from ..ops import shape as shapes
from ..ops.elementwise import as_tensor
from ..settings import Setting, fixed, setting
from ..stepping import keeps_state, mixed, over_steps
from ..typing import ArrayLike
from .joining import folds, stages
from .module import Module, Parameter, checked_module
from .reading import all_steps


def _place(index: Any, n: int, what: str = "modules") -> int:
    try:
        number = operator.index(index)
    except TypeError:
        raise TypeError(f"index must be a whole number or a slice, not {type(index).__name__}") from None
    if not -n <= number < n:
        raise IndexError(f"index {number} is out of range for {n} {what}")
    return number % n


class _Listed(Module):
    """What Sequential and ModuleList have in common: parts named 0, 1, 2, ..."""

    def _checked(self, name: str, module: Any) -> Module:
        """The module, if it may be a part.

        Raises:
            TypeError: it is no Module.
        """
        return checked_module(name, module)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._modules.values()))

    def __getitem__(self, index: Any) -> Any:
        parts = list(self._modules.items())
        if isinstance(index, slice):
            chosen = parts[index]
            return (
                Sequential(OrderedDict(chosen))
                if isinstance(self, Sequential)
                else ModuleList([checked_module(name, m) for name, m in chosen])
            )
        return parts[_place(index, len(parts))][1]

    def __setitem__(self, index: Any, module: Module) -> None:
        name = list(self._modules)[_place(index, len(self))]
        self._modules[name] = self._checked("module", module)

    def __delitem__(self, index: Any) -> None:
        parts = list(self._modules.items())
        gone = range(len(parts))[index] if isinstance(index, slice) else [_place(index, len(parts))]
        kept = [item for i, item in enumerate(parts) if i not in set(gone)]
        numbered = all(name.isdigit() for name, _ in parts)
        self._modules.clear()
        for i, (name, module) in enumerate(kept):
            self._modules[str(i) if numbered else name] = module

    def append(self, module: Module) -> Any:
        """Adds a module at the end, and returns self."""
        self.add_module(str(len(self)), self._checked("module", module))
        return self

    def extend(self, modules: Iterable[Module]) -> Any:
        """Adds several modules at the end, and returns self."""
        if not isinstance(modules, Iterable):
            raise TypeError(f"modules must be several Modules, such as a list, not {type(modules).__name__}")
        for module in [self._checked(f"modules[{i}]", m) for i, m in enumerate(modules)]:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> None:
        """Puts a module before the one at `index`; those after it are renumbered."""
        parts: list[Any] = list(self._modules.values())
        parts.insert(operator.index(index), self._checked("module", module))
        self._modules.clear()
        for i, part in enumerate(parts):
            self._modules[str(i)] = part


class Sequential(_Listed):
    """Modules applied one after the other: the output of each is the input of the next.

    In step mode "m" (see `grilly_vk.functional.set_step_mode`) the input is (T, B, ...): library layers without state
    take all steps as one batch (T * B, ...), spiking nodes run all steps in one dispatch, and modules of your own are
    called once a step, unless their class says something else (`Module.over_time`).

    Args:
        modules: Modules, or one mapping from names to them.

    Attributes:
        step_mode: "s" (default) or "m".

    Raises:
        TypeError: something that is no Module, or a trace layer, which gives pairs (`traced.Network` joins these).
        ValueError (at the call): modules of both step modes.
    """

    takes_steps = _is_chain = True
    step_mode: str = setting(arguments.choice, ("s", "m"))

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        if isinstance(type(self).step_mode, Setting):  # not where a class says its own
            self.__dict__["step_mode"] = S
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self.add_module(name, self._checked(f"modules[{name!r}]", module))
        else:
            for i, module in enumerate(modules):
                self.add_module(str(i), self._checked(f"modules[{i}]", module))

    def _checked(self, name: str, module: Any) -> Module:
        """As a list's; what gives pairs can't be followed by anything.

        Raises:
            TypeError: it is no Module, or a trace layer.
        """
        if type(self).forward is Sequential.forward:
            families.refuse(name, module, "a layer that gives one Tensor", "trace")
        return checked_module(name, module)

    def forward(self, x: Any, *, steps: str | None = None) -> Any:
        """The input through every module; `steps` is given by containers, for an input with a time axis."""
        parts: list[Any] = list(self._modules.values())
        if steps is None and not all_steps(self, x):
            modes = {m.step_mode for m in parts if keeps_state(m)}
            if len(modes) > 1:
                raise ValueError(mixed("Sequential"))
            timed = "m" in modes
            for module, options in stages(parts):
                # A batch norm reads (T, B, C) alike whether a node takes it in or not.
                if timed and folds(module, x):
                    x = over_steps(module, x, merge=True)
                else:
                    x = module(x, **options)
                timed = timed and not module._ends_time
            return x
        x, timed = as_tensor("x", x), True
        if steps == "loop" and _shares_state(parts):
            if x.shape[0] == 0:
                raise ValueError(f"x has shape {x.shape}: no steps to run Sequential on")
            return shapes.stack([functools.reduce(lambda y, part: part(y), parts, x[t]) for t in range(x.shape[0])])
        for module, options in stages(parts) if steps != "loop" else [(part, {}) for part in parts]:
            if timed:
                x = over_steps(module, x, merge=steps != "loop", **options)
            else:
                x = module._call_once(x) if module._in_time and not keeps_state(module) else module(x, **options)
            timed = timed and not module._ends_time
        return x

    @property
    def _ends_time(self) -> bool:  # type: ignore[override]
        return any(part._ends_time for part in self)


def _shares_state(parts: list[Any]) -> bool:
    """Whether two places hold the same module with a state, which then sees their inputs of a step in turn."""
    stateful = [id(m) for part in parts for m in part.modules() if keeps_state(m)]
    return len(set(stateful)) < len(stateful)


class ModuleList(_Listed):
    """A list of registered modules; it has no forward.

    Args:
        modules: what it starts with.

    Raises:
        TypeError: something that is no Module.
    """

    _is_list = True

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        self.extend(modules)


class ModuleDict(Module):
    """A dict of registered modules, in order of insertion; it has no forward.

    Args:
        modules: a mapping, or (name, module) pairs, to start with.

    Raises:
        TypeError: something that is no Module. ValueError: a name with a dot, or of an attribute.
    """

    _is_list = True

    def __init__(self, modules: Any = ()) -> None:
        super().__init__()
        self.update(modules)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._modules))

    def __contains__(self, name: Any) -> bool:
        return name in self._modules

    def __getitem__(self, name: str) -> Any:
        return self._modules[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self.add_module(name, checked_module("module", module))

    def __delitem__(self, name: str) -> None:
        del self._modules[name]

    def keys(self) -> Any:
        """The names."""
        return self._modules.keys()

    def values(self) -> Any:
        """The modules."""
        return self._modules.values()

    def items(self) -> Any:
        """(name, module) pairs."""
        return self._modules.items()

    def pop(self, name: str) -> Any:
        """Removes a module and returns it."""
        return self._modules.pop(name)

    def clear(self) -> None:
        """Removes all modules."""
        self._modules.clear()

    def update(self, modules: Any) -> None:
        """Adds or replaces modules from a mapping or pairs."""
        try:
            given = dict(modules)
        except (TypeError, ValueError):
            raise TypeError(
                f"modules must be a mapping from names to Modules or (name, Module) pairs, not {type(modules).__name__}"
            ) from None
        for name, module in given.items():
            self._free_name("_modules", name)
            checked_module(f"modules[{name!r}]", module)
        for name, module in given.items():
            self[name] = module


class ParameterList(Module):
    """A list of registered parameters, named 0, 1, 2, ...; it has no forward.

    Args:
        values: what it starts with: Parameters, or Tensors and arrays, of which Parameters are made.

    Raises:
        TypeError, ValueError: what no Parameter can be made of.
    """

    def __init__(self, values: Iterable[Any] = ()) -> None:
        super().__init__()
        self.extend(values)

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._parameters.values()))

    def __getitem__(self, index: Any) -> Any:
        own = list(self._parameters.values())
        if isinstance(index, slice):
            return ParameterList([p for p in own[index] if p is not None])
        return own[_place(index, len(own), "parameters")]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._parameters[str(_place(index, len(self), "parameters"))] = _parameter(value)

    def append(self, value: ArrayLike) -> ParameterList:
        """Adds a parameter at the end, and returns self."""
        self.register_parameter(str(len(self)), _parameter(value))
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Adds several parameters at the end, and returns self."""
        if not isinstance(values, Iterable):
            raise TypeError(f"values must be several Parameters, such as a list, not {type(values).__name__}")
        for parameter in [_parameter(value) for value in values]:
            self.append(parameter)
        return self

    def extra_repr(self) -> str:
        """The shapes."""
        return ", ".join(f"({name}): {p.shape}" for name, p in self._parameters.items() if p is not None)


def _parameter(value: Any) -> Parameter:
    return value if isinstance(value, Parameter) else Parameter(value)


class Identity(Module):
    """Returns its input; takes and ignores any arguments, so that it can stand in for any layer."""

    batchwise = True
    _time_rank = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, x: Any) -> Any:
        """The input."""
        return x


class Flatten(Module):
    """Joins axes start_dim..end_dim to one; by default all but the first: (B, ...) to (B, n).

    Raises:
        ValueError (at the call): axes out of range, or start_dim after end_dim.
    """

    start_dim, end_dim = fixed(), fixed()
    over_time = "fold"
    _shown = ("start_dim", "end_dim")

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = arguments.whole("start_dim", start_dim)
        self.end_dim = arguments.whole("end_dim", end_dim)
        self.batchwise = self.start_dim > 0
        if not self.batchwise:  # the batch is one of the axes that are joined, or may be
            self.over_time, self._timed_alone, self._time_rank = "step", True, 2
        self._flattens = (self.start_dim, self.end_dim) == (1, -1)

    def forward(self, x: Any) -> Any:
        """(B, ...) to (B, n)."""
        return shapes.flatten(as_tensor("x", x), self.start_dim, self.end_dim)
