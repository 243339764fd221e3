"""Spiking nodes of the models "if" and "lif" by passes of the host, on CPU devices."""

from __future__ import annotations

from typing import Any

from ..runtime.host import HostCall
from ..runtime.kernel import Span
from ..tensor import Tensor
from .surrogate import Slope

_FORWARD = HostCall("host-node")
_BACKWARD = HostCall("host-node-grad")
# Surrogates with an exponential are left to the kernel, whose exponential is the driver's.
SLOPES = {
    "atan", "fast_sigmoid", "super_spike", "scaled", "piecewise_quadratic", "rect", "boxcar", "triangular",
}  # fmt: skip


def takes(run: Any) -> bool:
    """Whether the host takes a run of nodes (`nodes._Run`), and its way back with one of SLOPES.

    Each of both has the kernel's bits.
    """
    if run.dynamics.model not in ("if", "lif") or run.learn or run.held or run.each is not None:
        return False
    return bool(run.engine.host_streams(run.n * run.steps))


def _numbers(run: Any, span: Span) -> dict[str, Any]:
    d = run.dynamics
    return {
        "n": run.n, "steps": span.stop - span.start, "leaks": d.model == "lif", "decay_input": d.decay_input,
        "hard": d.v_reset is not None, "strict": d.strict, "work": run.n * (span.stop - span.start),
        **{name: run.numbers[name] for name in ("k", "threshold", "reset")},
    }  # fmt: skip


def _part(t: Tensor | None, run: Any, span: Span) -> Tensor | None:
    """Some of the steps of a tensor of all."""
    return None if t is None else t.detach()._alias((run.steps, *run.state))._rows(span.start, span.stop)


def forward(
    run: Any, span: Span, x: Tensor, v0: Tensor | None, s: Tensor | None, h: Tensor | None, v: Tensor,
    lines: dict[str, Any], norm: int,
) -> None:  # fmt: skip
    """Steps of a span, from v0 (None: the run's number) to v; `lines` and `norm` are as the kernel takes them."""
    _FORWARD(
        run.engine, x=_part(x, run, span), v0=v0, s=_part(s, run, span), h=_part(h, run, span), v=v, norm=norm,
        scaled=lines["scale"] is not None, given=v0 is not None, store_s=s is not None, store_h=h is not None,
        rest=run.numbers["rest"], v_init=run.numbers["v_init"], **lines, **_numbers(run, span),
    )  # fmt: skip


def backward(
    run: Any, span: Span, slope: Slope, h: Tensor, gs: Tensor | None, gend: Tensor | None, gx: Tensor, gv: Tensor
) -> None:
    """From the gradients of the spikes and of the last potential to those of the input and of the first one."""
    _BACKWARD(
        run.engine, h=_part(h, run, span), gs=_part(gs, run, span), gend=gend, gx=_part(gx, run, span), gv=gv,
        has_gs=gs is not None, has_gend=gend is not None, detach=run.dynamics.detach_reset, kind=slope.code,
        alpha=slope.alpha, beta=slope.beta, **_numbers(run, span),
    )  # fmt: skip
