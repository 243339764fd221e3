"""What kernels need of a device: within what devices have, and refused by name where one has less."""

import dataclasses

import numpy as np
import pytest
from steps import engine, kernel

import grilly_vk
from grilly_vk.runtime import kp
from grilly_vk.runtime.devices import LANES
from grilly_vk.runtime.engine import Engine
from grilly_vk.runtime.kernels import SPIRV, Kernels
from grilly_vk.runtime.limits import LIMITS, NEEDS, check_all, needs, offered
from grilly_vk.runtime.spirv import SpirvError


def claiming(**changes):
    """The device with other limits, or other things."""
    info = grilly_vk.device()
    own = {name: value for name, value in changes.items() if name in info.limits}
    return dataclasses.replace(
        info, limits={**info.limits, **own}, **{k: v for k, v in changes.items() if k not in own}
    )


def on(**changes):
    """An engine on such a device."""
    return Engine(claiming(**changes), dataclasses.replace(engine().config, debug=False, segment_bytes=1 << 20))


LOW = [
    ("max_per_stage_descriptor_storage_buffers", 1, "copy", 2, "storage buffers", "its maxPer"),
    ("max_descriptor_set_storage_buffers", 1, "copy", 2, "storage buffers", "its maxPer"),
    ("max_per_stage_resources", 1, "copy", 2, "storage buffers", "its maxPer"),
    ("max_push_constants_size", 8, "copy", 12, "bytes of push constants", "its maxPushConstantsSize"),
    ("max_compute_shared_memory_size", 100, "softmax", 256, "bytes of shared memory", "its maxComputeSharedMemorySize"),
    ("max_compute_work_group_invocations", 32, "copy", 64, "invocations of a work group", "its maxCompute"),
    ("max_compute_work_group_size", (32, 32, 32), "copy", 64, "work-group size", "its maxComputeWorkGroupSize"),
    ("max_compute_work_group_count", (9999, 9999, 9999), "copy", 65535, "work groups of a dispatch", "its maxCompute"),
]  # fmt: skip


@pytest.mark.parametrize(("limit", "most", "kernel", "wanted", "label", "source"), LOW, ids=[low[0] for low in LOW])
def test_a_device_below_a_limit_is_refused(limit, most, kernel, wanted, label, source):
    """When it is opened, by the kernel that needs most; and, as texts of users may need more, each kernel by itself."""
    offered = most[0] if isinstance(most, tuple) else most
    with pytest.raises(
        grilly_vk.DeviceError, match=rf"kernel '[\w.-]+' needs \d+ {label}; .*offers {offered} \({source}"
    ):
        on(**{limit: most})
    kernels = Kernels(info=claiming(**{limit: most}))
    for _ in range(2):
        with pytest.raises(
            grilly_vk.DeviceError, match=f"kernel '{kernel}' needs {wanted} {label}; .*offers {offered}"
        ):
            kernels.pipeline(kernel, (), 64)


def test_the_table_of_needs_is_what_the_kernels_say():
    """The build's table beside them: refused where it is missing, read without the kernels for one kind of device."""
    kernels = Kernels()
    lines = [line.split() for line in (SPIRV / NEEDS).read_text().splitlines()]
    assert sorted(name for name, *_ in lines) == kernels.names()
    for name, *numbers in lines:
        code, face = kernels.module(name)
        wanted = [*needs(code, face, 64, {}).values()]
        assert [int(n) for n in numbers] == [*wanted[:3], int(face.broadcasts)], name


def test_an_opened_device_has_what_the_most_demanding_kernel_needs():
    """To the last byte: one less is refused, with that kernel's name."""
    lines = [line.split() for line in (SPIRV / NEEDS).read_text().splitlines()]
    most = max(int(push) for _, _, push, _, _ in lines)
    names = [name for name, _, push, _, _ in lines if int(push) == most]
    assert on(max_push_constants_size=most).stream.submits == 0
    with pytest.raises(grilly_vk.DeviceError, match=f"kernel '({'|'.join(names)})' needs {most} bytes of push"):
        on(max_push_constants_size=most - 1)


def test_kernels_for_other_devices_don_t_count(tmp_path):
    (tmp_path / NEEDS).write_text("plain 2 12 0 0\nbroadcasting 2 12 1048576 1\n")
    info = grilly_vk.device()
    check_all(tmp_path, info, 64, lanes=False)
    with pytest.raises(grilly_vk.DeviceError, match="kernel 'broadcasting' needs 1048576 bytes of shared memory"):
        check_all(tmp_path, info, 64, lanes=True)


@pytest.mark.parametrize("text", [None, "copy 2 12\n", "copy two 12 0 0\n"])
def test_a_table_that_can_t_be_read_is_an_error(tmp_path, text):
    if text is not None:
        (tmp_path / NEEDS).write_text(text)
    with pytest.raises(SpirvError, match=r"table of what kernels need can't be read .*; rebuild the package"):
        check_all(tmp_path, grilly_vk.device(), 64, lanes=True)


def test_shared_memory_counts_with_its_constants():
    kernels = Kernels(info=claiming(max_compute_shared_memory_size=2000))
    name = "snn-recurrent-forward"
    code, face = kernels.module(name)
    words = next(s for s in face.specs if s.name == "WORDS")
    kernels.pipeline(name, (), 64)
    with pytest.raises(grilly_vk.DeviceError, match=r"needs 2400 bytes of shared memory"):
        kernels.pipeline(name, (("WORDS", 200),), 64)
    assert needs(code, face, 64, {})["shared memory"] == 12 * words.default


@pytest.mark.parametrize(
    "changes",
    [{"subgroup_size": 4, "subgroup_sizes": (4, 4)}, {"subgroup_ballot": False},
     {"subgroup_sizes": (4, 32), "subgroup_pinned": False, "subgroup_size": LANES}],
)  # fmt: skip
def test_kernels_with_broadcasts_are_for_subgroups_of_eight_only(changes):
    other = on(**changes)
    assert not other.info.lanes
    assert not other.info.broadcasts
    with pytest.raises(grilly_vk.DeviceError, match="kernel 'matmul-lanes' broadcasts in subgroups of 8"):
        other.kernels.pipeline("matmul-lanes", (), 64)


def test_a_size_that_can_be_demanded_will_do():
    info = dataclasses.replace(grilly_vk.device(), type="cpu", subgroup_size=8, subgroup_sizes=(4, 16))
    info = dataclasses.replace(info, subgroup_pinned=True, subgroup_ballot=True)
    assert info.broadcasts
    assert info.lanes
    assert not dataclasses.replace(info, subgroup_size=16).lanes
    assert not dataclasses.replace(info, type="discrete").lanes


def test_subgroups_are_pinned_where_the_device_offers_it():
    info = grilly_vk.device()
    low, high = info.subgroup_sizes
    assert low <= info.subgroup_size <= high
    offers = next(f for f in engine().device.features if f.name == "subgroup size control")
    pinned = kp.Device(info.index).pinned_subgroups
    assert pinned in (0, LANES)
    assert bool(pinned) == (offers.offered and info.subgroup_pinned and low <= LANES <= high)
    assert kp.Device(info.index, features=False).pinned_subgroups == 0


def test_lanes_know_their_subgroup():
    """A kernel with broadcasts, where the device can run it, sees whole subgroups of eight."""
    if not grilly_vk.device().broadcasts:
        pytest.skip("the device has no subgroups of eight")
    kernel("test-subgroup", engine())
    n = 1000
    y = engine().alloc(4 * n)
    engine().launch("test-subgroup", n, y=y, n=n)
    out = engine().read(y, np.empty(n, np.uint32))
    np.testing.assert_array_equal(out, np.arange(n) // LANES * LANES + 1000 * LANES)


def test_every_kernel_keeps_to_what_devices_have():
    """What Vulkan guarantees, but for storage buffers: of those all devices that we know offer 15 and more."""
    kernels = Kernels()
    most = dict.fromkeys(LIMITS, 0)
    for name in kernels.names():
        for need, wanted in needs(*kernels.module(name), 64, {}).items():
            most[need] = max(most[need], wanted)
    assert most["bindings"] <= 15
    assert most["push constants"] <= 128
    assert most["shared memory"] <= 16384
    assert most["invocations"] == most["work-group size"] == 64
    assert all(offered(grilly_vk.device(), need) >= wanted for need, wanted in most.items())
