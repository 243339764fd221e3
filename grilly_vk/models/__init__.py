"""Ready networks."""

from .snn import SNN
from .spikformer import PatchEmbedding, Spikformer

__all__ = ["SNN", "PatchEmbedding", "Spikformer"]
