"""Vulkan calls that failed, as our errors."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..errors import DeviceError, OutOfDeviceMemory


@contextlib.contextmanager
def of(what: str) -> Iterator[None]:
    """Inside, a VulkanError becomes ours, with `what` in front of the call that failed.

    Raises:
        OutOfDeviceMemory: the driver has no memory left. DeviceError: any other result.
    """
    from . import kp

    try:
        yield
    except kp.VulkanError as error:
        kind = OutOfDeviceMemory if error.result in kp.OUT_OF_MEMORY else DeviceError
        raise kind(f"{what}: {error}") from error
