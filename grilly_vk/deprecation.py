"""How a public name or argument takes its leave: it works for a while, and says what to use in its place.

docs/stability.md has the rules.  The warnings are `FutureWarning`, which Python shows by default, once for each line
that calls; the line is the user's, whatever lies between.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable
from typing import Any

_PACKAGE = __name__.partition(".")[0]


def _warn(text: str) -> None:
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        level, frame = level + 1, frame.f_back
    warnings.warn(text, FutureWarning, stacklevel=level)


def deprecated(since: str, instead: str) -> Callable[[Any], Any]:
    """For a function, a method or a class: each call warns, and the docstring says what to use, since which version."""

    def decorate(target: Any) -> Any:
        run: Any = vars(target)["__init__"] if isinstance(target, type) else target

        @functools.wraps(run)
        def call(*args: Any, **named: Any) -> Any:
            _warn(f"{target.__name__} is deprecated since {since}: use {instead}")
            return run(*args, **named)

        made: Any = call
        if isinstance(target, type):
            made = target
            made.__init__ = call
        made.__doc__ = f"{target.__doc__ or ''}\n\nDeprecated since {since}: use {instead}.\n".lstrip()
        return made

    return decorate


def renamed_argument(old: str, new: str, since: str) -> Callable[[Any], Any]:
    """For a function whose argument has a new name: the old one works as a keyword, and warns; both raise TypeError."""

    def decorate(function: Any) -> Any:
        @functools.wraps(function)
        def call(*args: Any, **named: Any) -> Any:
            if old in named:
                if new in named:
                    raise TypeError(f"{function.__name__} got both {old} and {new}, which mean the same")
                _warn(f"{old} of {function.__name__} is deprecated since {since}: use {new}")
                named[new] = named.pop(old)
            return function(*args, **named)

        return call

    return decorate
