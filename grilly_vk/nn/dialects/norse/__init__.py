"""Norse's neurons, by its names, parameters and defaults (Norse 1.1).

The functions give layers of `grilly_vk.nn` whose spikes, potentials and gradients are those of `norse.torch`.  A cell,
`LIFCell`, is called with one step (B, ...); what has a cell inside there, `LIF`, with all steps (T, B, ...), in few
dispatches.  What stays ours: a call gives the spikes alone and the state stays in the layer (`v`, `current`) until
`grilly_vk.functional.reset_net`.

A spike needs more than the threshold here, and gradients flow through the reset unless the function says otherwise.
`method="super"`, the default, has the derivative ``1 / (1 + |x|)^2``: Norse 1.1 makes no use of alpha in it.
"""

from . import behaviours, cells, parameters
from .behaviours import *
from .cells import *
from .parameters import *

__all__ = [*behaviours.__all__, *cells.__all__, *parameters.__all__]
