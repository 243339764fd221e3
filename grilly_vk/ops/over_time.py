"""Launching kernels that walk over time: one dispatch for all steps (more only when it would take seconds)."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from .layout import width_of
from .steps import spans


def over_time(
    kernel: str,
    steps: int,
    n: int,
    specs: tuple[tuple[str, float], ...] = (),
    *,
    sliced: dict[str, Tensor],
    whole: dict[str, Tensor | None],
    quantum: int = 1,
    **push: float,
) -> None:
    """Issues a kernel with a four-element variant over `steps` steps of n elements.

    Args:
        kernel: name of the shader; its push constants n, steps and start (first step of the piece) are filled in.
        steps: T.
        n: elements of one step.
        specs: specialization constants.
        sliced: tensors (T, ...) by binding; the kernel sees the steps of its piece.
        whole: state, inputs and results without a time axis.
        quantum: pieces start at multiples of it.
        push: the other push constants.
    """
    wide = width_of(n, *sliced.values(), *whole.values())
    some = next(iter(sliced.values()))
    for first, last in spans(some, -(-steps // quantum), n * quantum):
        start, stop = first * quantum, min(last * quantum, steps)
        arguments: dict[str, Any] = {name: tensor._rows(start, stop) for name, tensor in sliced.items()}
        some.engine.launch(
            f"{kernel}.vec4" if wide == 4 else kernel,
            n // wide,
            specs,
            work=(stop - start) * n,
            **(arguments | whole | push),
            n=n // wide,
            start=start,
            steps=stop - start,
        )
