"""The spiking stand-in for a ReLU: T steps of integrate and fire with spikes as high as the threshold, one dispatch."""

from __future__ import annotations

from ..equations.synapses import RATE
from ..tensor import Tensor
from .recurrence import run
from .surrogate import Slope


def rate_node(
    x: Tensor,
    threshold: Tensor,
    slope: Slope,
    steps: int,
    *,
    constant: bool = False,
    v: Tensor | None = None,
    start: float = 0.5,
    detach_reset: bool = False,
) -> tuple[Tensor, Tensor]:
    """H = v + x; s = threshold * [H >= threshold]; v = H - s, in each of `steps` steps.  The caller checks arguments.

    The mean of s over T steps is off the mean input, where that lies in [0, threshold], by at most threshold / T for
    constant input: |mean(s) - mean(x)| = |v_end - v_start| / T.

    Args:
        x: (T, ...), or with `constant` (...), the same at every step.
        threshold: one element; no gradient.
        slope: the surrogate, of H / threshold - 1; it is the derivative of s, which is as high as the threshold.
        steps: T.
        v: the potential before the first step (...); None: the share `start` of the threshold.
        detach_reset: whether gradients stop at the spike in the reset.

    Returns:
        s (T, ...), and the potential after the last step (...).

    Source: Bu et al., "Optimal ANN-SNN conversion for high-accuracy and ultra-low-latency spiking neural networks",
    ICLR 2022, equations (3) to (6).
    """
    spikes, end = run(RATE, x, [v], [threshold, start], steps, held=constant, slope=slope, detach=detach_reset)
    spikes.is_spikes = True
    return spikes, end
