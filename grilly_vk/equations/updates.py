"""Steps that several kernels share, each written once: how membranes leak, and how pairs of spikes move weights."""

from __future__ import annotations

from collections.abc import Sequence

from .expression import Function, function
from .printing import GLSL

MEMBRANES = (
    function("a leaky membrane, integrated exactly", "leaky(v, drive, rest, k) = rest + (v - rest) * k + drive"),
    function("the same, the drive added first", "linear(v, drive, rest, k) = rest + ((v - rest) * k + drive)"),
    function("to the first order of k = dt / tau", "first_order(v, drive, rest, k) = v + k * (drive - (v - rest))"),
)
PAIRS = (
    function(
        "pair STDP: the change of weights w, with `soft` by the room that is left",
        "pair_change(w, up, down, low, high, soft) = where(soft, up * (high - w) - down * (w - low), up - down)",
    ),
    function("clipped; NaN stays", "bounded(w, low, high) = where(w < low, low, where(w > high, high, w))"),
)
_SCALARS, _SWITCHES = ("k", "low", "high"), {"soft": "soft"}


def source(functions: Sequence[Function]) -> str:
    """An include file with the functions, for one element or four at a time."""
    glsl = GLSL(scalars=_SCALARS, switches=_SWITCHES)
    out = ["// Made of the texts in grilly_vk/equations/updates.py."]
    for f in functions:
        types = ("float" if a in _SCALARS else "bool" if a in _SWITCHES else "REAL" for a in f.arguments)
        head = ", ".join(f"{kind} {argument}" for kind, argument in zip(types, f.arguments))
        out += [
            f"REAL {f.name}({head})",
            "{",
            f"    precise REAL made = {glsl.wide(f.value)};",
            "    return made;",
            "}",
        ]
    return "\n".join(out) + "\n"
