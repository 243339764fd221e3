"""Switching the recording of gradients on and off by a value, as PyTorch names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import arguments, autograd
from .autograd import grad_enabled, no_grad


class set_grad_enabled(autograd._Recording):
    """Records operations or not, in this thread: at once, and for a block or a function where it is used so.

    Args:
        mode: whether to record.

    Raises:
        TypeError: no bool.
    """

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self._on = arguments.flag("mode", mode)
        self._before = grad_enabled(), None
        autograd._mode.enabled = self._on

    def __enter__(self) -> None:
        pass

    def __call__(self, function: Callable[..., Any]) -> Any:
        autograd._mode.enabled = grad_enabled() if self._before is None else self._before[0]  # not at once, then
        return super().__call__(function)

    def _recreate_cm(self) -> set_grad_enabled:
        return type(self)(self._on)


inference_mode = no_grad
is_grad_enabled = grad_enabled
