"""Which device is used, the environment switches, and the announcement in the log."""

import dataclasses

import pytest
from steps import engine

import grilly_vk
from grilly_vk.runtime import devices as query
from grilly_vk.runtime.config import Config


def test_list_describes_each_device():
    found = grilly_vk.devices()
    assert found
    for index, info in enumerate(found):
        assert info.index == index
        assert info.name
        assert info.driver
        assert info.type in ("discrete", "integrated", "virtual", "cpu", "other")
        assert tuple(map(int, info.api_version.split("."))) >= (1, 1, 0)
        assert info.timestamp_period > 0
        assert info.subgroup_size >= 1
        assert info.max_tensor_bytes >= 1 << 27
        assert info.heap_for(host=False) > 0
        assert info.limits["max_push_constants_size"] >= 128
        assert min(info.limits["max_compute_work_group_count"]) >= 65535
        assert any(q["compute"] for q in info.queue_families)
        assert info.name in str(info)


def test_device_in_use_is_one_of_the_list():
    assert grilly_vk.device() in grilly_vk.devices()


def test_choice_by_index_and_by_part_of_the_name():
    first = grilly_vk.devices()[0]
    assert query.choose(0) == first
    assert query.choose("0") == first
    assert query.choose(first.name[1:6].upper()) in [d for d in grilly_vk.devices() if first.name[1:6] in d.name]


def test_a_number_can_be_a_part_of_the_name(monkeypatch):
    real = query.devices()

    def renamed():
        return [query.DeviceInfo(**{**vars(d), "name": "Fast 4090"}) for d in real]

    monkeypatch.setattr(query, "devices", renamed)
    assert query.choose("4090").name == "Fast 4090"
    with pytest.raises(grilly_vk.DeviceError):
        query.choose(4090)


def test_the_best_kind_wins(monkeypatch):
    real = query.devices()[0]
    kinds = ["cpu", "other", "virtual", "integrated", "discrete", "discrete"]
    made = [query.DeviceInfo(**{**vars(real), "index": i, "type": t}) for i, t in enumerate(kinds)]
    monkeypatch.setattr(query, "devices", lambda: made)
    assert query.choose(None).index == 4
    for last in (4, 3):
        monkeypatch.setattr(query, "devices", lambda last=last: made[:last])
        assert query.choose(None).index == last - 1
    monkeypatch.setattr(query, "devices", lambda: made[:2])
    assert query.choose(None).type == "cpu"


@pytest.mark.parametrize("wanted", ["no such device", "", "-1", 99, -1, "²"])
def test_unknown_device_lists_those_that_exist(wanted):
    with pytest.raises(grilly_vk.DeviceError) as caught:
        grilly_vk.set_device(wanted)
    assert repr(wanted) in str(caught.value)
    for info in grilly_vk.devices():
        assert str(info) in str(caught.value)
    grilly_vk.synchronize()


@pytest.mark.parametrize("wanted", [1.5, True, ["0"]])
def test_device_of_a_wrong_type(wanted):
    with pytest.raises(TypeError, match="index or part of a name"):
        grilly_vk.set_device(wanted)


def test_set_device_returns_the_device_and_keeps_tensors():
    from steps import upload

    x = upload([1, 2, 3])
    info = grilly_vk.device()
    assert grilly_vk.set_device(info.index) == info
    assert grilly_vk.set_device(info.name) == info
    assert grilly_vk.set_device() == info
    assert x.numpy().tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("GRILLY_VK_DEBUG", "banana", "1 or 0"),
        ("GRILLY_VK_FEATURES", "2", "1 or 0"),
        ("GRILLY_VK_SEGMENT_MB", "-1", "positive number"),
        ("GRILLY_VK_SEGMENT_MB", "much", "positive number"),
        ("GRILLY_VK_SEGMENT_MB", "nan", "positive number"),
        ("GRILLY_VK_MEMORY_FRACTION", "0", "positive number"),
        ("GRILLY_VK_MEMORY_FRACTION", "1.5", r"\(0, 1\]"),
        ("GRILLY_VK_MEMORY_FRACTION", "inf", "positive number"),
        ("GRILLY_VK_MEMORY", "disk", "auto, host or storage"),
    ],
)
def test_bad_switches_are_named(monkeypatch, name, value, expected):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"{name} is .*{value}.*; expected .*{expected}"):
        Config.from_environment()


def test_switches_default_when_empty_and_accept_words(monkeypatch):
    for name in ("DEBUG", "FEATURES", "PIPELINE_CACHE", "SEGMENT_MB", "MEMORY_FRACTION", "MEMORY", "DEVICE"):
        monkeypatch.setenv(f"GRILLY_VK_{name}", " ")
    assert Config.from_environment() == Config(None, False, 64 << 20, 0.8, "auto", True, True, False, True)
    monkeypatch.setenv("GRILLY_VK_DEBUG", "Yes")
    monkeypatch.setenv("GRILLY_VK_FEATURES", "off")
    monkeypatch.setenv("GRILLY_VK_MEMORY", "STORAGE")
    monkeypatch.setenv("GRILLY_VK_SEGMENT_MB", "0.001")
    got = Config.from_environment()
    assert (got.debug, got.features, got.memory, got.segment_bytes) == (True, False, "storage", 1 << 16)


def test_environment_chooses_the_device(snippet):
    first = grilly_vk.devices()[0]
    for value in (str(first.index), first.name[:5]):
        assert snippet("import grilly_vk; print(grilly_vk.device())", GRILLY_VK_DEVICE=value).out.strip() == str(first)


def test_unknown_device_in_the_environment(snippet):
    source = """
        import os, grilly_vk
        for call in (grilly_vk.device, grilly_vk.synchronize, grilly_vk.VulkanCompute):
            try:
                call()
            except grilly_vk.DeviceError as error:
                print(error)
        del os.environ["GRILLY_VK_DEVICE"]
        print(grilly_vk.device())
    """
    lines = snippet(source, GRILLY_VK_DEVICE="abacus").out.splitlines()
    assert len(lines) == 4
    assert all("'abacus'" in line and str(grilly_vk.devices()[0]) in line for line in lines[:3])


def test_bad_switch_stops_the_first_use_not_the_import(snippet):
    source = """
        import grilly_vk
        try:
            grilly_vk.device()
        except ValueError as error:
            print(error)
    """
    assert "GRILLY_VK_SEGMENT_MB" in snippet(source, GRILLY_VK_SEGMENT_MB="zero").out


def test_announced_once_and_the_root_logger_is_left_alone(snippet):
    source = """
        import logging
        class Keep(logging.Handler):
            def emit(self, record):
                print(record.levelname, record.getMessage())
        logger = logging.getLogger("grilly_vk")
        logger.addHandler(Keep())
        logger.setLevel(logging.INFO)
        level = logging.getLogger().level
        import grilly_vk
        grilly_vk.device(), grilly_vk.set_device(), grilly_vk.VulkanCompute()
        assert logging.getLogger().handlers == [], logging.getLogger().handlers
        assert logging.getLogger().level == level
    """
    done = snippet(source)
    assert done.out.count("\n") == 1, done.out
    assert done.out.startswith(f"INFO grilly_vk runs on {grilly_vk.device()}, ")
    assert done.err == ""


def test_quiet_without_a_handler(snippet):
    done = snippet("import grilly_vk; grilly_vk.synchronize()")
    assert (done.out, done.err) == ("", "")


def test_nothing_beyond_vulkan_1_1_is_needed(snippet):
    """The same work with no optional feature: results, timestamps and budgets do without."""
    source = """
        import numpy as np, grilly_vk
        from steps import *
        assert not any(f.taken for f in engine().device.features)
        assert engine().device.memory_budget() == []
        x = upload(np.ones(1000))
        with grilly_vk.profile() as p:
            assert (add(x, copy(x)).numpy() == 2).all()
        assert {r.kernel for r in p.kernels} == {"copy", "test-add"} and p.seconds > 0
        for _ in range(3):
            assert (copy(x).numpy() == 1).all()
        print(grilly_vk.nn.LIFNeuron(3)([100.0, 0.0, 100.0]))
    """
    assert snippet(source, GRILLY_VK_FEATURES=0).out == "[1. 0. 1.]\n"


def test_what_is_offered_is_taken_and_says_who_needs_it():
    features = {f.name: f for f in engine().device.features}
    assert set(features) == {
        "subgroup size control", "64-bit integers", "16-bit storage", "float16 arithmetic",
        "vulkan memory model", "cooperative matrix", "host query reset", "float controls", "memory budget",
    }  # fmt: skip
    wanted = engine().config.features
    for feature in features.values():
        assert feature.taken == (feature.offered and wanted)
        assert len(feature.purpose) > 10


@pytest.mark.parametrize(
    ("families", "version", "words"),
    [([{"compute": False}], "1.3.0", "compute queue"), ([{"compute": True}], "1.0.65", "Vulkan 1.1")],
)
def test_devices_that_can_not_be_used_are_passed_over(monkeypatch, families, version, words):
    real = query.devices()[0]
    poor = dataclasses.replace(
        real, index=0, type="discrete", name="Poor", queue_families=families, api_version=version
    )
    fine = dataclasses.replace(real, index=1)
    monkeypatch.setattr(query, "devices", lambda: [poor, fine])
    assert query.choose(None) is fine
    for wanted in (0, "0", "poor"):
        with pytest.raises(grilly_vk.DeviceError, match=r"Poor.*needs Vulkan 1\.1 and a compute queue; there"):
            query.choose(wanted)
    monkeypatch.setattr(query, "devices", lambda: [poor])
    with pytest.raises(grilly_vk.DeviceError, match=f"{words}.*Poor"):
        query.choose(None)


def test_zero_length_name_is_no_wildcard(monkeypatch):
    monkeypatch.setenv("GRILLY_VK_DEVICE", "")
    assert Config.from_environment().device is None
