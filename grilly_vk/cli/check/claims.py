"""What the driver claims about the device, held against what the engine and its kernels need."""

from __future__ import annotations

from collections.abc import Callable

from ...runtime import engine
from ...runtime.limits import LIMITS, offered
from ...runtime.memory import readable
from .kernels import needs_of_all
from .runner import FAIL, NOTE, PASS, Check, Found, Time


def checks() -> list[Check]:
    """The rows about the driver's claims."""
    driver = "a newer driver may offer it; else choose another device with GRILLY_VK_DEVICE"
    rows: list[tuple[str, Callable[[Time], Found | list[Found]], str]] = [
        ("device", _device, "is this the device that you meant? GRILLY_VK_DEVICE chooses by index or part of its name"),
        ("Vulkan version and queue", _version, "install a driver with Vulkan 1.1 or later"),
        ("memory", _memory, "the engine needs memory of the device and memory that the host sees: send the row"),
        ("limits", _limits, driver),
        ("optional features", _features, ""),
    ]
    return [Check("what the driver claims", name, run, hint) for name, run, hint in rows]


def _device(time: Time) -> Found:
    now = engine()
    where = "host-visible" if now.host_visible else "device-local"
    return Found(f"{now.info}; tensors lie in {where} memory", PASS, {"host_visible": now.host_visible})


def _version(time: Time) -> Found:
    d = engine().info
    stamps = max((q["timestamp_bits"] for q in d.queue_families if q["compute"]), default=0)
    text = f"Vulkan {d.api_version}, {len(d.queue_families)} queue families, timestamps of {stamps} bits"
    return Found(text, PASS if d.usable else FAIL)


def _memory(time: Time) -> Found:
    d = engine().info
    heaps = ", ".join(readable(h["size"]) + (" on the device" if h["device_local"] else "") for h in d.heaps)
    places = {True: d.memory_heap(host=True), False: d.memory_heap(host=False)}
    budget = engine().device.memory_budget()
    left = "".join(f"; heap {i}: {readable(max(0, b - u))} left" for i, (b, u) in enumerate(budget))
    good = min(places.values()) >= 0 and d.max_tensor_bytes >= 1 << 27  # what Vulkan guarantees
    text = f"heaps: {heaps}; largest tensor {readable(d.max_tensor_bytes)}{left}"
    return Found(text, PASS if good else FAIL, {"budget": [list(b) for b in budget]})


def _limits(time: Time) -> list[Found]:
    d = engine().info
    out = []
    for need, (label, _, _) in LIMITS.items():
        needed = {name: n[need] for name, n in needs_of_all(d.lanes, local=engine().local).items()}
        most = max(needed.values())
        by = [name for name, n in needed.items() if n == most]
        given = offered(d, need)
        text = f"{most} needed ({by[0]}{f' and {len(by) - 1} more kernels' if len(by) > 1 else ''}), {given} offered"
        out.append(Found(text, PASS if given >= most else FAIL, {"needed": most, "offered": given}, label))
    return out


def _features(time: Time) -> Found:
    features = engine().device.features
    taken = [f.name for f in features if f.taken]
    absent = [f.name for f in features if not f.offered]
    text = f"taken: {', '.join(taken) or 'none'}; not offered: {', '.join(absent) or 'none'}"
    return Found(text, NOTE)
