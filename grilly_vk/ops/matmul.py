"""Batched matrix products with gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .. import arguments
from ..autograd import record
from ..errors import shown
from ..runtime.host import HostCall
from ..runtime.kernel import Kernel
from ..tensor import FLOAT32, Tensor, empty, full
from ..typing import ArrayLike
from . import event_linear, matrix_product
from .elementwise import as_tensor, sum_to
from .layout import broadcast_shape, width_of
from .reduce import reduce
from .shape import basic_get, pad, repeated

_NN, _NT, _TN = 0, 1, 2  # FORM of shaders/include/product.glsl

_MATMUL = Kernel("matmul", over="", fours=None)
_HOST = HostCall("host-product")
_LANES = Kernel("matmul-lanes", over="")


def product(
    form: int,
    a: Tensor,
    b: Tensor,
    batch: int,
    m: int,
    n: int,
    k: int,
    steps: tuple[int, int],
    bias: Tensor | None = None,
    precision: str = "float32",
) -> Tensor:
    """(batch, m, n); `steps` are the elements between the batches of a and b, 0 to repeat.

    `bias` (n,) is added to every row.  Every sum is made in the order of k.
    """
    if precision == "float16":
        return matrix_product.product(form, a, b, batch, m, n, k, steps, bias)
    if k == 0 and bias is None:
        return full((batch, m, n), 0.0, on=a.engine)
    if a.engine.host_does(batch * m * n * k):
        return by_host(form, a, b, batch, m, n, k, steps, bias)
    last = {_NN: (k, n), _NT: (k, k), _TN: (m, n)}[form]
    wide = width_of(math.gcd(*last, *steps), a, b) == 4
    tuning = a.engine.tuning
    lanes = tuning.lanes and n >= tuning.lanes_columns and k > 0
    if lanes and not (wide and k % 4 == 0):
        if m * n * k >= tuning.lanes_padded:
            return _padded(form, a, b, batch, m, n, k, steps, bias)
        lanes = False
    out = empty((batch, m, n), FLOAT32, a.engine)
    sizes = {"batch": batch, "m": m, "n": n, "k": k, "a_batch": steps[0], "b_batch": steps[1]}
    more = {"a": a, "b": b, "bias": bias, "c": out, "work": max(1, batch * m * n * k // 8), "FORM": form}
    if lanes:
        rows, items = tuning.lane_tiles(m, n, batch)
        _LANES(items=items, ROWS=rows, BIAS=bias is not None, **more, **sizes)
        return out
    rows, band = (4, 1) if m < 64 else tuning.product_tiles[form]
    tiles = -(-m // (rows * band)) * band * -(-n // 4)
    _MATMUL(items=batch * tiles, vec4=wide, ROWS=rows, BAND=band, BIAS=bias is not None, **more, **sizes)
    return out


def by_host(
    form: int,
    a: Tensor,
    b: Tensor,
    batch: int,
    m: int,
    n: int,
    k: int,
    steps: tuple[int, int],
    bias: Tensor | None = None,
) -> Tensor:
    """The same by the host's BLAS, whose order of sums is its own; the device waits meanwhile.

    `bias` may also be a whole matrix (..., m, n), which is added to each product.
    """
    c = empty((batch, m, n), FLOAT32, a.engine)
    biased = 0 if bias is None else 1 if bias.ndim == 1 else 2
    _HOST(
        a.engine, a=a, b=b, bias=bias, c=c, form=form, biased=biased, batch=batch, m=m, n=n, k=k,
        a_batch=steps[0], b_batch=steps[1], work=batch * m * n * k // 64,
    )  # fmt: skip
    return c


def _padded(
    form: int, a: Tensor, b: Tensor, batch: int, m: int, n: int, k: int, steps: tuple[int, int], bias: Tensor | None
) -> Tensor:
    """The same with zeros up to multiples of four, where four elements a load repay the copies."""
    wide_m, wide_n, wide_k = (s + -s % 4 for s in (m, n, k))
    full_a, full_b = {
        _NN: ((m, wide_k), (wide_k, wide_n)),
        _NT: ((m, wide_k), (n, wide_k)),
        _TN: ((wide_k, wide_m), (wide_k, wide_n)),
    }[form]
    size_a, size_b = {_NN: ((m, k), (k, n)), _NT: ((m, k), (n, k)), _TN: ((k, m), (k, n))}[form]

    def widened(t: Tensor, step: int, size: tuple[int, int], wanted: tuple[int, int]) -> Tensor:
        stack = t.detach()._alias((batch if step else 1, *size))
        if size == wanted and width_of(stack.count, stack) == 4:
            return stack
        return pad(stack, [(0, w - s) for s, w in zip(size, wanted)])

    a, b = widened(a, steps[0], size_a, full_a), widened(b, steps[1], size_b, full_b)
    both = [math.prod(size) if step else 0 for step, size in zip(steps, (full_a, full_b))]
    rows, columns = wide_m if form == _TN else m, n if form == _NT else wide_n
    if bias is not None and columns != n:
        bias = pad(bias.detach(), [(0, columns - n)])
    out = product(form, a, b, batch, rows, columns, wide_k, (both[0], both[1]), bias)
    return out if (rows, columns) == (m, n) else basic_get(out, (slice(None), slice(0, m), slice(0, n)))


def matmul(x: ArrayLike, y: ArrayLike, *, precision: str = "float32") -> Tensor:
    """x @ y as numpy and PyTorch define it: vectors, matrices, and stacks of matrices with broadcasting.

    Args:
        x, y: float32, (..., m, k) and (..., k, n), or vectors (k,).
        precision: of the product and of those in its gradients: "float32" (default), or "float16", which takes matrix
            units: factors are rounded to float16 (11 bits, nothing beyond 65504), their products summed in float32.

    Raises:
        ValueError: inner sizes that differ, no axes, or another precision. TypeError: not float32.
        DeviceError: precision "float16" on a device without such matrix units; `python -m grilly_vk info` tells.
    """
    arguments.choice("precision", precision, matrix_product.PRECISIONS)
    a = as_tensor("x", x, y if isinstance(y, Tensor) else None)
    b = as_tensor("y", y, a)
    for name, t in (("x", a), ("y", b)):
        if t.dtype is not FLOAT32:
            raise TypeError(f"{name} must be float32, not {t.dtype}")
        if t.ndim == 0:
            raise ValueError(f"{name} has no axes; matmul needs at least one")
    if a.ndim == 1 or b.ndim == 1:  # a vector is a matrix with an axis that the result lacks
        left = a.reshape(1, -1) if a.ndim == 1 else a
        right = b.reshape(-1, 1) if b.ndim == 1 else b
        if left.shape[-1] != right.shape[-2]:
            raise ValueError(_mismatch(a, b, left, right))
        out = matmul(left, right, precision=precision)
        shape = out.shape[:-2] + (() if a.ndim == 1 else out.shape[-2:-1]) + (() if b.ndim == 1 else out.shape[-1:])
        return out.reshape(shape)
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(_mismatch(a, b, a, b))
    m, k, n = a.shape[-2], a.shape[-1], b.shape[-1]
    lead = broadcast_shape(a.shape[:-2], b.shape[:-2])
    batch = math.prod(lead)
    if b.ndim == 2 and batch != 1:  # one matrix for all: the batch is more rows
        out = matmul(a.reshape(batch * m, k), b, precision=precision)
        return out.reshape(*lead, m, n)
    full_a, a_step = _batched(a, lead, m * k)
    full_b, b_step = _batched(b, lead, k * n)
    out = product(_NN, full_a, full_b, batch, m, n, k, (a_step, b_step), precision=precision)._alias((*lead, m, n))

    shape_a, shape_b = a.shape, b.shape
    kept_a, kept_b = full_a if b.requires_grad else None, full_b if a.requires_grad else None

    def backward(g: Tensor) -> Sequence[Tensor | None]:
        ga = gb = None
        if kept_b is not None:  # g B^T
            ga = product(_NT, g, kept_b, batch, m, k, n, (m * n, b_step), precision=precision)
            ga = sum_to(ga._alias((*lead, m, k)), shape_a)
        if kept_a is not None:  # A^T g
            gb = product(_TN, kept_a, g, batch, k, n, m, (a_step, m * n), precision=precision)
            gb = sum_to(gb._alias((*lead, k, n)), shape_b)
        return ga, gb

    record("matmul", (a, b), (out,), backward, [t for t in (kept_a, kept_b) if t is not None])
    return out


def _mismatch(x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> str:
    return f"x has shape {x.shape} and y {y.shape}: {a.shape[-1]} columns meet {b.shape[-2]} rows"


def _batched(t: Tensor, lead: tuple[int, ...], step: int) -> tuple[Tensor, int]:
    """A stack of matrices over `lead`, and the elements between them: 0 where there is one matrix only."""
    if math.prod(t.shape[:-2]) == 1:
        return t.detach(), 0
    return repeated(t.detach(), (*lead, *t.shape[-2:])), step


def linear(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    event_driven: bool | event_linear.Ways = False,
    precision: str = "float32",
) -> Tensor:
    """x @ weight.T + bias.

    Args:
        x: (..., in). weight: (out, in). bias: (out,) or None.
        event_driven: True: skip the zeros of x, in the product and in the weight's gradient; False (default): dense
            products.  `nn.Linear` chooses by the density it measures.  Both sum the same products, so results agree
            to rounding; but where x is 0, skipping sees neither infinity nor NaN in weight or gradient, whose product
            with 0 is NaN.
        precision: of the dense products, also those in gradients: "float32" (default), or "float16", as in
            `grilly_vk.matmul`.

    Raises:
        ValueError: shapes that don't fit, another event_driven or precision, or "float16" with event_driven.
        DeviceError: precision "float16" on a device without such matrix units.
    """
    arguments.choice("precision", precision, matrix_product.PRECISIONS)
    if not isinstance(event_driven, (bool, event_linear.Ways)):
        raise ValueError(f"event_driven must be True or False, got {shown(event_driven)}")
    if event_driven and precision != "float32":
        raise ValueError(f"event_driven=True sums in float32, so precision must be 'float32', not {precision!r}")
    x = as_tensor("x", x, weight if isinstance(weight, Tensor) else None)
    weight = as_tensor("weight", weight, x)
    bias = None if bias is None else as_tensor("bias", bias, x)
    for name, t in (("x", x), ("weight", weight), ("bias", bias)):
        if t is not None and t.dtype is not FLOAT32:
            raise TypeError(f"{name} must be float32, not {t.dtype}")
    if weight.ndim != 2:
        raise ValueError(f"weight has shape {weight.shape}; expected (out, in)")
    outs, ins = weight.shape
    if x.ndim == 0 or x.shape[-1] != ins:
        raise ValueError(f"x has shape {x.shape}; expected (..., {ins}) for weight {weight.shape}")
    if bias is not None and bias.shape != (outs,):
        raise ValueError(f"bias has shape {bias.shape}; expected ({outs},)")
    rows = math.prod(x.shape[:-1])
    events = event_linear.ways(x, outs, event_driven)
    if events.forward:
        y = event_linear.forward(x, weight, bias)
    else:
        y = product(_NT, x, weight, 1, rows, outs, ins, (0, 0), bias, precision)
    y = y._alias((*x.shape[:-1], outs))
    shape_x, add_bias = x.shape, bias is not None and bias.requires_grad
    kept_x, kept_w = x if weight.requires_grad else None, weight if x.requires_grad else None

    def backward(g: Tensor) -> Sequence[Tensor | None]:
        gx = gw = gb = None
        if kept_w is not None:
            gx = product(_NN, g, kept_w, 1, rows, ins, outs, (0, 0), precision=precision)._alias(shape_x)
        if kept_x is not None and events.gradient:
            gw = event_linear.weight_gradient(g, kept_x, rows)
        elif kept_x is not None:
            gw = product(_TN, g, kept_x, 1, outs, ins, rows, (0, 0), precision=precision)._alias((outs, ins))
        if add_bias:
            gb = reduce("sum", g._alias((rows, outs)), (0,), keepdims=False)
        return (gx, gw) if bias is None else (gx, gw, gb)

    saved = [t for t in (kept_x, kept_w) if t is not None]
    record("linear", (x, weight) if bias is None else (x, weight, bias), (y,), backward, saved)
    return y
