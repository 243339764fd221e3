"""Ready networks."""

from .spikformer import PatchEmbedding, Spikformer

__all__ = ["PatchEmbedding", "Spikformer"]
