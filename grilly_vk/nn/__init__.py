"""Layers.  numpy or Tensor in; the flat-array layers here give numpy back."""

import sys

from .. import functional as functional
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
    superspike,
)
from ..surrogate import Custom as CustomSurrogate
from ..surrogate import Tanh as TanhSurrogate
from ..torch_hints import hints
from . import dialects, init, traced
from . import utils as utils
from .activation import ELU, GELU, Hardtanh, LeakyReLU, PReLU, ReLU, ReLU6, SigmoidLayer, SiLU, Softplus, Tanh
from .attention import MultiheadAttention
from .containers import Flatten, Identity, ModuleDict, ModuleList, ParameterList, Sequential
from .conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d
from .conversion import Converter, VoltageScaler, evaluate
from .core import Core, RecurrentCore
from .cores import ALIF, IF, LI, LIF, CuBaLIF
from .delays import Delay, DelaySynapse, Synapse
from .dropout import Dropout, Dropout1d, Dropout2d, DropoutOverTime, DropoutOverTime1d, DropoutOverTime2d
from .gated_node import GatedLIFNode
from .group_norm import GroupNorm, InstanceNorm1d, InstanceNorm2d
from .late_reset import AlphaNode, LateResetNode
from .linear import Embedding, Linear
from .loss import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss, SmoothL1Loss
from .module import Buffer, Module, Parameter
from .neu_norm import NeuNorm
from .neurons import GIFNeuron, LIFNeuron
from .node_models import AdaptiveLIFNode, CUBALIFNode, EIFNode, IzhikevichNode, KLIFNode, QIFNode
from .nodes import IFNode, LIFNode, ParametricLIFNode, SpikingNode
from .norm import BatchNorm1d, BatchNorm2d, LayerNorm, RMSNorm
from .plasticity import HebbianLayer, STDPLayer
from .pool import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AvgPool1d,
    AvgPool2d,
    MaxPool1d,
    MaxPool2d,
    SumPool2d,
)
from .population import ActivityRegularization, PopulationCode, SumPool, VotingLayer, sum_pool
from .readout import NonSpikingIFNode, NonSpikingLIFNode, NonSpikingNode
from .recurrent_cores import RIF, RLIF, RCuBaLIF
from .recurrent_layers import GRU, LSTM, RNN
from .recurrent_snn import RecurrentSNN
from .recurrent_synapse import RecurrentSynapse
from .resize import Upsample, ZeroPad2d
from .snn_layer import SNNLayer
from .softmax import LogSoftmax, Softmax
from .spike_loss import CECountLoss, CERateLoss, CETemporalLoss, MSECountLoss, MSETemporalLoss, RateRegularization
from .spiking_attention import ChannelQKAttention, QKAttention, SpikingSelfAttention, TokenQKAttention
from .spiking_linear import SpikingLinear, TokenBatchNorm1d
from .spiking_rnn import (
    SpikingGRU,
    SpikingGRUCell,
    SpikingLSTM,
    SpikingLSTMCell,
    SpikingRNNCell,
    SpikingVanillaRNN,
    SpikingVanillaRNNCell,
)
from .squeeze_attention import MultiDimensionalAttention, TemporalWiseAttention
from .stateful import StatefulModule
from .summary import Summary, summary
from .synapses import DualTimescaleSynapse, STPSynapse, SynapseFilter
from .temporal import (
    ElementWiseRecurrentContainer,
    LinearRecurrentContainer,
    MultiStepContainer,
    SeqToANNContainer,
)
from .through_time import BatchNormThroughTime1d, BatchNormThroughTime2d
from .time_norm import (
    TemporalEffectiveBatchNorm1d,
    TemporalEffectiveBatchNorm2d,
    ThresholdDependentBatchNorm1d,
    ThresholdDependentBatchNorm2d,
)
from .transformer import SpikingMLP, SpikingTransformerBlock

sys.modules[f"{__name__}.functional"] = functional  # import grilly_vk.nn.functional as F
__getattr__ = hints("grilly_vk.nn")

__all__ = [
    "ALIF",
    "ELU",
    "GELU",
    "GRU",
    "IF",
    "LI",
    "LIF",
    "LSTM",
    "RIF",
    "RLIF",
    "RNN",
    "ATan",
    "ActivityRegularization",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveLIFNode",
    "AlphaNode",
    "AvgPool1d",
    "AvgPool2d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNormThroughTime1d",
    "BatchNormThroughTime2d",
    "Boxcar",
    "Buffer",
    "CECountLoss",
    "CERateLoss",
    "CETemporalLoss",
    "CUBALIFNode",
    "ChannelQKAttention",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "Converter",
    "Core",
    "CrossEntropyLoss",
    "CuBaLIF",
    "CustomSurrogate",
    "Delay",
    "DelaySynapse",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "DropoutOverTime",
    "DropoutOverTime1d",
    "DropoutOverTime2d",
    "DualTimescaleSynapse",
    "EIFNode",
    "ElementWiseRecurrentContainer",
    "Embedding",
    "Erf",
    "FastSigmoid",
    "Flatten",
    "GIFNeuron",
    "GatedLIFNode",
    "GroupNorm",
    "Hardtanh",
    "HebbianLayer",
    "IFNode",
    "Identity",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "IzhikevichNode",
    "KLIFNode",
    "L1Loss",
    "LIFNeuron",
    "LIFNode",
    "LateResetNode",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LinearRecurrentContainer",
    "LogSoftmax",
    "MSECountLoss",
    "MSELoss",
    "MSETemporalLoss",
    "MaxPool1d",
    "MaxPool2d",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiDimensionalAttention",
    "MultiStepContainer",
    "MultiheadAttention",
    "NLLLoss",
    "NeuNorm",
    "NonSpikingIFNode",
    "NonSpikingLIFNode",
    "NonSpikingNode",
    "PReLU",
    "Parameter",
    "ParameterList",
    "ParametricLIFNode",
    "PiecewiseQuadratic",
    "PopulationCode",
    "QIFNode",
    "QKAttention",
    "RCuBaLIF",
    "RMSNorm",
    "RateRegularization",
    "ReLU",
    "ReLU6",
    "Rect",
    "RecurrentCore",
    "RecurrentSNN",
    "RecurrentSynapse",
    "SNNLayer",
    "STDPLayer",
    "STPSynapse",
    "SeqToANNContainer",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SigmoidLayer",
    "SmoothL1Loss",
    "Softmax",
    "Softplus",
    "SpikingGRU",
    "SpikingGRUCell",
    "SpikingLSTM",
    "SpikingLSTMCell",
    "SpikingLinear",
    "SpikingMLP",
    "SpikingNode",
    "SpikingRNNCell",
    "SpikingSelfAttention",
    "SpikingTransformerBlock",
    "SpikingVanillaRNN",
    "SpikingVanillaRNNCell",
    "StatefulModule",
    "SumPool",
    "SumPool2d",
    "Summary",
    "SuperSpike",
    "Surrogate",
    "Synapse",
    "SynapseFilter",
    "Tanh",
    "TanhSurrogate",
    "TemporalEffectiveBatchNorm1d",
    "TemporalEffectiveBatchNorm2d",
    "TemporalWiseAttention",
    "ThresholdDependentBatchNorm1d",
    "ThresholdDependentBatchNorm2d",
    "TokenBatchNorm1d",
    "TokenQKAttention",
    "Triangular",
    "Upsample",
    "VoltageScaler",
    "VotingLayer",
    "ZeroPad2d",
    "dialects",
    "evaluate",
    "init",
    "sum_pool",
    "summary",
    "superspike",
    "traced",
]
