"""Which losses are layers too: beside each function stand the layer's name and how its options are checked.

`grilly_vk.nn` makes the layers from `LAYERS`, so a loss is written once, as a function.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from .. import arguments
from ..settings import setting

REDUCTIONS = ("none", "mean", "sum")
F = TypeVar("F", bound=Callable[..., Any])
FACTORS = object()  # in place of a setting: an array that the layer keeps as a buffer, or None


@dataclass(frozen=True)
class LossLayer:
    """A loss function as a layer: the options are given to the layer, the rest to its calls.

    Args:
        function: the loss.
        options: name of the option: a setting of the layer, or FACTORS.
        together: checks those options that must fit each other, by the names of its arguments; or None.
    """

    function: Callable[..., Any]
    options: dict[str, Any]
    together: Callable[..., Any] | None

    def parameters(self, of_call: bool) -> list[inspect.Parameter]:
        """What its calls take, or what its constructor takes."""
        every = inspect.signature(self.function).parameters.values()
        return [p for p in every if (p.name not in self.options) == of_call]


LAYERS: dict[str, LossLayer] = {}


def layer(name: str, *, together: Callable[..., Any] | None = None, **options: Any) -> Callable[[F], F]:
    """Makes a loss function the layer `name` of `grilly_vk.nn` too.

    Args:
        name: of the layer.
        together: as in `LossLayer`.
        options: a setting for each option of the function; `reduction` has "none", "mean" and "sum" by default.
    """

    def known(function: F) -> F:
        takes = inspect.signature(function).parameters
        checks = {"reduction": setting(arguments.choice, REDUCTIONS), **options}
        LAYERS[name] = LossLayer(function, {n: check for n, check in checks.items() if n in takes}, together)
        return function

    return known
