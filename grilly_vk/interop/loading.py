"""load_torch_state: another framework's weights into a module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import arguments
from ..nn.module import Module, checked_module
from ..nn.state_dict import fits
from .containers import other_paths
from .entries import Disagreement, Entry, entries_of, scalar
from .mapping import joined, renamed
from .report import LoadReport, StateMismatch
from .sources import arrays_of, unwrapped


def load_torch_state(
    module: Module,
    state: Any,
    mapping: Mapping[str, str | None] | Callable[[str], str | None] | str | None = None,
    strict: bool = True,
) -> LoadReport:
    """Copies another framework's weights into a module's own tensors and settings, all of them or none.

    Layers that PyTorch has hold what PyTorch's hold, under the same names.  Of the others, the entries of
    SpikingJelly's, snnTorch's and Norse's layers become ours: decay factors become time constants, thresholds become
    settings, and layouts that differ are turned.  What a state says and a layer can't take, such as another reset
    mechanism, is a mismatch, so that a network that loads is the same network.

    Args:
        module: the network, of the same layers.
        state: a state dict (names to tensors or arrays), or the path of a safetensors file, or of one of PyTorch's
            (.pt, .pth, .bin, .ckpt), which is read by PyTorch with weights_only=True.  A checkpoint may hold the state
            beside other things.
        mapping: names there to names here, of single entries or of layers and what is below them
            (``{"encoder.fc1": "0", "head": None}``; the longest that fits counts, and None leaves out); or a function
            from a name to a name or None; or "order": the first layer that holds anything there is the first here, and
            so on.  Default: the names are the same.
        strict: whether everything must match (default True).  Otherwise what fits is loaded and the report says what
            did not.

    Returns:
        What matched and what did not.

    Raises:
        StateMismatch: the state does not fit (a ValueError; its `report` says all, its text the first of each kind).
        TypeError: a state, mapping or module of the wrong type.
        ValueError: a damaged file, a mapping that fits nothing, a setting's value that the layer refuses.
        ImportError: a file of PyTorch's, without PyTorch.  OSError: a file that can't be read.
    """
    checked_module("module", module)
    arguments.flag("strict", strict)
    there = unwrapped(arrays_of(state), (name for name, _ in module._slots()))
    names = renamed(list(there), mapping, module)
    plan = _plan(module, {here: there[name] for name, here in names.items() if here is not None})
    back = {here: name for name, here in names.items() if here is not None}
    report = LoadReport(
        matched=tuple((" + ".join(back[n] for n in sources), own) for own, sources in plan.matched.items()),
        missing=tuple(plan.missing),
        unexpected=tuple(back[n] for n in plan.unexpected),
        mismatched=tuple(plan.mismatched.items()),
        left_out=tuple(name for name, here in names.items() if here is None),
    )
    if strict and not report.fits:
        what = f"the state does not fit {type(module).__name__}; nothing was loaded: {report.summary()}"
        raise StateMismatch(what, report)
    _apply(module, plan)
    return report


@dataclass
class _LoadPlan:
    """What goes where; names are those here, after the mapping."""

    tensors: dict[str, np.ndarray] = field(default_factory=dict)
    settings: list[tuple[str, Any, str, Any]] = field(default_factory=list)  # (full name, owner, attribute, value)
    matched: dict[str, list[str]] = field(default_factory=dict)
    mismatched: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)


def _plan(module: Module, state: dict[str, np.ndarray]) -> _LoadPlan:
    plan, used = _LoadPlan(), set[str]()
    slots = dict(module._slots())
    candidates: dict[str, list[tuple[Entry, list[str]]]] = {}
    for path, part in module.named_modules():
        for known in entries_of(part):
            for place in (path, *other_paths(module, path)):
                sources = [joined(place, name) for name in known.theirs]
                if all(name in state for name in sources):
                    own = sources[0] if known.compared else joined(path, known.own)
                    candidates.setdefault(own, []).append((known, sources))
                    break
    entry: Entry | None
    for own, tensor in slots.items():
        entry, sources = None, [own]
        if own not in state:
            if own in candidates:
                entry, sources = candidates[own][0]
            else:
                sources = [name for name in other_paths(module, own) if name in state][:1] or sources
        if sources[0] not in state:
            plan.missing.append(own)
            continue
        used.update(sources)
        value = _read(plan, own, entry, [state[name] for name in sources])
        if value is None:
            continue
        value = np.asarray(value)
        if value.size == 1 == tensor.count:
            value = value.reshape(tensor.shape)
        if value.shape != tensor.shape:
            plan.mismatched[own] = f"shape {value.shape}; expected {tensor.shape}"
        elif not fits(value, tensor):
            plan.mismatched[own] = f"{value.dtype}; expected {tensor.dtype}"
        else:
            plan.tensors[own] = value
            plan.matched[own] = sources
    for own, found in candidates.items():
        if own in slots:
            continue
        entry, sources = found[0]
        used.update(name for _, some in found for name in some)
        value = _read(plan, own, entry, [state[name] for name in sources])
        if own in plan.mismatched:
            continue
        plan.matched[own] = sources
        if not entry.compared:
            owner, attribute = owner_of(module, own)
            plan.settings.append((own, owner, attribute, scalar(value)))
    loaded = {id(slots[own]) for own in plan.matched if own in slots}
    plan.missing = [own for own in plan.missing if id(slots[own]) not in loaded]  # tied weights, saved once
    plan.unexpected = [name for name in state if name not in used]
    return plan


def _read(plan: _LoadPlan, own: str, entry: Entry | None, arrays: list[np.ndarray]) -> Any:
    """Ours, of theirs; None and a note where that can't be."""
    if entry is None:
        return arrays[0]
    try:
        return entry.read(*arrays)
    except Disagreement as error:
        plan.mismatched[own] = str(error)
    except (ValueError, IndexError):  # arrays that numpy can't join, or without elements
        plan.mismatched[own] = f"shapes {', '.join(str(a.shape) for a in arrays)[:60]}, which don't fit each other"
    return None


def owner_of(module: Module, name: str) -> tuple[Any, str]:
    """The part that a setting is of, and the setting's name."""
    path, _, attribute = name.rpartition(".")
    owner: Any = module
    for step in path.split(".") if path else ():
        owner = owner._modules[step]
    return owner, attribute


def _apply(module: Module, plan: _LoadPlan) -> None:
    """Settings, then tensors; whatever raises, nothing has changed."""
    before = []
    try:
        for name, owner, attribute, value in plan.settings:
            old = getattr(owner, attribute)
            try:
                setattr(owner, attribute, value)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{name} can't be set as the state says: {error}") from error
            before.append((owner, attribute, old))
        module.load_state_dict(plan.tensors, strict=False)
    except BaseException:
        for owner, attribute, old in reversed(before):
            setattr(owner, attribute, old)
        raise
