"""Looking into networks while they run: spikes, potentials and rates of any module, and what they say about it."""

from .activity import FiringRateReport, LayerActivity, firing_rate_report
from .monitors import (
    AttributeMonitor,
    InputMonitor,
    Monitor,
    OutputMonitor,
    PotentialMonitor,
    RateMonitor,
    SpikeMonitor,
)

__all__ = [
    "AttributeMonitor", "FiringRateReport", "InputMonitor", "LayerActivity", "Monitor", "OutputMonitor",
    "PotentialMonitor", "RateMonitor", "SpikeMonitor", "firing_rate_report",
]  # fmt: skip
