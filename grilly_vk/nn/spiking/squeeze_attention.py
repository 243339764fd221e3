"""Attention by squeeze and excite: scores for time steps, channels and places of a feature map."""

from __future__ import annotations

from typing import Any

from ... import arguments
from ...errors import shown
from ...functional.conv import conv2d
from ...ops.elementwise import as_tensor, cast, unary
from ...ops.matmul import linear, matmul
from ...ops.reductions import reduce_sum
from ...ops.shape import permute
from ...ops.squeeze import excite, squeeze
from ...settings import fixed
from ...tensor import FLOAT32, Tensor
from ...typing import ArrayLike
from ..layers.conv import Conv2d
from ..layers.linear import Linear
from ..module import Module


def _floats(x: Any, wanted: str, least: int, most: int | None, **axes: tuple[int, int]) -> Tensor:
    """x as float32 with its number of axes and the named sizes (axis, size) checked, and no axis empty."""
    t = as_tensor("x", x)
    fits = t.ndim >= least and (most is None or t.ndim <= most)
    if not fits or [1 for axis, size in axes.values() if t.shape[axis] != size]:
        sizes = ", ".join(f"{name} = {size}" for name, (_, size) in axes.items())
        raise ValueError(f"x has shape {t.shape}; expected {wanted} with {sizes}: attention over time needs all steps")
    if t.count == 0:
        raise ValueError(f"x has shape {t.shape}; its maximum over no elements is not defined")
    return cast(t, FLOAT32)


def _reduced(name: str, size: int, reduction_name: str, reduction: Any) -> int:
    """size // reduction.  Raises ValueError if nothing is left."""
    by = arguments.size(reduction_name, reduction)
    if by > size:
        raise ValueError(f"{reduction_name} must be at most {name} = {size}, got {by}")
    return size // by


class _Scores(Module):
    """sigmoid(up(relu(down(mean))) + up(relu(down(max)))): one small network for both."""

    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        self.down = Linear(size, hidden, bias=False)
        self.up = Linear(hidden, size, bias=False)

    def forward(self, pooled: Tensor, last: bool) -> Tensor:
        """pooled (2, B, size), or with last=False (2, size, B), to scores without the first axis."""
        if last:
            both = linear(unary("relu", linear(pooled, self.down.weight)), self.up.weight)
        else:
            both = matmul(self.up.weight, unary("relu", matmul(self.down.weight, pooled)))
        return unary("sigmoid", reduce_sum(both, 0))


class TemporalWiseAttention(Module):
    """Scales each time step of each sample by a score of the whole sequence.

    d[t, b] = sigmoid(W2 relu(W1 mean) + W2 relu(W1 max))[t], mean and max of x[:, b] over all axes but time, W1
    (T // reduction, T) and W2 (T, T // reduction) shared by both and without bias; out = x * d.  It stands between a
    convolution and its spiking neurons.

    The gradient of the maximum goes to the first largest element, as PyTorch's pooling gives it.

    Args:
        T: number of time steps (default 10).
        reduction: by how much the network between is narrower than T (default 4; SpikingJelly's is 16).
        dimension: 4: x must be (T, B, C, H, W); 2: (T, B, L); None (default): any (T, B, ...).

    Shape:
        (T, B, ...) to the same.  All steps at once, in every step mode.

    Attributes:
        scores.down, scores.up: the two Linears, W1 and W2.

    Raises:
        TypeError, ValueError: arguments out of range; reduction above T; at the call, another T or number of axes.

    Source: Yao, Gao, Zhao, Wang, Lin, Yang & Li, "Temporal-wise attention spiking neural networks for event streams
    classification", ICCV 2021, equations (5) to (7), where the mean stands alone; the maximum beside it as in equation
    (9) of the paper of `MultiDimensionalAttention` and in SpikingJelly's class.  The paper's option of equation (6),
    to set scores to 0 or 1 by a threshold after training, is left out.
    """

    T, reduction, dimension = fixed(), fixed(), fixed()
    takes_steps = runs_steps = _needs_time = True

    def __init__(self, T: int = 10, reduction: int = 4, dimension: int | None = None) -> None:
        super().__init__()
        self.T = arguments.size("T", T)
        hidden = _reduced("T", self.T, "reduction", reduction)
        self.reduction = reduction
        if dimension is not None and (not isinstance(dimension, int) or dimension not in (2, 4)):
            raise ValueError(f"dimension must be 2, 4 or None, got {shown(dimension)}")
        self.dimension = dimension
        self.scores = _Scores(self.T, hidden)

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """(T, B, ...) to the same shape."""
        axes = None if self.dimension is None else self.dimension + 1
        wanted = {None: "(T, B, ...)", 2: "(T, B, L)", 4: "(T, B, C, H, W)"}[self.dimension]
        x = _floats(x, wanted, axes or 2, axes, T=(0, self.T))
        pooled, again, link = squeeze(x.reshape(*x.shape[:2], 1, -1), "time")
        return excite(again, self.scores(pooled, last=False), link).reshape(x.shape)

    def extra_repr(self) -> str:
        """The arguments."""
        more = "" if self.dimension is None else f", dimension={self.dimension}"
        return f"T={self.T}, reduction={self.reduction}{more}"


class MultiDimensionalAttention(Module):
    """Attention over time, then channels, then positions: scores that scale the input one after the other; then a ReLU.

    Scores of time steps and of channels are those of `TemporalWiseAttention`, over groups (t, b) and (b, c).  Scores
    of places (b, h, w) are sigmoid(conv(mean, max)), mean and max over time and channels as two channels, the
    convolution without bias and of padding kernel_size // 2.

    Args:
        T: number of time steps.
        C: number of channels.
        reduction_t, reduction_c: by how much the networks between are narrower than T and C (default 16).
        kernel_size: of the places' convolution, odd (default 3).
        use_temporal, use_channel, use_spatial: which of the three there are (default all).

    Shape:
        (T, B, C, H, W) to the same.  All steps at once, in every step mode.

    Attributes:
        time, channels: the two networks (Linears `down` and `up`), or None.
        places: the Conv2d from 2 channels to 1, or None.

    Raises:
        TypeError, ValueError: arguments out of range; a reduction above its size; no dimension in use; at the call,
            another T or C.

    Source: Yao, Zhao, Zhang, Hu, Deng, Tian, Xu & Li, "Attention spiking neural networks", IEEE TPAMI 45 (2023); in
    arXiv:2209.13929 section 3.3, equations (8) and (9) for time, (10) and (11) for channels, (12) and (13) for places,
    (14) for all three.  As in SpikingJelly's class, channels and places are scored once for all steps, and a ReLU ends
    it; in the paper they are scored in each step, from the membrane potential of that step alone, the convolution is
    7 x 7, and there is no ReLU.
    """

    takes_steps = runs_steps = _needs_time = True
    time: _Scores | None
    channels: _Scores | None
    places: Conv2d | None

    T, C = fixed(), fixed()
    _shown = ("T", "C")

    def __init__(
        self,
        T: int,
        C: int,
        reduction_t: int = 16,
        reduction_c: int = 16,
        kernel_size: int = 3,
        use_temporal: bool = True,
        use_channel: bool = True,
        use_spatial: bool = True,
    ) -> None:
        super().__init__()
        self.T, self.C = arguments.size("T", T), arguments.size("C", C)
        kernel = arguments.size("kernel_size", kernel_size)
        if kernel % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {kernel}")
        flags = {"use_temporal": use_temporal, "use_channel": use_channel, "use_spatial": use_spatial}
        on = [arguments.flag(name, value) for name, value in flags.items()]
        if True not in on:
            raise ValueError("use_temporal, use_channel and use_spatial are all False; at least one must be True")
        self.time = _Scores(self.T, _reduced("T", self.T, "reduction_t", reduction_t)) if use_temporal else None
        self.channels = _Scores(self.C, _reduced("C", self.C, "reduction_c", reduction_c)) if use_channel else None
        self.places = Conv2d(2, 1, kernel, padding=kernel // 2, bias=False) if use_spatial else None

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """(T, B, C, H, W) to the same shape."""
        x = _floats(x, "(T, B, C, H, W)", 5, 5, T=(0, self.T), C=(2, self.C))
        _, batch, _, height, width = x.shape
        y = x.reshape(*x.shape[:3], height * width)
        if self.time is not None:
            pooled, y, link = squeeze(y, "time")
            y = excite(y, self.time(pooled, last=False), link)
        if self.channels is not None:
            pooled, y, link = squeeze(y, "channels")
            y = excite(y, self.channels(pooled, last=True), link)
        if self.places is not None:
            pooled, y, link = squeeze(y, "places")
            planes = permute(pooled, (1, 0, 2)).reshape(batch, 2, height, width)
            places = self.places
            score = conv2d(planes, places.weight, padding=places.padding, precision=places.precision)
            y = excite(y, unary("sigmoid", score).reshape(batch, height * width), link)
        return unary("relu", y).reshape(x.shape)
