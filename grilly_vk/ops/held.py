"""Runs (T, ...) that are the same at every step, so that what needs no time computes one step of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd import record
from ..runtime.recording import leaves, recording
from ..tensor import Tensor
from .copying import repeat
from .elementwise import sum_to


class Held(Tensor):
    """`step` (...) at each of T steps; its own values are written when something reads all of them.

    Args:
        step: one step, which nobody else changes where `written` is None.
        steps: T, at least 2.
        written: the memory of all steps, where they have been written.
    """

    __slots__ = ("_clean", "_once", "_recorded", "_step", "_version", "_written")

    def __init__(self, step: Tensor, steps: int, written: Any = None) -> None:
        self._written = step.buffer if written is None else written
        super().__init__(step.buffer, step.shape, step.dtype, step.engine)
        self.shape, self.count = (steps, *step.shape), steps * step.count
        self.is_spikes = step.is_spikes
        self._step, self._version, self._written = step, step.version, written
        self._clean = 0 if written is None else written.version[0]
        self._recorded = written is None and leaves(self._write)
        self._once = False  # whether one step was computed with in place of all

    @property
    def buffer(self) -> Any:
        """The memory of all steps."""
        if self._written is None:
            if recording(self.engine) and not self._recorded:  # a replay must not write it again
                with self.engine.lock, self.engine.outside_capture():
                    self._write()
            else:
                self._write()
        return self._written

    @buffer.setter
    def buffer(self, value: Any) -> None:
        pass  # of Tensor's constructor, which gets that of one step

    def _write(self) -> None:
        if self._written is not None:
            return
        step = self._step
        if step.version != self._version:
            raise RuntimeError(
                f"a result of shape {step.shape}, which stands for {self.shape[0]} equal steps, was changed in place "
                "before they were written out; change a clone() of it"
            )
        self._written = repeat(step._alias((1, *step.shape)), self.shape).buffer
        self._clean = self._written.version[0]

    @property
    def written(self) -> bool:
        """Whether all steps are in memory."""
        return self._written is not None

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Callable[[], None]:
        """As of any tensor; before it is used.

        Raises:
            RuntimeError: besides, a layer took it as one step: the gradients of the others are never made.
        """
        if self._once:
            raise RuntimeError(
                f"this tensor of shape {self.shape} is the same at all steps, and a layer has computed one of them; "
                "register hooks before it is used"
            )
        return super().register_hook(hook)


def step_of(x: Tensor) -> Tensor | None:
    """The one step (...) that x (T, ...) is known to be at all times, with its place on the tape; else None."""
    if type(x) is not Held or x._step.version != x._version:
        return None
    if x._written is not None and x._written.version[0] != x._clean:
        return None  # changed in place
    if x.requires_grad and (x.node is None or (x.node[0].hooks or {}).get(x.node[1])):
        return None  # its own gradient is asked for
    x._once = True
    return x._step


def held(step: Tensor, steps: int, *, share: bool = True) -> Tensor:
    """`step` at each of `steps` steps; its gradient is the sum over them.

    Args:
        share: nobody else changes it, so that nothing need be written yet.
    """
    out = Held(step, steps)
    if not share:
        out._write()
    shape = step.shape
    record("held", (step,), (out,), lambda g: sum_to(g, (1, *shape))._alias(shape), ())
    return out


def marked(y: Tensor, step: Tensor) -> Tensor:
    """y (T, ...), which was filled with `step`, and is known for it; but on the tape, where its gradient counts, y.

    Args:
        step: (...) or (1, ...); of any other shape y is nothing but filled.
    """
    rest = y.shape[1:]
    if y.ndim < 2 or y.shape[0] < 2 or y.requires_grad or step.shape not in (rest, (1, *rest)):
        return y
    return Held(step._alias(rest), y.shape[0], y.buffer)
