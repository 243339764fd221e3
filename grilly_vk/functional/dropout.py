"""Dropout."""

from ..ops.dropout import dropout, dropout1d, dropout2d

__all__ = ["dropout", "dropout1d", "dropout2d"]
