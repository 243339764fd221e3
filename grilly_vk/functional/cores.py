"""Recurrent cores over time."""

from __future__ import annotations

from typing import Any

from .. import families
from ..ops.elementwise import as_tensor
from ..ops.shape import stack
from ..tensor import Tensor
from ..typing import ArrayLike

__all__ = ["unroll"]


def unroll(core: Any, xs: ArrayLike, state: Any = None) -> tuple[Tensor, Any]:
    """Runs a core over T steps: (outputs (T, B, ...), state after the last step).

    The cores of `grilly_vk.nn` take all steps in one dispatch forward and one backward; those with recurrent weights
    and more than 512 units take one per step.  Anything else with `out, state = core(x, state)` is called once a step.

    Args:
        core: such as `nn.LIF((100,))`, or a model of several such as `nn.RecurrentSNN`.
        xs: input (T, B, ...).
        state: before the first step; None: `core.initial_state(B)`.

    Raises:
        TypeError: core is neither. ValueError: shapes that don't fit; a core of your own and no steps.

    Source: what spyx.nn.run and haiku's dynamic_unroll do.
    """
    if callable(getattr(type(core), "unroll", None)):
        return core.unroll(xs, state)
    if families.family(core) in ("node", "trace", "flat") or families.library(type(core)) or isinstance(core, type):
        text, over = str(families.wrong("core", core, "a recurrent core", "core")), ""
        if families.family(core) == "node":
            over = f"{', or' if '; use' in text else '; use'} F.multi_step_forward(node, xs, T)"
        raise TypeError(text + over)
    if not callable(core):
        raise TypeError(f"core must be callable as core(x, state), not {type(core).__name__}")
    xs = as_tensor("xs", xs)
    if xs.ndim < 2 or xs.shape[0] == 0:
        raise ValueError(f"xs has shape {xs.shape}; expected (T, B, ...) with at least one step")
    if state is None:
        if not callable(getattr(type(core), "initial_state", None)):
            raise TypeError(f"core {type(core).__name__} has no initial_state(batch_size); pass a state")
        state = core.initial_state(xs.shape[1])
    outs = []
    for t in range(xs.shape[0]):
        out, state = core(xs[t], state)
        outs.append(out)
    return stack(outs), state
