"""Clipping of gradients, on the device: nothing here waits for it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import arguments
from ..runtime.memory import Buffer, Part
from ..tensor import Tensor, empty, full
from .module import Parameter

_BLOCK = 16 * 64  # elements that one workgroup of grad-norm sums


class _Run:
    """Gradients that lie one after the other in memory: one dispatch."""

    def __init__(self, buffer: Buffer | Part, n: int) -> None:
        self.buffer = buffer
        self.wide = 4 if n % 4 == 0 and buffer.offset % 16 == 0 else 1
        self.n = n // self.wide

    def kernel(self, name: str) -> str:
        return f"{name}.vec4" if self.wide == 4 else name


def _runs(parameters: Any) -> tuple[list[_Run], list[Tensor]]:
    """The gradients as runs, and one by one."""
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    for i, p in enumerate(given):
        if not isinstance(p, Tensor):
            raise TypeError(f"parameters must hold tensors; number {i} is {type(p).__name__}")
    runs: list[_Run] = []
    gradients = []
    seen: set[int] = set()
    parent: Any = None  # an optimizer's memory, where the padding between gradients is zero
    start = stop = 0

    def close() -> None:
        nonlocal parent
        if parent is not None:
            runs.append(_Run(Part(parent, start - parent.offset, stop - start), (stop - start) // 4))
        parent = None

    for p in given:
        g = p.grad
        if g is None or id(p) in seen or g.size == 0:
            continue
        seen.add(id(p))
        gradients.append(g)
        part = g.buffer
        home = p.home if isinstance(p, Parameter) else None
        if home is None or part is not home.buffer or not isinstance(part, Part):
            close()
            runs.append(_Run(part, g.size))
            continue
        if parent is not part.parent or stop != part.offset:
            close()
            parent, start = part.parent, part.offset
        stop = part.offset + (part.nbytes + 15) // 16 * 16
    close()
    return runs, gradients


def clip_grad_norm_(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scales all gradients by one factor, so that their norm, taken together, is at most max_norm.

    The factor is min(1, max_norm / (norm + 1e-6)), as in PyTorch.  The norm is summed in a fixed order on the device,
    and nothing is read back.  Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent neural networks",
    ICML 2013.

    Args:
        parameters: tensors; those without a gradient are passed over.
        max_norm: not negative; infinity only measures.
        norm_type: 2 (default), float("inf") for the largest absolute value, or another positive power.
        error_if_nonfinite: wait, and raise where the norm is NaN or infinity, before any gradient is changed.

    Returns:
        The norm before clipping, a Tensor of shape ().  If it is NaN, all gradients but zeros become NaN.

    Raises:
        TypeError, ValueError: parameters that are no tensors, a negative max_norm, a norm_type that is not positive.
        RuntimeError: a norm that is not finite, if error_if_nonfinite.
    """
    limit = math.inf if max_norm == math.inf else arguments.non_negative("max_norm", max_norm)
    power = 0.0 if norm_type in (math.inf, "inf") else arguments.positive("norm_type", norm_type)
    runs, gradients = _runs(parameters)
    if not runs:
        return full((), 0.0)
    engine = gradients[0].engine
    norm = 2 if power == 2 else 0 if power == 0 else 1
    blocks = [-(-r.n // _BLOCK) for r in runs]
    total = sum(blocks)
    parts, found = empty((total,)), empty((2,))
    first = 0
    for r, count in zip(runs, blocks):
        engine.launch(
            r.kernel("grad-norm"),
            r.n,
            (("NORM", norm),),
            groups=min(count, 65535),
            work=r.n,
            x=r,
            y=parts,
            n=r.n,
            first=first,
            power=power,
            limit=limit,
        )
        first += count
    stage = (("STAGE", 1), ("NORM", norm))
    engine.launch("grad-norm", 64, stage, groups=1, x=parts, y=found, n=total, first=0, power=power, limit=limit)
    whole = Tensor(Part(found.buffer, 0, 4), (), np.float32, engine)
    if error_if_nonfinite and not math.isfinite(value := whole.item()):
        raise RuntimeError(f"the gradients' norm is {value}; no gradient was changed")
    factor = found.rows(1, 2)
    for r in runs:
        engine.launch(r.kernel("grad-clip"), r.n, g=r, factor=factor, n=r.n, limit=0.0)
    _changed(gradients)
    return whole


def clip_grad_value_(parameters: Any, clip_value: float) -> None:
    """Keeps every element of the gradients within +-clip_value; NaN stays NaN.

    Args:
        parameters: tensors; those without a gradient are passed over.
        clip_value: not negative.

    Raises:
        TypeError, ValueError: parameters that are no tensors, a negative clip_value.
    """
    limit = arguments.non_negative("clip_value", clip_value)
    runs, gradients = _runs(parameters)
    for r in runs:
        gradients[0].engine.launch(r.kernel("grad-clip"), r.n, (("CLAMP", 1),), g=r, factor=None, n=r.n, limit=limit)
    _changed(gradients)


def _changed(gradients: Iterable[Tensor]) -> None:
    for g in gradients:
        g.version += 1
