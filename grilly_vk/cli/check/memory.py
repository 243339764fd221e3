"""Large allocations, and that asking for too much is an error that the engine survives."""

from __future__ import annotations

import numpy as np

import grilly_vk as g

from ...errors import OutOfDeviceMemory
from ...runtime import engine
from ...runtime.memory import readable
from ...tensor import empty, from_numpy, full
from .runner import NOTE, PASS, Check, Failed, Found, Time

MOST = 1 << 30  # bytes that the check ever asks for


def checks() -> list[Check]:
    """The rows about memory."""
    return [
        Check("memory", "largest tensor", _largest, "less memory can be used than the driver says: send the row", 20.0),
        Check("memory", "asking for too much", _too_much, "an error of the driver goes unnoticed: send the row"),
    ]


def room() -> int:
    """Bytes that may be asked for: at most 1 GiB, and a quarter of the heap or of what its driver says is left."""
    now = engine()
    heap = now.info.memory_heap(host=now.host_visible)
    left = int(now.info.heaps[heap]["size"])
    budget = now.device.memory_budget()
    if budget:
        left = min(left, max(0, budget[heap][0] - budget[heap][1]))
    held = g.memory_stats()
    left = min(left, max(0, held["bytes_budget"] - held["bytes_reserved"]))  # GRILLY_VK_MEMORY_FRACTION
    return min(MOST, left // 4)


def _largest(time: Time) -> Found:
    """As many tensors of the largest size as fit the room, first and last word written and read."""
    now = engine()
    most, each = room() // (8 if time.quick else 1), now.info.max_tensor_bytes
    each -= 4096 if now.guards is not None else 0  # the debug mode's words around each tensor
    nbytes = min(most, each) // 4096 * 4096
    if nbytes < 4096:
        return Found("the device has no memory left to try with", NOTE)
    held, marks = [], []
    for number in range(max(1, most // nbytes)):
        if time.left < 2:
            break
        x = empty((nbytes // 4,), np.float32)
        x[0:1] = float(number + 1)
        x[nbytes // 4 - 1 : nbytes // 4] = float(-number - 1)
        held.append(x)
        marks.append(number + 1.0)
    for x, mark in zip(held, marks):
        ends = [x[0:1].item(), x[nbytes // 4 - 1 : nbytes // 4].item()]
        if ends != [mark, -mark]:
            raise Failed(f"first and last word of {readable(nbytes)} hold {ends} in place of {[mark, -mark]}")
    text = f"{len(held)} of {readable(nbytes)} at once, first and last word right; {readable(each)} are allowed"
    return Found(text, PASS, {"bytes_each": nbytes, "count": len(held), "largest_allowed": each})


def _too_much(time: Time) -> Found:
    now = engine()
    before = g.memory_stats()["bytes_in_use"]
    asked = now.info.max_tensor_bytes + (1 << 20)
    try:
        empty((asked // 4,), np.float32)
    except OutOfDeviceMemory as error:
        said = str(error)
    else:
        raise Failed(
            f"one tensor of {readable(asked)} was given, and {readable(now.info.max_tensor_bytes)} are the most"
        )
    x = from_numpy(np.arange(1031, dtype=np.float32)) + full((1031,), 1.0)
    if x.numpy().sum() != 1031 * 1032 / 2:
        raise Failed("after an allocation that failed, a sum is wrong")
    del x
    after = g.memory_stats()["bytes_in_use"]
    if after > before:
        raise Failed(f"an allocation that failed left {readable(after - before)} in use")
    return Found(f"{readable(asked)} are refused, and the engine goes on ({said[:60]}...)")
