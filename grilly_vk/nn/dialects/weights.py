"""Weights that start and train as another library's."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import arguments
from ...host_random import generator
from ...ops.elementwise import as_tensor
from ...tensor import Tensor, from_numpy
from ..layers.linear import Linear
from ..module import Parameter


class OffDiagonal(Parameter):
    """A square matrix whose diagonal gets no gradient: what is 0 there, stays 0.

    Args:
        data, requires_grad: as in Parameter.

    Raises:
        TypeError, ValueError: as Parameter.
    """

    __slots__ = ("mask",)

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data, True)
        self.mask: Tensor | None = None
        self.register_hook(self._masked)  # of copies, too; and one that is frozen now may train later
        self.requires_grad = arguments.flag("requires_grad", requires_grad)

    def _masked(self, gradient: Tensor) -> Tensor:
        if self.mask is None:
            self.mask = from_numpy(1.0 - np.eye(*self.shape, dtype=np.float32))
        return gradient * self.mask


def linear(
    in_features: int,
    out_features: int,
    deviation: float,
    autapses: bool = True,
    given: Any = None,
    name: str = "weight",
) -> Linear:
    """A Linear without bias.

    Args:
        in_features, out_features: its sizes.
        deviation: of the normal weights that it starts with.
        autapses: False: the diagonal is 0 and stays so.
        given: the weights to start with, which are copied; None: random ones.
        name: what errors call them.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value, weights of another shape.
    """
    layer = Linear(in_features, out_features, bias=False)
    shape = layer.weight.shape
    if given is None:
        values = generator().normal(0.0, deviation, shape).astype(np.float32)
    else:
        values = np.array(as_tensor(name, given).numpy(), np.float32)
        arguments.shape(name, values.shape, shape)
    if arguments.flag("autapses", autapses):
        layer.weight = Parameter(values)
    else:
        np.fill_diagonal(values, 0.0)
        layer.weight = OffDiagonal(values)
    return layer
