"""Attention of spikes on flat arrays."""

from __future__ import annotations

import numpy as np

from .. import arguments
from ..ops.attention import attention
from ..tensor import from_numpy
from ..typing import ArrayLike


class AttentionKernels:
    """spiking_attention."""

    def spiking_attention(
        self, q: ArrayLike, k: ArrayLike, v: ArrayLike, *, num_heads: int = 1, scale: float = 0.125
    ) -> np.ndarray:
        """(q k^T) v * scale for each head, without softmax: what drives the node of `nn.SpikingSelfAttention`.

        Args:
            q, k, v: spikes of the tokens, all of shape (..., N, D); head h has channels h D / num_heads to
                (h + 1) D / num_heads.
            num_heads: divides D, default 1.
            scale: of the result, default 0.125.

        Returns:
            (..., N, D).

        Raises:
            TypeError: no real numbers.
            ValueError: shapes that differ or have no tokens' axis; num_heads that does not divide D.

        Source: Zhou et al., "Spikformer: when spiking neural network meets transformer", ICLR 2023, equation (15)
        without its node.
        """
        given = {name: arguments.array(name, values) for name, values in (("q", q), ("k", k), ("v", v))}
        shape = given["q"].shape
        if len(shape) < 2:
            raise ValueError(f"q has shape {shape}; expected (..., N, D)")
        for name in ("k", "v"):
            arguments.shape(name, given[name].shape, shape)
        heads, factor = arguments.size("num_heads", num_heads), arguments.real("scale", scale)
        if shape[-1] % heads:
            raise ValueError(f"num_heads must divide D = {shape[-1]}, got {num_heads}")
        if 0 in shape:
            return np.zeros(shape, np.float32)
        out = attention(from_numpy(np.concatenate(list(given.values()), -1)), heads, factor)
        return out.share()
