"""Switching the recording of gradients on and off by a value, as PyTorch names it."""

from __future__ import annotations

from . import arguments, autograd
from .autograd import grad_enabled, no_grad


class set_grad_enabled:
    """Records operations or not, in this thread: at once, and for a block where it is used with ``with``.

    Args:
        mode: whether to record.

    Raises:
        TypeError: no bool.
    """

    def __init__(self, mode: bool) -> None:
        self._before = grad_enabled()
        autograd._mode.enabled = arguments.flag("mode", mode)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        autograd._mode.enabled = self._before


inference_mode = no_grad
is_grad_enabled = grad_enabled
