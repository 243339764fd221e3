"""Gradients: going back from a tensor, and what `.grad` of a leaf gets."""

from __future__ import annotations

from .. import autograd
from ..ops.elementwise import binary
from ..tensor import FLOAT32, Tensor, owned
from .attach import attached


@attached
class Gradients(Tensor):
    """Going back, and what `.grad` gets."""

    def backward(self, gradient: Tensor | None = None, *, retain_graph: bool = False) -> None:
        """Adds the gradient of this tensor to `.grad` of every leaf that it was computed from.

        Args:
            gradient: of the same shape; not needed for a single element.
            retain_graph: keep what is recorded, to go back again.

        Raises:
            RuntimeError: nothing is recorded, the graph was freed, or an input was changed in place since.
            TypeError, ValueError: a gradient that is no float32 tensor of this shape.
        """
        autograd.backward(self, gradient, retain_graph=retain_graph)

    def accumulate(self, given: list[Tensor]) -> None:
        """Adds the one gradient in a list, taken out of it, to `.grad`; called by backward on leaves.

        Rules hand gradients on without copying, so one that somebody else holds too is copied here.
        """
        before = self.grad
        if before is None:
            value = owned(given)
        elif before.shape == given[0].shape and before.dtype is FLOAT32 and before.engine is given[0].engine:
            value = autograd._sum(before, given.pop())
        else:  # of a user's, who may assign any
            value = binary("add", before._alias(), given.pop())
        self.grad = value
