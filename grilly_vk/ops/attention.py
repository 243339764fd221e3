"""Spiking self-attention: (q k^T) v of all heads where they lie, in the cheaper order, and its gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..autograd import record
from ..runtime.host import HostCall
from ..runtime.kernel import Kernel
from ..tensor import Tensor, empty
from .layout import width_of
from .matmul import _NN, _NT, _TN

_PRODUCT = Kernel("snn-attention-product", over="", fours=None)
_LANES = Kernel("snn-attention-lanes", over="")
_HOST = HostCall("host-heads")


class _Heads:
    """Where heads lie in a tensor (sequences, tokens, width): from column `start` on, `size` columns each."""

    def __init__(self, tensor: Tensor, start: int, tokens: int, width: int, size: int) -> None:
        self.tensor, self.start = tensor, start
        self.row, self.batch, self.head = width, tokens * width, size

    def numbers(self, name: str) -> dict[str, int]:
        """As push constants."""
        values = {"from": self.start, "row": self.row, "batch": self.batch, "head": self.head}
        return {f"{name}_{what}": value for what, value in values.items()}


def _square(tensor: Tensor, heads: int, rows: int, columns: int) -> _Heads:
    """The same of a contiguous (sequences * heads, rows, columns)."""
    out = _Heads(tensor, 0, rows, columns, rows * columns)
    out.batch = heads * rows * columns
    return out


def _product(
    form: int, a: _Heads, b: _Heads, c: _Heads, heads: int, shape: tuple[int, int, int], scale: float, count: int
) -> None:
    """c (m, n) = scale * op(a) op(b), sums over k, for `count` heads in all; shape are (m, n, k)."""
    m, n, k = shape
    engine, tuning = a.tensor.engine, a.tensor.engine.tuning
    last = {_NN: (k, n), _NT: (k, k), _TN: (m, n)}[form]
    places = (*a.numbers("a").values(), *b.numbers("b").values())
    wide = width_of(math.gcd(*last, *places), a.tensor, b.tensor) == 4
    sizes: dict[str, Any] = {"batch": count, "heads": heads, "m": m, "n": n, "k": k, "scale": scale}
    sizes |= a.numbers("a") | b.numbers("b") | c.numbers("c")
    sizes |= {"a": a.tensor, "b": b.tensor, "c": c.tensor}
    products = count * m * n * k
    if engine.host_does(products, tuning.host_heads):
        _HOST(engine, form=form, work=products // 64, **sizes)
        return
    sizes |= {"work": max(1, products // 8), "FORM": form}
    aligned = wide and width_of(math.gcd(n, *c.numbers("c").values()), c.tensor) == 4
    if aligned and k % 4 == 0 and tuning.lanes and n >= tuning.lanes_heads:
        rows, items = tuning.lane_tiles(m, n, count)
        _LANES(items=items, ROWS=rows, **sizes)
        return
    rows = 4 if m < 64 else 8
    tiles = -(-m // rows) * -(-n // 4)
    _PRODUCT(items=count * tiles, vec4=wide, ROWS=rows, BAND=1, **sizes)


def attention(qkv: Tensor, heads: int, scale: float, first: str | None = None) -> Tensor:
    """(q k^T) v * scale for each head; all arguments are checked by the caller.

    Args:
        qkv: (..., N, 3 D), q beside k beside v, each of `heads` heads of D / heads channels.
        heads: divides D.
        scale: of the result.
        first: "qk": (q k^T) v, N * N numbers per head between; "kv": q (k^T v), (D / heads)**2 of them.  None: what is
            less work.  Of spikes both give the same bits: counts below 2**24 are exact.

    Returns:
        (..., N, D), the heads beside one another.

    Source: Zhou et al., "Spikformer", ICLR 2023, equation (15) without its node.
    """
    tokens, width = qkv.shape[-2:]
    d = width // 3
    size = d // heads
    count = math.prod(qkv.shape[:-2]) * heads
    kv = size <= tokens if first is None else first == "kv"
    out = empty((*qkv.shape[:-1], d), on=qkv.engine)
    middle = empty((count, *((size, size) if kv else (tokens, tokens))), on=qkv.engine)

    def parts(t: Tensor) -> list[_Heads]:
        return [_Heads(t, i * d, tokens, width, size) for i in range(3)]

    def product(form: int, a: _Heads, b: _Heads, c: _Heads, m: int, n: int, k: int, by: float = 1.0) -> None:
        _product(form, a, b, c, heads, (m, n, k), by, count)

    def between(t: Tensor) -> _Heads:
        return _square(t, heads, *t.shape[1:])

    q, k, v = parts(qkv.detach())
    result = _Heads(out, 0, tokens, d, size)
    if kv:
        product(_TN, k, v, between(middle), size, size, tokens)
        product(_NN, q, between(middle), result, tokens, size, size, scale)
    else:
        product(_NT, q, k, between(middle), tokens, tokens, size)
        product(_NN, between(middle), v, result, tokens, size, tokens, scale)

    def backward(g: Tensor) -> Sequence[Tensor | None]:
        gqkv, gmiddle = empty(qkv.shape, on=qkv.engine), empty(middle.shape, on=qkv.engine)
        gq, gk, gv = parts(gqkv)
        gy, mid, gmid = _Heads(g, 0, tokens, d, size), between(middle), between(gmiddle)
        if kv:
            product(_NT, gy, mid, gq, tokens, size, size, scale)
            product(_TN, q, gy, gmid, size, size, tokens, scale)
            product(_NT, v, gmid, gk, tokens, size, size)
            product(_NN, k, gmid, gv, tokens, size, size)
        else:
            product(_TN, mid, gy, gv, tokens, size, tokens, scale)
            product(_NT, gy, v, gmid, tokens, tokens, size, scale)
            product(_NN, gmid, k, gq, tokens, size, tokens)
            product(_TN, gmid, q, gk, tokens, size, tokens)
        return (gqkv,)

    record("spiking_attention", (qkv,), (out,), backward, (qkv,))
    return out
