"""Spiking nodes and what is made of them: norms over time, attention, transformers, population codes, readouts."""

from ...equations.neuron import NeuronModel
from . import published
from .custom_node import CustomNode
from .gated_node import GatedLIFNode
from .late_reset import AlphaNode, LateResetNode
from .neu_norm import NeuNorm
from .node_models import AdaptiveLIFNode, CUBALIFNode, EIFNode, IzhikevichNode, KLIFNode, QIFNode
from .nodes import IFNode, LIFNode, ParametricLIFNode, SpikingNode
from .population import ActivityRegularization, PopulationCode, SumPool, VotingLayer, sum_pool
from .published import *
from .readout import NonSpikingIFNode, NonSpikingLIFNode, NonSpikingNode
from .spiking_attention import ChannelQKAttention, QKAttention, SpikingSelfAttention, TokenQKAttention
from .spiking_linear import SpikingLinear, TokenBatchNorm1d
from .squeeze_attention import MultiDimensionalAttention, TemporalWiseAttention
from .through_time import BatchNormThroughTime1d, BatchNormThroughTime2d
from .time_norm import (
    TemporalEffectiveBatchNorm1d,
    TemporalEffectiveBatchNorm2d,
    ThresholdDependentBatchNorm1d,
    ThresholdDependentBatchNorm2d,
)
from .transformer import SpikingMLP, SpikingTransformerBlock

__all__ = [
    "ActivityRegularization", "AdaptiveLIFNode", "AlphaNode", "BatchNormThroughTime1d", "BatchNormThroughTime2d",
    "CUBALIFNode", "ChannelQKAttention", "CustomNode", "EIFNode", "GatedLIFNode", "IFNode", "IzhikevichNode",
    "KLIFNode", "LIFNode", "LateResetNode", "MultiDimensionalAttention", "NeuNorm", "NeuronModel", "NonSpikingIFNode",
    "NonSpikingLIFNode", "NonSpikingNode", "ParametricLIFNode", "PopulationCode", "QIFNode", "QKAttention",
    "SpikingLinear", "SpikingMLP", "SpikingNode", "SpikingSelfAttention", "SpikingTransformerBlock", "SumPool",
    "TemporalEffectiveBatchNorm1d", "TemporalEffectiveBatchNorm2d", "TemporalWiseAttention",
    "ThresholdDependentBatchNorm1d", "ThresholdDependentBatchNorm2d", "TokenBatchNorm1d", "TokenQKAttention",
    "VotingLayer", "sum_pool",
]  # fmt: skip
__all__ += published.__all__
