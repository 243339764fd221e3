"""Layers.  numpy or Tensor in; the flat-array layers here give numpy back."""

from . import init
from .activation import GELU, LeakyReLU, ReLU, SiLU, Softplus, Tanh
from .containers import Flatten, Identity, ModuleDict, ModuleList, Sequential
from .conv import Conv1d, Conv2d
from .dropout import Dropout
from .linear import Embedding, Linear
from .loss import BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss, SmoothL1Loss
from .module import Buffer, Module, Parameter
from .neurons import GIFNeuron, LIFNeuron
from .norm import BatchNorm1d, BatchNorm2d, LayerNorm, RMSNorm
from .plasticity import HebbianLayer, STDPLayer
from .pool import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d, SumPool2d
from .snn_layer import SNNLayer
from .spike_loss import CECountLoss, CERateLoss, CETemporalLoss, MSECountLoss, MSETemporalLoss, RateRegularization
from .summary import Summary, summary

__all__ = [
    "GELU",
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "Buffer",
    "CECountLoss",
    "CERateLoss",
    "CETemporalLoss",
    "Conv1d",
    "Conv2d",
    "CrossEntropyLoss",
    "Dropout",
    "Embedding",
    "Flatten",
    "GIFNeuron",
    "HebbianLayer",
    "Identity",
    "L1Loss",
    "LIFNeuron",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "MSECountLoss",
    "MSELoss",
    "MSETemporalLoss",
    "MaxPool2d",
    "Module",
    "ModuleDict",
    "ModuleList",
    "NLLLoss",
    "Parameter",
    "RMSNorm",
    "RateRegularization",
    "ReLU",
    "SNNLayer",
    "STDPLayer",
    "Sequential",
    "SiLU",
    "SmoothL1Loss",
    "Softplus",
    "SumPool2d",
    "Summary",
    "Tanh",
    "init",
    "summary",
]
