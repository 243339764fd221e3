"""Batch norm and its forms for spiking networks, which differ in what a group of values with one mean is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..autograd import record
from ..runtime.host import HostCall
from ..runtime.kernel import Kernel
from ..tensor import Tensor, empty, full
from .layout import width_of
from .reduce import fold

_FLAT, _ROWS, _COLUMNS = 0, 1, 2  # of shaders/include/channels.glsl
_PARTS = 64  # stretches that a long sum is cut into on a GPU
_EIGHT = 8  # elements that an inner size must have for kernels to take eight at once: then they are of two rows at most
_STRETCH = 1024  # elements of a row that are summed at once

_NORM = Kernel("batch-norm", over="", fours=None)
_GRAD = Kernel("batch-norm-grad", over="", fours=None)
_STATS = Kernel("batch-norm-stats", over="", fours=None)
_GRAD_SUMS = Kernel("batch-norm-grad-sums", over="", fours=None)
_TABLE = Kernel("batch-norm-table", over="sets")
_MERGE = Kernel("batch-norm-merge", over="sets")
_SCALE_GRAD = Kernel("snn-step-scale-grad", over="")
_HOST = HostCall("host-norm")
_HOST_GRAD = HostCall("host-norm-grad")


@dataclass(frozen=True)
class BatchLayout:
    """How x (samples, channels, inner) falls into groups; a step has `step` samples.

    A group is one channel, in all samples or (own > 1) in those of each of `own` steps.
    """

    samples: int
    channels: int
    inner: int
    step: int
    own: int = 1

    @property
    def sets(self) -> int:
        """How many groups there are."""
        return self.channels * self.own

    @property
    def members(self) -> int:
        """Samples a group."""
        return self.samples // max(1, self.own)

    @property
    def count(self) -> int:
        """Values a group."""
        return self.members * self.inner

    def numbers(self) -> dict[str, int]:
        """As push constants."""
        return {"channels": self.channels, "inner": self.inner, "members": self.members}


def prepare(
    name: str, x: Tensor, layout: BatchLayout, running_mean: Tensor | None, running_var: Tensor | None,
    w: Tensor | None, b: Tensor | None, scale: Tensor | None, training: bool, momentum: float | None, eps: float,
    batches: Tensor | None, times: int = 1,
) -> Norm:  # fmt: skip
    """Takes the statistics, which moves the running ones in training: all but the normalising itself.

    Args:
        times: x stands for so many of it, such as the equal steps of a run.
    """
    by_rows = layout.inner == 1 or layout.inner >= _EIGHT
    if by_rows and x.engine.host_streams(x.count):
        moving = _Moving(running_mean, running_var, momentum, batches, times)
        if not training:
            assert running_mean is not None and running_var is not None
            return _HostNorm(name, x, layout, running_mean, running_var, w, b, scale, False, eps, moving)
        mean, var = empty((2, layout.sets), on=x.engine), empty((layout.sets,), on=x.engine)
        return _HostNorm(name, x, layout, mean, var, w, b, scale, True, eps, moving)
    if training and x.count:
        mean, var = _statistics(x, layout, running_mean, running_var, momentum, batches, times)
    else:
        zero = full((2, layout.sets), 0.0, on=x.engine) if running_mean is None else running_mean
        mean, var = zero, zero if running_var is None else running_var
    return Norm(name, x, layout, mean, var, w, b, scale, training, eps)


@dataclass
class Norm:
    """One call, with the statistics that it uses; `run` normalises x, or another kernel does on its way in."""

    name: str
    x: Tensor
    layout: BatchLayout
    mean: Tensor
    var: Tensor
    w: Tensor | None
    b: Tensor | None
    scale: Tensor | None
    training: bool
    eps: float

    def run(self) -> Tensor:
        """x normalised, of its shape."""
        y = empty(self.x.shape, on=self.x.engine)
        self._walk(_NORM, y, bias=self.b, y=y, **self._given("WEIGHT", "BIAS", "SCALE"))
        record(self.name, self.inputs, (y,), self.backward, saved=self.read)
        return y

    def table(self) -> Tensor:
        """(base, mean, gain, bias) of each channel, (1, C, 4), or of each channel in each step, (T, C, 4).

        The normalised value is ((x - base) - mean) * gain + bias, times `scale`.
        """
        out = empty((self.layout.own, self.layout.channels, 4), on=self.x.engine)
        _TABLE(
            mean=self.mean, variance=self.var, weight=self.w, bias=self.b, table=out, sets=self.layout.sets,
            eps=self.eps, work=out.count, **self._given("WEIGHT", "BIAS"),
        )  # fmt: skip
        return out

    @property
    def on_the_way(self) -> bool:
        """Whether a kernel that reads x had better normalise it.

        On a CPU a line of the table costs as much as four values, so it must serve more than one step.
        """
        return self.layout.own == 1 or self.x.engine.tuning.norm_per_step_joins

    @property
    def inputs(self) -> list[Tensor]:
        """What gradients go to."""
        return [t for t in (self.x, self.w, self.b, self.scale) if t is not None]

    @property
    def read(self) -> list[Tensor]:
        """What the way back reads."""
        bias = self.b if self.scale is not None else None
        return [t for t in (self.x, self.mean, self.var, self.w, bias, self.scale) if t is not None]

    def _given(self, *names: str) -> dict[str, bool]:
        """Which numbers there are, as specialization constants."""
        given = {"WEIGHT": self.w, "BIAS": self.b, "SCALE": self.scale}
        return {"TRAIN": self.training, **{name: given[name] is not None for name in names}}

    def _walk(self, kernel: Kernel, *tensors: Tensor, **more: Any) -> None:
        """One of the kernels with channels-walk.glsl; `tensors` of x's shape, besides x, are among the arguments."""
        x, at = self.x, self.layout
        wide = width_of(at.channels if at.inner == 1 else x.count, x, *tensors)
        eights = wide == 4 and at.inner >= _EIGHT and x.engine.eights
        walk, run, items = _walk_of(x, at, wide, eights)
        kernel(
            x=x, mean=self.mean, variance=self.var, weight=self.w, scale=self.scale, n=x.count // wide, step=at.step,
            sets=at.sets, run=run, eps=self.eps, vec4=wide == 4, items=items, work=x.count, WALK=walk,
            eights=eights and walk == _ROWS, **at.numbers(), **more,
        )  # fmt: skip

    def backward(self, g: Tensor) -> list[Tensor | None]:
        """From the gradient of the normalised x to those of the inputs."""
        x, w, b, scale, engine = self.x, self.w, self.b, self.scale, self.x.engine
        wants = any(t is not None and t.requires_grad for t in (w, b, scale))
        sums, gx = self._gradients(g, wants)
        gscale = None
        if sums is not None and scale is not None:
            each, sums = sums, empty((2, self.layout.channels), on=engine)
            gscale = empty(scale.shape, on=engine)
            steps, channels = scale.count, self.layout.channels
            _SCALE_GRAD(
                s=each, scale=scale, weight=w, bias=b, sums=sums, gscale=gscale, steps=steps, channels=channels,
                items=channels + steps, work=2 * channels * steps, WEIGHT=w is not None, BIAS=b is not None,
            )  # fmt: skip
        if gx is None and x.requires_grad:
            gx = empty(x.shape, on=engine)
            more = {"gy": g, "sums": sums, "gx": gx, "count": float(self.layout.count)}
            self._walk(_GRAD, g, gx, **more, **self._given("WEIGHT", "SCALE"))
        out: list[Tensor | None] = [gx]
        for i, t in enumerate((w, b)):
            if t is not None:
                out.append(sums._rows(i, i + 1)._alias(t.shape) if sums is not None and t.requires_grad else None)
        return out if scale is None else [*out, gscale]

    def _gradients(self, g: Tensor, wants: bool) -> tuple[Tensor | None, Tensor | None]:
        """The sums, if anything needs them, and the gradient of x, if it is to be had at once."""
        return self._sums(g) if wants or (self.training and self.x.requires_grad) else None, None

    def _sums(self, g: Tensor) -> Tensor:
        """(2, groups): sums of g * z and of g, for each step where steps have a number of their own."""
        x, at, stats = self.x, self.layout, self.layout.sets
        if self.scale is not None:
            at = BatchLayout(at.samples, at.channels, at.inner, at.step, own=self.scale.count)
        sizes = _sums_of(x, at, g)
        partial = empty((2, at.sets, sizes["parts"]), on=x.engine)
        _GRAD_SUMS(
            x=x, gy=g, mean=self.mean, variance=self.var, y=partial, stats=stats, eps=self.eps, TRAIN=self.training,
            **sizes,
        )  # fmt: skip
        return fold(partial, 2)


@dataclass(frozen=True)
class _Moving:
    """Running statistics, and how they move."""

    mean: Tensor | None
    var: Tensor | None
    momentum: float | None
    batches: Tensor | None
    times: int


@dataclass
class _HostNorm(Norm):
    """A norm that the host does, which passes through memory in a third of the time of lavapipe's kernels.

    The statistics are taken by `run`, which normalises in the same pass, or else by `table`: one of both is called.
    """

    moving: _Moving

    def run(self) -> Tensor:
        y = empty(self.x.shape, on=self.x.engine)
        self._call(y)
        record(self.name, self.inputs, (y,), self.backward, saved=self.read)
        return y

    def table(self) -> Tensor:
        if self.training:
            self._call(None)
        return super().table()

    def _call(self, y: Tensor | None) -> None:
        """Statistics in training, and y if there is one."""
        x, at, m = self.x, self.layout, self.moving
        running = [t for t in (m.mean, m.var, m.batches) if t is not None] if self.training else []
        for t in running:
            t.changing()
        _HOST(
            x.engine, x=x, mean=self.mean, variance=self.var, weight=self.w, bias=self.b, scale=self.scale,
            running_mean=m.mean if self.training else None, running_var=m.var if self.training else None,
            batches=m.batches if self.training else None, y=y, samples=at.samples, channels=at.channels, inner=at.inner,
            step=at.step, own=at.own, take=self.training, put=y is not None, train=self.training,
            weighted=self.w is not None, biased=self.b is not None, scaled=self.scale is not None,
            running=self.training and m.mean is not None, counted=self.training and m.batches is not None,
            average=m.momentum is None, momentum=m.momentum or 0.0, times=float(m.times), eps=self.eps,
            work=2 * x.count,
        )  # fmt: skip
        for t in running:
            t.version += 1

    def _gradients(self, g: Tensor, wants: bool) -> tuple[Tensor | None, Tensor | None]:
        x, at = self.x, self.layout
        steps = 1 if self.scale is None else self.scale.count
        need = wants or (self.training and x.requires_grad)
        sums = empty((2, steps * at.sets), on=x.engine) if need else None
        gx = empty(x.shape, on=x.engine) if x.requires_grad else None
        if need or gx is not None:
            _HOST_GRAD(
                x.engine, x=x, gy=g, mean=self.mean, variance=self.var, weight=self.w, scale=self.scale, sums=sums,
                gx=gx, samples=at.samples, channels=at.channels, inner=at.inner, step=at.step, own=at.own, steps=steps,
                train=self.training, weighted=self.w is not None, scaled=self.scale is not None, sum=need,
                put=gx is not None, eps=self.eps, work=3 * x.count,
            )  # fmt: skip
        return sums, gx


def _statistics(
    x: Tensor,
    at: BatchLayout,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    momentum: float | None,
    batches: Tensor | None,
    times: int,
) -> tuple[Tensor, Tensor]:
    """The mean less the group's first value, and that value, (2, groups); the biased variance.  Moves the running."""
    running = [t for t in (running_mean, running_var, batches) if t is not None]
    for t in running:
        t.changing()
    sizes = _sums_of(x, at)
    partial = empty((3, at.sets, sizes["parts"]), on=x.engine)
    mean, var = empty((2, at.sets), on=x.engine), empty((at.sets,), on=x.engine)
    _STATS(x=x, y=partial, batches=batches, TRACK=batches is not None, **sizes)
    _MERGE(
        s=partial, mean=mean, variance=var, running_mean=running_mean, running_var=running_var,
        batches=batches if momentum is None else None, x=x, sets=at.sets, parts=sizes["parts"],
        momentum=momentum or 0.0, times=float(times), work=at.sets * sizes["parts"], RUNNING=running_mean is not None,
        AVERAGE=momentum is None, **at.numbers(),
    )  # fmt: skip
    for t in running:
        t.version += 1
    return mean, var


# ---- how kernels share out the elements ----


def _walk_of(x: Tensor, at: BatchLayout, wide: int, eights: bool) -> tuple[int, int, int]:
    """(WALK, run, items) of the kernels with channels-walk.glsl; runs begin where eight elements do with `eights`."""
    if not x.count:
        return _FLAT, 1, 0
    tuning, n = x.engine.tuning, x.count // wide
    if at.inner == 1:
        across, steps = at.channels // wide, at.samples // max(1, at.step)
        wanted = tuning.norm_columns // max(1, across * steps)
        strips = sorted((1, wanted, at.step // 8))[1]
        run = -(-at.step // strips)
        return _COLUMNS, run, across * steps * -(-at.step // max(1, run))
    if not tuning.norm_rows:
        return _FLAT, 1, n
    fours = 2 if eights else 1
    whole = at.inner // math.gcd(at.inner, fours * wide)  # rows that end where a load does
    run = fours * (
        whole * max(1, 16 // whole) if n // (fours * whole) >= 512 else max(16 // fours, n // (fours * 1024))
    )
    return _ROWS, run, -(-n // run)


def _sums_of(x: Tensor, at: BatchLayout, *more: Tensor) -> dict[str, Any]:
    """Numbers and constants of the kernels with channels-sums.glsl."""
    tuning, columns = x.engine.tuning, at.inner == 1
    wide = width_of(at.channels if columns else x.count, x, *more)
    cuts = max(1, -(-at.inner // _STRETCH))
    units, items = at.members * cuts, at.sets // (wide if columns else 1)
    team = tuning.norm_teams and not columns
    eights = x.engine.eights and not team and not columns
    ragged = not columns and wide == 4 and (eights or at.inner % (4 * cuts) != 0)
    if team:
        parts = sorted((1, at.count // 4096, _PARTS))[1]
    else:
        parts = sorted((1, tuning.norm_sums // max(1, items), at.count // 256))[1]
    parts = max(1, min(parts, units))
    across = 1
    while team and across < x.engine.local and across * wide < min(at.inner, _STRETCH):
        across *= 2
    return {
        "sets": at.sets, "parts": parts, "cuts": cuts, "across": across, "vec4": wide == 4, "work": 2 * x.count,
        "items": items * parts * (x.engine.local if team else 1), "TEAM": team, "COLUMNS": columns, "RAGGED": ragged,
        "eights": eights,
        **at.numbers(),
    }  # fmt: skip
