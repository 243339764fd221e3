"""Whether operations are recorded for gradients, in each thread, and what switches it on and off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ContextDecorator
from typing import Any

from .runtime.leaving import leaving
from .values import flag


class _Tape(threading.local):
    enabled = True
    observer: Callable[[Any, Sequence[Any]], None] | None = None  # sees each node recorded here, and its inputs


tape = _Tape()


def grad_enabled() -> bool:
    """Whether operations are recorded in this thread."""
    return tape.enabled


class _Recording(ContextDecorator):
    """Switches recording in this thread, for a block or for the calls of a function."""

    _on = False

    def __init__(self) -> None:
        self._before: tuple[bool, Any] | None = None  # what was on before, and the same of an outer block
        self.left = 0

    def __enter__(self) -> None:
        self._before = tape.enabled, self._before
        tape.enabled = self._on

    @leaving
    def __exit__(self, *error: object) -> None:
        self.left += 1
        assert self._before is not None
        tape.enabled, self._before = self._before

    def _recreate_cm(self) -> _Recording:
        return type(self)()  # calls of a decorated function may overlap, in threads and in each other


class no_grad(_Recording):
    """``with no_grad():`` or ``@no_grad()``: nothing inside is recorded in this thread."""


class enable_grad(_Recording):
    """``with enable_grad():`` or ``@enable_grad()``: records again inside a `no_grad` block."""

    _on = True


class set_grad_enabled(_Recording):
    """Turns recording on or off in this thread: at once, for a `with` block, or for a function that it decorates.

    Args:
        mode: whether to record.

    Raises:
        TypeError: no bool.
    """

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self._on = flag("mode", mode)
        self._before = grad_enabled(), None
        tape.enabled = self._on

    def __enter__(self) -> None:
        pass

    def __call__(self, function: Callable[..., Any]) -> Any:
        tape.enabled = grad_enabled() if self._before is None else self._before[0]  # not at once, then
        return super().__call__(function)

    def _recreate_cm(self) -> set_grad_enabled:
        return type(self)(self._on)


inference_mode = no_grad
is_grad_enabled = grad_enabled
