"""Networks that feed back: recurrent cores, PyTorch's RNN, LSTM and GRU, and those whose gates are spikes."""

from .core import Core, RecurrentCore
from .cores import ALIF, IF, LI, LIF, RIF, RLIF, CuBaLIF, RCuBaLIF
from .recurrent_layers import GRU, LSTM, RNN
from .recurrent_snn import RecurrentSNN
from .spiking_rnn import (
    SpikingGRU,
    SpikingGRUCell,
    SpikingLSTM,
    SpikingLSTMCell,
    SpikingRNNCell,
    SpikingVanillaRNN,
    SpikingVanillaRNNCell,
)

__all__ = [
    "ALIF", "GRU", "IF", "LI", "LIF", "LSTM", "RIF", "RLIF", "RNN", "Core", "CuBaLIF", "RCuBaLIF", "RecurrentCore",
    "RecurrentSNN", "SpikingGRU", "SpikingGRUCell", "SpikingLSTM", "SpikingLSTMCell", "SpikingRNNCell",
    "SpikingVanillaRNN", "SpikingVanillaRNNCell",
]  # fmt: skip
