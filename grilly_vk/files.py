"""Writing a file whole or not at all: beside its place, brought to the disk, then renamed.

What is written under another name has the ending .part and is locked while its writer lives, so that the next
writer of the same file can tell what a killed process has left, and takes it away.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from .errors import shown

try:
    import fcntl
except ImportError:  # Windows, where the file of a living writer can't be removed anyway
    fcntl = None  # type: ignore[assignment]

_STALE = 24 * 3600.0  # seconds without a change, where the file system has no locks
_KEPT = 60  # bytes of a long name in the name of what is being written: half the systems' limit of 255 is ours


def named(name: str, path: Any) -> None:
    """Whether something is the name of a file.

    Raises:
        TypeError: it is neither a text nor a path.
    """
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(f"{name} must be a text or a path, not {type(path).__name__} ({shown(path)})")


def brief(path: str | os.PathLike[str]) -> str:
    """A path for a message: its end, if it is long."""
    text = os.fspath(path)
    return text if len(text) <= 100 else f"...{text[-97:]}"


def target(path: str | os.PathLike[str]) -> Path:
    """The file that is to be written: links followed, checked to be a regular file or not to be there yet.

    Raises:
        OSError: a folder, device, pipe or socket, links in a circle, or a name that the system refuses.
    """
    named("path", path)
    if "\0" in os.fspath(path):
        raise OSError(errno.EINVAL, "holds a null byte", os.fspath(path))
    place = Path(os.path.realpath(path))  # not Path.resolve, which makes a RuntimeError of a circle
    name = os.fspath(path)
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        return place
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder; expected the name of a file", name)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, f"is a {_kind(mode)}; expected a regular file or a name that is free", name)
    return place


def readable(path: str | os.PathLike[str]) -> None:
    """Checks that reading it to its end is possible: a regular file or a pipe.

    Raises:
        OSError: it is not there, or a folder, device or socket.
    """
    mode = Path(path).stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder; expected the name of a file", os.fspath(path))
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
        raise OSError(errno.EINVAL, f"is a {_kind(mode)}; expected a file", os.fspath(path))


def _kind(mode: int) -> str:
    names = {stat.S_IFIFO: "pipe (FIFO)", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFBLK: "device"}
    return names.get(stat.S_IFMT(mode), "special file")


def _prefix(name: str) -> str:
    """How the names begin under which a file of this name is written."""
    whole = os.fsencode(name)
    if len(whole) <= _KEPT + 17:
        return f".{name}."
    head = os.fsdecode(whole[:_KEPT].decode("utf-8", "ignore").encode("utf-8"))
    return f".{head}~{hashlib.sha256(whole).hexdigest()[:16]}."


def _open_part(place: Path) -> tuple[BinaryIO, Path]:
    """A new file beside the place, open and locked."""
    while True:
        part = place.with_name(f"{_prefix(place.name)}{secrets.token_hex(6)}.part")
        file = part.open("xb")
        try:
            if fcntl is not None:
                with contextlib.suppress(OSError):  # a file system without locks: its age tells
                    fcntl.flock(file, fcntl.LOCK_EX)
                if os.fstat(file.fileno()).st_nlink == 0:  # somebody took it for a stale one before it was locked
                    file.close()
                    continue
        except BaseException:
            file.close()
            with contextlib.suppress(OSError):
                part.unlink()
            raise
        return file, part


def remove_stale(place: Path) -> None:
    """Removes what killed writers of this file have left beside it, and nothing of a living one's."""
    pattern = re.compile(re.escape(_prefix(place.name)) + r"[0-9a-f]{12}\.part")
    with contextlib.suppress(OSError), os.scandir(place.parent) as entries:
        found = [Path(e.path) for e in entries if pattern.fullmatch(e.name) and e.is_file(follow_symlinks=False)]
        for part in found:
            with contextlib.suppress(OSError):
                _remove_if_dead(part)


def _remove_if_dead(part: Path) -> None:
    if fcntl is None:
        part.unlink()  # fails while it is open
        return
    with part.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        except OSError:  # no locks here
            if time.time() - os.fstat(file.fileno()).st_mtime < _STALE:
                return
        part.unlink()


@contextmanager
def replacing(path: str | os.PathLike[str], *, durable: bool = True) -> Iterator[BinaryIO]:
    """A binary file to write to in a with block; at its end it takes the place of `path`, after an error it is gone.

    What was there before stays until then; the new file has its mode bits.  Links are followed.

    Args:
        durable: wait until it is on the disk, so that not even a power cut leaves half of it (default True).

    Raises:
        OSError: the target is no regular file (see `target`), or the folder can't be written.
    """
    place = target(path)
    mode = place.stat().st_mode & 0o777 if place.exists() else None
    remove_stale(place)
    try:
        file, part = _open_part(place)
    except OSError as error:  # with the name that the caller knows
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from error
    try:
        with file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
            if mode is not None:
                part.chmod(mode)
            if fcntl is not None:  # while it is locked: nobody may take it for stale now
                part.replace(place)
        if fcntl is None:  # Windows renames no open file
            part.replace(place)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(place.parent)


def write(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes a file, whole or not at all; see `replacing`."""
    with replacing(path) as file:
        file.write(data)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Tries whether `path` could be written now, leaving nothing behind and what is there as it is.

    Missing folders are made, as writing would.

    Raises:
        OSError: it could not.
    """
    place = target(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        file, part = _open_part(place)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from error
    file.close()
    part.unlink(missing_ok=True)


def save_with(path: str | os.PathLike[str], write_to: Callable[[BinaryIO], Any]) -> None:
    """`write_to(file)`, such as numpy.save or savefig, into a file that is written whole or not at all."""
    with replacing(path) as file:
        write_to(file)


def _sync_folder(folder: Path) -> None:
    """The rename on the disk too, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
