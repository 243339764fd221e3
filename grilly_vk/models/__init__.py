"""Ready networks."""

from .diehl_cook import DiehlCook

__all__ = ["DiehlCook"]
