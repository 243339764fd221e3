"""What the plastic layers share: weights on the device, and the forward pass."""

from __future__ import annotations

import numpy as np

from ... import arguments
from ...ops.linear import matmul
from ...settings import fixed
from ...tensor import Tensor
from ...typing import ArrayLike
from ..flat.base import FlatLayer, off_tape, on_host


class PlasticLayer(FlatLayer):
    """A weight matrix on the device, and the forward pass."""

    in_features, out_features = fixed(), fixed()
    weight = on_host("weight", "Weights, float32 (out_features, in_features): a copy; assign to set them.")

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.in_features = arguments.size("in_features", in_features)
        self.out_features = arguments.size("out_features", out_features)

    @property
    def _weight(self) -> Tensor:
        found = self._buffers["weight"]
        assert found is not None
        return found

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> np.ndarray:
        """x @ weight.T.

        Args:
            x: (..., in_features), numpy or Tensor.
            steps: given by containers, for whom it is the same.

        Returns:
            float32 (..., out_features).

        Raises:
            ValueError: the last axis is not in_features.
            TypeError: not an array of real numbers.
        """
        off_tape(self, x)
        given = x if isinstance(x, Tensor) else arguments.array("x", x)
        arguments.shape("x", given.shape, ("...", self.in_features))
        return matmul(arguments.tensor("x", given, borrow=True), self._weight).share()
