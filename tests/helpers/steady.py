"""What tests measure to see that repeating something grows no memory."""

import gc
import os
from pathlib import Path

import pytest

import grilly_vk

STATM = Path("/proc/self/statm")
needs_proc = pytest.mark.skipif(not STATM.exists(), reason="reads /proc")


def resident():
    """Bytes of this process in memory; 0 under a validation layer, which remembers what it saw."""
    if os.environ.get("VK_INSTANCE_LAYERS"):
        return 0
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def kept(*more):
    """What the device's memory holds, and `more` of grilly_vk.memory_stats(), by name."""
    stats = grilly_vk.memory_stats()
    return {k: stats[k] for k in ("bytes_in_use", "bytes_reserved", "segments", *more)}


def settled():
    """kept() once garbage is collected and the device is done."""
    gc.collect()
    grilly_vk.synchronize()
    return kept()
