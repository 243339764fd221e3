"""Layers.  numpy or Tensor in; the flat-array layers here give numpy back."""

from ..surrogate import (
    ATan,
    Boxcar,
    Erf,
    FastSigmoid,
    PiecewiseQuadratic,
    Rect,
    Sigmoid,
    SuperSpike,
    Surrogate,
    Triangular,
)
from ..surrogate import Custom as CustomSurrogate
from ..surrogate import Tanh as TanhSurrogate
from . import init
from .activation import GELU, LeakyReLU, ReLU, SiLU, Softplus, Tanh
from .containers import Flatten, Identity, ModuleDict, ModuleList, Sequential
from .conv import Conv1d, Conv2d
from .delays import Delay, DelaySynapse, Synapse
from .dropout import Dropout
from .linear import Embedding, Linear
from .loss import BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss, SmoothL1Loss
from .module import Buffer, Module, Parameter
from .neurons import GIFNeuron, LIFNeuron
from .node_models import AdaptiveLIFNode, CUBALIFNode, EIFNode, IzhikevichNode, KLIFNode, QIFNode
from .nodes import IFNode, LIFNode, ParametricLIFNode, SpikingNode
from .norm import BatchNorm1d, BatchNorm2d, LayerNorm, RMSNorm
from .plasticity import HebbianLayer, STDPLayer
from .pool import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d, SumPool2d
from .snn_layer import SNNLayer
from .spike_loss import CECountLoss, CERateLoss, CETemporalLoss, MSECountLoss, MSETemporalLoss, RateRegularization
from .stateful import StatefulModule
from .summary import Summary, summary
from .synapses import DualTimescaleSynapse, STPSynapse, SynapseFilter
from .temporal import (
    ElementWiseRecurrentContainer,
    LinearRecurrentContainer,
    MultiStepContainer,
    RecurrentSynapse,
    SeqToANNContainer,
)

__all__ = [
    "GELU",
    "ATan",
    "AdaptiveAvgPool2d",
    "AdaptiveLIFNode",
    "AvgPool2d",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "Boxcar",
    "Buffer",
    "CECountLoss",
    "CERateLoss",
    "CETemporalLoss",
    "CUBALIFNode",
    "Conv1d",
    "Conv2d",
    "CrossEntropyLoss",
    "CustomSurrogate",
    "Delay",
    "DelaySynapse",
    "Dropout",
    "DualTimescaleSynapse",
    "EIFNode",
    "ElementWiseRecurrentContainer",
    "Embedding",
    "Erf",
    "FastSigmoid",
    "Flatten",
    "GIFNeuron",
    "HebbianLayer",
    "IFNode",
    "Identity",
    "IzhikevichNode",
    "KLIFNode",
    "L1Loss",
    "LIFNeuron",
    "LIFNode",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LinearRecurrentContainer",
    "MSECountLoss",
    "MSELoss",
    "MSETemporalLoss",
    "MaxPool2d",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiStepContainer",
    "NLLLoss",
    "Parameter",
    "ParametricLIFNode",
    "PiecewiseQuadratic",
    "QIFNode",
    "RMSNorm",
    "RateRegularization",
    "ReLU",
    "Rect",
    "RecurrentSynapse",
    "SNNLayer",
    "STDPLayer",
    "STPSynapse",
    "SeqToANNContainer",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "Softplus",
    "SpikingNode",
    "StatefulModule",
    "SumPool2d",
    "Summary",
    "SuperSpike",
    "Surrogate",
    "Synapse",
    "SynapseFilter",
    "Tanh",
    "TanhSurrogate",
    "Triangular",
    "init",
    "summary",
]
