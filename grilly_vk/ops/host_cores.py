"""Cores, all steps in one call of the host on CPU devices: "if" and "lif" with recurrent weights, all without them."""

from __future__ import annotations

from typing import Any

from ..runtime.host import HostCall
from ..tensor import Tensor, empty
from .host_nodes import SLOPES
from .surrogate import Slope

_FORWARD = HostCall("host-core")
_BACKWARD = HostCall("host-core-grad")
_PLAIN = HostCall("host-plain-core")
_PLAIN_BACKWARD = HostCall("host-plain-core-grad")


def takes(run: Any, slope: Slope | None = None) -> bool:
    """Whether the host takes a run (`core_run.CoreRun`) as a whole, or with `slope` its way back."""
    if slope is not None and slope.kind not in SLOPES:
        return False
    if run.w is None:
        return bool(run.engine.host_streams(run.n * run.steps))
    if run.dynamics.model not in ("if", "lif"):
        return False
    multiplications = run.n * run.dynamics.units * run.steps  # one break in the device's work for all of them
    return bool(run.engine.host_does(multiplications, run.engine.tuning.host_stream))


def _numbers(run: Any) -> dict[str, Any]:
    return {
        "b": run.b, "w": run.w, "rows": run.rows, "units": run.dynamics.units, "steps": run.steps,
        "leaks": run.b is not None, "each": run.each_b, "threshold": run.dynamics.threshold,
        "work": run.steps * run.work,
    }  # fmt: skip


def _plain_numbers(run: Any) -> dict[str, Any]:
    d = run.dynamics
    return {
        "b": run.b, "c": run.c, "model": run.code, "n": run.n, "steps": run.steps, "units": d.units, "last": d.last,
        "each_b": run.each_b, "each_c": run.each_c, "threshold": d.threshold, "work": run.steps * run.work,
    }  # fmt: skip


def forward(run: Any, x: Tensor, state: Tensor, y: Tensor, h: Tensor | None, u: Tensor | None) -> Tensor:
    """Fills y, h and u (None: not wanted); the state after the last step."""
    after = empty(run.state, on=run.engine)
    if run.w is None:
        _PLAIN(
            run.engine, x=x, before=state, y=y, h=h, u=u, after=after, store_h=h is not None, store_u=u is not None,
            **_plain_numbers(run),
        )  # fmt: skip
        return after
    _FORWARD(run.engine, x=x, before=state, y=y, h=h, after=after, store_h=h is not None, **_numbers(run))
    return after


def backward(
    run: Any,
    slope: Slope,
    h: Tensor | None,
    u: Tensor | None,
    gy: Tensor | None,
    gafter: Tensor | None,
    gx: Tensor,
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Fills gx; the gradient of the first state, and sums for the constants that learn."""
    gbefore, (gb, gc) = empty(run.state, on=run.engine), run.sums()
    if run.w is None:
        _PLAIN_BACKWARD(
            run.engine, h=h, u=u, gy=gy, gafter=gafter, gx=gx, gbefore=gbefore, gb=gb, gc=gc, has_h=h is not None,
            has_u=u is not None, has_gy=gy is not None, has_gafter=gafter is not None, store_b=gb is not None,
            store_c=gc is not None, kind=slope.code, alpha=slope.alpha, beta=slope.beta, **_plain_numbers(run),
        )  # fmt: skip
        return gbefore, gb, gc
    _BACKWARD(
        run.engine, h=h, gy=gy, gafter=gafter, gx=gx, gbefore=gbefore, gb=gb, has_gy=gy is not None,
        has_gafter=gafter is not None, store_b=gb is not None, kind=slope.code, alpha=slope.alpha, beta=slope.beta,
        **_numbers(run),
    )  # fmt: skip
    return gbefore, gb, None
