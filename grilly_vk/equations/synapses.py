"""The synapses with a state, and the node that stands for a ReLU: recurrences in the order of the kernels' MODEL."""

from __future__ import annotations

from .expression import expression
from .recurrence import Recurrence, Spike

SYNAPSE_FILTER = Recurrence(
    "synapse_filter", {"y": "0"}, ("decay",), "y = y * decay + x", output="y", keep=("y",),
)  # fmt: skip
DUAL_TIMESCALE = Recurrence(
    "dual_timescale",
    {"fast": "0", "slow": "0"},
    ("fast_decay", "slow_decay", "fast_weight", "slow_weight"),
    "fast = fast * fast_decay + x; slow = slow * slow_decay + x; y = fast_weight * fast + slow_weight * slow",
    output="y",
    keep=("fast", "slow"),
)
STP = Recurrence(
    "stp",
    {"u": "U", "r": "1"},
    ("U", "u_decay", "r_decay"),
    """u = U + (u - U) * u_decay
       r = 1 - (1 - r) * r_decay
       u = where(x != 0, u + U * (1 - u), u)
       passed = u * r
       y = where(x != 0, x * passed, 0)
       r = where(x != 0, r - passed, r)""",
    output="y",
    keep=("u", "r"),
    before=True,
)
RATE = Recurrence(
    "rate",
    {"v": "start * threshold"},
    ("threshold", "start"),
    "h = v + x; s = where(h >= threshold, threshold, 0); v = h - s",
    output="s",
    keep=("h",),
    spike=Spike("s", of="h", distance=expression("rate: distance", "h / threshold - 1")),
)
RECURRENCES = (SYNAPSE_FILTER, DUAL_TIMESCALE, STP, RATE)
