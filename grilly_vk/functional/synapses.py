"""Synapses over T steps, with the state as argument and result."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arguments
from ..ops import delay as delays
from ..ops import synapses as ops
from ..ops.elementwise import binary, unary
from ..tensor import FLOAT32, Tensor, from_numpy, full
from ..typing import ArrayLike

__all__ = ["delayed_linear", "dual_timescale", "stp", "synapse_filter"]


def synapse_filter(x: ArrayLike, state: Any = None, tau_syn: ArrayLike = 5.0) -> tuple[Tensor, Tensor]:
    """An exponential synapse over T steps in one dispatch: y <- y * exp(-1 / tau_syn) + x.

    Args:
        x: input (T, ...).
        state: y before the first step: of one step's shape, one number, or None (0, the default).
        tau_syn: time constant in steps, positive (default 5): a number, or a Tensor of one element, which gets a
            gradient.

    Returns:
        (y after each step (T, ...), y after the last one (...)).

    Raises:
        TypeError, ValueError: an argument of the wrong type or value, or shapes that don't fit.

    Source: Grilly's "Spiking Neural Networks"; see `nn.SynapseFilter`.
    """
    x = _run("x", x)
    return ops.synapse_filter(x, _state("state", state, x), _decay("tau_syn", tau_syn), steps=x.shape[0])


def dual_timescale(
    x: ArrayLike,
    fast: ArrayLike | None = None,
    slow: ArrayLike | None = None,
    tau_fast: ArrayLike = 5.0,
    tau_slow: ArrayLike = 50.0,
    w_fast: ArrayLike = 0.7,
    w_slow: ArrayLike = 0.3,
) -> tuple[Tensor, Tensor, Tensor]:
    """The weighted sum of a fast and a slow exponential synapse over T steps in one dispatch.

    Args:
        x: input (T, ...).
        fast, slow: states before the first step, as in `synapse_filter`.
        tau_fast, tau_slow, w_fast, w_slow: time constants in steps and weights: numbers, or Tensors of one element.

    Returns:
        (the sum after each step (T, ...), fast (...), slow (...)).

    Raises:
        TypeError, ValueError: an argument of the wrong type or value, or shapes that don't fit.

    Source: Grilly's "Spiking Neural Networks"; see `nn.DualTimescaleSynapse`.
    """
    x = _run("x", x)
    states = _state("fast", fast, x), _state("slow", slow, x)
    decays = _decay("tau_fast", tau_fast), _decay("tau_slow", tau_slow)
    weights = _constant("w_fast", w_fast), _constant("w_slow", w_slow)
    return ops.dual_timescale(x, *states, decays, weights, steps=x.shape[0])


def stp(
    x: ArrayLike,
    u: ArrayLike | None = None,
    r: ArrayLike | None = None,
    tau_d: ArrayLike = 200.0,
    tau_f: ArrayLike = 20.0,
    U: ArrayLike = 0.2,
) -> tuple[Tensor, Tensor, Tensor]:
    """Short-term plasticity over T steps in one dispatch.

    Args:
        x: spikes (T, ...); any other value than 0 is a spike of that size.
        u: utilisation before the first step, as the state of `synapse_filter` (default U).
        r: resources before the first step (default 1).
        tau_d, tau_f, U: as in `nn.STPSynapse`: numbers, or Tensors of one element, which get gradients.

    Returns:
        (what passes at each step (T, ...), u (...), r (...)).

    Raises:
        TypeError, ValueError: an argument of the wrong type or value, or shapes that don't fit.

    Source: Grilly's "Spiking Neural Networks"; Tsodyks, Pawelzik & Markram 1998; see `nn.STPSynapse`.
    """
    x = _run("x", x)
    base = U if isinstance(U, Tensor) else arguments.between("U", U, 0.0, 1.0)
    decays = _decay("tau_f", tau_f), _decay("tau_d", tau_d)
    states = _state("u", u, x), _state("r", r, x)
    return ops.stp(x, *states, _constant("U", base), *decays, steps=x.shape[0])


def delayed_linear(
    x: ArrayLike,
    weight: ArrayLike,
    delay: ArrayLike,
    bias: ArrayLike | None = None,
    history: ArrayLike | None = None,
    max_delay: int | None = None,
) -> tuple[Tensor, Tensor]:
    """A product with a weight and a delay for each connection, over T steps in one dispatch; see `nn.DelaySynapse`.

    Args:
        x: input (T, B, in).
        weight: (out, in).
        delay: in steps, (out, in): an int32 Tensor or whole numbers; or a float32 Tensor, which gets a gradient.
        bias: (out,), or None.
        history: the max_delay inputs before x, oldest first, (max_delay, B, in); None: zeros.
        max_delay: the longest delay.  Default: the history's length, or else the largest of a delay that is an array.

    Returns:
        (output (T, B, out), the last max_delay inputs (max_delay, B, in)).

    Raises:
        TypeError, ValueError: an argument of the wrong type or value, or shapes that don't fit; no max_delay for a
        Tensor of delays without history.
    """
    x = arguments.tensor("x", x)
    weight = arguments.tensor("weight", weight, on=x.engine)
    arguments.shape("weight", weight.shape, ("out", "in"))
    outs, ins = weight.shape
    arguments.shape("x", x.shape, ("T", "B", ins))
    bias = None if bias is None else arguments.tensor("bias", bias, on=x.engine)
    if bias is not None:
        arguments.shape("bias", bias.shape, (outs,))
    past = None if history is None else arguments.tensor("history", history, on=x.engine)
    if isinstance(delay, Tensor):
        if delay.dtype.kind == "b" or delay.dtype.kind == "u":
            raise TypeError(f"delay must be int32 or float32, not {delay.dtype}")
        late, top = delay, 0
    else:
        whole = arguments.counters("delay", delay).astype(np.int32)
        late, top = from_numpy(np.ascontiguousarray(whole), on=x.engine), int(whole.max(initial=0))
    arguments.shape("delay", late.shape, (outs, ins))
    if max_delay is None:
        if past is None and isinstance(delay, Tensor):
            raise ValueError("max_delay must be given for a Tensor of delays without history")
        max_delay = top if past is None else past.shape[0]
    most = arguments.size("max_delay", max_delay, int(late.dtype is FLOAT32))
    if top > most:
        raise ValueError(f"delay goes up to {top}; max_delay is {most}")
    if past is not None:
        arguments.shape("history", past.shape, (most, *x.shape[1:]))
    return delays.delayed_linear(x, past, weight, late, bias, most)


def _run(name: str, value: Any) -> Tensor:
    x = arguments.tensor(name, value)
    if x.ndim < 1:
        raise ValueError(f"{name} has shape {x.shape}; expected (T, ...)")
    return x


def _state(name: str, value: Any, x: Tensor) -> Tensor | None:
    if value is None:
        return None
    if isinstance(value, (int, float, np.number)):
        return full(x.shape[1:], arguments.real(name, value), on=x.engine)
    state = arguments.tensor(name, value)
    if state.shape != x.shape[1:]:
        raise ValueError(f"{name} has shape {state.shape}; expected one step of x, {x.shape[1:]}")
    return state


def _constant(name: str, value: Any) -> float | Tensor:
    if not isinstance(value, Tensor):
        return arguments.real(name, value)
    if arguments.tensor(name, value).count != 1:
        raise ValueError(f"{name} must be one number, not of shape {value.shape}")
    return value


def _decay(name: str, tau: Any) -> float | Tensor:
    """exp(-1 / tau)."""
    if not isinstance(tau, Tensor):
        return math.exp(-1.0 / arguments.positive(name, tau))
    return unary("exp", binary("div", -1.0, _constant(name, tau)))
