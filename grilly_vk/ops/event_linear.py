"""Products with sparse spikes: only the rows of the other factor that a spike selects are read.

Groups of eight rows share one list of the inputs at which any of them is active, with a bit for each row, so a row
of weights is read once for all eight.  A list costs nothing where its group is silent; where everything fires, it
costs more than a dense product.  The kernels list the events themselves, so recorded graphs stay right for every input.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

from ..errors import shown
from ..runtime.kernel import Kernel
from ..tensor import UINT32, Tensor, empty
from .shape import transpose

EventDriven = Literal["auto"] | bool
_ROWS, _CHUNK = 8, 512  # as in shaders/include/events.glsl

_TRANSPOSE = Kernel("snn-event-transpose", over="rows4 columns4")
_LIST = Kernel("snn-event-list", over="tiles chunks")
_PRODUCT = Kernel("snn-event-product", over=lambda given: given["tiles"] * -(-given["n"] // given["WIDE"]))


def checked(event_driven: Any) -> EventDriven:
    """The argument, if it is one.

    Raises:
        ValueError: neither "auto" nor a bool.
    """
    if event_driven is True or event_driven is False:
        return event_driven
    if isinstance(event_driven, str) and event_driven == "auto":
        return "auto"
    raise ValueError(f'event_driven must be "auto", True or False, got {shown(event_driven)}')


class Shares(NamedTuple):
    """How much of the dense work the lists hold: of the product, and of the weight's gradient."""

    forward: float
    gradient: float


class Ways(NamedTuple):
    """Which of the two products go by events."""

    forward: bool
    gradient: bool


def may_pay(x: Tensor, outs: int) -> bool:
    """Whether events could be faster than dense products for x @ weight.T, depending on x's density.

    On GPUs dense tiles read each weight for many rows at once and lists for eight at most; nobody has measured them
    there, so "auto" stays dense.
    """
    tuning, rows = x.engine.tuning, math.prod(x.shape[:-1])
    return x.is_spikes and tuning.event_driven and rows >= tuning.event_rows and outs >= tuning.event_outs


def measured(x: Tensor, outs: int) -> Ways:
    """Which way is faster at the density of x (..., ins) for a product with so many results; waits for the device."""
    shares, tuning = shares_of(x), x.engine.tuning
    if x.engine.host_does(x.count * outs):
        return Ways(shares.forward < tuning.event_host, shares.gradient < tuning.event_host)
    return Ways(shares.forward < tuning.event_forward, shares.gradient < tuning.event_gradient)


def shares_of(x: Tensor) -> Shares:
    """The length of the lists that x makes, as a share of the longest possible; waits for the device."""
    ins, rows = x.shape[-1], math.prod(x.shape[:-1])
    found = []
    for lines, steps, inner, strides in ((rows, ins, _inner(x, rows), (ins, 1)), (ins, rows, 1, (1, ins))):
        _, counts, _ = _lists(x.detach(), lines, steps, inner, strides)
        found.append(4.0 * float((counts.numpy() & 0x7FFFFFFF).mean()) * counts.shape[1] / steps)
    return Shares(*found)


def ways(x: Tensor, outs: int, event_driven: EventDriven | Ways) -> Ways:
    """What the user said; on "auto", without a measured density, dense products."""
    if isinstance(event_driven, Ways):
        return event_driven
    return Ways(event_driven is True, event_driven is True)


def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x @ weight.T + bias as (rows, outs), for x (..., ins) of any values, fast where most are 0."""
    outs, ins = weight.shape
    rows = math.prod(x.shape[:-1])
    y = empty((rows, outs), on=x.engine)
    _product(x, _transposed(weight.detach()), bias, y, rows, ins, outs, _inner(x, rows), (ins, 1), (outs, 1))
    return y


def _inner(x: Tensor, rows: int) -> int:
    """Neighbours in time fire alike, so a group is eight steps of one sample where the first axis may be time."""
    return max(1, rows // x.shape[0]) if x.ndim > 2 and x.shape[0] >= _ROWS else 1


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
    _TRANSPOSE(x=x, y=y, rows4=rows // 4, columns4=columns // 4, work=x.count)
    return y


def _lists(
    s: Tensor, rows: int, steps: int, inner: int, strides: tuple[int, int]
) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """The lists of S (rows, steps), their lengths in fours, and the sizes that the product needs too."""
    tiles = -(-(rows // inner) // _ROWS) * inner
    chunks = -(-steps // _CHUNK)
    lists = empty((tiles, chunks, _CHUNK), UINT32, s.engine)
    counts = empty((tiles, chunks), UINT32, s.engine)
    sizes: dict[str, Any] = {"tiles": tiles, "chunks": chunks, "inner": inner, "rows": rows}
    sizes |= {"row_stride": strides[0], "step_stride": strides[1]}
    _LIST(s=s, list=lists, count=counts, steps=steps, work=rows * steps, **sizes)
    return lists, counts, sizes


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
    lists, counts, sizes = _lists(s, rows, steps, inner, s_strides)
    wide = s.engine.tuning.event_columns[n % 4 == 0]
    _PRODUCT(
        s=s, list=lists, count=counts, d=d, bias=bias, y=y, n=n, y_row_stride=y_strides[0],
        y_column_stride=y_strides[1], work=max(1, rows * n * steps // 16), WIDE=wide, BIAS=bias is not None, **sizes,
    )  # fmt: skip
