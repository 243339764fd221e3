"""The import names of the documents."""

import subprocess
import sys

CODE = """
import grilly
import grilly.nn as nn
import grilly.functional as F
from grilly import nn as nn2
from grilly.nn import LIFNeuron
import grilly_vk, grilly_vk.nn, grilly_vk.functional, grilly_vk.runtime.memory, grilly_vk.nn.flat.neurons
import grilly.runtime.memory, grilly.nn.flat.neurons
assert grilly is grilly_vk and nn is nn2 is grilly_vk.nn and F is grilly_vk.functional
assert LIFNeuron is grilly_vk.nn.LIFNeuron is grilly.nn.flat.neurons.LIFNeuron
assert grilly.runtime.memory is grilly_vk.runtime.memory
assert grilly_vk.nn.__name__ == grilly_vk.nn.__spec__.name == "grilly_vk.nn", grilly_vk.nn.__spec__
try:
    import grilly.no_such_thing
except ModuleNotFoundError as error:
    assert "no_such_thing" in str(error)
else:
    raise AssertionError
"""


def test_grilly_is_grilly_vk_in_either_order():
    for order in ("import grilly", "import grilly_vk", "import grilly_vk.nn; import grilly.nn"):
        subprocess.run([sys.executable, "-W", "error", "-c", order + CODE], check=True, timeout=60)


def test_importing_opens_no_device():
    code = "import sys, grilly_vk; assert 'kp' not in sys.modules; import grilly; assert 'kp' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_python_m_grilly_runs_the_command_line():
    done = subprocess.run([sys.executable, "-m", "grilly", "info"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "Vulkan" in done.stdout


def test_public_names_exist():
    import grilly_vk

    for module in (grilly_vk, grilly_vk.nn):
        for name in module.__all__:
            assert getattr(module, name) is not None


def test_a_star_import_hides_no_builtin():
    import builtins

    import grilly_vk

    assert not set(grilly_vk.__all__) & set(dir(builtins)) - {"compile"}
    assert grilly_vk.max is not max and grilly_vk.float is not float
