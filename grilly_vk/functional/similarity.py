"""Vectors of length 1, and cosines between vectors."""

from __future__ import annotations

from typing import Any

from .. import arguments
from ..ops.elementwise import as_tensor, binary
from ..ops.reductions import reduce_sum
from ..ops.statistics import norm
from ..tensor import Tensor
from ..typing import ArrayLike

__all__ = ["cosine_similarity", "normalize"]


def normalize(input: ArrayLike, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Tensor:
    """input over its p-norm along `dim`, or over eps where that is larger.

    Raises:
        TypeError, ValueError: no such axis or numbers.
    """
    x = as_tensor("input", input)
    return binary("div", x, binary("maximum", norm(x, p, dim, True), arguments.positive("eps", eps)))


def cosine_similarity(x1: ArrayLike, x2: ArrayLike, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along `dim`; lengths below eps count as eps.

    Raises:
        TypeError, ValueError: no such axis or number; shapes that don't broadcast.
    """
    a, b = as_tensor("x1", x1), as_tensor("x2", x2)
    least = arguments.positive("eps", eps)
    lengths = [binary("maximum", norm(v, 2, dim), least) for v in (a, b)]
    return binary("div", reduce_sum(binary("mul", a, b), dim), binary("mul", *lengths))
