"""Dropout: PyTorch's layers, and masks that stay the same over all steps of a sequence."""

from __future__ import annotations

from ... import arguments
from ...functional.dropout import dropout, dropout1d, dropout2d
from ...modes import S
from ...ops.dropout import channel_mask
from ...settings import setting
from ...tensor import Tensor
from ...typing import ArrayLike, StepMode
from ..module import Module
from ..reading import told
from ..stateful import StatefulModule


class Dropout(Module):
    """In training, sets each element to 0 with probability p and scales the others by 1 / (1 - p); else x itself.

    Every call, and every step of a sequence, draws a mask of its own; `DropoutOverTime` keeps one for all steps.

    Args:
        p: probability of a zero, in [0, 1] (default 0.5).
        inplace: taken for PyTorch's sake; the result is a tensor of its own in any case.

    Raises:
        TypeError, ValueError: p is not such a number.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, "Dropout", JMLR 15 (2014).
    """

    p, inplace = setting(arguments.between, 0.0, 1.0), setting(arguments.flag)
    batchwise = True
    _time_rank = 0
    _shown = ("p",)

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p = p
        self.inplace = inplace

    def _repeats(self) -> bool:
        return not self.training and super()._repeats()

    def forward(self, x: ArrayLike) -> Tensor:
        """The same shape."""
        return dropout(x, self.p, self.training)


_CHANNELS = """In training, sets whole channels of {axes} to 0 with probability p; else x itself.

    The others are scaled by 1 / (1 - p).  Every call, and every step of a sequence, draws a mask of its own;
    `DropoutOverTime{n}d` keeps one for all steps.

    Args:
        p: probability that a channel of a sample is set to 0, in [0, 1] (default 0.5).
        inplace: taken for PyTorch's sake; the result is a tensor of its own in any case.

    Raises:
        TypeError, ValueError: p is not such a number; at the call, another shape.

    Source: Tompson, Goroshin, Jain, LeCun & Bregler, "Efficient object localization using convolutional networks",
    CVPR 2015.
    """


class Dropout1d(Dropout):
    __doc__ = _CHANNELS.format(n=1, axes="(B, C, L) or (C, L)")
    batchwise = True
    _time_rank = 4

    def forward(self, x: ArrayLike) -> Tensor:
        """The same shape."""
        return dropout1d(x, self.p, self.training)


class Dropout2d(Dropout):
    __doc__ = _CHANNELS.format(n=2, axes="(B, C, H, W)")
    batchwise = True
    _time_rank = 5

    def forward(self, x: ArrayLike) -> Tensor:
        """The same shape."""
        return dropout2d(x, self.p, self.training)


class _OverTime(StatefulModule):
    """What the masks over time share."""

    p = setting(arguments.between, 0.0, 1.0)
    mask: Tensor | None
    takes_steps = True
    _channels: tuple[str, ...] = ()  # axes of one step; none: any, and a mask of all elements
    _shown = ("p", "step_mode")

    def __init__(self, p: float = 0.5, step_mode: StepMode = S) -> None:
        super().__init__()
        self.p = p
        self.step_mode = step_mode
        self.register_memory("mask", None)

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """The same shape; `steps` is given by containers, for an input with a time axis."""
        x, multi = self.arriving(x, steps)
        multi = multi or told(self, x)
        shape = x.shape[1:] if multi else x.shape
        if self._channels and len(shape) != len(self._channels):
            axes = ", ".join(("T", *self._channels) if multi else self._channels)
            raise ValueError(f"x has shape {x.shape}; {type(self).__name__} expects ({axes})")
        if not self.training or self.p == 0.0:
            return x
        self.beginning()
        wanted = (*shape[:2], *(1,) * (len(shape) - 2)) if self._channels else shape
        if self.mask is None:
            self.mask = channel_mask(x, wanted, self.p)
        elif self.mask.shape != wanted:
            raise ValueError(
                f"one step of x has shape {shape}, but the mask of {type(self).__name__} has shape {self.mask.shape} "
                "from the inputs before; call F.reset_net(model) before a batch of another shape"
            )
        return x * self.mask


_OVER_TIME = """`{layer}`, with one mask for all steps of a sequence.

    The mask is drawn at the first input, and kept until `grilly_vk.functional.reset_net`: a channel or neuron that is
    left out is silent for the whole sequence, as in a network without it.  After `eval()` x itself.

    Args:
        p: probability of a zero, in [0, 1] (default 0.5); the others are scaled by 1 / (1 - p).
        step_mode: "s": a call is one step. "m": a call is all steps.

    Shape:
        ({axes}), or in step mode "m" with T in front, to the same.

    Attributes:
        mask: Tensor ({mask}); None until the first input in training.

    Raises:
        TypeError, ValueError: p is not such a number; at the call, another shape than the mask's.
        RuntimeError: the mask would cross the border of a compiled function.

    Source: Lee, Sarwar, Panda, Srinivasan & Roy, "Enabling spike-based backpropagation for training deep neural network
    architectures", Frontiers in Neuroscience 14 (2020); as in SpikingJelly's {source}.
    """


class DropoutOverTime(_OverTime):
    __doc__ = _OVER_TIME.format(layer="Dropout", axes="B, ...", mask="B, ...", source="Dropout")


class DropoutOverTime1d(_OverTime):
    __doc__ = _OVER_TIME.format(
        layer="Dropout1d", axes="B, C, L", mask="B, C, 1", source="Dropout2d for channels of one axis"
    )
    _channels, _ranks = ("B", "C", "L"), (3,)


class DropoutOverTime2d(_OverTime):
    __doc__ = _OVER_TIME.format(
        layer="Dropout2d", axes="B, C, H, W", mask="B, C, 1, 1", source="Dropout2d, whose p is 0.2 unless given"
    )
    _channels, _ranks = ("B", "C", "H", "W"), (4,)
