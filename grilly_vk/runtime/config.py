"""The environment switches, read once when the engine starts.  docs/environment.md lists the same table."""

from __future__ import annotations

import os
from dataclasses import dataclass


def _flag(name: str, default: bool = False) -> bool:
    text = os.environ.get(name, "").strip().lower()
    if not text:
        return default
    if text not in ("0", "false", "no", "off", "1", "true", "yes", "on"):
        raise ValueError(f"{name} is {text!r}; expected 1 or 0")
    return text in ("1", "true", "yes", "on")


def _positive(name: str, default: float) -> float:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} is {text!r}; expected a positive number")
    return value


@dataclass(frozen=True)
class Config:
    """What the GRILLY_VK_* variables say."""

    device: str | None  # GRILLY_VK_DEVICE: an index, or part of a name
    debug: bool  # GRILLY_VK_DEBUG: guard words and poison around device memory
    segment_bytes: int  # GRILLY_VK_SEGMENT_MB: size of one device memory segment
    memory_fraction: float  # GRILLY_VK_MEMORY_FRACTION: share of the heap that may be used
    memory: str  # GRILLY_VK_MEMORY: auto, host or storage
    features: bool  # GRILLY_VK_FEATURES=0: ask the device for nothing beyond Vulkan 1.1
    host_blas: bool  # GRILLY_VK_HOST_BLAS=0: no products by the host's BLAS where the device is the CPU
    share_device: bool  # GRILLY_VK_SHARE_DEVICE: ranks of one machine may use one GPU together
    pipeline_cache: bool  # GRILLY_VK_PIPELINE_CACHE=0: don't keep compiled pipelines on disk

    @staticmethod
    def from_environment() -> Config:
        memory = os.environ.get("GRILLY_VK_MEMORY", "auto").strip().lower() or "auto"
        if memory not in ("auto", "host", "storage"):
            raise ValueError(f"GRILLY_VK_MEMORY is {memory!r}; expected auto, host or storage")
        fraction = _positive("GRILLY_VK_MEMORY_FRACTION", 0.8)
        if fraction > 1:
            raise ValueError(f"GRILLY_VK_MEMORY_FRACTION is {fraction}; expected a number in (0, 1]")
        return Config(
            device=os.environ.get("GRILLY_VK_DEVICE", "").strip() or None,
            debug=_flag("GRILLY_VK_DEBUG"),
            segment_bytes=max(1 << 16, int(_positive("GRILLY_VK_SEGMENT_MB", 64) * (1 << 20))) // 256 * 256,
            memory_fraction=fraction,
            memory=memory,
            features=_flag("GRILLY_VK_FEATURES", True),
            host_blas=_flag("GRILLY_VK_HOST_BLAS", True),
            share_device=_flag("GRILLY_VK_SHARE_DEVICE"),
            pipeline_cache=_flag("GRILLY_VK_PIPELINE_CACHE", True),
        )
