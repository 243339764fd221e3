"""Recurrent cores, one dispatch per step: the product of the spikes with the weights by lanes, then the step itself."""

from __future__ import annotations

from typing import Any

from ..runtime.kernel import Kernel
from ..tensor import FLOAT32, Tensor, empty, full
from .core_run import CoreRun
from .elementwise import cast
from .layout import width_of
from .shape import basic_get, permute
from .surrogate import Slope

_FORWARD = Kernel("snn-core-forward-lanes", over="", fours=None)
BACKWARD = Kernel("snn-core-backward-lanes", over="", fours=None)


def _halves(state: Tensor, run: CoreRun) -> tuple[Tensor, Tensor | None]:
    """The first state, and the second beside it."""
    if not run.two:
        return state, None
    last = run.dynamics.last
    first = (*(slice(None),) * (state.ndim - 1), slice(0, last))
    return basic_get(state, first), basic_get(state, (*first[:-1], slice(last, 2 * last)))


def row(tensor: Tensor | None, t: int) -> Tensor | None:
    """Step t, with an axis for it."""
    return None if tensor is None else tensor._rows(t, t + 1)


def _launch(run: CoreRun, kernel: Kernel, specs: tuple[tuple[str, float], ...], **arguments: Any) -> None:
    """One step; tensors are of one step."""
    models, common = run.common(4)
    units = run.dynamics.units
    rows, items = run.engine.tuning.lane_tiles(run.rows, units)
    kernel(
        items=items, work=run.work, rows=run.rows, n=run.n // 4, steps=1, vec4=False, ROWS=rows, **common, **arguments,
        **dict((*models, *specs)),
    )  # fmt: skip


def forward(run: CoreRun, x: Tensor, state: Tensor, y: Tensor, h: Tensor | None, u: Tensor | None) -> Tensor:
    """Steps through x, filling y and what is asked for; the state after the last step."""
    spare = empty((1, *run.shape[1:]), on=run.engine)
    x, before = (t.detach() if width_of(run.n, x, state) == 4 else t.copy() for t in (x, state))
    fired = cast(_halves(before, run)[0] > run.dynamics.threshold, FLOAT32)
    y._rows(0, 1).assign(fired._alias(spare.shape))
    specs = (("STORE_H", int(h is not None)), ("STORE_U", int(u is not None)))
    for t in range(run.steps):
        after = empty(run.state, on=run.engine)
        _launch(
            run, _FORWARD, specs, s=y._rows(t, t + 1), w=run.w, x=x._rows(t, t + 1), before=before,
            h=row(h, t), u=row(u, t), y=y._rows(t + 1, t + 2) if t + 1 < run.steps else spare, after=after,
        )  # fmt: skip
        before = after
    return before


def backward(
    run: CoreRun, kernel: Kernel, slope: Slope, *, h: Any, u: Any, d: Any, gy: Any, gafter: Tensor | None, gx: Tensor
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """From the last step to the first, filling gx; the gradient of the first state, and sums for beta and alpha."""
    spare = empty((1, *run.shape[1:]), on=run.engine)
    gafter = full(run.state, 0.0, on=run.engine) if gafter is None else gafter
    gy, gafter = (t if t is None or width_of(run.n, t) == 4 else t.copy() for t in (gy, gafter))
    assert gafter is not None and run.w is not None
    first, second = _halves(gafter, run)
    gx._rows(run.steps - 1, run.steps).assign((first if second is None else first + second)._alias(spare.shape))
    gb, gc = run.sums()
    specs = run.backward_specs(slope, gy, gafter, h, u)
    w = permute(run.w, (1, 0))  # the faster of the two forms
    for t in range(run.steps - 1, -1, -1):
        gbefore = empty(run.state, on=run.engine)
        _launch(
            run, kernel, specs, gnext=gx._rows(t, t + 1), w=w, h=row(h, t), u=row(u, t), d=row(d, t),
            gy=row(gy, t), gafter=gafter, gx=gx._rows(t - 1, t) if t else spare, gbefore=gbefore, gb=gb, gc=gc,
            more=int(t + 1 < run.steps), alpha=slope.alpha, beta=slope.beta,
        )  # fmt: skip
        gafter = gbefore
    return gafter, gb, gc
