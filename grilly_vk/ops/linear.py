"""Dense products."""

from __future__ import annotations

from .. import arguments
from ..tensor import Tensor, empty
from .layout import width_of
from .steps import spans


def matmul(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weight.T + bias, summed over the inputs in order: the same bits in every batch.

    Args:
        x: (..., in).
        weight: (out, in).
        bias: (out,), or None for none.

    Returns:
        (..., out).

    Raises:
        ValueError: shapes that don't fit; the message names the argument.
    """
    arguments.shape("weight", weight.shape, ("out", "in"))
    outs, ins = weight.shape
    arguments.shape("x", x.shape, ("...", ins))
    if bias is not None:
        arguments.shape("bias", bias.shape, (outs,))
    y = empty((*x.shape[:-1], outs))
    rows = y.count // outs if outs else 0
    flat, out = x.reshape((rows, ins)) if rows else x, y.reshape((rows, outs))
    wide = width_of(ins, flat, weight)
    for start, stop in spans(y, rows, outs * ins // 8):
        count = stop - start
        tall = next(t for t in (8, 4, 2, 1) if count >= (64 if t == 8 else t))  # rows in registers
        band = 8 if count >= 32 * tall else 1
        tiles = -(-count // (tall * band)) * band
        y.engine.launch(
            "snn-matmul.vec4" if wide == 4 else "snn-matmul",
            tiles * -(-outs // 4),
            (("ROWS", tall), ("BAND", band), ("BIAS", int(bias is not None))),
            work=count * outs * ins // 8,
            x=flat._rows(start, stop),
            weight=weight,
            bias=bias,
            y=out._rows(start, stop),
            rows=count,
            ins=ins // wide,
            outs=outs,
        )
    return y
