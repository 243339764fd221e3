"""Context managers that Ctrl-C can't leave half-way.

Python looks for signals on entry to a Python function, after each call and at a loop's end.  So an ``__exit__`` in
Python may raise before its first statement, and what it was to undo stays; and a lock that a function takes may be
taken while the name for it is still empty.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from types import MethodType
from typing import Any


class leaving:
    """Decorates an ``__exit__``: an interrupt at its entry is put off until it has run.

    The method counts ``self.left`` up once it can't be skipped any more: as its first statement, with no call before a
    ``try`` whose ``finally`` undoes all; or, if it may run twice, as its last.  Until then it is called again.
    """

    def __init__(self, method: Callable[..., None]) -> None:
        self._method = method
        functools.update_wrapper(self, method)  # type: ignore[arg-type]

    def __get__(self, owner: Any, kind: type | None = None) -> Callable[..., None]:
        if owner is None:  # contextlib.ExitStack binds it itself
            return self._unbound
        method = MethodType(self._method, owner)
        try:
            from . import kp
        except ImportError:  # then there is no device either
            return method
        return kp.leaving(method, owner)

    def _unbound(self, owner: Any, *error: Any) -> None:
        self.__get__(owner)(*error)


def holding(lock: Any) -> Generator[None, None, None]:
    """A lock as an object: ``next(held)`` takes it, ``held.close()`` gives it back if it was taken, in the same thread.

    Both are one call in C for their caller, so whoever keeps the object before it takes the lock can always close it.
    """
    with lock:
        yield


class switched:
    """``with switched(owner, name=value):`` attributes of an object (in its ``__dict__``) for a block."""

    def __init__(self, owner: Any, **values: Any) -> None:
        self._own, self._values = vars(owner), values
        self.left = 0

    def __enter__(self) -> None:
        own = self._own
        self._before = {name: own[name] for name in self._values}
        own |= self._values

    @leaving
    def __exit__(self, *error: object) -> None:
        self.left += 1
        own = self._own
        own |= self._before


def when_dropped(call: Callable[[Any], object], value: Any) -> Any:
    """An object that calls ``call(value)`` when it is dropped, and ignores a KeyError.

    `call` is in C (a method of a deque or a dict): Python swallows an interrupt in a finalizer of its own.
    """
    from . import kp

    ticket = kp.Ticket(call)
    ticket.held = value
    return ticket
