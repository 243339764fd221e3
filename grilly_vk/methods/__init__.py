"""What Tensor has of PyTorch's methods, a file a kind; each file attaches its own to Tensor."""

from .. import tensor_methods as tensor_methods
from . import elementwise as elementwise
from . import in_place as in_place
from . import picking as picking
from . import places as places
from . import reductions as reductions
from . import shapes as shapes
