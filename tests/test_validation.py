"""Khronos validation with synchronization validation: silent on right work, loud on a barrier left out.

tools/validate runs the whole suite so; this is its positive control and a small run for every day.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HELPERS = Path(__file__).parent / "helpers"
LAYER = "VK_LAYER_KHRONOS_validation"


def layer_is_installed():
    folders = ["/usr/share", "/usr/local/share", "/etc", *os.environ.get("XDG_DATA_DIRS", "").split(":")]
    manifests = [Path(f, "vulkan/explicit_layer.d/VkLayer_khronos_validation.json") for f in folders if f]
    added = [Path(f, "VkLayer_khronos_validation.json") for f in os.environ.get("VK_LAYER_PATH", "").split(":") if f]
    return any(m.exists() for m in (*manifests, *added))


pytestmark = [
    pytest.mark.skipif(not layer_is_installed(), reason="the Khronos validation layer is not installed"),
    pytest.mark.skipif(bool(os.environ.get("VK_LAYER_SETTINGS_PATH")), reason="runs under a validation layer already"),
]

SETTINGS = """\
khronos_validation.enables = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT
khronos_validation.debug_action = VK_DBG_LAYER_ACTION_LOG_MSG
khronos_validation.report_flags = error,warn
khronos_validation.log_filename = stdout
"""


@pytest.fixture
def messages(tmp_path):
    """Runs Python under the layer and gives what it printed, the layer's messages among that."""

    def run(*command, **environment):
        settings = tmp_path / "vk_layer_settings.txt"
        settings.write_text(SETTINGS)
        env = {
            **os.environ,
            "VK_INSTANCE_LAYERS": LAYER,
            "VK_LAYER_SETTINGS_PATH": str(settings),
            "PYTHONPATH": str(HELPERS),
            **environment,
        }
        done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, env=env, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_a_missing_barrier_is_reported(messages):
    assert "SYNC-HAZARD-READ-AFTER-WRITE" in messages(HELPERS / "hazard.py", "missing")


@pytest.mark.parametrize("memory", ["auto", "storage"])
def test_recorded_barriers_are_enough(messages, memory):
    assert messages(HELPERS / "hazard.py", "right", GRILLY_VK_MEMORY=memory) == "done\n"


WORK = """
import numpy as np, grilly_vk
from steps import *
x, y = upload(np.ones(5000)), upload(np.zeros(5000))
for i in range(20):
    add(x, y); add(y, x); x._rows(0, 10)
    x = copy(y) if i % 3 else fill(x, 1)
    y.assign(np.zeros(5000, np.float32))
with grilly_vk.capture() as g:
    z = add(x, copy(y)); d = draw()
for _ in range(3):
    g.replay(); z.numpy()
layer = grilly_vk.nn.LIFNeuron(100)
for _ in range(3):
    layer(np.ones(100, np.float32)); layer.run(np.ones((7, 100), np.float32))
big = fill(empty((30_000_000,)), 1); big.numpy(); del big
with grilly_vk.profile():
    for _ in range(3):
        add(x, y); x.numpy()
engine().stream.budget = 1  # every dispatch a submit, two in flight
for i in range(20):
    add(x, y); y = copy(x)
    g.replay()
w = upload(np.ones(5000)); del w
y.numpy()
from grilly_vk.runtime import kp
for call in (
    "vkCreateBuffer", "vkAllocateMemory", "vkBindBufferMemory", "vkMapMemory", "vkCreateDescriptorPool",
    "vkCreateDescriptorSetLayout", "vkAllocateDescriptorSets", "vkCreateShaderModule", "vkCreatePipelineLayout",
    "vkCreatePipelineCache", "vkCreateComputePipelines", "vkCreateCommandPool", "vkAllocateCommandBuffers",
    "vkBeginCommandBuffer",
):
    kp.fail(call, -2)
    for attempt in range(2):
        try:
            t = kp.Tensor(engine().device, 4096, kp.TensorTypes.host)
            code, _ = engine().kernels.module("fill")
            kp.Algorithm(engine().device, [t], code, (1, 1, 1), b"", 3)
            kp.Sequence(engine().device)
            assert attempt == 1, call
        except kp.VulkanError as error:
            assert attempt == 0 and call in str(error)
copy(x)  # pending at the end of the process
g.replay()  # and in flight
"""


@pytest.mark.parametrize("memory", ["auto", "storage"])
@pytest.mark.parametrize("debug", ["0", "1"])
@pytest.mark.parametrize("features", ["0", "1"])
def test_a_little_of_everything_is_silent(messages, memory, debug, features):
    """Among it calls that fail (what was made before is destroyed again) and the end of the process."""
    switches = {"GRILLY_VK_MEMORY": memory, "GRILLY_VK_DEBUG": debug, "GRILLY_VK_FEATURES": features}
    assert messages("-c", WORK, **switches) == ""


def test_validate_tool_says_what_is_missing(tmp_path):
    """Without the layer (here: looked for in an empty folder) nothing is called validated."""
    tool = Path(__file__).parents[1] / "tools" / "validate"
    if os.name != "posix" or shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    env = {**os.environ, "PYTHON": sys.executable, "VK_LAYER_PATH": str(tmp_path)}
    done = subprocess.run([tool, "-k", "nothing"], capture_output=True, text=True, env=env, timeout=60)
    assert done.returncode == 1
    assert "apt install vulkan-validationlayers" in done.stderr


def test_validate_tool_passes_arguments_on(tmp_path):
    """tools/validate on one small test; all of it is for .ci/run."""
    tool = Path(__file__).parents[1] / "tools" / "validate"
    if os.name != "posix" or shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    env = {**os.environ, "PYTHON": sys.executable, "GRILLY_VK_SWIFTSHADER": ""}
    chosen = ["tests/test_memory.py", "-q", "-k", "test_scalar_tensor"]
    done = subprocess.run([tool, *chosen], capture_output=True, text=True, env=env, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("1 passed") == 1
    assert "no message" in done.stdout
