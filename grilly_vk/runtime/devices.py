"""Which Vulkan devices there are, and which one to use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import DeviceError
from .blas import found as found_blas

INSTALL_HINT = (
    "Install a Vulkan driver: Debian and Ubuntu `apt install mesa-vulkan-drivers libvulkan1` (that includes "
    "lavapipe, which needs no GPU); Fedora `dnf install mesa-vulkan-drivers vulkan-loader`; macOS "
    "`brew install molten-vk vulkan-loader`; NVIDIA and AMD: the vendor's driver."
)
LANES = 8  # of the kernels that broadcast in subgroups (native/device.cpp)
_PREFERENCE = {"discrete": 0, "integrated": 1, "virtual": 2, "cpu": 3, "other": 4}


@dataclass(frozen=True)
class DeviceInfo:
    """One Vulkan device, as its driver describes it.  Sizes are in bytes.

    ``str(info)`` is a one-line summary; `limits` holds the Vulkan limits that matter to compute.
    """

    index: int
    name: str
    type: str  # discrete, integrated, virtual, cpu or other
    driver: str
    driver_version: int
    uuid: str  # of the device itself, the same for all processes that see it
    pipeline_cache_uuid: str  # changes when the driver's compiled pipelines do
    api_version: str
    vendor_id: int
    device_id: int
    subgroup_size: int
    subgroup_sizes: tuple[int, int]  # the least and the most that a kernel may run with
    subgroup_pinned: bool  # the engine can demand one of them
    subgroup_ballot: bool  # broadcasts within a subgroup
    matrix_sizes: tuple[tuple[int, int, int], ...]  # m, n, k of float16 products with float32 sums on matrix units
    timestamp_period: float  # nanoseconds a tick
    max_allocation: int
    limits: dict[str, Any]
    heaps: tuple[dict[str, Any], ...]
    memory_types: tuple[dict[str, Any], ...]
    queue_families: tuple[dict[str, Any], ...]
    host_blas: str | None  # the host's, for large products of a device that is the CPU; see `grilly_vk.host_blas`

    def __str__(self) -> str:
        return f"[{self.index}] {self.name} ({self.type}, {self.driver}, Vulkan {self.api_version})"

    def memory_heap(self, *, host: bool) -> int:
        """Number of the heap that Kompute's host (or device-local) tensors come from; -1 if there is none."""
        for kind in self.memory_types:
            fits = kind["host_visible"] and kind["host_coherent"] if host else kind["device_local"]
            if fits:
                return int(kind["heap"])
        return -1

    def heap_for(self, *, host: bool) -> int:
        """Bytes in that heap; 0 if there is none."""
        heap = self.memory_heap(host=host)
        return 0 if heap < 0 else int(self.heaps[heap]["size"])

    @property
    def usable(self) -> bool:
        """Whether it has a compute queue and Vulkan 1.1, which is all that the engine needs."""
        major, minor = map(int, self.api_version.split(".")[:2])
        return (major, minor) >= (1, 1) and any(q["compute"] for q in self.queue_families)

    @property
    def broadcasts(self) -> bool:
        """Whether kernels run in whole subgroups of eight lanes that broadcast: no other size, or this one demanded."""
        fixed = self.subgroup_sizes == (LANES, LANES) or self.subgroup_pinned
        return self.subgroup_ballot and self.subgroup_size == LANES and fixed

    @property
    def lanes(self) -> bool:
        """Whether the kernels `*-lanes` are for this device: lavapipe, with vectors of eight floats."""
        return self.type == "cpu" and self.broadcasts

    @property
    def max_tensor_bytes(self) -> int:
        """The largest single tensor: one storage buffer, one allocation."""
        return min(int(self.limits["max_storage_buffer_range"]), self.max_allocation, 0xFFFFFF00)


def native() -> Any:
    """The module `kp`.

    Raises:
        DeviceError: it can't be loaded.
    """
    try:
        from . import kp
    except ImportError as error:
        raise DeviceError(
            f"grilly_vk's native module can't be loaded ({error}); reinstall grilly-vk in this environment"
        ) from error
    return kp


def devices() -> list[DeviceInfo]:
    """All Vulkan devices, in the driver's order (the order that `set_device` counts in).

    Returns an empty list where no driver is installed.

    Raises:
        DeviceError: the native module is missing, or no Vulkan loader is installed.
    """
    try:
        found = native().devices()
    except RuntimeError as error:
        raise DeviceError(f"{error}. {INSTALL_HINT}") from error
    return [_info(i, d) for i, d in enumerate(found)]


def _info(index: int, d: dict[str, Any]) -> DeviceInfo:
    driver = " ".join(x for x in (d["driver_name"], d["driver_info"]) if x) or f"driver {d['driver_version']:#x}"
    return DeviceInfo(
        index=index,
        name=d["name"],
        type=d["type"],
        driver=driver,
        driver_version=d["driver_version"],
        uuid=d["uuid"],
        pipeline_cache_uuid=d["pipeline_cache_uuid"],
        api_version=d["api_version"],
        vendor_id=d["vendor_id"],
        device_id=d["device_id"],
        subgroup_size=d["subgroup_size"],
        subgroup_sizes=tuple(d["subgroup_sizes"]),
        subgroup_pinned=d["subgroup_pinned"],
        subgroup_ballot=d["subgroup_ballot"],
        matrix_sizes=tuple(d["matrix_sizes"]),
        timestamp_period=d["timestamp_period"],
        max_allocation=d["max_memory_allocation_size"],
        limits=d["limits"],
        heaps=tuple(d["heaps"]),
        memory_types=tuple(d["memory_types"]),
        queue_families=tuple(d["queue_families"]),
        host_blas=str(blas) if d["type"] == "cpu" and (blas := found_blas()) else None,
    )


def choose(wanted: int | str | None) -> DeviceInfo:
    """The device to use: by index, by part of its name, or the best kind (discrete > integrated > virtual > CPU).

    Raises:
        DeviceError: no device at all, or none that fits `wanted`; the message lists those that exist.
    """
    listed = devices()
    found = [d for d in listed if d.usable]
    if not found and listed:
        raise DeviceError(
            f"no Vulkan device here has Vulkan 1.1 and a compute queue; there are: {'; '.join(map(str, listed))}"
        )
    if not found:
        raise DeviceError(f"no Vulkan device was found. {INSTALL_HINT}")
    if wanted is None:
        return min(found, key=lambda d: (_PREFERENCE[d.type], d.index))
    listing = "; ".join(map(str, found))
    if isinstance(wanted, bool) or not isinstance(wanted, (int, str)):
        raise TypeError(f"device must be an index or part of a name, not {type(wanted).__name__}")
    text = str(wanted).strip()
    matching = [d for d in listed if text == str(d.index)]
    if not matching and isinstance(wanted, str):  # a number may be a part of a name too
        matching = [d for d in listed if text and text.lower() in d.name.lower()]
    if matching and not any(d.usable for d in matching):
        raise DeviceError(
            f"{'; '.join(map(str, matching))}: no device for grilly_vk, which needs Vulkan 1.1 and a compute queue; "
            f"there are: {listing}"
        )
    matching = [d for d in matching if d.usable]
    if not matching:
        raise DeviceError(f"no Vulkan device matches {wanted!r}; there are: {listing}")
    return min(matching, key=lambda d: (_PREFERENCE[d.type], d.index))
