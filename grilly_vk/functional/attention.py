"""Attention with softmax."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arguments
from ..ops.dropout import dropout
from ..ops.elementwise import add, as_tensor, cast, unary, where
from ..ops.layout import broadcast_shape
from ..ops.matmul import matmul
from ..ops.shape import transpose
from ..ops.softmax import softmax
from ..runtime.engine import Engine
from ..tensor import BOOL, FLOAT32, Tensor, from_numpy
from ..typing import ArrayLike

__all__ = ["scaled_dot_product_attention"]


def scaled_dot_product_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    attn_mask: ArrayLike | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """softmax(scale * query key^T + mask) value, as `torch.nn.functional.scaled_dot_product_attention`.

    Args:
        query: (..., L, E). key: (..., S, E). value: (..., S, V); leading axes broadcast.
        attn_mask: bool, True where a query may see a key; or float32, added to the products.  Broadcasts to
            (..., L, S).  None: all see all.  A query that may see nothing gives NaN.
        dropout_p: probability of a zero among the weights; it acts whenever it is above 0.
        is_causal: query i sees keys up to i alone; not together with attn_mask.
        scale: None is 1 / sqrt(E).

    Returns:
        (..., L, V).

    Raises:
        ValueError: shapes that don't fit, or both masks. TypeError: no real numbers.

    Source: Vaswani et al., "Attention is all you need", NeurIPS 2017.
    """
    q, k, v = (cast(as_tensor(n, t), FLOAT32) for n, t in (("query", query), ("key", key), ("value", value)))
    for name, t in (("query", q), ("key", k), ("value", v)):
        if t.ndim < 2:
            raise ValueError(f"{name} has shape {t.shape}; expected (..., length, features)")
    if k.shape[-1] != q.shape[-1]:
        raise ValueError(f"key has shape {k.shape}; expected {q.shape[-1]} features as query has, of shape {q.shape}")
    if v.shape[-2] != k.shape[-2]:
        raise ValueError(f"value has shape {v.shape}; expected length {k.shape[-2]} as key has, of shape {k.shape}")
    if arguments.flag("is_causal", is_causal) and attn_mask is not None:
        raise ValueError("attn_mask and is_causal=True can't both be given")
    shape = (*broadcast_shape(q.shape[:-2], k.shape[:-2]), q.shape[-2], k.shape[-2])
    mask = causal(shape[-2], shape[-1], q.engine) if is_causal else attn_mask
    added = None if mask is None else additive("attn_mask", as_tensor("attn_mask", mask, q), shape, allowed=True)
    factor = 1 / math.sqrt(q.shape[-1]) if scale is None and q.shape[-1] else arguments.real("scale", scale or 1.0)
    drop = arguments.between("dropout_p", dropout_p, 0.0, 1.0)
    return weighed(unary("scale", q, factor), transpose(k), v, added, drop)[0]


def weighed(q: Tensor, k: Tensor, v: Tensor, added: Tensor | None, drop: float) -> tuple[Tensor, Tensor]:
    """(softmax(q k + added) v, the weights), for k (..., E, S)."""
    scores = matmul(q, k)
    weights = softmax(scores if added is None else add(scores, added), -1)
    if drop:
        weights = dropout(weights, drop)
    return matmul(weights, v), weights


def causal(length: int, keys: int, on: Engine) -> Tensor:
    """True where query i may see key j: j <= i; on this engine."""
    return from_numpy(np.tri(length, keys, dtype=np.bool_), on=on)


def additive(name: str, mask: Any, shape: tuple[int, ...], *, allowed: bool) -> Tensor:
    """A mask as float32 numbers to add: those given, or 0 and -inf of bools; True means `allowed`.

    Raises:
        ValueError: it does not broadcast to `shape`. TypeError: neither bool nor float32.
    """
    t = as_tensor(name, mask)
    if t.dtype not in (BOOL, FLOAT32):
        raise TypeError(f"{name} must be bool or float32, not {t.dtype}")
    try:
        fits = broadcast_shape(t.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"{name} has shape {t.shape}; expected one that broadcasts to {shape}")
    if t.dtype is BOOL:
        return where(t, 0.0, -math.inf) if allowed else where(t, -math.inf, 0.0)
    return t
