"""Single dispatches on plain arrays, for tests of the runtime; two kernels of the tests' own among them."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from grilly_vk.runtime import engine
from grilly_vk.runtime.spirv import reflect
from grilly_vk.tensor import Tensor, empty, from_numpy

INCLUDE = Path(__file__).parents[2] / "shaders" / "include"
SOURCES = {
    # y += x: order matters, unlike with copies
    "test-add": """
        READS(0, float, x);
        CHANGES(1, float, y);
        layout(push_constant) uniform Push { OFFSETS(2); uint n; } p;
        void main() {
            for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) AT(y, i) += AT(x, i);
        }""",
    # out = number of this random operation since the seed
    "test-draw": """
        READS(0, uint, control);
        WRITES(1, uint, drawn);
        layout(push_constant) uniform Push { OFFSETS(2); uint draw; } p;
        void main() {
            if (gl_GlobalInvocationID.x == 0) AT(drawn, 0) = AT(control, 3) + p.draw;
        }""",
    # y = the item of the subgroup's first lane, and 1000 for each of its lanes
    "test-subgroup": """
        #extension GL_KHR_shader_subgroup_ballot : require
        WRITES(0, uint, y);
        layout(push_constant) uniform Push { OFFSETS(1); uint n; } p;
        void main() {
            uint lanes = subgroupBallotBitCount(subgroupBallot(true));
            uint first = subgroupBroadcast(gl_GlobalInvocationID.x, 0);
            for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
                AT(y, i) = i - gl_GlobalInvocationID.x + first + 1000 * lanes;
        }""",
    # y += a number that tells which workgroups ran, and how many there are in all
    "test-groups": """
        CHANGES(0, uint, y);
        layout(push_constant) uniform Push { OFFSETS(1); uint n; } p;
        void main() {
            for (uint g = gl_WorkGroupID.x; g < p.n; g += groups())
                if (gl_LocalInvocationID.x == 0) AT(y, g) += groups();
        }""",
}


def compiled(name):
    """SPIR-V of one of the tests' kernels, as the build would make it."""
    glslc = shutil.which("glslc")
    if glslc is None:
        import pytest

        pytest.skip("glslc is not installed")
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, f"{name}.glsl"), Path(folder, f"{name}.spv")
        lines = SOURCES[name].strip().split("\n")
        first = 1 if lines[0].startswith("#extension") else 0
        source.write_text("\n".join(["#version 450", *lines[:first], '#include "common.glsl"', *lines[first:]]))
        command = [glslc, "-fshader-stage=compute", "--target-env=vulkan1.1", "-Werror", "-I", INCLUDE]
        subprocess.run([*command, "-o", out, source], check=True)
        return out.read_bytes()


def kernel(name, on=None):
    """Makes a test kernel known to the engine; returns its name."""
    modules = (on or engine()).kernels._modules
    if name not in modules:
        code = compiled(name)
        modules[name] = (code, reflect(code, name))
    return name


def upload(values, dtype=np.float32):
    """A tensor of these values."""
    return from_numpy(np.asarray(values, dtype, order="C"))


def copy(source, target=None):
    """Issues target[:] = source; returns target."""
    target = empty(source.shape, source.dtype) if target is None else target
    source.engine.launch("copy", source.size, src=source, dst=target, n=source.size)
    return target


def fill(target, value, n=None):
    """Issues target[:n] = value; n is not checked."""
    n = target.size if n is None else n
    bits = int(np.array(value, target.dtype).view(np.uint32))
    target.engine.launch("fill", n, dst=target, n=n, bits=bits)
    return target


def add(x, y):
    """Issues y += x; returns y."""
    y.engine.launch(kernel("test-add", y.engine), y.size, x=x, y=y, n=y.size)
    return y


def draw(target=None, work=1):
    """Issues target[0] = number of this random operation since the seed; returns target."""
    target = empty((1,), np.uint32) if target is None else target
    control = target.engine.control
    target.engine.launch(kernel("test-draw", target.engine), 1, work=work, control=control, drawn=target)
    return target


__all__ = ["Tensor", "add", "compiled", "copy", "draw", "empty", "engine", "fill", "kernel", "upload"]
