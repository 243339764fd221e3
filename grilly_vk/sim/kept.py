"""Files of a network: all that goes on in it, and what the network is, so that no other takes it up."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .. import saving
from ..errors import shown
from .alike import digest

_KIND, _FORMAT = "grilly_vk.sim.Network", 1
# Of a population or projection: what may differ, since the file brings its own or nothing of a run hangs on it.
_FREE = {
    "network", "number", "population", "label", "recorded", "counted", "sampled", "every", "global_first", "parameters",
    "initial",
}  # fmt: skip


def save(network: Any, path: str | os.PathLike[str]) -> None:
    """See `Network.save`."""
    state = network.state_dict()
    state |= {
        "kind": _KIND, "format": _FORMAT, "network": _described(network),
        "parameters": [
            {"parameters": _closed(p.parameters), "initial": _closed(p.initial)} for p in network.populations
        ],
        "weights": {i: now for i, (_, now) in network.given_weights.items()},
    }  # fmt: skip
    with network._ranks.together("Network.save"):
        if network.rank == 0:
            saving.save(path, state)


def load(network: Any, path: str | os.PathLike[str]) -> None:
    """See `Network.load`."""
    network.build()
    with network._ranks.together("Network.load"):
        state = saving.load(path)
        name = os.fspath(path)
        if not isinstance(state, dict) or state.get("kind") != _KIND:
            raise ValueError(f"{shown(name)} holds no network; Network.save writes such files")
        if state["format"] != _FORMAT:
            raise ValueError(f"{shown(name)} has the format {state['format']}; this version reads {_FORMAT}")
        differs = _difference(state["network"], _described(network))
        if differs:
            raise ValueError(f"{shown(name)} is of another network: {differs}")
    network.check_state(state)
    for p, given in zip(network.populations, state["parameters"]):
        p.parameters, p.initial = _opened(given["parameters"]), _opened(given["initial"])
        network.assign(p, p.indices, {name: p.parameters[name] for name in p.model.parameters})
    for i in set(network.given_weights) - set(state["weights"]):
        network.take_first_weights(i)
    for i, now in state["weights"].items():
        network.set_weights(network.projections[i], np.asarray(now, np.float64))
    network.clear()
    network.load_state_dict(state)


def _closed(values: dict[str, Any]) -> dict[str, Any]:
    """With lists in place of arrays of arrays, such as times of sources, which files don't hold."""
    return {name: list(v) if getattr(v, "ndim", 0) and v.dtype.hasobject else v for name, v in values.items()}


def _opened(values: dict[str, Any]) -> dict[str, Any]:
    """The opposite of `_closed`."""
    out = dict(values)
    for name, value in values.items():
        if isinstance(value, list):
            out[name] = np.empty(len(value), object)
            for i, each in enumerate(value):
                out[name][i] = each
    return out


def _described(network: Any) -> dict[str, Any]:
    """What a network is, in words and digits that can be compared."""
    parts: list[tuple[str, Any]] = [("population", p) for p in network.populations]
    parts += [("projection", p) for p in network.projections]
    parts += [("input", p) for p in network.inputs]
    return {"dt": network.dt, "seed": network.seed, "parts": [_part(kind, p) for kind, p in parts]}


def _part(kind: str, part: Any) -> dict[str, Any]:
    named = repr(part) if kind != "input" else f"{type(part).__name__} into {part.target.population!r}"
    values = {name: _noted(value) for name, value in vars(part).items() if name not in _FREE}
    return {"kind": kind, "named": named, "class": type(part).__name__, "values": values}


def _noted(value: Any) -> str:
    """A short value as it is shown, another one as digits."""
    if isinstance(value, (int, float, str, bool)) or value is None:
        return repr(value)
    if hasattr(value, "population") and hasattr(value, "indices"):  # a part of a population
        first = value.population.global_first
        return f"neurons {digest(np.asarray(value.indices, np.int64) + first)}"
    if hasattr(value, "kernel_suffix"):
        return f"{value.name} {value.kernel_suffix}"
    return digest(value)


def _difference(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    """The first difference in words; "" for none."""
    for name in ("dt", "seed"):
        if theirs[name] != ours[name]:
            return f"its {name} is {theirs[name]}, this one's {ours[name]}"
    for kind in ("population", "projection", "input"):
        a, b = ([p for p in parts["parts"] if p["kind"] == kind] for parts in (theirs, ours))
        if len(a) != len(b):
            return f"it has {len(a)} {kind}s, this one {len(b)}"
        for number, (x, y) in enumerate(zip(a, b)):
            what = f"{kind} {number} is {x['named']}, here {y['named']}"
            if x["class"] != y["class"]:
                return what
            for field in sorted({*x["values"], *y["values"]}):
                if x["values"].get(field) != y["values"].get(field):
                    return what if x["named"] != y["named"] else f"{field} of {kind} {number}, {x['named']}, differs"
    return ""
