"""NeuNorm."""

from __future__ import annotations

import math
from typing import Any

from ... import arguments
from ...functional.norm import neu_norm
from ...modes import S
from ...ops.elementwise import as_tensor
from ...settings import fixed, setting
from ...stepping import has_steps
from ...tensor import Tensor, empty
from ...typing import ArrayLike, StepMode
from .. import init
from ..module import Parameter
from ..reading import told
from ..stateful import StatefulModule


class NeuNorm(StatefulModule):
    """NeuNorm: subtracts from every spike train a weight times the low-pass filtered mean of all channels at its pixel.

    m = k * m + (1 - k) / C * (sum of x over the channels), y = x - weight * m, with m = 0 at first.  It follows a
    layer of spiking neurons behind a convolution.  All steps are one dispatch in step mode "m".

    The paper's m, and SpikingJelly's, is smaller by C: m = k * m + v / F * (sum of x over the F channels) with
    k + v * F = 1, which is (1 - k) / C**2 times the sum.  The same layer there has C times the weight, and its weight's
    gradient is 1 / C of ours.

    Args:
        in_channels, height, width: C, H, W of the input.
        k: how much of m is left after a step, in [0, 1] (default 0.9).
        shared_across_channels: one weight (1, H, W) for all channels.
        step_mode: "s": a call is one step (B, C, H, W). "m": all steps, (T, B, C, H, W).  Where it is
            not said, the number of axes tells.

    Attributes:
        weight: Parameter (C, H, W) or (1, H, W), at first even over +-1 / sqrt(H * W), drawn as SpikingJelly does.
        m: 0 until the first input, then a Tensor (B, 1, H, W).

    Raises:
        ValueError: arguments out of range; at the call, another shape, or a state of another batch size.

    Source: Wu, Deng, Li, Zhu, Xie & Shi, "Direct training for spiking neural networks: faster, larger, better",
    AAAI 2019, section on neuron normalization.
    """

    in_channels, height, width, shared_across_channels = fixed(), fixed(), fixed(), fixed()
    k = setting(arguments.between, 0.0, 1.0)
    takes_steps = True
    _ranks = (4,)
    m: Any

    def __init__(
        self,
        in_channels: int,
        height: int,
        width: int,
        k: float = 0.9,
        shared_across_channels: bool = False,
        step_mode: StepMode = S,
    ) -> None:
        super().__init__()
        sizes = (("in_channels", in_channels), ("height", height), ("width", width))
        self.in_channels, self.height, self.width = (arguments.size(name, value) for name, value in sizes)
        self.k = k
        self.shared_across_channels = arguments.flag("shared_across_channels", shared_across_channels)
        self.step_mode = step_mode
        self.weight = Parameter(empty((1 if shared_across_channels else in_channels, height, width)))
        self.register_memory("m", 0.0)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the weight again."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """The same shape.

        Args:
            x: one step (B, C, H, W), or in step mode "m" all of them (T, B, C, H, W).
            steps: given by containers: x has a time axis, whatever the step mode.
        """
        x = as_tensor("x", x)
        multi = has_steps(self, steps) or told(self, x)
        lead, own = ("T", "B") if multi else ("B",), (self.in_channels, self.height, self.width)
        arguments.shape("x", x.shape, (*lead, *own))
        batch = x.shape[1 if multi else 0]
        if isinstance(self.m, Tensor) and self.m.shape[:1] != (batch,):
            raise ValueError(
                f"x has a batch of {batch}, but the state m of NeuNorm has shape {self.m.shape} from the inputs "
                "before; call F.reset_net(model) before a batch of another size"
            )
        self.entering((batch, 1, self.height, self.width))
        y, end = neu_norm(x if multi else x.reshape(1, *x.shape), self.m, self.weight, self.k)
        if not multi or x.shape[0]:
            self.m = end
        return y if multi else y.reshape(*x.shape)

    def extra_repr(self) -> str:
        """The arguments."""
        return (
            f"{self.in_channels}, {self.height}, {self.width}, k={self.k:g}, "
            f"shared_across_channels={self.shared_across_channels}, step_mode='{self.step_mode}'"
        )
