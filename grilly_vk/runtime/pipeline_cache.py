"""Compiled pipelines, kept between processes: the driver's own cache in a file for each device and driver version.

A file is written whole or not at all, and one that is damaged or another driver's is as good as none.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import weakref
from pathlib import Path
from typing import Any

from ..files import replacing
from .devices import DeviceInfo

log = logging.getLogger("grilly_vk")
_MAGIC = b"grilly_vk pipelines 1\n"
_HEADER = 32  # bytes of a Vulkan pipeline cache that holds nothing


def folder() -> Path:
    """Where the files are: below the user's cache folder (XDG_CACHE_HOME, or the system's own)."""
    named = os.environ.get("XDG_CACHE_HOME")
    if named:
        base = Path(named)
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path.home() / ".cache"
    return base / "grilly-vk" / "pipelines"


def _file(info: DeviceInfo) -> Path:
    key = (info.vendor_id, info.device_id, info.name, info.driver, info.driver_version, info.pipeline_cache_uuid)
    return folder() / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}.bin"


def load(info: DeviceInfo) -> bytes:
    """What an earlier process kept for this device and driver, or nothing."""
    try:
        text = _file(info).read_bytes()
    except (OSError, RuntimeError):  # RuntimeError: no home folder
        return b""
    digest, data = text[len(_MAGIC) : len(_MAGIC) + 32], text[len(_MAGIC) + 32 :]
    if not text.startswith(_MAGIC) or hashlib.sha256(data).digest() != digest:
        log.warning("the file of compiled pipelines %s is damaged; it is not used", _file(info))
        return b""
    return data


def save(info: DeviceInfo, data: bytes) -> None:
    """Keeps the data for later processes; whatever hinders that is only logged."""
    try:
        file = _file(info)
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file, durable=False) as out:  # its checksum tells half a file
            out.write(_MAGIC + hashlib.sha256(data).digest() + data)
    except (OSError, RuntimeError) as error:
        log.info("compiled pipelines could not be kept: %s", error)


def save_at_end(engine: Any, device: Any, info: DeviceInfo) -> None:
    """Saves what the device has compiled when its engine is let go, or at the end of the process."""
    weakref.finalize(engine, _save_now, device, info, os.getpid())


def _save_now(device: Any, info: DeviceInfo, process: int) -> None:
    if os.getpid() != process or not device.pipelines:  # a fork: the device is not this process's
        return
    try:
        data = device.pipeline_cache()
    except RuntimeError:  # a lost device
        return
    if len(data) > _HEADER and data != load(info):
        save(info, data)
