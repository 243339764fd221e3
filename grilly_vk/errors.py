"""The errors that are the engine's own; wrong arguments raise plain ValueError and TypeError."""


class DeviceError(RuntimeError):
    """No usable Vulkan device: no loader, no driver, an unknown name, or a device that was lost."""


class OutOfDeviceMemory(MemoryError):
    """The device has no room for what was asked; nothing was allocated and nothing was changed."""
