"""Tensor's operators and methods, a file a kind; each file attaches its own: all are operations of `grilly_vk.ops`."""

from . import elementwise as elementwise
from . import gradients as gradients
from . import in_place as in_place
from . import making as making
from . import operators as operators
from . import picking as picking
from . import places as places
from . import reductions as reductions
from . import shapes as shapes
from . import torch_function as torch_function
