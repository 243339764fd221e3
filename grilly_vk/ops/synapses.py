"""Synapses with a state: exponential filters and short-term plasticity, with gradients through time.

x is (T, ...) with `steps` T, or (...) for one step; states are (...), or None for a synapse at rest.  Constants are
numbers, or one-element Tensors, which get gradients.
"""

from __future__ import annotations

from ..equations.synapses import DUAL_TIMESCALE, STP, SYNAPSE_FILTER
from ..tensor import Tensor
from .recurrence import Constant, run


def synapse_filter(
    x: Tensor, state: Tensor | None, decay: Constant, *, steps: int | None = None
) -> tuple[Tensor, Tensor]:
    """y = y * decay + x, from `state` (None: 0).

    Returns:
        (y after each step, of x's shape; y after the last step (...)).

    Source: Gerstner & Kistler, Spiking Neuron Models (2002), section 4.1.
    """
    y, end = run(SYNAPSE_FILTER, x, [state], [decay], steps)
    return y, end


def dual_timescale(
    x: Tensor,
    fast: Tensor | None,
    slow: Tensor | None,
    decays: tuple[Constant, Constant],
    weights: tuple[Constant, Constant],
    *,
    steps: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The sum of two `synapse_filter` with weights, from states `fast` and `slow` (None: 0).

    Returns:
        (the sum after each step, of x's shape; the two states after the last step (...)).
    """
    y, quick, lasting = run(DUAL_TIMESCALE, x, [fast, slow], [*decays, *weights], steps)
    return y, quick, lasting


def stp(
    x: Tensor,
    u: Tensor | None,
    r: Tensor | None,
    U: Constant,
    u_decay: Constant,
    r_decay: Constant,
    *,
    steps: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Short-term plasticity, from utilisation u (None: U) and resources r (None: 1).

    Each step relaxes u to U and r to 1, u = U + (u - U) * u_decay and r = 1 - (1 - r) * r_decay; where x is not 0 a
    spike follows: u += U * (1 - u), the synapse passes x * u * r, and r -= u * r.  Whether there is a spike has no
    gradient.

    Returns:
        (what passes at each step, of x's shape; u and r after the last step (...)).

    Source: Tsodyks, Pawelzik & Markram, "Neural networks with dynamic synapses", Neural Computation 10 (1998).
    """
    y, use, left = run(STP, x, [u, r], [U, u_decay, r_decay], steps)
    return y, use, left
