"""Nodes that are made from their records in equations/neurons.py alone."""

from __future__ import annotations

import inspect
from typing import Any

from ...equations.neurons import PUBLISHED, Published
from ..made import method
from .custom_node import ModelNode, settings_of

__all__ = [record.node for record in PUBLISHED]


def _text(record: Published) -> str:
    """The docstring: what it is, its equations, its settings, and where it comes from."""
    model = record.model
    equations = "".join(f"    {line}\n" for line in model.formula().split("\n"))
    settings = "".join(f"    {name}: default {value:g}.\n" for name, value in model.parameters.items())
    options = "surrogate_function, detach_reset, step_mode, store_v_seq, memory, strict"
    options += "".join(f", v_{name}" for name in ("threshold", "reset") if name in model.reads)
    options += "" if model.recovers else ", refractory"
    states = "".join(f"    {n}: after the last step; {value:g} at the start.\n" for n, value in model.state.items())
    parts = [
        record.about, f"In each step, with the input x::\n\n{equations.rstrip()}",
        f"Args:\n{settings}    options: {options} as in SpikingNode.", f"Attributes:\n{states.rstrip()}",
        "Raises:\n    TypeError, ValueError: a setting of another kind.", f"Source: {record.source}",
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _made(record: Published) -> type[ModelNode]:
    given = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=value, annotation=float)
        for name, value in record.model.parameters.items()
    ]
    options = inspect.Parameter("options", inspect.Parameter.VAR_KEYWORD, annotation=Any)
    keep = f"self._start(dict({', '.join(f'{p.name}={p.name}' for p in given)}, **options))"
    start = method(f"{record.node}.__init__", [*given, options], keep, names=globals())
    own = {"__module__": __name__, "__qualname__": record.node, "__doc__": _text(record), "__init__": start}
    return type(record.node, (ModelNode,), {**own, **settings_of(record.model), "_model": record.model.title})


for _record in PUBLISHED:
    globals()[_record.node] = _made(_record)
