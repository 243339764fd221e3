"""Neurons with traces, synapses with delays, and learning rules that work on the traces (pysnn.neuron).

Everything has a fixed shape with the batch first.  A call is one step and gives (spikes, trace); `run` takes all steps
of a sequence in one dispatch.  Nothing here is on the tape: learning is local.
"""

from .base import BaseNeuron
from .connection import BaseConnection, Linear
from .inputs import BaseInput, Input
from .learning import MSTDPET, STDP, FedeSTDP, LearningRule, OnlineSTDP
from .network import Layer, Network
from .neurons import AdaptiveLIFNeuron, FedeNeuron, IFNeuron, LIFNeuron

__all__ = [
    "MSTDPET", "STDP", "AdaptiveLIFNeuron", "BaseConnection", "BaseInput", "BaseNeuron", "FedeNeuron", "FedeSTDP",
    "IFNeuron", "Input", "LIFNeuron", "Layer", "LearningRule", "Linear", "Network", "OnlineSTDP",
]  # fmt: skip
