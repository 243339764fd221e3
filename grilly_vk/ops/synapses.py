"""Synapses with a state: exponential filters and short-term plasticity, with gradients through time.

x is (T, ...) with `steps` T, or (...) for one step; states are (...), or None for a synapse at rest.  Constants are
numbers, or one-element Tensors, which get gradients.
"""

from __future__ import annotations

from ..tensor import Tensor, full
from .recurrence import Constant, Recurrence


def synapse_filter(
    x: Tensor, state: Tensor | None, decay: Constant, *, steps: int | None = None
) -> tuple[Tensor, Tensor]:
    """y = y * decay + x, from `state` (None: 0).

    Returns:
        (y after each step, of x's shape; y after the last step (...)).

    Source: Gerstner & Kistler, Spiking Neuron Models (2002), section 4.1.
    """
    starts = (_start(x, state, 0.0, steps),)
    run = Recurrence("snn-synapse-filter", "snn-synapse-filter-backward", x, starts, (decay,), steps)
    y, (end,) = run.forward(x)
    if run.wants:
        over = {"a_seq": y._alias()} if run.learns else {}  # the state over time; a result must not keep itself alive
        run.record("synapse_filter", (x, state, decay), (y, end), over, list(over.values()))
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
    starts = _start(x, fast, 0.0, steps), _start(x, slow, 0.0, steps)
    constants = (*decays, *weights)
    run = Recurrence("snn-dual-timescale", "snn-dual-timescale-backward", x, starts, constants, steps)
    kept = {"a_seq": run.room(), "b_seq": run.room()} if run.learns else {}
    y, (quick, lasting) = run.forward(x, kept)
    if run.wants:
        run.record("dual_timescale", (x, fast, slow, *constants), (y, quick, lasting), kept, ())
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
    base = U if steps != 0 or not isinstance(U, Tensor) else float(U.item())  # of no steps, the state is there
    starts = _start(x, u, base, steps), _start(x, r, 1.0, steps)
    run = Recurrence("snn-stp", "snn-stp-backward", x, starts, (U, u_decay, r_decay), steps)
    kept = {"a_seq": run.room(), "b_seq": run.room()} if run.wants else {}
    out, (use, left) = run.forward(x, kept)
    if run.wants:
        run.record("stp", (x, u, r, U, u_decay, r_decay), (out, use, left), {"x": x.detach(), **kept}, (x,))
    return out, use, left


def _start(x: Tensor, state: Tensor | None, value: Constant, steps: int | None) -> Tensor | None:
    """The state, or None where the kernel starts by itself; of no steps no kernel runs."""
    if state is not None or steps != 0:
        return state
    assert not isinstance(value, Tensor)
    return full(x.shape[1:], value, on=x.engine)
