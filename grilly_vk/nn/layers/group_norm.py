"""Norms of each sample by itself, as layers."""

from __future__ import annotations

from ... import arguments
from ...functional import norm as F
from ...ops.elementwise import as_tensor
from ...settings import fixed, setting
from ...tensor import Tensor, full
from ...typing import ArrayLike
from ..module import Module, Parameter
from .norm import RunningStatistics, _ones_and_zeros


class GroupNorm(Module):
    """(x - mean) / sqrt(var + eps) * weight + bias over groups of channels of each sample.

    Args:
        num_groups: the channels are cut into so many groups, of neighbours.
        num_channels: C; a multiple of num_groups.
        eps: keeps constant groups finite (default 1e-5).
        affine: whether there are a weight and a bias to train, for each channel (default True).
        bias: False leaves out the bias alone.

    Shape:
        (N, C, ...) to the same.

    Attributes:
        weight, bias: Parameters (C,), at first 1 and 0; or None.

    Raises:
        TypeError, ValueError: arguments out of range, or channels that num_groups does not divide; at the call, other
            channels.

    Source: Wu & He, "Group normalization", ECCV 2018.
    """

    num_groups, num_channels, affine = fixed(), fixed(), fixed()
    eps = setting(arguments.non_negative)
    batchwise = True
    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, bias: bool = True
    ) -> None:
        super().__init__()
        self.num_groups = arguments.size("num_groups", num_groups)
        self.num_channels = arguments.size("num_channels", num_channels)
        if self.num_channels % self.num_groups:
            raise ValueError(f"num_channels={num_channels} must be a multiple of num_groups={num_groups}")
        self.eps, self.affine = eps, arguments.flag("affine", affine)
        bias = arguments.flag("bias", bias)
        for name, value, on in (("weight", 1.0, self.affine), ("bias", 0.0, self.affine and bias)):
            self.register_parameter(name, Parameter(full((self.num_channels,), value)) if on else None)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        _ones_and_zeros(self.weight, self.bias)

    def forward(self, x: ArrayLike) -> Tensor:
        """The same shape, normalised group by group."""
        x = as_tensor("x", x)
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise ValueError(f"x has shape {x.shape}; expected (N, {self.num_channels}, ...)")
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


class _InstanceNorm(RunningStatistics):
    momentum = setting(arguments.real)
    _axes: tuple[str, ...] = ()

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
    ) -> None:
        super().__init__()
        self._settings(num_features, eps, momentum, affine, track_running_stats)
        self.batchwise = not self.track_running_stats
        self._channels((self.num_features,))

    def forward(self, x: ArrayLike) -> Tensor:
        """The same shape, normalised channel by channel of each sample."""
        x = as_tensor("x", x)
        axes, c = self._axes, self.num_features
        if x.ndim not in (1 + len(axes), 2 + len(axes)) or x.shape[-len(axes) - 1] != c:
            rest = ", ".join(axes)
            raise ValueError(f"x has shape {x.shape}; {type(self).__name__} expects (N, {c}, {rest}) or ({c}, {rest})")
        whole = x if x.ndim == 2 + len(axes) else x.reshape(1, *x.shape)
        own = self.training or self.running_mean is None
        return F.instance_norm(
            whole, self.running_mean, self.running_var, self.weight, self.bias, own, self.momentum, self.eps
        ).reshape(x.shape)


_INSTANCE = """(x - mean) / sqrt(var + eps) * weight + bias for each channel of each sample of {shapes}.

    Args:
        num_features: channels C.
        eps: keeps constant channels finite (default 1e-5).
        momentum: share of a batch in the running statistics (default 0.1).
        affine: whether there are a weight and a bias to train (default False, unlike batch norm).
        track_running_stats: True: running statistics follow the samples' means, and are used after `eval()`; False
            (default): the statistics are the sample's own, always.

    Attributes:
        weight, bias: Parameters (C,), at first 1 and 0; or None.
        running_mean, running_var: Buffers (C,), at first 0 and 1; or None.
        num_batches_tracked: Buffer of one int32, which stays 0, as in PyTorch; or None.

    Raises:
        TypeError, ValueError: arguments out of range; at the call, another shape, or one value per channel.

    Source: Ulyanov, Vedaldi & Lempitsky, "Instance normalization", arXiv:1607.08022 (2016).
    """


class InstanceNorm1d(_InstanceNorm):
    _axes = ("L",)
    _time_rank = 4
    __doc__ = _INSTANCE.format(shapes="(N, C, L) or (C, L)")


class InstanceNorm2d(_InstanceNorm):
    _axes = ("H", "W")
    _time_rank = 5
    __doc__ = _INSTANCE.format(shapes="(N, C, H, W) or (C, H, W)")
