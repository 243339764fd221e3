"""Products on matrix units: the factors are rounded to float16, the sums are float32."""

from __future__ import annotations

from ..runtime.kernel import Kernel
from ..tensor import FLOAT32, Tensor, empty

PRECISIONS = ("float32", "float16")

_MATRICES = Kernel("matmul-matrices", over="", team=True)


def product(
    form: int, a: Tensor, b: Tensor, batch: int, m: int, n: int, k: int, steps: tuple[int, int], bias: Tensor | None
) -> Tensor:
    """As `matmul.product`, on matrix units.

    Raises:
        DeviceError: the device has none.
    """
    on = a.engine
    tile = on.matrices.tile(on.tuning.matrix_tile, m, n)
    out = empty((batch, m, n), FLOAT32, on)
    _MATRICES(
        items=batch * tile.tiles(m, n), work=max(1, batch * m * n * k // 8), a=a, b=b, bias=bias, c=out, FORM=form,
        BIAS=bias is not None, batch=batch, m=m, n=n, k=k, a_batch=steps[0], b_batch=steps[1], **tile._asdict(),
    )  # fmt: skip
    return out
