"""What to do here instead of what PyTorch has and this package hasn't: the texts of AttributeErrors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_PACKAGE = {
    "float64": "fractions are float32 on every device; grilly_vk.float32",
    "double": "fractions are float32 on every device; grilly_vk.float32",
    "float16": "fractions are float32; grilly_vk.float32",
    "half": "fractions are float32; grilly_vk.float32",
    "bfloat16": "fractions are float32; grilly_vk.float32",
    "int8": "whole numbers are int32; grilly_vk.int32",
    "uint8": "whole numbers are int32 and truth is bool; grilly_vk.int32, grilly_vk.bool",
    "int16": "whole numbers are int32; grilly_vk.int32",
    "complex64": "there are no complex numbers",
    "cuda": "the device is Vulkan's: grilly_vk.devices(), grilly_vk.set_device(), grilly_vk.synchronize()",
    "backends": "nothing is to be set; grilly_vk.set_device() chooses the device",
    "jit": "grilly_vk.compile records whole steps",
    "utils": "DataLoader is grilly_vk.data.DataLoader, checkpoint is grilly_vk.checkpoint",
    "multiprocessing": "a process that has opened a device can't be forked; start others with the spawn method",
    "fft": "not here; numpy.fft on x.numpy()",
    "linalg": "grilly_vk.norm and einsum are here; numpy.linalg on x.numpy()",
    "svd": "not here; numpy.linalg.svd on x.numpy()",
    "inverse": "not here; numpy.linalg.inv on x.numpy()",
    "conv2d": "grilly_vk.functional.conv2d",
    "cross_entropy": "grilly_vk.functional.cross_entropy",
}
_FUNCTIONAL = {
    "unfold": "convolutions are conv1d, conv2d and nn.Conv2d; patches are slices x[:, :, i : i + k, j : j + k]",
    "grid_sample": "not here; interpolate resizes",
}
_LAYERS = {
    "DataParallel": "one device is in use at a time",
}
_HINTS = {"grilly_vk": _PACKAGE, "grilly_vk.functional": _FUNCTIONAL, "grilly_vk.nn": _LAYERS}


def hints(module: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module: AttributeErrors that say what there is instead."""
    known = _HINTS[module]

    def missing(name: str) -> Any:
        text = f"module {module!r} has no attribute {name!r}"
        if name in known:
            text += f": {known[name]}"
        raise AttributeError(text, name=name, obj=None)

    return missing
