"""Normalisation kernels on flat arrays."""

from __future__ import annotations

import numpy as np

from .. import arguments
from ..autograd import no_grad
from ..functional.norm import rms_norm
from ..ops.softmax import softmax
from ..typing import ArrayLike
from .given import over_time


class NormalizeKernels:
    """snn_softmax, snn_rmsnorm."""

    def snn_softmax(self, x: ArrayLike) -> np.ndarray:
        """Softmax over the last axis.

        Args:
            x: (..., n).

        Returns:
            (..., n), float32.  A row with NaN or +Inf, or of nothing but -Inf, becomes NaN, as in numpy.

        Raises:
            TypeError, ValueError: no real numbers, or no axis.
        """
        with no_grad():
            return softmax(over_time("x", x, "(..., n)")).share()

    def snn_rmsnorm(self, x: ArrayLike, weight: ArrayLike | None = None, eps: float = 1e-6) -> np.ndarray:
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
        rows = over_time("x", x, "(..., n)")
        with no_grad():
            return rms_norm(rows, rows.shape[-1], weight, arguments.real("eps", eps)).share()
