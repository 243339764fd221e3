"""Batch, layer and RMS normalisation, fused forward and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import arguments
from ..autograd import record
from ..tensor import Tensor, empty, full
from . import channels_last
from .elementwise import as_tensor, cast
from .layout import width_of
from .reduce import reduce
from .rows import team

_PARTS = 64  # stretches that a long sum is cut into
_RMS_EPS = float(np.finfo(np.float32).eps)


def _optional(name: str, value: Any, shape: tuple[int, ...]) -> Tensor | None:
    if value is None:
        return None
    t = arguments.tensor(name, value)
    arguments.shape(name, t.shape, shape)
    return t


def _given(x: Tensor, *more: Tensor | None) -> list[Tensor]:
    return [x, *[t for t in more if t is not None]]


def _fold(partial: Tensor, axis: int) -> Tensor:
    """The sum over the axis of parts."""
    if partial.shape[axis] == 1:
        return partial.view(partial.shape[:axis] + partial.shape[axis + 1 :])
    return reduce("sum", partial, (axis,), False)


# ---- rows ----


def shape_of(normalized_shape: int | Sequence[int]) -> tuple[int, ...]:
    """The sizes of the axes that are normalised together.

    Raises:
        TypeError, ValueError: they are no sizes, or none.
    """
    sizes = normalized_shape if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
    shape = tuple([arguments.size("normalized_shape", s, 0) for s in sizes])
    if not shape:
        raise ValueError("normalized_shape is empty; expected at least one axis")
    return shape


def layer_norm(
    x: Any, normalized_shape: int | Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias over the last axes, var being the biased variance.

    Args:
        x: (..., *normalized_shape).
        normalized_shape: sizes of the last axes, which are normalised together.
        weight, bias: of normalized_shape, or None for ones and zeros.
        eps: keeps constant rows finite.

    Raises:
        ValueError: shapes that don't fit, or a negative eps.

    Source: Ba, Kiros & Hinton, "Layer normalization", arXiv:1607.06450 (2016).
    """
    return _layer("layer_norm", 1, x, normalized_shape, weight, bias, eps)


def rms_norm(x: Any, normalized_shape: int | Sequence[int], weight: Any = None, eps: float | None = None) -> Tensor:
    """x / sqrt(mean(x**2) + eps) * weight over the last axes.

    Args:
        x: (..., *normalized_shape).
        normalized_shape: sizes of the last axes, which are normalised together.
        weight: of normalized_shape, or None for ones.
        eps: keeps rows of zeros finite; None means float32's epsilon, 1.19e-7.

    Raises:
        ValueError: shapes that don't fit, or a negative eps.

    Source: Zhang & Sennrich, "Root mean square layer normalization", NeurIPS 2019.
    """
    return _layer("rms_norm", 0, x, normalized_shape, weight, None, _RMS_EPS if eps is None else eps)


def _layer(name: str, centre: int, x: Any, given: Any, weight: Any, bias: Any, eps: float) -> Tensor:
    x = cast(as_tensor("x", x), np.float32)
    shape = shape_of(given)
    arguments.shape("x", x.shape, ("...", *shape))
    w, b = _optional("weight", weight, shape), _optional("bias", bias, shape)
    eps = arguments.non_negative("eps", eps)
    n = math.prod(shape)
    rows = x.size // n if n else 0
    engine = x.engine
    y, kept = empty(x.shape, on=engine), empty((2, rows), on=engine)
    spec, items = team(x, rows, n)
    wide = width_of(n, x, w, b)
    specs = (spec, ("CENTRE", centre), ("WEIGHT", int(w is not None)))
    engine.launch(
        "layer-norm.vec4" if wide == 4 else "layer-norm", items, (*specs, ("BIAS", int(b is not None))),
        work=x.size, x=x, weight=w, bias=b, y=y, kept=kept, rows=rows, n=n // wide, eps=eps,
    )  # fmt: skip

    def backward(g: Tensor) -> list[Tensor | None]:
        gx = gw = gb = None
        if x.requires_grad:
            step = width_of(n, g, x, w)
            gx = empty(x.shape, on=engine)
            engine.launch(
                "layer-norm-grad.vec4" if step == 4 else "layer-norm-grad", items, specs,
                work=x.size, x=x, weight=w, kept=kept, gy=g, gx=gx, rows=rows, n=n // step,
            )  # fmt: skip
        if (w is not None and w.requires_grad) or (b is not None and b.requires_grad):
            parts = sorted((1, rows // 32, _PARTS))[1]
            pw, pb = empty((parts, n), on=engine), empty((parts, n), on=engine)
            engine.launch(
                "layer-norm-grad-weight", parts * n, (("CENTRE", centre),),
                work=x.size, x=x, kept=kept, gy=g, gw=pw, gb=pb, rows=rows, n=n, parts=parts,
            )  # fmt: skip
            gw = _fold(pw, 0).view(shape) if w is not None and w.requires_grad else None
            gb = _fold(pb, 0).view(shape) if b is not None and b.requires_grad else None
        return [gx] + [gw] * (w is not None) + [gb] * (b is not None)

    record(name, _given(x, w, b), (y,), backward, saved=_given(x, w))
    return y


# ---- channels ----


def batch_norm(
    x: Any,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float | None = 0.1,
    eps: float = 1e-5,
    *,
    batches: Tensor | None = None,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias for each channel.

    With `training` the statistics are the batch's (biased variance), and the running ones, where given, move in
    place: running = (1 - momentum) * running + momentum * batch's (unbiased variance).  Otherwise the running ones
    are used.  An empty batch gives an empty result and moves nothing.

    Args:
        x: (N, C, ...).
        running_mean, running_var: (C,) tensors; may be None in training.
        weight, bias: (C,), or None for ones and zeros.
        training: use the batch's statistics.
        momentum: share of the batch in the running statistics; None: they are the mean over all batches.
        eps: keeps constant channels finite.
        batches: an int32 tensor of one element that counts the batches in training; momentum None needs it.

    Raises:
        ValueError: shapes that don't fit, no running statistics where they are needed, or one value a channel in
            training, whose variance says nothing.
        RuntimeError: running statistics that are on the tape.

    Source: Ioffe & Szegedy, "Batch normalization", ICML 2015.
    """
    x = cast(as_tensor("x", x), np.float32)
    if x.ndim < 2:
        raise ValueError(f"x has shape {x.shape}; expected (N, C, ...)")
    outer, channels, inner = x.shape[0], x.shape[1], math.prod(x.shape[2:])
    w, b = _optional("weight", weight, (channels,)), _optional("bias", bias, (channels,))
    eps = arguments.non_negative("eps", eps)
    for name, t in (("running_mean", running_mean), ("running_var", running_var)):
        if t is None:
            if not training:
                raise ValueError(f"{name} is None; without training=True it must be a tensor of shape ({channels},)")
        elif not isinstance(t, Tensor):
            raise TypeError(f"{name} must be a Tensor, not {type(t).__name__}: it is changed in place")
        else:
            _optional(name, t, (channels,))
    if (running_mean is None) != (running_var is None):
        raise ValueError("running_mean and running_var must both be given, or both be None")
    if momentum is None:
        if training and running_mean is not None and batches is None:
            raise ValueError("momentum None needs batches, the tensor that counts them")
    else:
        arguments.real("momentum", momentum)
    if batches is not None and (batches.size != 1 or batches.dtype != np.int32):
        raise ValueError(f"batches must be one int32, not {batches.dtype} of shape {batches.shape}")
    count, engine = outer * inner, x.engine
    if training and count == 1 and channels:
        raise ValueError(f"batch_norm needs more than one value per channel when training; x has shape {x.shape}")
    if training and x.size:
        mean, var = _statistics(x, outer, channels, inner, running_mean, running_var, momentum, batches)
    else:
        zero = full((channels,), 0.0, on=engine) if running_mean is None else running_mean
        mean, var = zero, zero if running_var is None else running_var
    y = empty(x.shape, on=engine)
    wide = width_of(inner, x)
    train = int(bool(training))
    weighted = ("WEIGHT", int(w is not None))
    if inner == 1:
        channels_last.apply(x, mean, var, w, b, y, train, eps)
    else:
        engine.launch(
            "batch-norm.vec4" if wide == 4 else "batch-norm", x.size // wide,
            (weighted, ("BIAS", int(b is not None)), ("TRAIN", train)),
            x=x, mean=mean, variance=var, weight=w, bias=b, y=y,
            n=x.size // wide, channels=channels, inner=inner // wide, eps=eps,
        )  # fmt: skip

    def backward(g: Tensor) -> list[Tensor | None]:
        gx = gw = gb = None
        wants = [t is not None and t.requires_grad for t in (w, b)]
        sums = (training and x.requires_grad) or True in wants
        if sums and inner == 1:
            gw, gb = channels_last.gradient_sums(x, g, mean, var, train, eps)
        elif sums:
            parts = _parts(count)
            pw, pb = empty((channels, parts), on=engine), empty((channels, parts), on=engine)
            engine.launch(
                "batch-norm-grad-sums", channels * parts * engine.local, (("TRAIN", train),),
                work=x.size, x=x, gy=g, mean=mean, variance=var, gw=pw, gb=pb,
                outer=outer, channels=channels, inner=inner, parts=parts, eps=eps,
            )  # fmt: skip
            gw, gb = _fold(pw, 1), _fold(pb, 1)
        if x.requires_grad and inner == 1:
            gx = channels_last.gradient(x, g, mean, var, w, gw, gb, train, eps)
        elif x.requires_grad:
            gx = empty(x.shape, on=engine)
            step = width_of(inner, x, g)
            engine.launch(
                "batch-norm-grad.vec4" if step == 4 else "batch-norm-grad", x.size // step,
                (weighted, ("TRAIN", train)),
                x=x, gy=g, mean=mean, variance=var, weight=w, gw=gw, gb=gb, gx=gx,
                n=x.size // step, channels=channels, inner=inner // step, count=count, eps=eps,
            )  # fmt: skip
        return [gx] + [gw] * (w is not None) + [gb] * (b is not None)

    record("batch_norm", _given(x, w, b), (y,), backward, saved=_given(x, mean, var, w))
    return y


def _parts(count: int) -> int:
    return sorted((1, count // 4096, _PARTS))[1]


def _statistics(
    x: Tensor,
    outer: int,
    channels: int,
    inner: int,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    momentum: float | None,
    batches: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Mean (less the channel's first element) and biased variance of every channel; moves the running ones."""
    running = [t for t in (running_mean, running_var, batches) if t is not None]
    for t in running:
        t.changing()
    mean, var = empty((channels,), on=x.engine), empty((channels,), on=x.engine)
    if inner == 1:
        partial = channels_last.statistics(x, batches)
        parts = partial.shape[1]
    else:
        parts = _parts(outer * inner)
        partial = empty((channels, parts, 2), on=x.engine)
        x.engine.launch(
            "batch-norm-stats", channels * parts * x.engine.local, (("COUNT", int(batches is not None)),),
            work=2 * x.size, x=x, y=partial, batches=batches, outer=outer, channels=channels, inner=inner, parts=parts,
        )  # fmt: skip
    x.engine.launch(
        "batch-norm-merge", channels, (("RUNNING", int(running_mean is not None)), ("AVERAGE", int(momentum is None))),
        s=partial, mean=mean, variance=var, running_mean=running_mean, running_var=running_var,
        batches=batches if momentum is None else None, channels=channels, parts=parts, count=outer * inner,
        momentum=momentum or 0.0, x=x, inner=inner,
    )  # fmt: skip
    for t in running:
        t.version += 1
    return mean, var
