"""The errors that are the engine's own; wrong arguments raise plain ValueError and TypeError."""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path
from typing import Any

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_HERE = str(Path(__file__).parent)


class DeviceError(RuntimeError):
    """No usable Vulkan device: no loader, no driver, an unknown name, or a device that was lost."""


class OutOfDeviceMemory(MemoryError):
    """The device has no room for what was asked; nothing was allocated and nothing was changed."""


def shown(value: Any) -> str:
    """A value for an error's text, in one short line: of an array its shape, of long ones their beginning."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and len(shape):
        return f"shape {tuple(map(int, shape))}"
    try:
        text = _ADDRESS.sub("", " ".join(repr(value).split()))
    except ValueError:  # Python does not write whole numbers of more than 4,300 digits
        return "a number of thousands of digits"
    return text if len(text) <= 80 else text[:77] + "..."


def reason(error: BaseException, most: int = 120) -> str:
    """What an error of another library's says, in one line of at most so many letters."""
    text = " ".join(str(error).split())
    return text if len(text) <= most else f"{text[: most - 3]}..."


def warn(text: str, kind: type[Warning] = UserWarning) -> None:
    """A warning that points at the line outside of this package which led to it."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, kind, stacklevel=level)
