"""A LIFNode whose output is a function of the potential, and whose spikes only reset it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import arguments
from ...errors import shown
from ...settings import fixed, setting
from ...stepping import keeps_state, merged, unmerged
from ...tensor import Tensor
from ...typing import ArrayLike
from ..layers.norm import RunningNorm
from ..module import Module
from ..spiking.nodes import LIFNode


def _before(name: str, value: Any) -> str:
    if value != "before":
        raise ValueError(f"{name} must be 'before', got {shown(value)}: the output is made of these potentials")
    return "before"


class AnalogLIFNode(LIFNode):
    """y = act(H), or act(H - v_threshold), with LIFNode's H, spikes and reset (LIAF).

    Args:
        act: a function from Tensor to Tensor of the same shape, such as `nn.ReLU()`; a Module is a part of the node.
            It is given a step (B, ...), and of all steps (T, B, ...) one batch (T * B, ...).
        threshold_related: whether act is given H - v_threshold.
        options: as in LIFNode, but for store_v_seq.

    Attributes:
        v_seq: H of the last call, (T, B, ...).

    Raises:
        TypeError, ValueError: an argument of the wrong type or value, an act with a state; at the call, an act that
            gives another shape.

    Source: Wu et al., "LIAF-Net: leaky integrate and analog fire network for lightweight and efficient spatiotemporal
    information processing", IEEE Trans. Neural Networks and Learning Systems 33 (2022); as SpikingJelly's LIAFNode.
    """

    act: Callable[[Tensor], Tensor] = fixed()
    threshold_related, store_v_seq = setting(arguments.flag), setting(_before)
    is_spiking = False
    runs_steps = True

    def __init__(self, act: Callable[[Tensor], Tensor], threshold_related: bool, **options: Any) -> None:
        super().__init__(store_v_seq="before", **options)
        if isinstance(act, Module):
            if any(keeps_state(part) for part in act.modules()):
                raise TypeError(f"act must be a function without a state, not {shown(act)}")
            self._modules["act"] = act
        self.act = arguments.function("act", act)
        self.threshold_related = threshold_related

    def forward(self, x: ArrayLike, *, steps: str | None = None, norm: RunningNorm | None = None) -> Tensor:
        """act of the potentials, of x's shape.

        Args:
            x: input, (B, ...) or, in step mode "m", (T, B, ...).
            steps: given by containers: x has a time axis, whatever the step mode.
            norm: as LIFNode takes it, in step mode "m".

        Raises:
            TypeError, ValueError, RuntimeError: as LIFNode; an act that gives another shape.
        """
        x, multi = self.arriving(x, steps)
        how = "merge" if self.step_mode == "m" else "loop"
        super().forward(x if multi else x.reshape(1, *x.shape), steps=how, norm=norm)
        h = self.v_seq
        assert h is not None
        h = h - self.v_threshold if self.threshold_related else h
        given = merged(h) if multi else h[0]
        out = self.act(given)
        if not isinstance(out, Tensor) or out.shape != given.shape:
            came = f"shape {out.shape}" if isinstance(out, Tensor) else type(out).__name__
            raise ValueError(f"act must give a Tensor of shape {given.shape}, as it was given, not {came}")
        return unmerged(out, h) if multi else out

    def _own(self) -> list[str]:
        act = [] if isinstance(self.act, Module) else [f"act={shown(self.act)}"]
        return [*act, f"threshold_related={self.threshold_related}", *super()._own()]
