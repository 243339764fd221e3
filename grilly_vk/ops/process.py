"""The fused pipeline of SNNCompute: one dispatch encodes, simulates and counts."""

from __future__ import annotations

from ..runtime.kernel import Kernel
from ..tensor import Tensor
from .lif_constants import LIFConstants

ENCODINGS = ("current", "poisson", "latency")
HEAD_WORDS = 8  # of `head`, before the scales: 0 unused, 1-2 random key, 3-4 random base

_PROCESS = Kernel("snn-process", over="batch n")


def process(
    x: Tensor,
    head: Tensor,
    spikes: Tensor,
    total: Tensor,
    first: Tensor,
    c: LIFConstants,
    *,
    encoding: str,
    gain: float,
    bias: float,
    pulse: float,
    kick: float,
) -> None:
    """Drives n neurons by each row of x for T steps.

    Args:
        x: embeddings, float32 (B, D) with D <= n; missing columns count as 0.
        head: uint32 (8 + B,): random key and base, then the factor of each row as float bits.
        spikes: filled with the spikes, (B, T, n); T is at least 1.
        total: filled with the spikes of each neuron, (B, n).
        first: filled with the step of its first spike, int32 (B, n), -1 where there is none.
        c: constants of the neurons, which start at rest.
        encoding: one of ENCODINGS.
        gain, bias: drive = gain * factor * x + bias, or 0 where the factor is 0.
        pulse: current of one Poisson pulse, and the drive that counts as full strength.
        kick: current of a latency pulse.
    """
    (batch, steps, n), width = spikes.shape, x.shape[1]
    _PROCESS(
        x=x, head=head, s=spikes, total=total, first=first, n=n, batch=batch, width=width, steps=steps,
        hold_steps=c.hold_steps, gain=gain, bias=bias, pulse=pulse, kick=kick, decay=c.decay, charge=c.gain,
        rest=c.rest, threshold=c.threshold, reset=c.reset, work=batch * n * steps, ENCODING=ENCODINGS.index(encoding),
    )  # fmt: skip
