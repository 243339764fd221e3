"""Stateless functions."""

import sys as _sys

from ..stepping import *
from ..torch_hints import hints
from .activation import *
from .attention import *
from .conv import *
from .cores import *
from .dropout import *
from .linear import *
from .loss import *
from .norm import *
from .one_hot import *
from .pad import *
from .pool import *
from .resize import *
from .scan import *
from .similarity import *
from .softmax import *
from .spike_loss import *
from .spiking import *
from .synapses import *

__getattr__ = hints("grilly_vk.functional")

# By the modules' full names, since functions such as `dropout` have taken the short ones.
_PARTS = (
    "stepping", "functional.activation", "functional.attention", "functional.conv", "functional.cores",
    "functional.dropout", "functional.linear", "functional.loss", "functional.norm", "functional.one_hot",
    "functional.pad", "functional.pool", "functional.resize", "functional.scan", "functional.similarity",
    "functional.softmax", "functional.spike_loss", "functional.spiking", "functional.synapses",
)  # fmt: skip
__all__ = sorted(name for part in _PARTS for name in _sys.modules[f"grilly_vk.{part}"].__all__)
