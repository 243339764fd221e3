"""The neuron models that come with the simulator, by NEST's names, parameters and units; `about` says what each is."""

from __future__ import annotations

import functools

from ..equations.point_neurons import NEURONS
from .model import BUILT_IN, Model


@functools.cache
def _made(name: str) -> Model:
    model = Model(**NEURONS[name])
    BUILT_IN[name] = model.source
    return model


def __getattr__(name: str) -> Model:
    """A model is made when it is first asked for."""
    if name in NEURONS:
        return _made(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def find(name: str) -> Model:
    """The built-in model of this name.

    Raises:
        ValueError: there is none.
    """
    if name not in NEURONS:
        raise ValueError(f"there is no neuron model {name!r}; there are {', '.join(NEURONS)}")
    return _made(name)


__all__ = [*NEURONS]
