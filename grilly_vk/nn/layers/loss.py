"""Losses as layers: each is made from its function in `grilly_vk.functional` (see functional/loss_layers.py)."""

from __future__ import annotations

import inspect
import re
from typing import Any

from ... import arguments
from ...functional.loss_layers import FACTORS, LAYERS, LossLayer
from ...tensor import Tensor
from ..made import method
from ..module import Module

__all__ = [*LAYERS]


class _Loss(Module):
    """What all losses share: options that are kept, and calls that hand them to the function."""

    _frees_shapes = True  # factors for another number of classes are as good
    _layer: LossLayer

    def _start(self, given: dict[str, Any]) -> None:
        Module.__init__(self)
        layer = self._layer
        if layer.together is not None:
            layer.together(*(given[n] for n in inspect.signature(layer.together).parameters))
        for name, check in layer.options.items():
            value = given[name]
            if check is FACTORS:
                self.register_buffer(name, None if value is None else arguments.tensor(name, value).detach())
            else:
                setattr(self, name, value)

    def _loss(self, *data: Any) -> Tensor:
        result: Tensor = self._layer.function(*data, **{n: getattr(self, n) for n in self._layer.options})
        return result

    def extra_repr(self) -> str:
        """The reduction, and options that differ from their defaults."""
        shown = [
            f"{p.name}={getattr(self, p.name)!r}"
            for p in self._layer.parameters(of_call=False)
            if p.name not in self._buffers and (p.name == "reduction" or getattr(self, p.name) != p.default)
        ]
        return ", ".join(shown)


def _text(layer: LossLayer) -> str:
    """The function's docstring with its arguments told apart: those of the layer, and those of a call."""
    text = inspect.getdoc(layer.function) or ""
    found = re.search(r"^Args:\n((?:    .*\n|\n)+)", text + "\n", re.M)
    if found is None:
        raise TypeError(f"{layer.function.__name__} is a layer too and needs a section Args in its docstring")
    entries = re.findall(r"^    \S.*\n(?:     .*\n)*", found[1], re.M)
    of_call = {p.name for p in layer.parameters(of_call=True)}
    calls = "".join(e for e in entries if re.split(r"[,:]", e.strip())[0] in of_call)
    options = "".join(e for e in entries if e not in calls)
    more = f"Args:\n{options}\n" if options else ""
    head = f"{text[: found.start()]}As a function: `functional.{layer.function.__name__}`.\n\n"
    return f"{head}{more}Shape:\n{calls}\n{text[found.end() :].lstrip()}".rstrip() + "\n"


def _made(name: str, layer: LossLayer) -> type[_Loss]:
    options, data = layer.parameters(of_call=False), layer.parameters(of_call=True)
    names = {**inspect.unwrap(layer.function).__globals__, "__name__": __name__}
    keep = f"self._start(dict({', '.join(f'{p.name}={p.name}' for p in options)}))"
    start = method(f"{name}.__init__", options, keep, names=names)
    call = f"return self._loss({', '.join(p.name for p in data)})"
    forward = method(f"{name}.forward", data, call, Tensor, names=names)
    forward.__doc__ = "The loss."
    settings = {n: check for n, check in layer.options.items() if check is not FACTORS}
    inside = {"__module__": __name__, "__qualname__": name, "__doc__": _text(layer), "_layer": layer}
    return type(name, (_Loss,), {**inside, **settings, "__init__": start, "forward": forward})


for _name, _layer in LAYERS.items():
    globals()[_name] = _made(_name, _layer)
