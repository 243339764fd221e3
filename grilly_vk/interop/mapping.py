"""Names of another framework's state in place of ours: mappings, and layers in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..errors import shown
from ..nn.module import Module
from .entries import entries_of

_INSIDE = ("recurrent", "out_proj", "rc")  # parts that other layers have inside


def renamed(names: list[str], mapping: Any, module: Module) -> dict[str, str | None]:
    """For each name there the name here, before layers' own entries are looked at; None: it is left out.

    Raises:
        TypeError: no mapping. ValueError: one that fits no name, or gives one name twice.
    """
    if mapping is None:
        return {name: name for name in names}
    if isinstance(mapping, str):
        if mapping != "order":
            raise ValueError(f"mapping must be a dict, a function, 'order' or None, got {shown(mapping)}")
        return _by_prefix(names, _in_order(names, module))
    if isinstance(mapping, Mapping):
        return _by_prefix(names, mapping)
    if callable(mapping):
        return _unique({name: _named(name, mapping) for name in names})
    raise TypeError(f"mapping must be a dict, a function, 'order' or None, not {type(mapping).__name__}")


def _named(name: str, mapping: Callable[[str], Any]) -> str | None:
    out = mapping(name)
    if out is not None and not isinstance(out, str):
        raise TypeError(f"mapping must return a name or None for {shown(name)}, not {type(out).__name__}")
    return out


def _by_prefix(names: list[str], mapping: Mapping[Any, Any]) -> dict[str, str | None]:
    given = pairs(mapping)
    found = {name: longest(name, given) for name in names}
    used = set(found.values())
    for there in given:
        if there not in used:
            raise ValueError(f"mapping names {shown(there)}, which the state does not have; it has {shown(names)}")
    return _unique({name: moved(name, best, given) for name, best in found.items()})


def pairs(mapping: Mapping[Any, Any]) -> dict[str, str | None]:
    """What a mapping says, without dots at the ends.

    Raises:
        TypeError: it leads from or to what is no name.
    """
    for there, here in mapping.items():
        if not isinstance(there, str) or not (here is None or isinstance(here, str)):
            raise TypeError(f"mapping must lead from names to names or None, got {shown(there)}: {shown(here)}")
    return {there.rstrip("."): None if here is None else here.rstrip(".") for there, here in mapping.items()}


def longest(name: str, paths: Iterable[str]) -> str | None:
    """The longest of these paths that a name is or is below; None: no such path."""
    return max((p for p in paths if p == "" or name == p or name.startswith(f"{p}.")), key=len, default=None)


def moved(name: str, path: str | None, to: Mapping[str, str | None]) -> str | None:
    """A name with the path that it is below replaced; as it is below none."""
    if path is None:
        return name
    place = to[path]
    return None if place is None else joined(place, name[len(path) :].lstrip("."))


def joined(prefix: str, rest: str) -> str:
    """A name in a place."""
    return f"{prefix}.{rest}" if prefix and rest else prefix or rest


def _unique(out: dict[str, str | None]) -> dict[str, str | None]:
    seen: dict[str, str] = {}
    for there, here in out.items():
        if here is not None:
            if here in seen:
                raise ValueError(f"mapping gives {shown(here)} twice, for {shown(seen[here])} and {shown(there)}")
            seen[here] = there
    return out


def _in_order(names: list[str], module: Module) -> dict[str, str]:
    """The k-th layer there is the k-th here, of those that hold anything."""
    there, holding = _layers(names), _layers([name for name, _ in module._slots()])
    here: dict[str, dict[str, None]] = {"slots": {}, "settings": {}}
    whole: str | None = None  # a layer that the state has as one
    for path, part in module.named_modules():
        if whole is not None and path.startswith(f"{whole}." if whole else ""):
            continue
        entries = list(entries_of(part))
        if any("." in e.own[:-1] and _ends(names, e.theirs[0]) for e in entries):
            whole = path
        if path in holding or whole == path:
            here["slots"][path] = None
        if path in here["slots"] or any(not e.compared for e in entries):
            here["settings"][path] = None
    # Neurons without parameters are in snnTorch's states, and in no others.
    for found in here.values():
        if len(found) == len(there):
            return dict(zip(there, found))
    found = here["slots"]
    raise ValueError(
        f"mapping='order' needs as many layers there as here, got {len(there)} ({shown(there)}) and {len(found)} "
        f"({shown(list(found))})"
    )


def _ends(names: list[str], end: str) -> bool:
    return any(name == end or name.endswith(f".{end}") for name in names)


def _layers(names: list[str]) -> list[str]:
    """Paths of the layers that the names are of, in order."""
    found: dict[str, None] = {}
    for name in names:
        path = name.rpartition(".")[0].partition(".bn_list.")[0]
        while path.rpartition(".")[2] in _INSIDE and "." in path:
            path = path.rpartition(".")[0]
        found.setdefault(path)
    return list(found)
