"""Batch norm of (rows, channels): neighbours in memory are channels, which the kernels take four at a time."""

from __future__ import annotations

from ..tensor import Tensor, empty
from .layout import width_of
from .reduce import reduce

_PARTS = 64  # stretches that the rows are cut into for sums


def _parts(rows: int) -> int:
    """By the rows alone, so that a channel's sums are the same bits beside any others."""
    return sorted((1, rows // 32, _PARTS))[1]


def _stretches(rows: int) -> tuple[int, int]:
    """(rows, bands) that one invocation of the element-wise kernel goes through: what a channel needs is read once."""
    per = sorted((1, rows // 1024, 16))[1]
    return per, -(-rows // per) if rows else 0


def statistics(x: Tensor, batches: Tensor | None) -> Tensor:
    """Mean (less the channel's first element) and squared deviations of stretches of rows: (channels, parts, 2)."""
    rows, channels = x.shape[0], x.shape[1]
    parts = _parts(rows)
    out = empty((channels, parts, 2), on=x.engine)
    wide = width_of(channels, x)
    x.engine.launch(
        "batch-norm-sums-last.vec4" if wide == 4 else "batch-norm-sums-last", channels // wide * parts,
        (("GRAD", 0), ("TRAIN", 1), ("COUNT_BATCH", int(batches is not None))),
        work=2 * x.size, x=x, gy=None, mean=None, variance=None, y=out, batches=batches,
        rows=rows, channels=channels // wide, parts=parts, eps=0.0,
    )  # fmt: skip
    return out


def apply(
    x: Tensor, mean: Tensor, var: Tensor, weight: Tensor | None, bias: Tensor | None, y: Tensor, train: int, eps: float
) -> None:
    """y = (x - mean) / sqrt(var + eps) * weight + bias."""
    _elementwise(0, train, x, None, mean, var, weight, bias, None, None, y, eps)


def gradient_sums(x: Tensor, g: Tensor, mean: Tensor, var: Tensor, train: int, eps: float) -> tuple[Tensor, Tensor]:
    """Sums over the rows of g * z, z the normalised x, and of g: (channels,) each."""
    rows, channels = x.shape[0], x.shape[1]
    parts = _parts(rows)
    partial = empty((2, channels, parts), on=x.engine)
    wide = width_of(channels, x, g, mean, var)
    x.engine.launch(
        "batch-norm-sums-last.vec4" if wide == 4 else "batch-norm-sums-last", channels // wide * parts,
        (("GRAD", 1), ("TRAIN", train), ("COUNT_BATCH", 0)),
        work=x.size, x=x, gy=g, mean=mean, variance=var, y=partial, batches=None,
        rows=rows, channels=channels // wide, parts=parts, eps=eps,
    )  # fmt: skip
    sums = partial if parts == 1 else reduce("sum", partial, (2,), False)
    sums = sums.view((2, channels))
    return sums.rows(0, 1).view((channels,)), sums.rows(1, 2).view((channels,))


def gradient(
    x: Tensor,
    g: Tensor,
    mean: Tensor,
    var: Tensor,
    weight: Tensor | None,
    gw: Tensor | None,
    gb: Tensor | None,
    train: int,
    eps: float,
) -> Tensor:
    """The gradient of x from that of y and, with `train`, its sums."""
    gx = empty(x.shape, on=x.engine)
    _elementwise(1, train, x, g, mean, var, weight, None, gw, gb, gx, eps)
    return gx


def _elementwise(
    grad: int,
    train: int,
    x: Tensor,
    g: Tensor | None,
    mean: Tensor,
    var: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    gw: Tensor | None,
    gb: Tensor | None,
    y: Tensor,
    eps: float,
) -> None:
    rows, channels = x.shape[0], x.shape[1]
    per, bands = _stretches(rows)
    wide = width_of(channels, x, g, mean, var, weight, bias, gw, gb, y)
    x.engine.launch(
        "batch-norm-last.vec4" if wide == 4 else "batch-norm-last", bands * channels // wide,
        (("WEIGHT", int(weight is not None)), ("BIAS", int(bias is not None)), ("TRAIN", train), ("GRAD", grad)),
        work=x.size, x=x, gy=g, mean=mean, variance=var, weight=weight, bias=bias, gw=gw, gb=gb, y=y,
        rows=rows, channels=channels // wide, per=per, eps=eps,
    )  # fmt: skip
