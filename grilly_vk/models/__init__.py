"""Ready networks."""

from .spikformer import PatchEmbedding, Spikformer

__all__ = ["PatchEmbedding", "Spikformer"]
"""Ready-made networks."""

from .snn import SNN

__all__ = ["SNN"]
