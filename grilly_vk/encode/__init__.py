"""Values into spikes: functions from (...) to (T, ...), and encoders that give one step a call.

Numbers from the host are checked.  Those in device tensors are not read, which would wait for the device: where one
is out of an encoder's range, its spikes are NaN, so that the mistake shows.  `clip=True` cuts values to the range.
Only `direct` and `receptive_fields` have gradients.
"""

from .encoders import LatencyEncoder, PeriodicEncoder, PoissonEncoder, WeightedPhaseEncoder
from .population import population, receptive_fields
from .rates import direct, poisson, rate
from .times import delta, latency, phase

__all__ = [
    "LatencyEncoder", "PeriodicEncoder", "PoissonEncoder", "WeightedPhaseEncoder", "delta", "direct", "latency",
    "phase", "poisson", "population", "rate", "receptive_fields",
]  # fmt: skip
