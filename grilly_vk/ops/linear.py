"""Dense products."""

from __future__ import annotations

from .. import arguments
from ..runtime.kernel import Kernel, spans
from ..tensor import Tensor, empty

_MATMUL = Kernel("snn-matmul", over="", fours="ins", cut="x y", steps="rows")


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
    y = empty((*x.shape[:-1], outs), on=x.engine)
    rows = y.count // outs if outs else 0
    flat, out = x.reshape((rows, ins)) if rows else x, y.reshape((rows, outs))
    for span in spans(y.engine, rows, outs * ins // 8):
        count = span.stop - span.start
        tall = next(t for t in (8, 4, 2, 1) if count >= (64 if t == 8 else t))  # rows in registers
        band = 8 if count >= 32 * tall else 1
        tiles = -(-count // (tall * band)) * band
        _MATMUL(
            x=flat, weight=weight, bias=bias, y=out, rows=span, ins=ins, outs=outs, items=tiles * -(-outs // 4),
            work=outs * ins // 8, ROWS=tall, BAND=band, BIAS=bias is not None,
        )  # fmt: skip
    return y
