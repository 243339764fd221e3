"""Neurons by the names, arguments and defaults of other libraries: a file a library.

The functions return layers of `grilly_vk.nn`, set up so that spikes, potentials and gradients are those of that
library.  What can't be made so is not there.
"""

from . import norse, snntorch, spikingjelly

__all__ = ["norse", "snntorch", "spikingjelly"]
