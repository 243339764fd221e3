"""Dropout."""

from __future__ import annotations

from typing import Any

from .. import arguments
from ..ops import dropout as ops
from ..tensor import Tensor
from .module import Module


class Dropout(Module):
    """In training, sets each element to 0 with probability p and scales the others by 1 / (1 - p); else x itself.

    Args:
        p: probability of a zero, in [0, 1] (default 0.5).

    Raises:
        TypeError, ValueError: p is not such a number.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, "Dropout", JMLR 15 (2014).
    """

    batchwise = True

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = arguments.between("p", p, 0.0, 1.0)

    def forward(self, x: Any) -> Tensor:
        """The same shape."""
        return ops.dropout(x, self.p, self.training)

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"
