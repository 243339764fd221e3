"""What registering a hook gives, and how a hook gets the keyword arguments."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from ..runtime.leaving import when_dropped


class Handle:
    """What registering a hook gives: call it, or its `remove()`, to take the hook away."""

    _keys = itertools.count()

    def __init__(self, hooks: dict[int, Any], hook: Any) -> None:
        if not callable(hook):
            raise TypeError(f"hook must be callable, not {type(hook).__name__}")
        self._hooks, self._hook = hooks, hook
        self._key = next(self._keys)
        hooks[self._key] = hook

    def remove(self) -> None:
        """Takes the hook away; a second time does nothing."""
        self._hooks.pop(self._key, None)

    def restore(self) -> None:
        """Puts a hook that was taken away back, as the last one; what was compiled with it serves again."""
        self._hooks[self._key] = self._hook

    def ticket(self) -> Any:
        """What takes the hook away when it is dropped."""
        return when_dropped(self._hooks.pop, self._key)

    __call__ = remove


class WithKwargs:
    """A forward hook that wants the keyword arguments too."""

    def __init__(self, hook: Callable[..., Any]) -> None:
        self.hook = hook

    def __call__(self, module: Any, args: tuple[Any, ...], out: Any, kwargs: dict[str, Any]) -> Any:
        return self.hook(module, args, kwargs, out)
