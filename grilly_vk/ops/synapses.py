"""Synapses with a state: exponential filters and short-term plasticity.  Time constants count steps."""

from __future__ import annotations

import math

from ..tensor import Tensor, empty
from .over_time import over_time


def synapse_filter(x: Tensor, state: Tensor, *, tau_syn: float) -> Tensor:
    """y = y * exp(-1 / tau_syn) + x over x (T, ...), with y starting from and left in `state` (...).

    Returns:
        y after each step (T, ...).
    """
    y = empty(x.shape)
    over_time(
        "snn-synapse-filter",
        len(x),
        state.size,
        sliced={"x": x, "y": y},
        whole={"state": state},
        decay=math.exp(-1.0 / tau_syn),
    )
    return y


def dual_timescale(
    x: Tensor, fast: Tensor, slow: Tensor, *, tau_fast: float, tau_slow: float, w_fast: float, w_slow: float
) -> Tensor:
    """w_fast * (filter of tau_fast) + w_slow * (filter of tau_slow) over x (T, ...); states (...) in place.

    Returns:
        The sum after each step (T, ...).
    """
    y = empty(x.shape)
    over_time(
        "snn-dual-timescale",
        len(x),
        fast.size,
        sliced={"x": x, "y": y},
        whole={"fast": fast, "slow": slow},
        fast_decay=math.exp(-1.0 / tau_fast),
        slow_decay=math.exp(-1.0 / tau_slow),
        fast_weight=w_fast,
        slow_weight=w_slow,
    )
    return y


def stp(x: Tensor, u: Tensor, r: Tensor, *, tau_d: float, tau_f: float, U: float) -> Tensor:
    """Short-term plasticity over x (T, ...), with utilisation u and resources r (...) updated in place.

    Each step relaxes u to U with tau_f and r to 1 with tau_d, exactly; where x is not 0 a spike follows:
    u += U * (1 - u), the synapse passes x * u * r, and r -= u * r.

    Returns:
        What passes at each step (T, ...).

    Source: Tsodyks, Pawelzik & Markram, "Neural networks with dynamic synapses", Neural Computation 10 (1998).
    """
    y = empty(x.shape)
    over_time(
        "snn-stp",
        len(x),
        u.size,
        sliced={"x": x, "y": y},
        whole={"u": u, "r": r},
        base=U,
        u_decay=math.exp(-1.0 / tau_f),
        r_decay=math.exp(-1.0 / tau_d),
    )
    return y
