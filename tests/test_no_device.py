"""Without driver, loader or native module: importing works, the first use says what to install, nothing crashes."""

import pytest

NO_DRIVER = {"VK_DRIVER_FILES": "/nonexistent.json", "VK_ICD_FILENAMES": "/nonexistent.json"}
FIRST_USE = """
    import grilly_vk
    calls = (
        grilly_vk.device, grilly_vk.synchronize, grilly_vk.memory_stats, grilly_vk.VulkanCompute, grilly_vk.capture,
        grilly_vk.profile, grilly_vk.set_device, lambda: grilly_vk.set_device(0), lambda: grilly_vk.manual_seed(1),
        lambda: grilly_vk.nn.LIFNeuron(3)([1.0, 2.0, 3.0]),
    )
    for call in calls:
        try:
            call()
        except grilly_vk.DeviceError as error:
            print("DeviceError:", error)
        else:
            print("no error")
"""


def check(done, *words):
    lines = done.out.splitlines()
    assert len(lines) == 10
    for line in lines:
        assert line.startswith("DeviceError: ")
        assert all(word in line for word in words), line


def test_no_driver(snippet):
    check(snippet(FIRST_USE, **NO_DRIVER), "no Vulkan device", "mesa-vulkan-drivers", "brew install")


def test_no_driver_lists_no_devices(snippet):
    assert snippet("import grilly_vk; print(grilly_vk.devices())", **NO_DRIVER).out == "[]\n"


def test_no_loader(snippet, tmp_path):
    """libvulkan found, but not a library: the dynamic linker takes the first file of that name."""
    for name in ("libvulkan.so.1", "libvulkan.so"):
        (tmp_path / name).write_text("not a library")
    done = snippet(FIRST_USE, LD_LIBRARY_PATH=str(tmp_path))
    check(done, "no Vulkan loader", "libvulkan1")
    listed = snippet(
        "import grilly_vk\ntry: grilly_vk.devices()\nexcept grilly_vk.DeviceError as e: print(e)",
        LD_LIBRARY_PATH=str(tmp_path),
    )
    assert "no Vulkan loader" in listed.out


def test_native_module_that_does_not_load(snippet):
    source = "import sys; sys.modules['grilly_vk.runtime.kp'] = None\n" + "\n".join(
        line[4:] for line in FIRST_USE.splitlines()
    )
    check(snippet(source), "native module", "reinstall")


def test_query_that_fails(snippet):
    source = """
        import grilly_vk
        from grilly_vk.runtime import kp
        def fail():
            raise RuntimeError("vkCreateInstance: VK_ERROR_OUT_OF_HOST_MEMORY (-1)")
        kp.devices = fail
        try:
            grilly_vk.device()
        except grilly_vk.DeviceError as error:
            print(error)
    """
    out = snippet(source).out
    assert "vkCreateInstance" in out
    assert "mesa-vulkan-drivers" in out


@pytest.mark.parametrize("call", ["vkCreateDevice", "vkCreatePipelineCache", "vkAllocateMemory", "vkCreateBuffer"])
def test_device_that_can_not_be_opened(snippet, call):
    """Whichever call fails, the error names it, and the next try works."""
    source = """
        import sys, grilly_vk
        from grilly_vk.runtime import kp
        kp.fail(sys.argv[1], -3)
        try:
            grilly_vk.device()
        except grilly_vk.DeviceError as error:
            print(error)
        grilly_vk.synchronize()
    """
    out = snippet(source, call).out
    assert call in out
    assert "VK_ERROR_INITIALIZATION_FAILED (-3)" in out


def test_device_that_appears_later(snippet):
    source = """
        import os, grilly_vk
        try:
            grilly_vk.device()
        except grilly_vk.DeviceError:
            print("none")
        for name in ("VK_DRIVER_FILES", "VK_ICD_FILENAMES"):
            del os.environ[name]
        print(len(grilly_vk.nn.LIFNeuron(3)([1.0, 2.0, 3.0])))
    """
    assert snippet(source, **NO_DRIVER).out == "none\n3\n"
