"""VulkanCompute: the kernels on plain numpy arrays, state in, state out."""

from __future__ import annotations

from .runtime.devices import DeviceInfo
from .snn import SNN
from .tensor import engine


class VulkanCompute:
    """The facade over the kernels.

    ``VulkanCompute().snn`` holds the spiking kernels as functions of arrays.  All instances share the opened
    device (see `grilly_vk.set_device`).

    Raises:
        DeviceError: no usable device.
    """

    def __init__(self) -> None:
        self._engine = engine()
        self.snn = SNN()

    @property
    def device(self) -> DeviceInfo:
        """The device that runs the kernels."""
        return self._engine.info

    def __repr__(self) -> str:
        return f"VulkanCompute({self._engine.info})"
