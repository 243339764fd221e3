"""From a trained network of ReLUs to a spiking network whose rates are their activations."""

from .calibrate import VoltageScaler
from .converter import Converter
from .evaluate import Evaluation, Row, evaluate, rates_and_activations
from .fold import ChannelAffine
from .gate import MaxPoolGate, Places
from .network import ConvertedNetwork
from .node import RateNode

__all__ = [
    "ChannelAffine", "ConvertedNetwork", "Converter", "Evaluation", "MaxPoolGate", "Places", "RateNode", "Row",
    "VoltageScaler", "evaluate", "rates_and_activations",
]  # fmt: skip
