"""Attention with softmax, as PyTorch has it; that of spikes is in spiking_attention.py."""

from __future__ import annotations

import math
from typing import Any

from ... import arguments
from ...functional.attention import additive, weighed
from ...ops.elementwise import add, as_tensor, cast, unary
from ...ops.matmul import linear
from ...ops.reductions import reduce_mean
from ...ops.shape import broadcast_to, concatenate, permute
from ...settings import fixed, setting
from ...tensor import FLOAT32, Tensor, empty, full
from ...typing import ArrayLike
from .. import init
from ..module import Module, Parameter
from .linear import Linear


class MultiheadAttention(Module):
    """Attention of several heads, each with a share of the channels: softmax(q k^T / sqrt(embed_dim / num_heads)) v.

    Args:
        embed_dim: channels E of queries and results; a multiple of num_heads.
        num_heads: heads H.
        dropout: probability of a zero among the weights, in training (default 0).
        bias: whether the projections have biases (default True).
        add_bias_kv: whether a learned key and value stand behind those given (default False).
        add_zero_attn: whether a key and value of zeros stand behind them (default False).
        kdim, vdim: channels of keys and values (default None: embed_dim).
        batch_first: inputs and results are (B, L, E), not (L, B, E) (default False).

    Attributes:
        in_proj_weight: Parameter (3 E, E), of queries, keys and values; or None, and q_proj_weight (E, E),
            k_proj_weight (E, kdim) and v_proj_weight (E, vdim), where kdim or vdim is another.
        in_proj_bias: Parameter (3 E,), at first 0, or None.
        bias_k, bias_v: Parameters (1, 1, E), or None.
        out_proj: Linear(E, E), its bias at first 0.

    Raises:
        TypeError, ValueError: arguments out of range; at the call, shapes that don't fit.

    Source: Vaswani et al., "Attention is all you need", NeurIPS 2017.
    """

    embed_dim, num_heads, kdim, vdim = fixed(), fixed(), fixed(), fixed()
    dropout = setting(arguments.between, 0.0, 1.0)
    add_zero_attn, batch_first = setting(arguments.flag), setting(arguments.flag)
    in_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
    ) -> None:
        super().__init__()
        e = self.embed_dim = arguments.size("embed_dim", embed_dim)
        self.num_heads = arguments.size("num_heads", num_heads)
        if e % self.num_heads:
            raise ValueError(f"embed_dim must be a multiple of num_heads = {num_heads}, got {embed_dim}")
        self.dropout = dropout
        self.add_zero_attn = add_zero_attn
        self.batch_first = batch_first
        self.kdim = e if kdim is None else arguments.size("kdim", kdim)
        self.vdim = e if vdim is None else arguments.size("vdim", vdim)
        same = self.kdim == self.vdim == e
        shapes: dict[str, tuple[int, ...] | None] = {
            "in_proj_weight": (3 * e, e) if same else None,
            "q_proj_weight": None if same else (e, e),
            "k_proj_weight": None if same else (e, self.kdim),
            "v_proj_weight": None if same else (e, self.vdim),
            "in_proj_bias": (3 * e,) if arguments.flag("bias", bias) else None,
            "bias_k": (1, 1, e) if arguments.flag("add_bias_kv", add_bias_kv) else None,
            "bias_v": (1, 1, e) if add_bias_kv else None,
        }
        for name, shape in shapes.items():
            self.register_parameter(name, None if shape is None else Parameter(empty(shape)))
        self.out_proj = Linear(e, e, bias=bias)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws new weights: those of the projections Xavier-uniform; biases are 0."""
        self.out_proj.reset_parameters()
        for name, parameter in self.named_parameters():
            if name.endswith("proj_weight"):
                init.xavier_uniform_(parameter)
            elif name in ("bias_k", "bias_v"):
                init.xavier_normal_(parameter)
            elif name.endswith("bias"):
                init.zeros_(parameter)

    def forward(
        self,
        query: ArrayLike,
        key: ArrayLike,
        value: ArrayLike,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: ArrayLike | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """(results, weights).

        Args:
            query: (L, B, E), with batch_first (B, L, E), or without B.
            key, value: (S, B, kdim) and (S, B, vdim), laid out alike.
            key_padding_mask: (B, S), bool, True where a key is to be ignored, or float32, added; or None.
            need_weights: whether the weights are returned, too (default True).
            attn_mask: (L, S) or (B * H, L, S), bool, True where a query may not see a key, or float32, added; or None.
            average_attn_weights: whether they are means over the heads (default True).
            is_causal: says that attn_mask is causal, which must be given; it changes nothing here.

        Returns:
            Results of query's shape; and weights (B, L, S), or (B, H, L, S) without average_attn_weights, without B
            where query has none; or None.

        Raises:
            ValueError: shapes that don't fit; is_causal without attn_mask. TypeError: a mask of the wrong type.
        """
        need_weights = arguments.flag("need_weights", need_weights)
        average_attn_weights = arguments.flag("average_attn_weights", average_attn_weights)
        given = [cast(as_tensor(n, t), FLOAT32) for n, t in (("query", query), ("key", key), ("value", value))]
        alone = given[0].ndim == 2
        q, k, v = (self._batched(n, t, alone, c) for n, t, c in zip(
            ("query", "key", "value"), given, (self.embed_dim, self.kdim, self.vdim)))  # fmt: skip
        if k.shape[:2] != v.shape[:2] or k.shape[1] != q.shape[1]:
            shapes = ", ".join(str(t.shape) for t in given)
            raise ValueError(f"query, key and value have shapes {shapes}; expected one batch, and a value for each key")
        if arguments.flag("is_causal", is_causal) and attn_mask is None:
            raise ValueError("is_causal=True needs attn_mask, as in PyTorch")
        length, batch, e = q.shape
        keys = k.shape[0]
        heads, each = self.num_heads, e // self.num_heads
        q, k, v = self._projected(q, k, v, key is query and value is query)
        for parameter, name in ((self.bias_k, "k"), (self.bias_v, "v")):
            if parameter is not None:
                more = broadcast_to(parameter, (1, batch, e))
                k, v = (concatenate([k, more], 0), v) if name == "k" else (k, concatenate([v, more], 0))
        if self.add_zero_attn:
            zeros = full((1, batch, e), 0.0, on=k.engine)
            k, v = concatenate([k, zeros], 0), concatenate([v, zeros], 0)
        added = self._masks(attn_mask, key_padding_mask, (batch, heads, length, keys), alone)
        if added is not None and k.shape[0] > keys:
            more = full((*added.shape[:-1], k.shape[0] - keys), 0.0, on=added.engine)
            added = concatenate([added, more], -1)
        q = permute(unary("scale", q, 1 / math.sqrt(each)).reshape(length, batch, heads, each), (1, 2, 0, 3))
        k = permute(k.reshape(k.shape[0], batch, heads, each), (1, 2, 3, 0))
        v = permute(v.reshape(v.shape[0], batch, heads, each), (1, 2, 0, 3))
        y, weights = weighed(q, k, v, added, self.dropout if self.training else 0.0)
        y = self.out_proj(permute(y, (2, 0, 1, 3)).reshape(length, batch, e))
        y = y.reshape(length, e) if alone else permute(y, (1, 0, 2)) if self.batch_first else y
        if not need_weights:
            return y, None
        if average_attn_weights:
            weights = reduce_mean(weights, 1)
        return y, weights.reshape(weights.shape[1:]) if alone else weights

    def _batched(self, name: str, t: Tensor, alone: bool, channels: int) -> Tensor:
        """(length, B, channels)."""
        if t.ndim != (2 if alone else 3) or t.shape[-1] != channels:
            axes = "length, " if alone else "B, length, " if self.batch_first else "length, B, "
            raise ValueError(f"{name} has shape {t.shape}; expected ({axes}{channels})")
        if alone:
            return t.reshape(t.shape[0], 1, t.shape[1])
        return permute(t, (1, 0, 2)) if self.batch_first else t

    def _projected(self, q: Tensor, k: Tensor, v: Tensor, same: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of embed_dim channels; those of one input in one product."""
        e, weight, bias = self.embed_dim, self.in_proj_weight, self.in_proj_bias
        if weight is not None and same:
            whole = linear(q, weight, bias)
            return whole[..., :e], whole[..., e : 2 * e], whole[..., 2 * e :]
        out = []
        for i, (name, t) in enumerate((("q", q), ("k", k), ("v", v))):
            rows = slice(i * e, (i + 1) * e)
            own = getattr(self, f"{name}_proj_weight") if weight is None else weight[rows]
            out.append(linear(t, own, None if bias is None else bias[rows]))
        return out[0], out[1], out[2]

    def _masks(self, attn_mask: Any, padding: Any, shape: tuple[int, ...], alone: bool) -> Tensor | None:
        """Both masks as numbers to add to (B, H, L, S), or None."""
        batch, heads, length, keys = shape
        added = None
        if attn_mask is not None:
            t = as_tensor("attn_mask", attn_mask)
            if t.shape not in ((length, keys), (batch * heads, length, keys)):
                raise ValueError(
                    f"attn_mask has shape {t.shape}; expected {(length, keys)} or {(batch * heads, length, keys)}"
                )
            t = t.reshape(shape) if t.ndim == 3 else t
            added = additive("attn_mask", t, shape, allowed=False)
        if padding is not None:
            t = as_tensor("key_padding_mask", padding)
            wanted = (keys,) if alone else (batch, keys)
            if t.shape != wanted:
                raise ValueError(f"key_padding_mask has shape {t.shape}; expected {wanted}")
            more = additive("key_padding_mask", t.reshape(batch, 1, 1, keys), shape, allowed=False)
            added = more if added is None else add(added, more)
        return added

    def extra_repr(self) -> str:
        """The sizes."""
        return f"{self.embed_dim}, {self.num_heads}" + (", batch_first=True" if self.batch_first else "")
