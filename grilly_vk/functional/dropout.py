"""Dropout."""

from ..ops.dropout import dropout

__all__ = ["dropout"]
