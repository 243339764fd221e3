"""Products with a matrix, and rows of one."""

from ..ops.gather import embedding
from ..ops.matmul import linear

__all__ = ["embedding", "linear"]
