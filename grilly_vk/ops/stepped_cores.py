"""Recurrent cores step by step: a matrix product of the spikes, then the step of the layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..tensor import FLOAT32, Tensor, empty, full
from .elementwise import cast
from .matmul import _NN, product
from .shape import getitem, permute
from .surrogate import Slope

if TYPE_CHECKING:
    from .cores import _Run


def _halves(state: Tensor, run: _Run) -> tuple[Tensor, Tensor | None]:
    """The first state, and the second beside it."""
    if not run.two:
        return state, None
    last = run.dynamics.last
    first = (*(slice(None),) * (state.ndim - 1), slice(0, last))
    return getitem(state, first), getitem(state, (*first[:-1], slice(last, 2 * last)))


def _put(source: Tensor, target: Tensor) -> None:
    source.engine.launch("copy", source.size, src=source, dst=target, n=source.size)
    target.version += 1


def _row(tensor: Tensor | None, t: int) -> Tensor | None:
    return None if tensor is None else tensor.rows(t, t + 1)


def forward(run: _Run, x: Tensor, state: Tensor, y: Tensor, h: Tensor | None, u: Tensor | None) -> Tensor:
    """Steps through x, filling y and what is asked for; the state after the last step."""
    units, spare, before = run.dynamics.units, empty((1, *run.shape[1:]), on=run.engine), state
    _put(cast(_halves(state, run)[0] > run.dynamics.threshold, FLOAT32), y.rows(0, 1))
    assert run.w is not None
    specs = (("STORE_H", int(h is not None)), ("STORE_U", int(u is not None)), ("BACK", 1))
    for t in range(run.steps):
        back = product(_NN, y.rows(t, t + 1), run.w, 1, run.rows, units, units, (0, 0))
        after = empty(run.state, on=run.engine)
        run.launch(
            "snn-core-forward", 0, 1, specs, x=x.rows(t, t + 1), before=before, h=_row(h, t), u=_row(u, t),
            y=y.rows(t + 1, t + 2) if t + 1 < run.steps else spare, after=after, back=back,
        )  # fmt: skip
        before = after
    return before


def backward(
    run: _Run, kernel: str, slope: Slope, *, h: Any, u: Any, d: Any, gy: Any, gafter: Tensor | None, gx: Tensor
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """From the last step to the first, filling gx; the gradient of the first state, and sums for beta and alpha."""
    from .cores import backward_specs

    units, spare = run.dynamics.units, empty((1, *run.shape[1:]), on=run.engine)
    gafter = full(run.state, 0.0, on=run.engine) if gafter is None else gafter
    first, second = _halves(gafter, run)
    _put(first if second is None else first + second, gx.rows(run.steps - 1, run.steps))
    gb = empty((run.n,), on=run.engine) if run.learns_b else None
    gc = empty((run.n,), on=run.engine) if run.learns_c else None
    specs = (*backward_specs(slope, gy, gafter, gb, gc, u), ("HAS_H", 1), ("BACK", 1))
    assert run.w is not None
    w = permute(run.w, (1, 0))  # the faster of the two forms
    for t in range(run.steps - 1, -1, -1):
        back = product(_NN, gx.rows(t, t + 1), w, 1, run.rows, units, units, (0, 0))
        gbefore = empty(run.state, on=run.engine)
        run.launch(
            kernel, 0, 1, specs, h=_row(h, t), u=_row(u, t), d=_row(d, t), gy=_row(gy, t), gafter=gafter,
            gx=gx.rows(t - 1, t) if t else spare, gbefore=gbefore, gb=gb, gc=gc, back=back,
            more=int(t + 1 < run.steps), alpha=slope.alpha, beta=slope.beta,
        )  # fmt: skip
        gafter = gbefore
    return gafter, gb, gc
