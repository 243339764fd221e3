"""Recurrent layers over all steps: simple ones, LSTM and GRU.  Two dispatches per step, a product and the cell."""

from __future__ import annotations

from typing import Any

from ..autograd import grad_enabled, record
from ..runtime.kernel import Kernel
from ..tensor import Tensor, empty, full
from .matmul import _NN, _NT, _TN, product
from .reduce import reduce

KINDS = ("tanh", "relu", "lstm", "gru")  # in the order of shaders/rnn-cell.glsl
GATES = {"tanh": 1, "relu": 1, "lstm": 4, "gru": 3}

_CELL = Kernel("rnn-cell", over="rows n")
_GRAD = Kernel("rnn-cell-grad", over="rows n")


def recurrent(
    kind: str, x: Tensor, h: Tensor, c: Tensor | None, weight: Tensor, bias: Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """A layer over T steps; all arguments are checked by the caller.

    Args:
        kind: one of KINDS.
        x: the input's part of the gates, (T, B, gates * n), T at least 1.
        h: the state before the first step, (B, n).
        c: the cell before it, (B, n), for "lstm".
        weight: (gates * n, n), from the state to its part of the gates.
        bias: (gates * n,), added to that, or None.

    Returns:
        The states after each step (T, B, n), the last state (B, n), and the last cell or None.
    """
    steps, rows, wide = x.shape
    n, engine = h.shape[-1], x.engine
    inputs = [t for t in (x, h, c, weight, bias) if t is not None]
    wants = grad_enabled() and any(t.requires_grad for t in inputs)
    gated, code = kind in ("lstm", "gru"), KINDS.index(kind)
    states = empty((steps + 1, rows, n), on=engine)
    states._rows(0, 1)._alias((rows, n)).assign(h.detach())
    cells = None
    if c is not None:
        cells = empty((steps + 1 if wants else 2, rows, n), on=engine)
        cells._rows(0, 1)._alias((rows, n)).assign(c.detach())
    kept = empty((steps, rows, 4, n), on=engine) if wants and gated else None
    off = weight.detach()
    own_bias = None if bias is None else bias.detach()

    def cell(t: int) -> int:
        """Where the cell after t steps is: two places take turns if none is kept."""
        return t if wants else t % 2

    sizes: dict[str, Any] = {"rows": rows, "n": n, "work": 4 * rows * n, "KIND": code}
    for t in range(steps):
        before = states._rows(t, t + 1)
        own = product(_NT, before, off, 1, rows, wide, n, (0, 0), own_bias)
        _CELL(
            x=x._rows(t, t + 1), r=own,
            s=before if kind == "gru" else None if cells is None else cells._rows(cell(t), cell(t) + 1),
            y=states._rows(t + 1, t + 2),
            c=None if cells is None else cells._rows(cell(t + 1), cell(t + 1) + 1),
            kept=None if kept is None else kept._rows(t, t + 1), KEEP=kept is not None, **sizes,
        )  # fmt: skip
    y = states._rows(1, steps + 1)
    last = states._rows(steps, steps + 1)._alias((rows, n)).copy()
    last_cell = None if cells is None else cells._rows(cell(steps), cell(steps) + 1)._alias((rows, n)).copy()
    if not wants:
        return y, last, last_cell
    of_x, of_h, of_c, of_w = x.requires_grad, h.requires_grad, c is not None and c.requires_grad, weight.requires_grad
    of_bias = bias is not None and bias.requires_grad

    def backward(gy: Tensor | None, gh: Tensor | None, gc: Tensor | None = None) -> list[Tensor | None]:
        gx = empty((steps, rows, wide), on=engine)
        gr = empty((steps, rows, wide), on=engine) if kind == "gru" else gx
        carry = None
        if gated:
            carry = full((rows, n), 0.0, on=engine) if gc is None else gc.copy()
        for t in reversed(range(steps)):
            s = states if kind == "gru" else cells
            after = cells if kind == "lstm" else states if kind != "gru" else None
            _GRAD(
                kept=None if kept is None else kept._rows(t, t + 1), s=None if s is None else s._rows(t, t + 1),
                y=None if after is None else after._rows(t + 1, t + 2), gy=None if gy is None else gy._rows(t, t + 1),
                gh=gh, carry=carry, gx=gx._rows(t, t + 1), gr=gr._rows(t, t + 1) if kind == "gru" else None,
                HAS_GY=gy is not None, HAS_GH=gh is not None, **sizes,
            )  # fmt: skip
            if t or of_h:
                gh = product(_NN, gr._rows(t, t + 1), off, 1, rows, n, wide, (0, 0))._alias((rows, n))
        found: list[Tensor | None] = [gx if of_x else None]
        if of_h and kind == "gru":
            assert gh is not None and carry is not None
            gh = gh + carry
        found.append(gh if of_h else None)
        if c is not None:
            found.append(carry if of_c else None)
        gw = None
        if of_w:
            gw = product(_TN, gr, states._rows(0, steps), 1, wide, n, steps * rows, (0, 0))._alias(weight.shape)
        found.append(gw)
        if bias is not None:
            found.append(reduce("sum", gr._alias((steps * rows, wide)), (0,), False) if of_bias else None)
        return found

    outputs = [y, last] if last_cell is None else [y, last, last_cell]
    record(kind, inputs, outputs, backward, saved=[weight, y._alias()])
    return y, last, last_cell
