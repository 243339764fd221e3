"""What lies between neurons: filters, short-term plasticity, delays, recurrence through a connection."""

from .delays import Delay, DelaySynapse, Synapse
from .recurrent_synapse import RecurrentSynapse
from .synapses import DualTimescaleSynapse, STPSynapse, SynapseFilter

__all__ = [
    "Delay", "DelaySynapse", "DualTimescaleSynapse", "RecurrentSynapse", "STPSynapse", "Synapse", "SynapseFilter",
]  # fmt: skip
