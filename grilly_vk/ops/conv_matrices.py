"""Convolutions on matrix units: images and weights are rounded to float16, the sums are float32.

Each is a product of matrices, one of which the kernel lays out tile by tile in its shared memory, from where taps meet
pixels: nothing is packed, and no matrix of patches is in memory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..runtime.kernel import Kernel
from ..runtime.matrices import CONVOLUTION
from ..tensor import Tensor, empty
from .reduce import reduce

_FORWARD, _BACK, _WEIGHTS = 0, 1, 2  # FORM
_WORKGROUPS = 256  # that a weight gradient is cut into, if its matrix has fewer tiles
_RUN = 1 << 14  # pixels that one of them adds up, if the parts do not take too much memory
_SCRATCH = 1 << 22  # numbers of all parts

_MATRICES = Kernel("conv-matrices", over="", team=True)

Sizes = Mapping[str, Any]  # batch, ins, outs (both of a group), h, width, oh, ow and what `_Plan.push` holds


def apply(x: Tensor, weight: Tensor, bias: Tensor | None, y: Tensor, sizes: Sizes, *, back: bool) -> None:
    """The convolution of x into y, or with `back` the gradient to its input from x, that of its result.

    Raises:
        DeviceError: the device has no matrix units.
    """
    rows, pixels, products = sizes["outs"], sizes["oh"] * sizes["ow"], sizes["sets"]
    depth = sizes["ins"] * _taps(sizes)
    if back:  # pixels with the same remainder by the stride meet the same taps
        steps, size = (sizes["stride_y"], sizes["stride_x"]), (sizes["h"], sizes["width"])
        rows, pixels = sizes["ins"], math.prod(-(-n // s) for n, s in zip(size, steps))
        products *= math.prod(min(n, s) for n, s in zip(size, steps))
        depth = max(1, sizes["outs"] * _taps(sizes) // math.prod(steps))
    _launch(_BACK if back else _FORWARD, weight, x, bias, y, (products, rows, sizes["batch"] * pixels, depth), sizes)


def weight_gradient(g: Tensor, x: Tensor, shape: tuple[int, ...], sizes: Sizes) -> Tensor:
    """Gradient to the weight of this shape, from that of the result and the input.

    Raises:
        DeviceError: the device has no matrix units.
    """
    on = x.engine
    rows, columns = sizes["outs"], sizes["ins"] * _taps(sizes)
    pixels, weights = sizes["batch"] * sizes["oh"] * sizes["ow"], math.prod(shape)
    tiles = sizes["sets"] * on.matrices.tile(on.tuning.matrix_tile, rows, columns, CONVOLUTION).tiles(rows, columns)
    parts = max(-(-_WORKGROUPS // tiles), -(-pixels // _RUN))
    share = -(-pixels // max(1, min(parts, _SCRATCH // weights, -(-pixels // 64))))
    parts = -(-pixels // share)
    sums = empty((parts, weights), on=on)
    products = parts * sizes["sets"]
    _launch(_WEIGHTS, g, x, None, sums, (products, rows, columns, share), sizes, parts, share)
    return (reduce("sum", sums, (0,), False) if parts > 1 else sums)._alias(shape)


def _taps(sizes: Sizes) -> int:
    return int(sizes["kh"] * sizes["kw"])


def _launch(
    form: int,
    a: Tensor,
    x: Tensor,
    bias: Tensor | None,
    y: Tensor,
    matrices: tuple[int, int, int, int],
    sizes: Sizes,
    parts: int = 1,
    share: int = 0,
) -> None:
    """Issues the kernel; `matrices` are products, and rows, columns and summands of each."""
    on = x.engine
    products, rows, columns, depth = matrices
    tile = on.matrices.tile(on.tuning.matrix_tile, rows, columns, CONVOLUTION)
    _MATRICES(
        items=products * tile.tiles(rows, columns), work=max(1, products * rows * columns * depth // 8), a=a, x=x,
        bias=bias, y=y, FORM=form, BIAS=bias is not None, parts=parts, share=share, **sizes, **tile._asdict(),
    )  # fmt: skip
