"""``VulkanCompute().snn``: one method a kernel, gathered from the families' files."""

from __future__ import annotations

from .encode import EncodeKernels
from .neurons import NeuronKernels
from .nodes import NodeKernels
from .normalize import NormalizeKernels
from .plasticity import PlasticityKernels
from .readout import ReadoutKernels
from .synapses import SynapseKernels


class SNN(
    NeuronKernels, NodeKernels, PlasticityKernels, EncodeKernels, ReadoutKernels, NormalizeKernels, SynapseKernels
):
    """The spiking kernels on flat arrays: numpy (or Tensor) in, numpy out, state in, state out."""
