"""Whole numbers in order."""

from __future__ import annotations

import numpy as np

from ..runtime.engine import Engine
from ..tensor import Tensor, from_numpy


def counting(n: int, on: Engine) -> Tensor:
    """0, 1, ... n - 1 as int32 (n,), on this engine."""
    return from_numpy(np.arange(n, dtype=np.int32), on=on)
