"""Recurrent cores "if" and "lif" with recurrent weights, all steps in one call of the host, on CPU devices."""

from __future__ import annotations

from typing import Any

from ..runtime.host import HostCall
from ..tensor import Tensor, empty
from .host_nodes import SLOPES
from .surrogate import Slope

_FORWARD = HostCall("host-core")
_BACKWARD = HostCall("host-core-grad")


def takes(run: Any, slope: Slope | None = None) -> bool:
    """Whether the host takes a run (`core_run.CoreRun`) as a whole, or with `slope` its way back."""
    if run.w is None or run.dynamics.model not in ("if", "lif") or (slope is not None and slope.kind not in SLOPES):
        return False
    multiplications = run.n * run.dynamics.units * run.steps  # one break in the device's work for all of them
    return bool(run.engine.host_does(multiplications, run.engine.tuning.host_stream))


def _numbers(run: Any) -> dict[str, Any]:
    return {
        "b": run.b, "w": run.w, "rows": run.rows, "units": run.dynamics.units, "steps": run.steps,
        "leaks": run.b is not None, "each": run.each_b, "threshold": run.dynamics.threshold,
        "work": run.steps * run.work,
    }  # fmt: skip


def forward(run: Any, x: Tensor, state: Tensor, y: Tensor, h: Tensor | None) -> Tensor:
    """Fills y and h (None: not wanted); the state after the last step."""
    after = empty(run.state, on=run.engine)
    _FORWARD(run.engine, x=x, before=state, y=y, h=h, after=after, store_h=h is not None, **_numbers(run))
    return after


def backward(
    run: Any, slope: Slope, h: Tensor, gy: Tensor | None, gafter: Tensor | None, gx: Tensor
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Fills gx; the gradient of the first state, and sums for beta, if it learns."""
    gbefore, (gb, _) = empty(run.state, on=run.engine), run.sums()
    _BACKWARD(
        run.engine, h=h, gy=gy, gafter=gafter, gx=gx, gbefore=gbefore, gb=gb, has_gy=gy is not None,
        has_gafter=gafter is not None, store_b=gb is not None, kind=slope.code, alpha=slope.alpha, beta=slope.beta,
        **_numbers(run),
    )  # fmt: skip
    return gbefore, gb, None
