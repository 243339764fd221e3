"""Whole numbers in order."""

from __future__ import annotations

import numpy as np

from ..tensor import Tensor, from_numpy


def counting(n: int) -> Tensor:
    """0, 1, ... n - 1 as int32 (n,)."""
    return from_numpy(np.arange(n, dtype=np.int32))
