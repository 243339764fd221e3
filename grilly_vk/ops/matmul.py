"""Batched matrix products with gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import record
from ..tensor import Tensor, empty
from .elementwise import as_tensor, binary, sum_to
from .layout import broadcast_shape
from .shape import broadcast_to

_NN, _NT, _TN = 0, 1, 2


def product(form: int, a: Tensor, b: Tensor, batch: int, m: int, n: int, k: int, steps: tuple[int, int]) -> Tensor:
    """One kernel call: (batch, m, n); `steps` are the elements between the batches of a and b, 0 to repeat."""
    out = empty((batch, m, n))
    last = {_NN: (k, n), _NT: (k, k), _TN: (m, n)}[form]
    wide = all(s % 4 == 0 for s in (*last, *steps)) and a.buffer.offset % 16 == b.buffer.offset % 16 == 0
    tiles = -(-m // 4) * -(-n // 4)
    if k == 0:
        out.engine.launch("fill", out.size, dst=out, n=out.size, bits=0)
        return out
    a.engine.launch(
        "matmul.vec4" if wide else "matmul",
        batch * tiles,
        (("FORM", form),),
        work=max(1, batch * m * n * k // 8),
        a=a,
        b=b,
        c=out,
        batch=batch,
        m=m,
        n=n,
        k=k,
        a_batch=steps[0],
        b_batch=steps[1],
    )
    return out


def matmul(x: Any, y: Any) -> Tensor:
    """x @ y as numpy and PyTorch define it: vectors, matrices, and stacks of matrices with broadcasting.

    Raises:
        ValueError: inner sizes that differ, or no axes. TypeError: not float32.
    """
    a, b = as_tensor("x", x), as_tensor("y", y)
    for name, t in (("x", a), ("y", b)):
        if t.dtype != np.float32:
            raise TypeError(f"{name} must be float32, not {t.dtype}")
        if t.ndim == 0:
            raise ValueError(f"{name} has no axes; matmul needs at least one")
    if a.ndim == 1:
        out = matmul(a.reshape(1, -1), b)
        return out.reshape(out.shape[:-2] + out.shape[-1:])
    if b.ndim == 1:
        return matmul(a, b.reshape(-1, 1)).reshape(broadcast_shape(a.shape[:-1], ()))
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f"x has shape {a.shape} and y {b.shape}: {a.shape[-1]} columns meet {b.shape[-2]} rows")
    m, k, n = a.shape[-2], a.shape[-1], b.shape[-1]
    lead = broadcast_shape(a.shape[:-2], b.shape[:-2])
    batch = math.prod(lead)
    if b.ndim == 2 and batch != 1:  # one matrix for all: the batch is more rows
        out = matmul(a.reshape(batch * m, k), b)
        return out.reshape(*lead, m, n)
    full_a, a_step = _batched(a, lead, m * k)
    full_b, b_step = _batched(b, lead, k * n)
    out = product(_NN, full_a, full_b, batch, m, n, k, (a_step, b_step)).view((*lead, m, n))

    def backward(g: Tensor) -> Sequence[Tensor | None]:
        ga = gb = None
        if a.requires_grad:  # g B^T
            ga = sum_to(product(_NT, g, full_b, batch, m, k, n, (m * n, b_step)).view((*lead, m, k)), a.shape)
        if b.requires_grad:  # A^T g
            gb = sum_to(product(_TN, full_a, g, batch, k, n, m, (a_step, m * n)).view((*lead, k, n)), b.shape)
        return ga, gb

    record("matmul", (a, b), (out,), backward)
    return out


def _batched(t: Tensor, lead: tuple[int, ...], step: int) -> tuple[Tensor, int]:
    """A stack of matrices over `lead`, and the elements between them: 0 where there is one matrix only."""
    if math.prod(t.shape[:-2]) == 1:
        return t.detach(), 0
    return broadcast_to(t.detach(), (*lead, *t.shape[-2:])), step


def linear(x: Any, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weight.T + bias.

    Args:
        x: (..., in). weight: (out, in). bias: (out,) or None.

    Raises:
        ValueError: shapes that don't fit.
    """
    x = as_tensor("x", x)
    if weight.ndim != 2 or x.ndim == 0 or x.shape[-1] != weight.shape[1]:
        raise ValueError(f"x has shape {x.shape}; expected (..., {weight.shape[-1]}) for weight {weight.shape}")
    outs, ins = weight.shape
    rows = x.size // ins if ins else math.prod(x.shape[:-1])
    y = product(_NT, x, weight, 1, rows, outs, ins, (0, 0)).view((*x.shape[:-1], outs))

    def backward(g: Tensor) -> Sequence[Tensor | None]:
        gx = gw = None
        if x.requires_grad:
            gx = product(_NN, g, weight, 1, rows, ins, outs, (0, 0)).view(x.shape)
        if weight.requires_grad:
            gw = product(_TN, g, x, 1, outs, ins, rows, (0, 0)).view(weight.shape)
        return gx, gw

    record("linear", (x, weight), (y,), backward)
    return y if bias is None else binary("add", y, bias)
