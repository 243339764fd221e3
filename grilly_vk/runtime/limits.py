"""What kernels need of a device, held against what it offers: all when it is opened, each when it is made ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import DeviceError
from .devices import LANES, DeviceInfo
from .shared_memory import declared
from .spirv import Interface, SpirvError

NEEDS = "NEEDS"  # a table beside the kernels, written by the build (shaders/needs.py)
MAX_GROUPS = 65535  # workgroups that the engine puts into one dispatch

# What a kernel needs: what it is called, the device's limit, and its name in the Vulkan specification.
LIMITS: dict[str, tuple[str, Callable[[DeviceInfo], int], str]] = {
    "bindings": (
        "storage buffers",
        lambda d: min(
            d.limits["max_per_stage_descriptor_storage_buffers"],
            d.limits["max_descriptor_set_storage_buffers"],
            d.limits["max_per_stage_resources"],
        ),
        "maxPerStageDescriptorStorageBuffers, maxDescriptorSetStorageBuffers, maxPerStageResources",
    ),
    "push constants": (
        "bytes of push constants", lambda d: d.limits["max_push_constants_size"], "maxPushConstantsSize",
    ),
    "shared memory": (
        "bytes of shared memory", lambda d: d.limits["max_compute_shared_memory_size"], "maxComputeSharedMemorySize",
    ),
    "invocations": (
        "invocations of a work group",
        lambda d: d.limits["max_compute_work_group_invocations"],
        "maxComputeWorkGroupInvocations",
    ),
    "work-group size": (
        "work-group size", lambda d: d.limits["max_compute_work_group_size"][0], "maxComputeWorkGroupSize",
    ),
    "groups": (
        "work groups of a dispatch", lambda d: d.limits["max_compute_work_group_count"][0], "maxComputeWorkGroupCount",
    ),
}  # fmt: skip


def needs(code: bytes, face: Interface, local: int, specs: Mapping[str, float]) -> dict[str, int]:
    """What a kernel with these specialization constants asks of each of the LIMITS."""
    shared = 0
    if face.shares:
        given = {**specs, "LOCAL": local}
        shared, _ = declared(code, {i: int(given.get(s.name, s.default)) for i, s in enumerate(face.specs)})
    return {
        "bindings": len(face.bindings),
        "push constants": 4 * len(face.push),
        "shared memory": shared,
        "invocations": local,
        "work-group size": local,
        "groups": MAX_GROUPS,
    }


def offered(info: DeviceInfo, need: str) -> int:
    """The device's limit for one of the needs."""
    return int(LIMITS[need][1](info))


def check(name: str, code: bytes, face: Interface, local: int, specs: Mapping[str, float], info: DeviceInfo) -> None:
    """Raises where a kernel can't run on a device.

    Raises:
        DeviceError: by kernel and limit.
    """
    for need, wanted in needs(code, face, local, specs).items():
        _compare(name, need, wanted, info)
    if face.broadcasts and not info.broadcasts:
        low, high = info.subgroup_sizes
        raise DeviceError(
            f"kernel {name!r} broadcasts in subgroups of {LANES}; {info} has subgroups of {info.subgroup_size} "
            f"({low} to {high}, {'' if info.subgroup_pinned else 'not '}to be chosen)"
        )


def check_all(folder: Path, info: DeviceInfo, local: int, *, lanes: bool) -> None:
    """Raises where any kernel can't run on a device.

    Args:
        folder: the kernels'.
        info: the device.
        local: invocations of a workgroup.
        lanes: whether kernels that broadcast are used.

    Raises:
        DeviceError: by limit, and the kernel that needs most.
        SpirvError: the build's table can't be read.
    """
    most: dict[str, tuple[int, str]] = {}
    try:
        for line in (folder / NEEDS).read_text().splitlines():
            name, bindings, push, shared, broadcasts = line.split()
            if lanes or broadcasts == "0":
                for need, wanted in zip(LIMITS, (int(bindings), int(push), int(shared), local, local, MAX_GROUPS)):
                    if need not in most or wanted > most[need][0]:
                        most[need] = wanted, name
    except (OSError, ValueError) as error:
        raise SpirvError(f"the table of what kernels need can't be read ({error}); rebuild the package") from error
    for need, (wanted, name) in most.items():
        _compare(name, need, wanted, info)


def _compare(name: str, need: str, wanted: int, info: DeviceInfo) -> None:
    if wanted > offered(info, need):
        label, _, limit = LIMITS[need]
        raise DeviceError(
            f"kernel {name!r} needs {wanted} {label}; {info} offers {offered(info, need)} (its {limit}). Choose "
            "another device with GRILLY_VK_DEVICE or grilly_vk.set_device()"
        )
