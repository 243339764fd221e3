"""Products with sparse spikes: only the rows of the other factor that a spike selects are read.

Groups of eight rows share one list of the inputs at which any of them is active, with a bit for each row, so a row
of weights is read once for all eight.  A list costs nothing where its group is silent; where everything fires, it
costs what a dense product in tiles of eight rows does.  The kernels find the density themselves: nothing is read
back, the same input gives the same bits whatever ran before, and recorded graphs stay right for every input.
"""

from __future__ import annotations

import math
from typing import Any, Literal

from ..tensor import UINT32, Tensor, empty
from .shape import transpose

EventDriven = Literal["auto"] | bool
_ROWS, _CHUNK = 8, 512  # as in shaders/include/events.glsl
_LEAST_ROWS, _LEAST_OUTS = 64, 32  # below, making the lists costs more than the product (lavapipe)


def checked(event_driven: Any) -> EventDriven:
    """The argument, if it is one.

    Raises:
        ValueError: neither "auto" nor a bool.
    """
    if event_driven is True or event_driven is False or event_driven == "auto":
        return event_driven
    raise ValueError(f'event_driven must be "auto", True or False, got {event_driven!r}')


def pays(x: Tensor, outs: int, event_driven: EventDriven) -> bool:
    """Whether x @ weight.T goes by events: what the user said, or on "auto" where it is faster as far as known.

    A CPU gains at every density, since what limits its dense kernels is loads.  On GPUs dense tiles read each weight
    for many rows at once and lists for eight at most; nobody has measured them there, so "auto" stays dense.
    """
    if event_driven != "auto":
        return event_driven
    rows = math.prod(x.shape[:-1])
    return x.is_spikes and x.engine.info.type == "cpu" and rows >= _LEAST_ROWS and outs >= _LEAST_OUTS


def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x @ weight.T + bias as (rows, outs), for x (..., ins) of any values, fast where most are 0."""
    outs, ins = weight.shape
    rows = math.prod(x.shape[:-1])
    # Neighbours in time fire alike, so a group is eight steps of one sample where the first axis may be time.
    inner = max(1, rows // x.shape[0]) if x.ndim > 2 and x.shape[0] >= _ROWS else 1
    y = empty((rows, outs), on=x.engine)
    _product(x, _transposed(weight.detach()), bias, y, rows, ins, outs, inner, (ins, 1), (outs, 1))
    return y


def weight_gradient(g: Tensor, x: Tensor, rows: int) -> Tensor:
    """g^T x as (outs, ins), g (..., outs): the sum over rows, in their order, of g's rows where the input is active."""
    outs, ins = g.shape[-1], x.shape[-1]
    y = empty((outs, ins), on=x.engine)
    _product(x, g, None, y, ins, rows, outs, 1, (1, ins), (1, ins))
    return y


def _transposed(x: Tensor) -> Tensor:
    rows, columns = x.shape
    if rows % 4 or columns % 4 or x.buffer.offset % 16:
        return transpose(x)
    y = empty((columns, rows), on=x.engine)
    x.engine.launch("snn-event-transpose", x.size // 16, work=x.size, x=x, y=y, rows4=rows // 4, columns4=columns // 4)
    return y


def _product(
    s: Tensor,
    d: Tensor,
    bias: Tensor | None,
    y: Tensor,
    rows: int,
    steps: int,
    n: int,
    inner: int,
    s_strides: tuple[int, int],
    y_strides: tuple[int, int],
) -> None:
    """y = S D + bias: S (rows, steps) and y (rows, n) lie in memory with these strides; D is (steps, n).

    `inner`: rows of a group are so far apart; it divides `rows`.
    """
    tiles = -(-(rows // inner) // _ROWS) * inner
    chunks = -(-steps // _CHUNK)
    lists = empty((tiles, chunks, _CHUNK), UINT32, s.engine)
    counts = empty((tiles, chunks), UINT32, s.engine)
    sizes: dict[str, Any] = {"tiles": tiles, "chunks": chunks, "inner": inner, "rows": rows}
    sizes |= {"row_stride": s_strides[0], "step_stride": s_strides[1]}
    s.engine.launch(
        "snn-event-list", tiles * chunks, work=rows * steps, s=s, list=lists, count=counts, steps=steps, **sizes
    )
    vec = 4 if n % 4 == 0 and all(t is None or t.buffer.offset % 16 == 0 for t in (d, bias)) else 1
    wide = (4 if vec == 4 else 8) if s.engine.info.type == "cpu" else 1
    s.engine.launch(
        "snn-event-product.vec4" if vec == 4 else "snn-event-product",
        tiles * -(-n // (vec * wide)),
        (("WIDE", wide), ("BIAS", int(bias is not None))),
        work=max(1, rows * n * steps // 16),
        s=s,
        list=lists,
        count=counts,
        d=d,
        bias=bias,
        y=y,
        n=n // vec,
        y_row_stride=y_strides[0],
        y_column_stride=y_strides[1],
        **sizes,
    )
