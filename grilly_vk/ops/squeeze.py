"""Squeeze and excite over time, channels or places: mean and maximum of groups of elements, and a score for each group.

x is (T, B, C, S).  A group is what shares one score:

    "time":     (t, b), its members all (c, s)
    "channels": (b, c), its members all (t, s)
    "places":   (b, s), its members all (t, c)

The two operations share one gradient: `excite` passes on that of its result, and `squeeze` does the rest in one pass.

Source: Yao et al., "Attention spiking neural networks", IEEE TPAMI 45 (2023), equations (8) to (13) in
arXiv:2209.13929.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..autograd import record
from ..runtime.host import HostCall
from ..runtime.kernel import Kernel
from ..tensor import UINT32, Tensor, empty, full
from .reduce import reduce

_LEAST = 256  # members of a stretch

# Neighbours in memory are of different groups, four of which an invocation takes, or of one.
_ACROSS = Kernel("snn-squeeze", over="sides parts", fours="sides beside step inner_step outer_step")
_ALONG = Kernel("snn-squeeze", over="count parts", fours="members step inner outer_step")
_MERGE = Kernel("snn-squeeze-merge", over="count")
_EXCITE = Kernel("snn-excite", fours="n row")
_HOST_EXCITE = HostCall("host-excite")
_ENDLESS = 1 << 31  # a `whole` that no element reaches


class Groups(NamedTuple):
    """Where groups and their members lie, in elements; see the push constants of the kernels."""

    shape: tuple[int, ...]
    groups: int
    members: int
    beside: int
    step: int
    inner: int
    inner_step: int
    outer_step: int
    span: int
    turns: int
    whole: int

    @property
    def across(self) -> int:
        """Whether neighbours in memory are of different groups."""
        return int(self.inner_step > 1)


def groups(shape: tuple[int, ...], over: str) -> Groups:
    """The groups of x (T, B, C, S)."""
    t, b, c, s = shape
    row, all_time = c * s, b * c * s
    if over == "time":
        return Groups((t, b), t * b, row, 1, row, row, 1, 0, row, t * b, _ENDLESS)
    if over == "channels":
        return Groups((b, c), b * c, t * s, 1, s, s, 1, all_time, s, b * c, all_time)
    return Groups((b, s), b * s, t * c, s, row, c, s, all_time, row, b, all_time)


class Link:
    """What `excite` tells `squeeze` for the backward pass."""

    def __init__(self, over: Groups) -> None:
        self.groups = over
        self.score: Tensor | None = None


def squeeze(x: Tensor, over: str) -> tuple[Tensor, Tensor, Link]:
    """Mean and maximum of each group of x (T, B, C, S), which holds an element at least.

    Returns:
        (2, *groups): means and maxima (the gradient of a maximum goes to the first largest member); and x again with
        a link, for `excite`, and nothing else.
    """
    g, engine = groups(x.shape, over), x.engine
    out, again, link = empty((2, *g.shape), on=engine), x._alias(), Link(g)
    where = empty((g.groups,), UINT32, engine)
    parts = _parts(x, g)
    if parts == 1:
        _launch(x, None, out, where, g, 1, 1.0 / g.members)
    else:
        some, places = empty((2, parts, g.groups), on=engine), empty((parts, g.groups), UINT32, engine)
        _launch(x, None, some, places, g, parts, 1.0)
        scale = 1.0 / g.members
        _MERGE(s=some, places=places, y=out, where=where, count=g.groups, parts=parts, scale=scale)
    shape = x.shape

    def backward(gout: Tensor | None, gy: Tensor | None) -> Sequence[Tensor | None]:
        gx, score = empty(shape, on=engine), link.score
        if gy is None or score is None:  # the scores are all that something came of
            gy, score = full(shape, 0.0, on=engine), full((g.groups,), 0.0, on=engine)
        _scaled(gy, score, gx, g, gout, where)
        return (gx,)

    record("squeeze", (x,), (out, again), backward, ())
    return out, again, link


def excite(x: Tensor, score: Tensor, link: Link) -> Tensor:
    """x * score of its group, from the second and third result of `squeeze` and a score for each group."""
    g, y = link.groups, empty(x.shape, on=x.engine)
    _scaled(x, score, y, g, None, None)
    link.score = score.detach()

    def backward(gy: Tensor) -> Sequence[Tensor | None]:
        parts = _parts(x, g)
        dots = empty((parts, g.groups), on=x.engine)
        _launch(x, gy, dots, None, g, parts, 1.0)
        gscore = dots if parts == 1 else reduce("sum", dots, (0,), False)
        return gy, gscore._alias(score.shape)

    record("excite", (x, score), (y,), backward, (x, score))
    return y


def _parts(x: Tensor, g: Groups) -> int:
    """Stretches that each group is cut into: few groups would leave the device idle."""
    return max(1, min(-(-x.engine.tuning.stretches // g.groups), g.members // _LEAST))


def _launch(x: Tensor, gy: Tensor | None, y: Tensor, where: Tensor | None, g: Groups, parts: int, scale: float) -> None:
    kernel = _ACROSS if g.across else _ALONG
    kernel(
        x=x, gy=gy, y=y, where=where, count=g.groups, parts=parts, members=g.members, beside=g.beside, step=g.step,
        inner=g.inner, inner_step=g.inner_step, outer_step=g.outer_step, scale=scale, sides=g.groups, work=x.count,
        DOT=gy is not None, ACROSS=g.across,
    )  # fmt: skip


def _scaled(x: Tensor, score: Tensor, y: Tensor, g: Groups, gout: Tensor | None, where: Tensor | None) -> None:
    row = g.beside if g.across else g.inner
    if x.engine.host_streams(x.count):
        _HOST_EXCITE(
            x.engine, x=x, score=score, g=gout, where=where, y=y, n=x.count, count=g.groups, row=row, span=g.span,
            turns=g.turns, beside=g.beside, whole=g.whole % _ENDLESS, inner=g.inner, inner_step=g.inner_step,
            grad=gout is not None, across=g.across, scale=1.0 / g.members, work=x.count,
        )  # fmt: skip
        return
    _EXCITE(
        x=x, score=score, g=gout, where=where, y=y, n=x.count, count=g.groups, span=g.span, turns=g.turns,
        beside=g.beside, whole=g.whole, inner=g.inner, inner_step=g.inner_step, scale=1.0 / g.members,
        row=row, GRAD=gout is not None, ACROSS=g.across,
    )  # fmt: skip
