"""A spiking transformer for images: patches, blocks, and a read-out of rates."""

from __future__ import annotations

from typing import Any

from .. import arguments
from ..errors import shown
from ..modes import S
from ..nn import init
from ..nn.containers import ModuleList
from ..nn.layers.linear import Linear
from ..nn.module import Module, Parameter
from ..nn.spiking.spiking_linear import Factory, TimedModule, TokenBatchNorm1d, made_node, made_norm, through
from ..nn.spiking.transformer import SpikingTransformerBlock
from ..ops.elementwise import as_tensor, cast
from ..ops.reductions import reduce_mean
from ..ops.shape import broadcast_to, permute
from ..settings import fixed, setting
from ..stepping import reset_net
from ..tensor import FLOAT32, Tensor, empty
from ..typing import ArrayLike, Shape, StepMode


def _pair(name: str, value: Any) -> tuple[int, int]:
    """(height, width), from one number or two."""
    two = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(two) != 2:
        raise ValueError(f"{name} must be a number or two, got {shown(value)}")
    return arguments.size(name, two[0]), arguments.size(name, two[1])


class PatchEmbedding(TimedModule):
    """Images to tokens of spikes: spike(norm(patch W) + position), a token for each patch.

    The product is the convolution whose kernel and stride are the patch.  `position` (N, D) is learned: a current that
    tells the places apart.

    Args:
        image_size: height and width, or one number for both.
        patch_size: height and width of a patch, which divide them, or one number.
        in_channels: channels of the image.
        embed_dim: channels D of a token.
        norm, spiking_neuron, step_mode, node_options: as in `grilly_vk.nn.SpikingLinear`.

    Shape:
        (B, C, H, W), or in step mode "m" (T, B, C, H, W), to (B, N, D) or (T, B, N, D).

    Attributes:
        linear, norm, node: as in `grilly_vk.nn.SpikingLinear`. position: Parameter (N, D), normal with deviation 0.5
            at the start. tokens: N.

    Raises:
        TypeError, ValueError: sizes that don't divide; at the call, another shape.

    Source: the patch splitting of Zhou et al., "Spikformer", ICLR 2023, section 3.2, equation (10), and its position,
    equations (5) and (6), with one layer and a learned position in place of convolutions and max pooling.
    """

    image_size, patch_size, in_channels, grid, tokens = (fixed() for _ in range(5))
    norm: Module | None
    _ranks = (4,)
    _shown = ("image_size", "patch_size", "step_mode")

    def __init__(
        self,
        image_size: Shape,
        patch_size: Shape,
        in_channels: int,
        embed_dim: int,
        norm: Factory | None = TokenBatchNorm1d,
        spiking_neuron: Factory | None = None,
        step_mode: StepMode = S,
        **node_options: Any,
    ) -> None:
        super().__init__()
        self.image_size, self.patch_size = _pair("image_size", image_size), _pair("patch_size", patch_size)
        if self.image_size[0] % self.patch_size[0] or self.image_size[1] % self.patch_size[1]:
            raise ValueError(f"patch_size {self.patch_size} must divide image_size {self.image_size}")
        self.in_channels = arguments.size("in_channels", in_channels)
        self.grid = (self.image_size[0] // self.patch_size[0], self.image_size[1] // self.patch_size[1])
        self.tokens = self.grid[0] * self.grid[1]
        inside = self.in_channels * self.patch_size[0] * self.patch_size[1]
        self.linear = Linear(inside, embed_dim, bias=norm is None)
        self.norm = made_norm(norm, self.linear.out_features)
        self.position = Parameter(empty((self.tokens, self.linear.out_features)))
        init.normal_(self.position, std=0.5)
        self.node = made_node(spiking_neuron, node_options, step_mode)
        self.step_mode = step_mode

    def forward(self, x: ArrayLike, *, steps: str | None = None, repeat: int | None = None) -> Tensor:
        """Tokens; with `repeat` the images (B, C, H, W) are presented that many times, and computed once."""
        x = cast(as_tensor("x", x), FLOAT32)
        steps = "merge" if repeat is not None else self._steps(steps, x)
        wanted = (self.in_channels, *self.image_size)
        axes = 4 if steps is None or repeat is not None else 5
        if x.ndim != axes or x.shape[-3:] != wanted:
            lead = "(B, " if axes == 4 else "(T, B, "
            raise ValueError(f"x has shape {x.shape}; expected {lead}{', '.join(map(str, wanted))})")
        y = self.linear(self._patches(x))
        if self.norm is not None:
            y = through(self.norm, y, None if repeat is not None else steps)
        y = y + self.position
        if repeat is not None:
            y = broadcast_to(y, (repeat, *y.shape))
        return through(self.node, y, steps)

    def _patches(self, x: Tensor) -> Tensor:
        """(..., C, H, W) to (..., N, C * patch)."""
        (rows, columns), (height, width) = self.grid, self.patch_size
        lead, count = x.shape[:-3], x.shape[-3]
        cut = permute(x.reshape(-1, count, rows, height, columns, width), (0, 2, 4, 1, 3, 5))
        return cut.reshape(*lead, self.tokens, count * height * width)


class Spikformer(Module):
    """A spiking transformer that classifies images.

    `PatchEmbedding`, `depth` times `SpikingTransformerBlock`, and a linear read-out of the mean over tokens and time.
    Every call is a sequence of its own: the state is reset at its start.

    Args:
        image_size, patch_size, in_channels: of the images; see `PatchEmbedding`.
        num_classes: numbers that come out.
        embed_dim: channels D of a token (default 64).
        num_heads: heads, which divide D (default 4).
        depth: number of blocks (default 2).
        mlp_ratio, attention: as in `grilly_vk.nn.SpikingTransformerBlock`.
        T: steps for which an image is presented (default 4).
        norm, spiking_neuron, node_options: as in `grilly_vk.nn.SpikingLinear`, for all parts.

    Shape:
        images (B, C, H, W), presented T times, or events (T', B, C, H, W) of any number of steps, to (B, num_classes).

    Attributes:
        embedding, blocks, head: the parts.

    Raises:
        TypeError, ValueError: arguments of the wrong type or out of range; at the call, another shape.

    Source: Zhou et al., "Spikformer: when spiking neural network meets transformer", ICLR 2023, section 3.1, equations
    (4) to (9); with attention="token" the blocks of Zhou et al., "QKFormer", NeurIPS 2024.
    """

    T = setting(arguments.size)
    runs_steps = True
    over_time = "self"

    def __init__(
        self,
        image_size: Shape,
        patch_size: Shape,
        in_channels: int,
        num_classes: int,
        embed_dim: int = 64,
        num_heads: int = 4,
        depth: int = 2,
        mlp_ratio: float = 4.0,
        attention: str = "ssa",
        T: int = 4,
        norm: Factory | None = TokenBatchNorm1d,
        spiking_neuron: Factory | None = None,
        **node_options: Any,
    ) -> None:
        super().__init__()
        self.T = T
        parts: dict[str, Any] = {"norm": norm, "spiking_neuron": spiking_neuron, "step_mode": "m", **node_options}
        self.embedding = PatchEmbedding(image_size, patch_size, in_channels, embed_dim, **parts)
        self.blocks = ModuleList(
            [
                SpikingTransformerBlock(embed_dim, num_heads, mlp_ratio, attention, **parts)
                for _ in range(arguments.size("depth", depth))
            ]
        )
        self.head = Linear(embed_dim, num_classes)

    def forward(self, x: ArrayLike) -> Tensor:
        """(B, num_classes), from images (B, C, H, W) or events (T', B, C, H, W)."""
        out: Tensor = self.head(reduce_mean(self.features(x), (0, 2)))
        return out

    def features(self, x: ArrayLike) -> Tensor:
        """What the blocks make of the images: (T, B, N, D), whole numbers."""
        reset_net(self)
        x = as_tensor("x", x)
        y: Tensor = self.embedding(x, repeat=self.T if x.ndim == 4 else None)
        for block in self.blocks:
            y = block(y)
        return y
