"""Ready networks."""

from .diehl_cook import DiehlCook
from .snn import SNN
from .spikformer import PatchEmbedding, Spikformer

__all__ = ["SNN", "DiehlCook", "PatchEmbedding", "Spikformer"]
