"""The engine in use: opened at the first call, another one after set_device(), none in a forked child."""

from __future__ import annotations

import ctypes
import os
import threading

from ..errors import DeviceError
from . import devices
from .config import Config
from .engine import Engine, opened

_lock = threading.RLock()
_current: Engine | None = None
_by_device: dict[int, Engine] = {}
_opening = False  # a thread is in _open()
_forked = False


def engine() -> Engine:
    """The engine in use, opened at the first call.

    Raises:
        DeviceError: no usable device, or this process is a fork of one that had opened it.
    """
    global _current
    if _current is None:
        with _lock:
            if _forked:
                raise DeviceError(_FORKED)
            if _current is None:
                _current = _open(None)
    return _current


def opened_engine() -> Engine | None:
    """The engine in use, or None if none is opened yet."""
    return _current


def set_device(device: int | str | None = None) -> devices.DeviceInfo:
    """Uses another device from now on, by index or part of its name (None: GRILLY_VK_DEVICE, or the best).

    Tensors and layers stay on the device that they were made on.  After a lost device this opens it afresh.

    Raises:
        DeviceError: no such device; the message lists those that exist.
    """
    global _current
    with _lock:
        if _forked:
            raise DeviceError(_FORKED)
        _current = _open(device)
        return _current.info


def _open(device: int | str | None) -> Engine:
    global _opening
    _opening = True
    try:
        config = Config.from_environment()
        info = devices.choose(config.device if device is None else device)
        found = _by_device.get(info.index)
        if found is None or found.dead is not None or found.stream.lost is not None:
            found = _by_device[info.index] = Engine(info, config)
        return found
    finally:
        _opening = False


_FORKED = (
    "this process was forked after the Vulkan device was opened, and a device can't be used on both sides of a "
    "fork; use multiprocessing.get_context('spawn'), or open the device after the fork"
)


def _after_fork() -> None:
    global _current, _forked, _lock
    _lock = threading.RLock()  # another thread may have held it
    if not opened and not _opening:
        return
    _forked, _current = True, None
    for one in list(opened):
        one.lock = threading.RLock()
        one.dead = _FORKED
        # The driver's threads are not in this process: destroying its objects here would wait for them forever.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(one))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
