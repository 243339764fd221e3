"""Settings: public attributes that are checked at every assignment, or that are fixed once an object is made.

One mechanism for all classes.  `setting(check)` takes effect at the next call; `fixed(how)` says what to do instead.
The values lie in the object's own dict and reading one costs nothing.  Recordings hold settings as numbers: `held` is
what `grilly_vk.compile` and captured graphs compare, once `assignments` has counted any that was set.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .runtime.recording import assignments


class Setting:
    """A data descriptor without `__get__`: Python then reads the object's dict itself.

    Args:
        check: (name, value, *more) -> the value that is kept; raises TypeError or ValueError.
        optional: whether None passes unchecked.
        held: what a recording compares of the value (default: the value itself).
    """

    __slots__ = ("check", "held", "more", "name", "optional")

    def __init__(
        self, check: Callable[..., Any], more: tuple[Any, ...], optional: bool, held: Callable[[Any], Any] | None
    ) -> None:
        self.check, self.more, self.optional, self.held, self.name = check, more, optional, held, ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        _names.clear()

    def __set__(self, owner: Any, value: Any) -> None:
        name, own = self.name, owner.__dict__
        if value is not None or not self.optional:
            value = self.check(name, value, *self.more)
        settle = getattr(owner, "_settle", None) if name in own else None
        before = own.get(name)
        own[name] = value
        try:
            if settle is not None:
                settle(name)
        except BaseException:
            own[name] = before
            raise
        finally:
            assignments[0] += 1  # last: what another thread has kept of the object since is asked for again

    def __delete__(self, owner: Any) -> None:
        raise AttributeError(f"{self.name} of {type(owner).__name__} is a setting: assign another value")


class Fixed:
    """An attribute that can be set once; a second assignment says how to get another value.

    Args:
        check: as in `Setting`; None: the value is kept as it is.
        how: what to do instead.
    """

    __slots__ = ("check", "how", "name")

    def __init__(self, check: Callable[[str, Any], Any] | None, how: str) -> None:
        self.check, self.how, self.name = check, how, ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __set__(self, owner: Any, value: Any) -> None:
        if self.name in owner.__dict__:
            raise AttributeError(f"{self._text(owner)} can't be assigned: {self.how}")
        owner.__dict__[self.name] = value if self.check is None else self.check(self.name, value)

    def __delete__(self, owner: Any) -> None:
        raise AttributeError(f"{self._text(owner)} can't be deleted")

    def _text(self, owner: Any) -> str:
        return f"{self.name} of {type(owner).__name__} is fixed when it is made and"


def setting(
    check: Callable[..., Any], *more: Any, optional: bool = False, held: Callable[[Any], Any] | None = None
) -> Any:
    """A checked attribute; see `Setting`.

    Where settings must fit each other, the class has `_settle(name)`, called after one was changed: if it raises, the
    old value is back.
    """
    return Setting(check, more, optional, held)


def fixed(
    check: Callable[[str, Any], Any] | None = None, how: str = "make a new object with the value that you want"
) -> Any:
    """A read-only attribute; see `Fixed`."""
    return Fixed(check, how)


_names: dict[type, tuple[tuple[str, Callable[[Any], Any] | None], ...]] = {}


def held(owner: Any) -> tuple[Any, ...]:
    """The settings of an object, as a recording holds them."""
    kind = type(owner)
    names = _names.get(kind)
    if names is None:
        found: dict[str, Callable[[Any], Any] | None] = {}
        for base in reversed(kind.__mro__):
            for name, value in vars(base).items():
                found.pop(name, None)
                if isinstance(value, Setting):
                    found[name] = value.held
        names = _names[kind] = tuple(found.items())
    own = owner.__dict__
    return tuple([own.get(name) if how is None else how(own[name]) for name, how in names])
