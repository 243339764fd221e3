"""Single steps of spiking neurons, with the state as argument and result."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arguments
from ..ops.nodes import Dynamics, node
from ..surrogate import ATan, Surrogate, chosen
from ..tensor import Tensor
from ..typing import ArrayLike

__all__ = ["if_step", "lif_step", "plif_step"]


def if_step(
    x: ArrayLike,
    v_prev: ArrayLike = 0.0,
    v_threshold: float = 1.0,
    v_reset: float | None = 0.0,
    surrogate_function: Surrogate | None = None,
    detach_reset: bool = False,
) -> tuple[Tensor, Tensor]:
    """One step of integrate and fire: H = v_prev + x; arguments and results as in `lif_step`.

    Source: Grilly's "Spiking Neural Networks".
    """
    return _step(x, v_prev, {}, v_threshold, v_reset, surrogate_function, detach_reset)


def lif_step(
    x: ArrayLike,
    v_prev: ArrayLike = 0.0,
    tau: float = 2.0,
    v_threshold: float = 1.0,
    v_reset: float | None = 0.0,
    decay_input: bool = True,
    surrogate_function: Surrogate | None = None,
    detach_reset: bool = False,
) -> tuple[Tensor, Tensor]:
    """One step of leaky integrate and fire: H = v + (x - (v - v_r)) / tau, s = [H >= v_threshold], reset.

    Args:
        x: input, any shape.
        v_prev: potential before the step, of the same shape or one number (default 0).
        tau: time constant in steps, at least 1 (default 2).
        v_threshold, v_reset: default 1 and 0; v_reset=None subtracts the threshold. v_r is v_reset or 0.
        decay_input: whether the leak divides the input too (default True); else H = v - (v - v_r) / tau + x.
        surrogate_function: default ATan().
        detach_reset: whether gradients stop at the spike in the reset (default False).

    Returns:
        (spike, v): 0.0 or 1.0, and the potential after the step.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value, or shapes that differ.

    Source: Grilly's "Spiking Neural Networks".
    """
    k = 1.0 / arguments.time_constant("tau", tau)
    own = {"model": "lif", "k": k, "decay_input": arguments.flag("decay_input", decay_input)}
    return _step(x, v_prev, own, v_threshold, v_reset, surrogate_function, detach_reset)


def plif_step(
    x: ArrayLike,
    v_prev: ArrayLike,
    w: ArrayLike,
    v_threshold: float = 1.0,
    v_reset: float | None = 0.0,
    decay_input: bool = True,
    surrogate_function: Surrogate | None = None,
    detach_reset: bool = False,
) -> tuple[Tensor, Tensor]:
    """One step of parametric leaky integrate and fire: `lif_step` with 1 / tau = sigmoid(w).

    Args:
        w: one number, or a Tensor or Parameter of one element, which gets a gradient.

    Source: Grilly's "Spiking Neural Networks"; Fang et al., ICCV 2021.
    """
    learnable = arguments.tensor("w", w)
    if learnable.size != 1:
        raise ValueError(f"w must be one number, not of shape {learnable.shape}")
    own = {"model": "lif", "decay_input": arguments.flag("decay_input", decay_input)}
    return _step(x, v_prev, own, v_threshold, v_reset, surrogate_function, detach_reset, learnable)


def _step(
    x: Any,
    v_prev: Any,
    own: dict[str, Any],
    v_threshold: float,
    v_reset: float | None,
    surrogate_function: Surrogate | None,
    detach_reset: bool,
    w: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    x = arguments.tensor("x", x)
    if isinstance(v_prev, (int, float, np.number)):
        v: Tensor | float = arguments.real("v_prev", v_prev)
    else:
        v = arguments.tensor("v_prev", v_prev)
        if v.shape != x.shape:
            raise ValueError(f"v_prev has shape {v.shape}; expected that of x, {x.shape}")
    surrogate = _ATAN if surrogate_function is None else chosen("surrogate_function", surrogate_function)
    dynamics = Dynamics(
        v_threshold=arguments.real("v_threshold", v_threshold),
        v_reset=None if v_reset is None else arguments.real("v_reset", v_reset),
        detach_reset=arguments.flag("detach_reset", detach_reset),
        **own,
    )
    out = node(x, v, dynamics, surrogate.slope, w=w)
    return out.spikes, out.v


_ATAN = ATan()
