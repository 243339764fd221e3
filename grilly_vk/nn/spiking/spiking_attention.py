"""Self-attention of spikes, without softmax: Spikformer's and QKFormer's."""

from __future__ import annotations

from typing import Any, Literal

from ... import arguments
from ...modes import S
from ...ops import gates
from ...ops.attention import attention
from ...ops.elementwise import as_tensor
from ...settings import fixed, setting
from ...tensor import Tensor
from ...typing import ArrayLike, StepMode
from .spiking_linear import Factory, SpikingLinear, TimedModule, TokenBatchNorm1d, made_node, through


class _Attention(TimedModule):
    """What the kinds share: a unit for q, k (and v), a node between, and a unit behind."""

    embed_dim, num_heads = fixed(), fixed()
    _ways = 3
    _ranks = (3,)
    _shown = ("embed_dim", "num_heads", "step_mode")

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        norm: Factory | None,
        spiking_neuron: Factory | None,
        step_mode: StepMode,
        node_options: dict[str, Any],
    ) -> None:
        super().__init__()
        self.embed_dim = arguments.size("embed_dim", embed_dim)
        self.num_heads = arguments.size("num_heads", num_heads)
        if self.embed_dim % self.num_heads:
            raise ValueError(f"embed_dim must be a multiple of num_heads = {num_heads}, got {embed_dim}")
        sizes = (self.embed_dim, self._ways * self.embed_dim)
        self.inputs = SpikingLinear(*sizes, norm, spiking_neuron, step_mode, **node_options)
        self.node = made_node(spiking_neuron, node_options, step_mode, v_threshold=0.5)
        self.output = SpikingLinear(self.embed_dim, self.embed_dim, norm, spiking_neuron, step_mode, **node_options)
        self.step_mode = step_mode

    def _checked(self, x: Tensor, steps: str | None) -> Tensor:
        axes = 3 if steps is None else 4
        if x.ndim != axes or x.shape[-1] != self.embed_dim:
            wanted = "(B, N, " if steps is None else "(T, B, N, "
            mode = "s: one step" if steps is None else "m: all steps"
            raise ValueError(f"x has shape {x.shape}; expected {wanted}{self.embed_dim}) in step mode {mode}")
        return x


class SpikingSelfAttention(_Attention):
    """Spikformer's attention: spike(norm(spike(scale * (q k^T) v) W)) with q, k, v = spike(norm(x W)), without softmax.

    Each head takes embed_dim / num_heads channels of q, k and v.  Without softmax (q k^T) v = q (k^T v), so the cheaper
    order is taken: the first where there are fewer tokens than channels a head, else the second.  Of spikes both are
    counts, exact in float32 below 2**24, and give the same bits.

    Differences from SpikingJelly's class: tokens come before channels, (T, B, N, D) and not (T, N, C, L), and its
    weights of shape (3 D, D, 1) are ours of shape (3 D, D); step mode "s" exists; the surrogate is ATan(2) unless one
    is given, and Sigmoid(4) there.

    Args:
        embed_dim: channels D of a token.
        num_heads: heads, which divide D (default 8).
        scale: of the product (default 0.125).
        norm: makes the norms from a number of channels, such as `TokenBatchNorm1d` (default); see `SpikingLinear`.
        spiking_neuron: makes all three nodes; None: LIFNode(tau=2.0, detach_reset=True), the one behind the product
            with v_threshold=0.5.
        step_mode: "s": a call is one step (B, N, D). "m": a call is all steps (T, B, N, D).  Where it is not said, the
            number of axes tells, and (T, B, N, D) is run as in "m".
        node_options: arguments of all nodes, such as tau, v_threshold or surrogate_function; they take the place of
            those defaults.

    Shape:
        (B, N, D) or (T, B, N, D), as the step mode says, to the same: spikes.

    Attributes:
        inputs: the unit of q, k and v, D to 3 D. node: behind the product. output: the unit behind it, D to D.

    Raises:
        TypeError, ValueError: arguments of the wrong type or value; num_heads that does not divide embed_dim; at the
            call, another shape.

    Source: Zhou, Zhu, He, Wang, Yan, Tian & Yuan, "Spikformer: when spiking neural network meets transformer", ICLR
    2023, section 3.3: equation (14) for q, k and v, (15) for the product and its node, (16) for the unit behind.
    """

    scale = setting(arguments.real)

    def __init__(
        self,
        embed_dim: int,
        num_heads: int = 8,
        scale: float = 0.125,
        norm: Factory | None = TokenBatchNorm1d,
        spiking_neuron: Factory | None = None,
        step_mode: StepMode = S,
        **node_options: Any,
    ) -> None:
        super().__init__(embed_dim, num_heads, norm, spiking_neuron, step_mode, node_options)
        self.scale = scale

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """Spikes of x's shape; `steps` is given by containers."""
        x = as_tensor("x", x)
        steps = self._steps(steps, x)
        qkv = self.inputs(self._checked(x, steps), steps=steps)
        y = attention(qkv, self.num_heads, self.scale)
        return self.output(through(self.node, y, steps), steps=steps)


class QKAttention(_Attention):
    """QKFormer's attention: q and k = spike(norm(x W)); sums of q, through a node, gate k; then a unit as in front.

    - qka_type "token": a gate for each token and head, g[n, h] = spike(sum of q[n, c] over the head's channels c), and
      y[n, c] = g[n, h] * k[n, c].
    - qka_type "channel": a gate for each channel, g[c] = spike(sum of q[n, c] over tokens n), and
      y[n, c] = g[c] * k[n, c].

    The result is spike(norm(y W)).

    Its cost grows with N D, where that of `SpikingSelfAttention` grows with N D times the smaller of N and D / heads.

    Differences from SpikingJelly's class: tokens come before channels, (T, B, N, D) and not (T, N, C, L); step mode
    "s" exists; the surrogate is ATan(2) unless one is given, and Sigmoid(4) there.

    Args:
        embed_dim: channels D of a token.
        num_heads: heads, which divide D (default 8); of no effect on "channel".
        qka_type: "token" (default) or "channel".
        norm, spiking_neuron, step_mode, node_options: as in `SpikingSelfAttention`; the gates' node has
            v_threshold=0.5.

    Shape:
        (B, N, D) or (T, B, N, D), as the step mode says, to the same: spikes.

    Attributes:
        inputs: the unit of q and k, D to 2 D. node: the gates'. output: the unit behind, D to D.

    Raises:
        TypeError, ValueError: arguments of the wrong type or value; num_heads that does not divide embed_dim; at the
            call, another shape.

    Source: Zhou et al., "QKFormer: hierarchical spiking transformer using Q-K attention", NeurIPS 2024, section 3.2:
    the two formulas above are its Q-K token attention and Q-K channel attention.
    """

    _ways = 2

    def __init__(
        self,
        embed_dim: int,
        num_heads: int = 8,
        qka_type: Literal["token", "channel"] = "token",
        norm: Factory | None = TokenBatchNorm1d,
        spiking_neuron: Factory | None = None,
        step_mode: StepMode = S,
        **node_options: Any,
    ) -> None:
        super().__init__(embed_dim, num_heads, norm, spiking_neuron, step_mode, node_options)
        self._type = arguments.choice("qka_type", qka_type, ("token", "channel"))

    @property
    def qka_type(self) -> str:
        """ "token" or "channel"; given once."""
        return self._type

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """Spikes of x's shape; `steps` is given by containers."""
        x = as_tensor("x", x)
        steps = self._steps(steps, x)
        qk = self.inputs(self._checked(x, steps), steps=steps)
        sums, again = gates.sums(qk, self.num_heads, self._type)
        gate = through(self.node, sums, steps)
        y = gates.use(again, gate, self.num_heads, self._type)
        return self.output(y.as_spikes(qk.is_spikes and gate.is_spikes), steps=steps)

    def extra_repr(self) -> str:
        """The sizes, the kind and the step mode."""
        return f"{super().extra_repr()}, qka_type={self._type!r}"


class TokenQKAttention(QKAttention):
    """`QKAttention` of qka_type "token": y[n, c] = spike(sum of q[n] over the head's channels) * k[n, c], then a unit.

    Args:
        embed_dim, num_heads, norm, spiking_neuron, step_mode, node_options: as in `QKAttention`.

    Raises:
        TypeError, ValueError: as in `QKAttention`.

    Source: Zhou et al., "QKFormer", NeurIPS 2024, section 3.2, Q-K token attention.
    """

    def __init__(self, embed_dim: int, num_heads: int = 8, **options: Any) -> None:
        super().__init__(embed_dim, num_heads, "token", **options)


class ChannelQKAttention(QKAttention):
    """`QKAttention` of qka_type "channel": y[n, c] = spike(sum of q[:, c] over tokens) * k[n, c], then a unit.

    Args:
        embed_dim, num_heads, norm, spiking_neuron, step_mode, node_options: as in `QKAttention`.

    Raises:
        TypeError, ValueError: as in `QKAttention`.

    Source: Zhou et al., "QKFormer", NeurIPS 2024, section 3.2, Q-K channel attention.
    """

    def __init__(self, embed_dim: int, num_heads: int = 8, **options: Any) -> None:
        super().__init__(embed_dim, num_heads, "channel", **options)
