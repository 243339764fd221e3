"""``VulkanCompute().snn``: one method a kernel, gathered from the families' files."""

from __future__ import annotations

from .neurons import NeuronKernels


class SNN(NeuronKernels):
    """The spiking kernels on flat arrays: numpy (or Tensor) in, numpy out, state in, state out."""
