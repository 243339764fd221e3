"""Layers without spikes, as PyTorch has them: products, convolutions, pools, norms, activations, losses, dropout."""

from . import loss
from .activation import ELU, GELU, Hardtanh, LeakyReLU, PReLU, ReLU, ReLU6, SigmoidLayer, SiLU, Softplus, Tanh
from .attention import MultiheadAttention
from .conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d
from .dropout import Dropout, Dropout1d, Dropout2d, DropoutOverTime, DropoutOverTime1d, DropoutOverTime2d
from .group_norm import GroupNorm, InstanceNorm1d, InstanceNorm2d
from .linear import Embedding, Linear
from .loss import *
from .norm import BatchNorm1d, BatchNorm2d, LayerNorm, RMSNorm
from .pool import AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d, SumPool2d
from .resize import Upsample, ZeroPad2d
from .softmax import LogSoftmax, Softmax

__all__ = [
    "ELU", "GELU", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AvgPool1d", "AvgPool2d", "BatchNorm1d", "BatchNorm2d",
    "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "Dropout", "Dropout1d", "Dropout2d",
    "DropoutOverTime", "DropoutOverTime1d", "DropoutOverTime2d", "Embedding", "GroupNorm", "Hardtanh",
    "InstanceNorm1d", "InstanceNorm2d", "LayerNorm", "LeakyReLU", "Linear", "LogSoftmax", "MaxPool1d", "MaxPool2d",
    "MultiheadAttention", "PReLU", "RMSNorm", "ReLU", "ReLU6", "SiLU", "SigmoidLayer", "Softmax", "Softplus",
    "SumPool2d", "Tanh", "Upsample", "ZeroPad2d",
]  # fmt: skip
__all__ += loss.__all__
