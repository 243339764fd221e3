"""Norms of each sample by itself: over groups of channels, or each channel alone."""

from __future__ import annotations

import math

from ..autograd import no_grad
from ..tensor import Tensor, full
from .batch_norm import BatchLayout, prepare
from .exchange import assign_all
from .norm import layer
from .reductions import reduce_mean
from .shape import broadcast_to, reshape


def group_norm(x: Tensor, groups: int, w: Tensor | None, b: Tensor | None, eps: float) -> Tensor:
    """x (N, C, ...) normalised over the groups of channels of each sample; weight and bias (C,), or None."""
    n, c = x.shape[:2]
    own = x.count // max(1, n * groups)
    y = layer("layer_norm", reshape(x, (n, groups, own)), (own,), None, None, eps, centre=True)
    y = reshape(y, x.shape)
    if w is None and b is None:
        return y
    zero, one = full((c,), 0.0, on=x.engine), full((c,), 1.0, on=x.engine)
    layout = BatchLayout(n, c, math.prod(x.shape[2:]), n)
    # Times weight, plus bias.
    return prepare("batch_norm", y, layout, zero, one, w, b, None, False, None, 0.0, None).run()


def instance_norm(
    x: Tensor, running_mean: Tensor | None, running_var: Tensor | None, w: Tensor | None, b: Tensor | None,
    momentum: float | None, eps: float,
) -> Tensor:  # fmt: skip
    """x (N, C, L, ...) normalised by its own statistics; running ones (C,), where given, move in place."""
    n, c = x.shape[:2]
    inner = math.prod(x.shape[2:])
    running = [t for t in (running_mean, running_var) if t is not None]
    for statistics in running:
        statistics.changing()

    def each(t: Tensor | None) -> Tensor | None:
        """One number for each channel of each sample."""
        return None if t is None else reshape(broadcast_to(t, (n, c)), (n * c,))

    w, b = each(w), each(b)
    moving = []
    with no_grad():
        for t in (running_mean, running_var):
            copies = each(t)
            moving.append(copies.copy() if copies is not None and n == 1 else copies)
    images, layout = reshape(x, (1, n * c, *x.shape[2:])), BatchLayout(1, n * c, inner, 1)
    y = prepare("batch_norm", images, layout, moving[0], moving[1], w, b, None, True, momentum, eps, None).run()
    if n and inner:
        with no_grad():
            means = [reduce_mean(reshape(m, (n, c)), 0) for m in moving if m is not None]
            assign_all(zip(running, means))
    return reshape(y, x.shape)
