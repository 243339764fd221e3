"""Products and read-outs on flat arrays."""

from __future__ import annotations

import numpy as np

from .. import arguments
from ..ops import linear
from ..ops import readout as ops
from ..typing import ArrayLike


class ReadoutKernels:
    """snn_matmul, snn_readout, spike_count, firing_rate, first_spike."""

    def snn_matmul(self, x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None) -> np.ndarray:
        """x @ weight.T + bias.

        Args:
            x: (..., in).
            weight: (out, in).
            bias: (out,), default none.

        Returns:
            (..., out), float32; each result is summed over the inputs in order, whatever the batch around it.

        Raises:
            TypeError, ValueError: no real numbers, or shapes that don't fit; the message names the argument.
        """
        return linear.matmul(
            arguments.tensor("x", x, borrow=True),
            arguments.tensor("weight", weight, borrow=True),
            None if bias is None else arguments.tensor("bias", bias, borrow=True),
        ).share()

    def snn_readout(
        self, spikes: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None, decay: float = 1.0
    ) -> np.ndarray:
        """A linear read-out of spikes over time.

        decay 1 (default): weight @ mean over time + bias.  decay below 1: the last potential of integrators
        ``V = decay * V + weight @ s`` that never fire, plus the bias.

        Args:
            spikes: (T, ..., n), T at least 1.
            weight: (out, n).
            bias: (out,), default none.
            decay: in [0, 1].

        Returns:
            (..., out), float32.

        Raises:
            TypeError, ValueError: no real numbers, or shapes that don't fit; the message names the argument.

        Source: Edifice.Neuromorphic.SNN (rate read-out).
        """
        keep = arguments.between("decay", decay, 0.0, 1.0)
        return ops.readout(
            arguments.tensor("spikes", spikes, borrow=True),
            arguments.tensor("weight", weight, borrow=True),
            None if bias is None else arguments.tensor("bias", bias, borrow=True),
            decay=keep,
        ).share()

    def spike_count(self, spikes: ArrayLike) -> np.ndarray:
        """Steps with a spike (a value above 0): (T, ..., n), T at least 1, to float32 (..., n).

        Raises:
            TypeError, ValueError: no real numbers, no neuron axis, or no steps.
        """
        return ops.spike_count(arguments.tensor("spikes", spikes, borrow=True))[0].share()

    def firing_rate(self, spikes: ArrayLike) -> np.ndarray:
        """Spikes a step: (T, ..., n), T at least 1, to float32 (..., n) in [0, 1].

        Raises:
            TypeError, ValueError: as in `spike_count`.
        """
        return ops.spike_count(arguments.tensor("spikes", spikes, borrow=True))[1].share()

    def first_spike(self, spikes: ArrayLike) -> np.ndarray:
        """Step of the first spike (a value above 0), -1 where there is none: (T, ...) to int32 (...); T may be 0.

        Raises:
            TypeError, ValueError: no real numbers, or no time axis.
        """
        return ops.first_spike(arguments.tensor("spikes", spikes, borrow=True)).share()
