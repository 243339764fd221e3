"""Softmax and its logarithm as layers."""

from __future__ import annotations

from ... import arguments
from ...errors import warn
from ...functional.softmax import log_softmax, softmax
from ...ops.elementwise import as_tensor
from ...ops.layout import axis_index
from ...settings import setting
from ...tensor import Tensor
from ...typing import ArrayLike
from ..module import Module


class Softmax(Module):
    """exp(x) / sum(exp(x)) along an axis; see `grilly_vk.functional.softmax`.

    Args:
        dim: the axis; None takes, as PyTorch does with a warning, axis 0 of inputs with 0, 1 or 3 axes, else axis 1.

    Shape:
        any, to the same.  Where a container gives all steps at once, dim is an axis of one step.

    Raises:
        TypeError: no whole number. ValueError (at the call): no such axis.
    """

    dim = setting(arguments.whole, optional=True)
    takes_steps = True
    _timed_alone, _time_rank = True, 2
    _function = staticmethod(softmax)
    _shown = ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """The same shape; `steps` is given by containers."""
        x = as_tensor("x", x)
        timed = int(steps is not None)
        dim = self.dim
        if dim is None:
            dim = 0 if x.ndim - timed in (0, 1, 3) else 1
            warn(f"{type(self).__name__}() takes axis {dim} of inputs with {x.ndim - timed} axes; give dim to say so")
        axes = x.ndim - timed
        return self._function(x, axis_index("dim", dim, axes or 1) + timed)


class LogSoftmax(Softmax):
    """x - log(sum(exp(x))) along an axis, exact where softmax itself would underflow.

    Args:
        dim: as in `Softmax`.

    Raises:
        TypeError: no whole number. ValueError (at the call): no such axis.
    """

    _function = staticmethod(log_softmax)
