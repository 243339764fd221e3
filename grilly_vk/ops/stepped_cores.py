"""Recurrent cores, one dispatch per step: the product of the spikes with the weights by lanes, then the step itself.

Or the host makes the product, added to the input, and the dispatch is a step of cores without recurrent weights.
"""

from __future__ import annotations

from typing import Any

from ..runtime.kernel import Kernel, Span
from ..tensor import FLOAT32, Tensor, empty, full
from . import core_run
from .core_run import CoreRun
from .elementwise import cast
from .layout import width_of
from .matmul import _NN, _NT, by_host
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
    if run.hosted:
        run.launch(kernel, Span(0, 1, 1), (*specs, ("NEXT", 1)), **arguments)
        return
    models, common = run.common(4)
    units = run.dynamics.units
    rows, items = run.engine.tuning.lane_tiles(run.rows, units)
    kernel(
        items=items, work=run.work, rows=run.rows, n=run.n // 4, steps=1, vec4=False, ROWS=rows, **common, **arguments,
        **dict((*models, *specs)),
    )  # fmt: skip


def _added(run: CoreRun, form: int, sent: Tensor, to: Tensor | None) -> Tensor:
    """What a step sends (1, ..., units) through the weights, by the host, added to what it meets."""
    return by_host(form, sent, _weights(run), 1, run.rows, run.dynamics.units, run.dynamics.units, (0, 0), to)


def _weights(run: CoreRun) -> Tensor:
    assert run.w is not None
    return run.w


def forward(run: CoreRun, x: Tensor, state: Tensor, y: Tensor, h: Tensor | None, u: Tensor | None) -> Tensor:
    """Steps through x, filling y and what is asked for; the state after the last step."""
    spare = empty((1, *run.shape[1:]), on=run.engine)
    x, before = (t.detach() if run.hosted or width_of(run.n, x, state) == 4 else t.copy() for t in (x, state))
    fired = cast(_halves(before, run)[0] > run.dynamics.threshold, FLOAT32)
    y._rows(0, 1).assign(fired._alias(spare.shape))
    specs = (("STORE_H", int(h is not None)), ("STORE_U", int(u is not None)))
    more: dict[str, Tensor | None]
    for t in range(run.steps):
        after, now = empty(run.state, on=run.engine), x._rows(t, t + 1)
        if run.hosted:
            kernel, more = core_run.FORWARD, {"x": _added(run, _NN, y._rows(t, t + 1), now)}
        else:
            kernel, more = _FORWARD, {"x": now, "s": y._rows(t, t + 1), "w": run.w}
        _launch(
            run, kernel, specs, before=before, h=row(h, t), u=row(u, t),
            y=y._rows(t + 1, t + 2) if t + 1 < run.steps else spare, after=after, **more,
        )  # fmt: skip
        before = after
    return before


def backward(
    run: CoreRun, kernel: Kernel, slope: Slope, *, h: Any, u: Any, d: Any, gy: Any, gafter: Tensor | None, gx: Tensor
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """From the last step to the first, filling gx; the gradient of the first state, and sums for beta and alpha."""
    spare = empty((1, *run.shape[1:]), on=run.engine)
    gafter = full(run.state, 0.0, on=run.engine) if gafter is None else gafter
    gy, gafter = (t if t is None or run.hosted or width_of(run.n, t) == 4 else t.copy() for t in (gy, gafter))
    assert gafter is not None
    first, second = _halves(gafter, run)
    gx._rows(run.steps - 1, run.steps).assign((first if second is None else first + second)._alias(spare.shape))
    gb, gc = run.sums()
    specs = run.backward_specs(slope, True if run.hosted else gy, gafter, h, u)
    w = None if run.hosted else permute(_weights(run), (1, 0))  # the faster of the two forms
    for t in range(run.steps - 1, -1, -1):
        gbefore, after, gnow = empty(run.state, on=run.engine), gx._rows(t, t + 1), row(gy, t)
        more = {"gy": _added(run, _NT, after, gnow)} if run.hosted else {"gy": gnow, "gnext": after, "w": w}
        _launch(
            run, kernel, specs, h=row(h, t), u=row(u, t), d=row(d, t), gafter=gafter,
            gx=gx._rows(t - 1, t) if t else spare, gbefore=gbefore, gb=gb, gc=gc,
            more=int(t + 1 < run.steps), alpha=slope.alpha, beta=slope.beta, **more,
        )  # fmt: skip
        gafter = gbefore
    return gafter, gb, gc
