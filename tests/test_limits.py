"""What kernels need of a device: within what devices have, and refused by name where one has less."""

import dataclasses

import numpy as np
import pytest
from steps import engine, kernel

import grilly_vk
from grilly_vk.runtime import kp
from grilly_vk.runtime.devices import LANES
from grilly_vk.runtime.engine import Engine
from grilly_vk.runtime.kernels import Kernels
from grilly_vk.runtime.limits import LIMITS, needs, offered


def on(**changes):
    """An engine whose device claims other limits, or other things."""
    info = grilly_vk.device()
    own = {name: value for name, value in changes.items() if name in info.limits}
    info = dataclasses.replace(
        info, limits={**info.limits, **own}, **{k: v for k, v in changes.items() if k not in own}
    )
    return Engine(info, dataclasses.replace(engine().config, debug=False, segment_bytes=1 << 20))


@pytest.mark.parametrize(
    ("limit", "most", "kernel", "message"),
    [
        ("max_per_stage_descriptor_storage_buffers", 4, "snn-lif", "needs 6 storage buffers.*offers 4 .its maxPer"),
        ("max_descriptor_set_storage_buffers", 4, "snn-lif", "needs 6 storage buffers.*offers 4"),
        ("max_per_stage_resources", 3, "snn-lif", "needs 6 storage buffers.*offers 3"),
        ("max_push_constants_size", 8, "copy", "needs 12 bytes of push constants.*offers 8 .its maxPushConstantsSize"),
        ("max_compute_shared_memory_size", 100, "softmax", "needs 256 bytes of shared memory.*offers 100"),
        ("max_compute_work_group_invocations", 32, "copy", "needs 64 invocations of a work group.*offers 32"),
        ("max_compute_work_group_size", (32, 32, 32), "copy", "needs 64 work-group size.*offers 32"),
    ],
)
def test_a_kernel_beyond_a_limit_is_refused_by_name(limit, most, kernel, message):
    other = on(**{limit: most})
    with pytest.raises(grilly_vk.DeviceError, match=f"kernel '{kernel}' {message}"):
        other.launch(kernel, 10)
    assert not other.stream._pending
    with pytest.raises(grilly_vk.DeviceError, match=f"kernel '{kernel}' {message}"):  # also the second time
        other.launch(kernel, 10)


def test_shared_memory_counts_with_its_constants():
    other = on(max_compute_shared_memory_size=2000)
    name = "snn-recurrent-forward"
    face = other.kernels.module(name)[1]
    words = next(s for s in face.specs if s.name == "WORDS")
    other.kernels.pipeline(name, (), 64)
    with pytest.raises(grilly_vk.DeviceError, match=r"needs 2400 bytes of shared memory"):
        other.kernels.pipeline(name, (("WORDS", 200),), 64)
    assert needs(*other.kernels.module(name), 64, {})["shared memory"] == 12 * words.default


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
