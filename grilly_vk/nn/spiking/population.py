"""What goes around recurrent cores: population codes, counts of spikes, and pooling by sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from ... import arguments
from ...errors import shown
from ...functional.pool import sum_pool
from ...ops.elementwise import as_tensor, cast
from ...ops.reductions import reduce_mean
from ...settings import fixed
from ...tensor import FLOAT32, Tensor
from ...typing import ArrayLike, StepMode
from ..module import Module
from ..stateful import StatefulModule


class PopulationCode(Module):
    """Sums the neurons of each class: (..., num_classes m) to (..., num_classes).

    Neurons i m .. (i + 1) m - 1 stand for class i.

    Args:
        num_classes: how many classes there are.

    Raises:
        TypeError, ValueError: no whole number of at least 1; at the call, a last axis that is no multiple of it.

    Source: spyx.nn.PopulationCode, which sums num_classes neighbours instead and flattens the batch.
    """

    num_classes = fixed()
    batchwise = True
    _time_rank = 0
    _shown = ("num_classes",)

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = arguments.size("num_classes", num_classes)

    def forward(self, x: ArrayLike) -> Tensor:
        """(..., num_classes m) to (..., num_classes)."""
        x = as_tensor("x", x)
        if x.ndim == 0 or x.shape[-1] % self.num_classes or x.shape[-1] == 0:
            raise ValueError(
                f"x has shape {x.shape}; expected (..., n) with n a multiple of num_classes={self.num_classes}"
            )
        return x.reshape(*x.shape[:-1], self.num_classes, x.shape[-1] // self.num_classes).sum(-1)


class ActivityRegularization(StatefulModule):
    """Passes its input on and counts the spikes of each neuron and sample, for a penalty on too many or too few.

    Args:
        name: kept as `name`.

    Attributes:
        spike_count: (B, ...) since the last reset, on the tape; 0.0 before the first input.
        step_mode: "s": a call is one step (B, ...). "m": a call is all of them, (T, B, ...).

    Raises:
        TypeError: name is no string. ValueError (at the call): spikes of another shape than before; call F.reset_net.

    Source: spyx.nn.ActivityRegularization.
    """

    name = fixed()
    spike_count: Any
    takes_steps = True

    def __init__(self, name: str = "ActReg") -> None:
        super().__init__()
        if not isinstance(name, str):
            raise TypeError(f"name must be a string, not {type(name).__name__} ({shown(name)})")
        self.name = name
        self.register_memory("spike_count", 0.0)

    def forward(self, spikes: ArrayLike, *, steps: str | None = None) -> Tensor:
        """The spikes; their sum over time is in `spike_count`."""
        spikes = as_tensor("spikes", spikes)
        timed = self.step_mode == "m" or steps is not None
        if timed and spikes.ndim < 1:
            raise ValueError(f"spikes has shape {spikes.shape}; in step mode 'm' expected (T, B, ...)")
        self.entering(spikes.shape[1:] if timed else spikes.shape)
        numbers = cast(spikes, FLOAT32)
        self.spike_count = self.spike_count + (numbers.sum(0) if timed else numbers)
        return spikes


class SumPool(Module):
    """Sums over windows: the spikes emitted in each receptive field; see `grilly_vk.functional.sum_pool`.

    Args:
        window_shape, strides, padding, channel_axis: as for `sum_pool`.
        name: kept as `name`.

    Raises:
        TypeError, ValueError: arguments of the wrong type or value; at the call, windows that do not fit.

    Source: spyx.nn.SumPool.
    """

    window_shape, strides, padding, channel_axis, name = (fixed() for _ in range(5))
    batchwise = True

    def __init__(
        self,
        window_shape: int | Sequence[int],
        strides: int | Sequence[int],
        padding: Literal["VALID", "SAME"],
        channel_axis: int | None = -1,
        name: str | None = None,
    ) -> None:
        super().__init__()
        for key, value in (("window_shape", window_shape), ("strides", strides)):
            for size in value if isinstance(value, (tuple, list)) else (value,):
                arguments.size(key, size)
        if channel_axis is not None:
            arguments.size("channel_axis", channel_axis, -64)
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name must be a string or None, not {type(name).__name__} ({shown(name)})")
        self.window_shape, self.strides = window_shape, strides
        self.padding = arguments.choice("padding", padding, ("VALID", "SAME"))
        self.channel_axis, self.name = channel_axis, name

    def forward(self, value: ArrayLike) -> Tensor:
        """Pooled sums of value, of the same rank."""
        return sum_pool(value, self.window_shape, self.strides, self.padding, self.channel_axis)

    def extra_repr(self) -> str:
        """The windows."""
        return f"{self.window_shape}, {self.strides}, {self.padding!r}, channel_axis={self.channel_axis}"


class VotingLayer(Module):
    """The means of groups of neighbours: neurons i voting_size to (i + 1) voting_size - 1 vote for class i.

    Args:
        voting_size: how many neurons vote for a class (default 10).
        step_mode: taken for SpikingJelly's sake; the last axis is averaged with or without a time axis in front.

    Shape:
        (..., classes * voting_size) to (..., classes).

    Raises:
        TypeError, ValueError: no whole number of at least 1, or another step mode; at the call, a last axis that is no
            multiple of it.

    Source: Fang et al., "Incorporating learnable membrane time constant to enhance learning of spiking neural
    networks", ICCV 2021; as in SpikingJelly's VotingLayer, which drops neurons that are left over.
    """

    voting_size = fixed()
    batchwise = True
    _time_rank = 0
    _shown = ("voting_size",)

    def __init__(self, voting_size: int = 10, step_mode: StepMode = "s") -> None:
        super().__init__()
        self.voting_size = arguments.size("voting_size", voting_size)
        arguments.choice("step_mode", step_mode, ("s", "m"))

    def forward(self, x: ArrayLike) -> Tensor:
        """(..., classes * voting_size) to (..., classes)."""
        x = as_tensor("x", x)
        if x.ndim == 0 or x.shape[-1] % self.voting_size:
            raise ValueError(
                f"x has shape {x.shape}; expected (..., n) with n a multiple of voting_size={self.voting_size}"
            )
        return reduce_mean(x.reshape(*x.shape[:-1], x.shape[-1] // self.voting_size, self.voting_size), -1)
