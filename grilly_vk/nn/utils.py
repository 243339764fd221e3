"""Clipping of gradients, and parameters as one vector, on the device: nothing here waits for it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import arguments, families
from ..ops.exchange import assign_all
from ..ops.layout import width_of
from ..ops.shape import concatenate
from ..runtime.kernel import Kernel
from ..runtime.memory import Part
from ..tensor import Tensor, empty, full
from .module import Parameter

_BLOCK = 16 * 64  # elements that one workgroup of grad-norm sums
_NORM = Kernel("grad-norm", fours=None)
_CLIP = Kernel("grad-clip")


def _tensors(parameters: Any) -> list[Tensor]:
    given = arguments.listed("parameters", parameters)
    for i, p in enumerate(given):
        if not isinstance(p, Tensor):
            raise TypeError(f"parameters must hold tensors; number {i} is {families.described(p)}{families.instead(p)}")
    return given


def _runs(parameters: Any) -> tuple[list[Tensor], list[Tensor]]:
    """The gradients in runs that lie one after the other in memory, a dispatch each, and one by one."""
    given = [parameters] if isinstance(parameters, Tensor) else _tensors(parameters)
    runs: list[Tensor] = []
    gradients: list[Tensor] = []
    seen: set[int] = set()
    parent: Any = None  # an optimizer's memory, where the padding between gradients is zero
    start = stop = 0

    def close() -> None:
        nonlocal parent
        if parent is not None:
            whole = Part(parent, start - parent.offset, stop - start)
            runs.append(Tensor(whole, ((stop - start) // 4,), np.float32, gradients[0].engine))
        parent = None

    for p in given:
        g = p.grad
        if g is None or id(p) in seen or g.count == 0:
            continue
        seen.add(id(p))
        gradients.append(g)
        part = g.buffer
        home = p.home if isinstance(p, Parameter) else None
        if home is None or part is not home.buffer or not isinstance(part, Part):
            close()
            runs.append(g)
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
    endless = isinstance(max_norm, (float, np.floating)) and max_norm == math.inf
    limit = math.inf if endless else arguments.non_negative("max_norm", max_norm)
    unlimited = isinstance(norm_type, (float, np.floating, str)) and norm_type in (math.inf, "inf")
    power = 0.0 if unlimited else arguments.positive("norm_type", norm_type)
    arguments.flag("error_if_nonfinite", error_if_nonfinite)
    runs, gradients = _runs(parameters)
    if not runs:
        return full((), 0.0)
    engine = gradients[0].engine
    norm = 2 if power == 2 else 0 if power == 0 else 1
    wide = [width_of(r.size, r) for r in runs]
    blocks = [-(-r.size // (step * _BLOCK)) for r, step in zip(runs, wide)]
    total = sum(blocks)
    parts, found = empty((total,), on=engine), empty((2,), on=engine)
    shared = {"power": power, "limit": limit, "NORM": norm}
    first = 0
    for r, step, count in zip(runs, wide, blocks):
        _NORM(x=r, y=parts, n=r.size // step, first=first, vec4=step == 4, groups=min(count, 65535), **shared)
        first += count
    _NORM(x=parts, y=found, n=total, first=0, vec4=False, groups=1, STAGE=1, **shared)
    whole = Tensor(Part(found.buffer, 0, 4), (), np.float32, engine)
    if error_if_nonfinite and not math.isfinite(value := whole.item()):
        raise RuntimeError(f"the gradients' norm is {value}; no gradient was changed")
    factor = found._rows(1, 2)
    for r in runs:
        _CLIP(g=r, factor=factor, n=r.size, limit=0.0)
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
        _CLIP(g=r, factor=None, n=r.size, limit=limit, CLAMP=1)
    _changed(gradients)


def _changed(gradients: Iterable[Tensor]) -> None:
    for g in gradients:
        g.version += 1


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of the parameters, one after the other, (n,), on the tape.

    Raises:
        ValueError: no parameters.
    """
    return concatenate([p.reshape((p.count,)) for p in _tensors(parameters)])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Writes the elements of a vector into the parameters, in place, one after the other.

    After an error none has changed.

    Raises:
        ValueError: a vector of another size.
    """
    given = _tensors(parameters)
    vec = arguments.tensor("vec", vec)
    total = sum(p.count for p in given)
    if vec.shape != (total,):
        raise ValueError(f"vec has shape {vec.shape}; the parameters take {(total,)}")
    at = 0
    changes = []
    for p in given:
        changes.append((p.detach(), vec.detach()[at : at + p.count].reshape(p.shape)))
        at += p.count
    assign_all(changes)
