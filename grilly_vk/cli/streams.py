"""The process's three streams, where they are closed, full or gone."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any

from .errors import CliError


def occupy() -> None:
    """Opens the null device where descriptor 0, 1 or 2 is closed.

    Otherwise the next file that is opened gets the number, and what a driver prints would go into it.
    """
    null = -1
    with contextlib.suppress(OSError):
        null = os.open(os.devnull, os.O_RDWR)
        while 0 <= null <= 2:  # the lowest number that is free, so these are the closed ones
            null = os.open(os.devnull, os.O_RDWR)
    if null > 2:
        os.close(null)


@contextlib.contextmanager
def every_letter() -> Iterator[None]:
    """Lets stdout write letters that its encoding lacks as escapes, as stderr does: names of files hold any."""
    stream: Any = sys.stdout
    strict = getattr(stream, "errors", None) == "strict" and hasattr(stream, "reconfigure")
    if strict:
        stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        if strict:
            with contextlib.suppress(OSError, ValueError):  # it flushes
                stream.reconfigure(errors="strict")


def require_stdout() -> None:
    """Raises OSError where there is no stdout: what is asked for would be computed and then lost."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def say(text: str) -> None:
    """A line on stderr; nothing where stderr is closed, full or gone, and never on stdout instead."""
    stream: Any = sys.stderr
    if stream is None:
        return
    try:
        print(text, file=stream, flush=True)
    except (OSError, ValueError):  # ValueError: closed by somebody in this process
        drop(stream)


def settle() -> None:
    """Writes what stderr still holds, or gives it up: at its end Python would make exit code 120 of it."""
    stream: Any = sys.stderr
    if stream is None:
        return
    try:
        stream.flush()
    except (OSError, ValueError):
        drop(stream)


def drop(stream: Any) -> None:
    """Lets what the stream holds and will be given go nowhere: Python must not try it again at exit."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        number = stream.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, number)
        finally:
            os.close(null)


def stdin() -> Any:
    """The binary stdin.

    Raises:
        CliError: it is closed.
    """
    if sys.stdin is None:
        raise CliError("-: stdin is closed; expected a .npy or .npz file there")
    return sys.stdin.buffer
