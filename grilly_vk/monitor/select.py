"""Which modules a monitor looks at, and how they treat time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .. import families
from ..errors import shown
from ..nn.module import Module


def is_spiking(module: Module) -> bool:
    """Whether a module's output is spikes: it says `is_spiking = True`, or has a potential `v` and a `v_threshold`."""
    said = getattr(module, "is_spiking", None)
    if said is not None and not isinstance(said, Module):
        return bool(said)
    found = (getattr(module, name, None) for name in ("v", "v_threshold"))  # parts of these names are no potentials
    return all(value is not None and not isinstance(value, Module) for value in found)


def named(model: Any) -> dict[str, Module]:
    """Every module by name: of one model the parts' dotted names, and its class for the model itself.

    Args:
        model: a Module, a mapping from names to Modules, or a sequence of them, named by their position.

    Raises:
        TypeError: something else.
    """
    if isinstance(model, Module):
        return {name or type(model).__name__: module for name, module in model.named_modules()}
    if isinstance(model, Mapping):
        found = {str(name): module for name, module in model.items()}
    elif isinstance(model, Iterable) and not isinstance(model, (str, bytes)):
        found = {str(i): module for i, module in enumerate(model)}
    else:
        raise families.wrong("model", model, "a Module, or several in a list or dict", "layer")
    for name, module in found.items():
        if not isinstance(module, Module):
            raise TypeError(f"model holds {families.described(module)} as {name!r}; expected Modules")
    return found


def select(model: Any, modules: Any, default: Callable[[Module], bool], wanted: str) -> dict[str, Module]:
    """The modules to look at, by name.

    Args:
        model: see `named`.
        modules: None for those that `default` takes; or a name, a type, a Module of the model, or a list of these.
        default: says of a module whether None means it.
        wanted: what `default` looks for, for the error.

    Raises:
        TypeError: model or modules of the wrong type.
        ValueError: nothing found, or a name, type or module that the model does not have.
    """
    everything = named(model)
    if modules is None:
        several = not isinstance(model, Module)
        found = {name: m for name, m in everything.items() if several or default(m)}
        if not found:
            raise ValueError(f"model has no {wanted}; name what to look at with modules=, of {_list(everything)}")
        return found
    chosen: dict[str, Module] = {}
    items = modules if isinstance(modules, (list, tuple, set, frozenset)) else [modules]
    for item in items:
        if isinstance(item, str):
            some = {item: everything[item]} if item in everything else {}
        elif isinstance(item, type):
            some = {name: m for name, m in everything.items() if isinstance(m, item)}
        elif isinstance(item, Module):
            some = {name: m for name, m in everything.items() if m is item}
        else:
            raise TypeError(f"modules must hold names, types or Modules, not {type(item).__name__} ({shown(item)})")
        if not some:
            what = item.__name__ if isinstance(item, type) else shown(item)
            raise ValueError(f"modules: the model has no {what}; it has {_list(everything)}")
        chosen.update(some)
    if not chosen:
        raise ValueError(f"modules is empty; the model has {_list(everything)}")
    return {name: m for name, m in everything.items() if name in chosen}


def takes_time(module: Module, kwargs: dict[str, Any], default: str) -> bool:
    """Whether a call was all steps (T, B, ...): containers say so to what they call, else the module's step mode does.

    Args:
        kwargs: keyword arguments of the call.
        default: step mode of modules that have none.
    """
    if kwargs.get("steps") is not None:
        return True
    if type(module).takes_steps:
        default = "m"
    return bool(getattr(module, "step_mode", default) == "m")


def _list(modules: dict[str, Module]) -> str:
    names = [f"{name!r} ({type(m).__name__})" for name, m in modules.items()]
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
