"""to_torch_state: a module's weights for other frameworks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .. import arguments, files
from ..errors import shown
from ..nn.module import Module, checked_module
from ..tensor import Tensor
from .containers import other_paths
from .entries import LIBRARIES, Disagreement, entries_of
from .loading import owner_of
from .mapping import joined, longest, moved, pairs


def to_torch_state(
    module: Module,
    path: str | os.PathLike[str] | None = None,
    *,
    layers: Literal["torch", "spikingjelly", "snntorch", "norse"] = "torch",
    mapping: Mapping[str, str | None] | None = None,
) -> dict[str, np.ndarray]:
    """A module's weights under another framework's names, as numpy arrays, and in a file if wanted.

    ``model.load_state_dict({name: torch.as_tensor(a) for name, a in state.items()})`` loads them there.

    Args:
        module: the network.
        path: of a file that is written too, whole or not at all: .safetensors, or .pt, .pth (with PyTorch).
        layers: whose layers they are for: "torch" (default), "spikingjelly", "snntorch" or "norse".  Layers that
            PyTorch has are the same in all.  For snnTorch thresholds and decay factors are part of the state.
        mapping: as for `load_torch_state`, from names there to names here, and used backwards.

    Returns:
        Name -> array in memory of its own, in the order of `state_dict`; counters are int64, as there.

    Raises:
        TypeError, ValueError: no module, an unknown framework, or a mapping that can't be used backwards.
        ValueError: a layer that the framework has not, such as a reset of its own; a path of another suffix.
        ImportError: a .pt file without PyTorch.  OSError: a file that can't be written.
    """
    checked_module("module", module)
    arguments.choice("layers", layers, LIBRARIES)
    place = None if path is None else _place(path)
    back = _backwards(mapping, module)
    renamed: dict[str, list[tuple[str, np.ndarray]]] = {}
    settings: list[tuple[str, str, np.ndarray]] = []  # (path of the part, name there, array)
    slots = dict(module._slots())
    jelly = layers == "spikingjelly"
    done = set()  # parts of a layer have entries as layers too, under names that are not written
    for prefix, part in module.named_modules():
        for entry in entries_of(part):
            own = joined(prefix, entry.own).rstrip(".")
            if entry.library != layers or entry.write is None or own in renamed or (own, entry.theirs) in done:
                continue
            done.add((own, entry.theirs))
            there = (other_paths(module, prefix) if jelly else [])[:1] or [prefix]
            names = [joined(there[0], name) for name in entry.theirs]
            if own in slots:
                renamed[own] = list(zip(names, _written(own, entry.write, slots[own].numpy())))
            elif entry.compared:
                settings += [(prefix, *pair) for pair in zip(names, _written(names[0], entry.write, None))]
            else:
                owner, attribute = owner_of(module, own)
                value = getattr(owner, attribute, None)
                if value is not None:
                    given = value.numpy() if isinstance(value, Tensor) else np.asarray(value, np.float32)
                    settings += [(prefix, *pair) for pair in zip(names, _written(own, entry.write, given))]
    out: dict[str, np.ndarray] = {}
    at: dict[str, str] = {}  # of each name there, the part that it is of
    for own, tensor in slots.items():
        plain = (other_paths(module, own) if jelly else [])[:1] or [own]
        for name, array in renamed.get(own) or [(plain[0], tensor.numpy())]:
            _put(out, back(name), array)
            at.setdefault(back(name), own.rpartition(".")[0])
    for prefix, name, array in settings:
        if back(name) not in out:
            _put(out, back(name), array)
            at.setdefault(back(name), prefix)
    if settings:  # among the tensors of their parts, as the framework has them
        rank = {prefix: i for i, (prefix, _) in enumerate(module.named_modules())}
        out = dict(sorted(out.items(), key=lambda item: rank.get(at[item[0]], len(rank))))
    if place is not None:
        _write(place, out)
    return out


def _put(out: dict[str, np.ndarray], name: str | None, array: Any) -> None:
    if name is None:
        return
    if name in out:
        raise ValueError(f"mapping gives {shown(name)} twice")
    given = np.array(array)
    whole = name.rpartition(".")[2] == "num_batches_tracked"
    out[name] = given.astype(np.int64) if whole else given


def _written(name: str, write: Any, value: Any) -> tuple[np.ndarray, ...]:
    try:
        made: tuple[np.ndarray, ...] = write(value)
    except Disagreement as error:
        raise ValueError(f"{name} can't be written: {error}") from error
    return made


def _backwards(mapping: Any, module: Module) -> Any:
    """From a name here to one there."""
    if mapping is None:
        return lambda name: name
    if not isinstance(mapping, Mapping):
        raise TypeError(f"mapping must be a dict to be used backwards, not {type(mapping).__name__}")
    turned: dict[str, str | None] = {}
    for there, here in pairs(mapping).items():
        if here in turned:
            raise ValueError(f"mapping can't be used backwards: it gives {shown(here)} twice")
        if here is not None:
            turned[here] = there
    known = _known(module)
    for here in turned:
        if here and here not in known:
            raise ValueError(f"mapping leads to {shown(here)}, which {type(module).__name__} does not have")
    return lambda name: moved(name, longest(name, turned), turned)


def _known(module: Module) -> set[str]:
    """All names that a mapping may lead to: of parts, tensors and entries, here and as other frameworks have them."""
    found = set()
    for path, part in module.named_modules():
        own = [""] + [name for entry in entries_of(part) for name in (entry.own, *entry.theirs)]
        found |= {joined(place, name) for place in (path, *other_paths(module, path)) for name in own}
    for path, _ in module._slots():
        found |= {path, *other_paths(module, path)}
    return {".".join(name.split(".")[: i + 1]) for name in found for i in range(name.count(".") + 1)}


def _place(path: Any) -> Path:
    files.named("path", path)
    place = Path(os.fsdecode(path))
    if place.suffix.lower() not in (".safetensors", ".pt", ".pth"):
        raise ValueError(f"path must end in .safetensors, .pt or .pth, got {shown(place.suffix)}")
    return place


def _write(place: Path, arrays: dict[str, np.ndarray]) -> None:
    if place.suffix.lower() == ".safetensors":
        from safetensors.numpy import save

        files.write(place, save(arrays, {"format": "pt"}))
        return
    try:
        import torch
    except ImportError as error:
        raise ImportError("PyTorch, which writes .pt files, is not installed; .safetensors needs none") from error
    files.save_with(place, lambda file: torch.save({n: torch.from_numpy(a) for n, a in arrays.items()}, file))
