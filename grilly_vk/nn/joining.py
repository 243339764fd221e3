"""Which spiking nodes take in the batch norm before them, so that the normalised input is never in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .layers.norm import RunningNorm
from .module import Module


def stages(parts: list[Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The modules in turn, spiking nodes with the batch norm before them, which they take in."""
    options: dict[str, Any] = {}
    for module, after in zip(parts, [*parts[1:], None]):
        if joins(module, after):
            options = {"norm": module}
        else:
            yield module, options
            options = {}


def joins(norm: Any, node: Any) -> bool:
    """Whether a node takes in a norm before it: of the library's own making, in one step mode, and without hooks."""
    takes = getattr(type(node), "_takes_norm", None)
    return (
        isinstance(norm, RunningNorm)
        and takes is not None
        and type(node).forward is takes
        and _definer(norm, "forward") is _definer(norm, "_prepare")
        and getattr(norm, "step_mode", node.step_mode) == node.step_mode
        and not any((m._forward_hooks or m._forward_pre_hooks) for m in (norm, node))
    )


def folds(norm: Any, x: Any) -> bool:
    """Whether a batch norm between nodes of step mode "m" has all steps before it, by the number of axes."""
    return isinstance(norm, RunningNorm) and not hasattr(norm, "step_mode") and np.ndim(x) - 1 in norm._step_ranks()


def _definer(module: Module, name: str) -> type:
    return next(c for c in type(module).__mro__ if name in c.__dict__)
