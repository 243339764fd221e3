"""Normalisation kernels on flat arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arguments
from ..ops import normalize as ops


class NormalizeKernels:
    """snn_softmax, snn_rmsnorm."""

    def snn_softmax(self, x: Any) -> np.ndarray:
        """Softmax over the last axis.

        Args:
            x: (..., n).

        Returns:
            (..., n), float32.  A row with NaN or +Inf, or of nothing but -Inf, becomes NaN, as in numpy.

        Raises:
            TypeError, ValueError: no real numbers, or no axis.
        """
        return ops.softmax(arguments.tensor("x", x, borrow=True)).share()

    def snn_rmsnorm(self, x: Any, weight: Any = None, eps: float = 1e-6) -> np.ndarray:
        """x / sqrt(mean(x**2) + eps) * weight over the last axis.

        Args:
            x: (..., n).
            weight: (n,), default ones.
            eps: not negative, default 1e-6.

        Returns:
            (..., n), float32.

        Raises:
            TypeError, ValueError: no real numbers, shapes that don't fit, or a negative eps.

        Source: Zhang & Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019.
        """
        small = arguments.non_negative("eps", eps)
        scale = None if weight is None else arguments.tensor("weight", weight, borrow=True)
        return ops.rmsnorm(arguments.tensor("x", x, borrow=True), scale, eps=small).share()
