"""``VulkanCompute().snn``: one method a kernel, gathered from the families' files."""

from __future__ import annotations

from .attention import AttentionKernels
from .encode import EncodeKernels
from .neurons import NeuronKernels
from .nodes import NodeKernels
from .normalize import NormalizeKernels
from .plasticity import PlasticityKernels
from .readout import ReadoutKernels
from .synapses import SynapseKernels


class SNN(
    NeuronKernels,
    NodeKernels,
    PlasticityKernels,
    SynapseKernels,
    AttentionKernels,
    EncodeKernels,
    ReadoutKernels,
    NormalizeKernels,
):
    """The spiking kernels on flat arrays: numpy (or Tensor) in, numpy out, state in, state out."""
