"""Blocks of spiking transformers."""

from __future__ import annotations

from typing import Any

from ... import arguments
from ...modes import S
from ...ops.elementwise import as_tensor
from ...tensor import Tensor
from ...typing import ArrayLike, StepMode
from .spiking_attention import ChannelQKAttention, SpikingSelfAttention, TokenQKAttention, _Attention
from .spiking_linear import Factory, SpikingLinear, TimedModule, TokenBatchNorm1d

KINDS: dict[str, type[_Attention]] = {
    "ssa": SpikingSelfAttention,
    "token": TokenQKAttention,
    "channel": ChannelQKAttention,
}


class SpikingMLP(TimedModule):
    """Two `SpikingLinear` one after the other: spike(norm(spike(norm(x W1)) W2)).

    Args:
        in_features, hidden_features, out_features: sizes of the last axis; out_features None: in_features.
        norm, spiking_neuron, step_mode, node_options: as in `SpikingLinear`.

    Shape:
        (B, ..., in_features) to (B, ..., out_features), in step mode "m" with a leading T: spikes.

    Attributes:
        first, second: the units.

    Raises:
        TypeError, ValueError: as in `SpikingLinear`.

    Source: Zhou et al., "Spikformer", ICLR 2023, the MLP of equation (8).
    """

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        out_features: int | None = None,
        norm: Factory | None = TokenBatchNorm1d,
        spiking_neuron: Factory | None = None,
        step_mode: StepMode = S,
        **node_options: Any,
    ) -> None:
        super().__init__()
        hidden_features = arguments.size("hidden_features", hidden_features)
        last = in_features if out_features is None else out_features
        self.first = SpikingLinear(in_features, hidden_features, norm, spiking_neuron, step_mode, **node_options)
        self.second = SpikingLinear(hidden_features, last, norm, spiking_neuron, step_mode, **node_options)
        self.step_mode = step_mode

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """Spikes (..., out_features); `steps` is given by containers."""
        steps = self._steps(steps)
        out: Tensor = self.second(self.first(x, steps=steps), steps=steps)
        return out


class SpikingTransformerBlock(TimedModule):
    """x = x + attention(x); x = x + mlp(x).  Both add spikes, so that a sum of spikes is a whole number.

    Args:
        embed_dim: channels D of a token.
        num_heads: heads, which divide D (default 8).
        mlp_ratio: the width of the MLP between its layers is int(mlp_ratio * D) (default 4).
        attention: "ssa" (default): `SpikingSelfAttention`; "token", "channel": `QKAttention` of that type.
        norm, spiking_neuron, step_mode, node_options: as in `SpikingSelfAttention`, for all parts.

    Shape:
        (B, N, D) or (T, B, N, D), as the step mode says, to the same.

    Attributes:
        attention, mlp: the parts.

    Raises:
        TypeError, ValueError: arguments of the wrong type or out of range; at the call, another shape.

    Source: Zhou et al., "Spikformer", ICLR 2023, section 3.1, equations (7) and (8); with "token" or "channel" the
    block of Zhou et al., "QKFormer", NeurIPS 2024, section 3.4, of the same form.
    """

    _ranks = (3,)

    def __init__(
        self,
        embed_dim: int,
        num_heads: int = 8,
        mlp_ratio: float = 4.0,
        attention: str = "ssa",
        norm: Factory | None = TokenBatchNorm1d,
        spiking_neuron: Factory | None = None,
        step_mode: StepMode = S,
        **node_options: Any,
    ) -> None:
        super().__init__()
        kind = KINDS[arguments.choice("attention", attention, tuple(KINDS))]
        parts: dict[str, Any] = {"norm": norm, "spiking_neuron": spiking_neuron, "step_mode": step_mode, **node_options}
        self.attention = kind(embed_dim, num_heads, **parts)
        hidden = int(arguments.positive("mlp_ratio", mlp_ratio) * embed_dim)
        self.mlp = SpikingMLP(embed_dim, hidden, **parts)
        self.step_mode = step_mode

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """(..., N, D) to the same; `steps` is given by containers."""
        x = as_tensor("x", x)
        steps = self._steps(steps, x)
        x = x + self.attention(x, steps=steps)
        return x + self.mlp(x, steps=steps)
