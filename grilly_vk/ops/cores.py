"""Recurrent cores with functional state: T steps in one dispatch, and backpropagation through time in another."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..autograd import grad_enabled, record
from ..runtime.kernel import Kernel
from ..tensor import Tensor, empty
from . import host_cores
from . import stepped_cores as stepped
from .core_run import BACKWARD, FORWARD, CoreDynamics, CoreRun
from .elementwise import add
from .matmul import _TN, product
from .shape import clone, permute
from .surrogate import Slope

_RECURRENT = Kernel("snn-recurrent-forward", fours=None, cut="x y h u")
_RECURRENT_BACKWARD = Kernel("snn-recurrent-backward", fours=None, cut="h u d gy gx")


def unroll(
    x: Tensor,
    state: Tensor,
    dynamics: CoreDynamics,
    slope: Slope | None,
    *,
    b: Tensor | None = None,
    c: Tensor | None = None,
    w: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Runs a layer of cores; all arguments are checked by the caller.

    Args:
        x: input (T, ..., *hidden_shape).
        state: before the first step, (..., *hidden_shape), the last axis twice as long for models of TWO_STATES.
        dynamics, slope: the core and its surrogate gradient; None for "li", which does not spike.
        b: beta, one per unit in any shape, or of shape () for all; None for "if".
        c: gamma of "alif", alpha of "cuba", likewise.
        w: recurrent weights (units, units), from and to.

    Returns:
        The outputs of x's shape, and the state after the last step; without steps, the state that came.
    """
    y = empty(x.shape, on=x.engine)
    if x.shape[0] == 0:
        return y, clone(state)
    run = CoreRun(x, state, dynamics, b, c, w)
    inputs = [t for t in (x, state, b, c, w) if t is not None]
    wants = grad_enabled() and any(t.requires_grad for t in inputs)
    h, u = run.kept() if wants else (None, None)
    after = _forward(run, x, state, y, h, u)
    y.is_spikes = run.model.fires
    if wants:
        held = y._alias() if run.learns_w else None  # a result must not be held by its own node
        needed = [t for t in (b, c, w, held) if t is not None]
        record(f"{dynamics.model}_core", inputs, (y, after), _backward(run, slope, h, u, held), needed)
    return y, after


def _forward(run: CoreRun, x: Tensor, state: Tensor, y: Tensor, h: Tensor | None, u: Tensor | None) -> Tensor:
    """Steps through x, filling y and what is asked for; the state after the last step."""
    if host_cores.takes(run):
        return host_cores.forward(run, x.detach(), state.detach(), y, h, u)
    if run.stepped:
        return stepped.forward(run, x, state.detach(), y, h, u)
    kernel = FORWARD
    more: dict[str, Any] = {}
    if run.w is not None:
        kernel, more = _RECURRENT, {"w": run.w}
    specs = (("STORE_H", int(h is not None)), ("STORE_U", int(u is not None)))
    before = state.detach()
    for span in run.pieces:
        after = empty(run.state, on=run.engine)
        run.launch(kernel, span, specs, x=x, before=before, y=y, h=h, u=u, after=after, **more)
        before = after
    return before


def _backward(
    run: CoreRun, slope: Slope | None, h: Tensor | None, u: Tensor | None, y: Tensor | None
) -> Callable[..., Sequence[Tensor | None]]:
    """The gradient rule: gradients of (outputs, state after) to those of (x, state, [b], [c], [w])."""

    def backward(gy: Tensor | None, gafter: Tensor | None) -> Sequence[Tensor | None]:
        kernel, given = BACKWARD, None
        more: dict[str, Any] = {}
        if run.w is not None and not run.stepped:
            kernel, more = _RECURRENT_BACKWARD, {"w": permute(run.w, (1, 0))}
        if run.stepped:
            kernel = BACKWARD if run.hosted else stepped.BACKWARD
        if slope is not None and slope.text:
            kernel = kernel.with_text("SURROGATE_TEXT", slope.text, name="derivative")
        if slope is not None and slope.given is not None:
            assert h is not None
            distance = h - run.dynamics.threshold
            given = slope.given(distance - u if run.model.moves else distance)
        found = slope or Slope("atan")
        gx, totals, pieces = run.room(), [], () if run.stepped else reversed(run.pieces)
        if host_cores.takes(run, found):
            pieces = ()
            gafter, gb, gc = host_cores.backward(run, found, h, u, gy, gafter, gx)
            totals.append(run.totals(gb, gc))
        elif run.stepped:
            gafter, gb, gc = stepped.backward(run, kernel, found, h=h, u=u, d=given, gy=gy, gafter=gafter, gx=gx)
            totals.append(run.totals(gb, gc))
        for span in pieces:
            gend, gafter = gafter, empty(run.state, on=run.engine)
            gb, gc = run.sums()
            specs = run.backward_specs(found, gy, gend, h, u)
            run.launch(
                kernel, span, specs, h=h, u=u, d=given, gy=gy, gafter=gend, gx=gx, gbefore=gafter,
                gb=gb, gc=gc, more=0, alpha=found.alpha, beta=found.beta, **more,
            )  # fmt: skip
            totals.append(run.totals(gb, gc))
        grads: list[Tensor | None] = [gx, gafter]
        for constant, parts in zip((run.b, run.c), zip(*totals)):
            if constant is not None:
                grads.append(None if parts[0] is None else functools.reduce(add, parts))
        if run.w is not None:
            grads.append(None)
            if y is not None:
                k, rows = run.dynamics.units, run.steps * run.rows
                grads[-1] = product(_TN, y, gx, 1, k, k, rows, (0, 0))._alias((k, k))
        return grads

    return backward
