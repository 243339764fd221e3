"""The build: kernels are complete and valid, and a broken shader stops it with its line."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grilly_vk.runtime.kernels import SPIRV, SUMS

ROOT = Path(__file__).parents[1]
SHADERS = sorted((ROOT / "shaders").glob("*.glsl"))
# kernels that a newer source tree than the build may have: a test run beside an edit is no failure of either
STALE = "shaders were edited after the build; install again"


def tool(name):
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def modules_of(shader):
    wide = re.search(r"^// variants: vec4", shader.read_text(), re.M)
    return {f"{shader.stem}.spv", *([f"{shader.stem}.vec4.spv"] if wide else [])}


@pytest.mark.parametrize("shader", SHADERS, ids=lambda p: p.stem)
def test_shader_is_in_the_package(shader):
    for name in modules_of(shader):
        assert (SPIRV / name).is_file(), f"{name} is missing: {STALE}"


def test_no_module_without_a_shader():
    built = {p.name for p in SPIRV.glob("*.spv")}
    assert built == set().union(*map(modules_of, SHADERS)), STALE


def test_checksums_are_those_of_the_modules():
    listed = dict(line.split("  ")[::-1] for line in (SPIRV / SUMS).read_text().splitlines())
    assert listed == {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in SPIRV.glob("*.spv")}


def test_validator_accepts_all_modules():
    validator = tool("spirv-val")
    for module in sorted(SPIRV.glob("*.spv")):
        done = subprocess.run([validator, "--target-env", "vulkan1.1", module], capture_output=True, text=True)
        assert done.returncode == 0, f"{module.name}: {done.stderr}"


@pytest.mark.parametrize("shader", SHADERS, ids=lambda p: p.stem)
def test_kernels_are_named(shader):
    """By their whole names, so that a search for one finds who launches it."""
    name = re.compile(f'"{shader.stem}["{{.]')
    assert any(name.search(p.read_text()) for p in ROOT.glob("grilly_vk/**/*.py")), f"no file names {shader.stem}"


@pytest.mark.parametrize("shader", SHADERS, ids=lambda p: p.stem)
def test_shader_keeps_to_vulkan_1_1(shader):
    """No capability that Kompute can't enable: Shader, and broadcasts where the device is asked for them first."""
    for name in modules_of(shader):
        words = memoryview((SPIRV / name).read_bytes()).cast("I")
        at, asked = 5, []
        while at < len(words):
            if words[at] & 0xFFFF == 17:  # OpCapability
                asked.append(words[at + 1])
            at += words[at] >> 16
        broadcasts = [61, 64] if "-lanes" in name else []  # GroupNonUniform, GroupNonUniformBallot: DeviceInfo.lanes
        assert asked == [1, *broadcasts], f"{name} asks for capabilities {asked}"


# ---- the build itself, on a copy ----

GOOD = """#version 450
#include "common.glsl"
layout(std430, binding = 0) buffer X { float x[]; };
void main()
{
    x[0] = 1.0;
}
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """CMake's build of a copy of the sources: ``build(text)`` makes shaders/broken.glsl of `text` and runs it."""
    cmake = tool("cmake")
    tool("glslc"), tool("spirv-val")
    folder = tmp_path_factory.mktemp("build")
    shutil.copy(ROOT / "CMakeLists.txt", folder)
    shutil.copytree(ROOT / "native", folder / "native")
    (folder / "shaders").mkdir()
    shutil.copytree(ROOT / "shaders" / "include", folder / "shaders" / "include")
    shutil.copy(ROOT / "shaders" / "publish.cmake", folder / "shaders")
    (folder / "shaders" / "whole.glsl").write_text(GOOD)
    if subprocess.run([sys.executable, "-c", "import pybind11"], capture_output=True).returncode:
        pytest.skip("pybind11 is not installed")

    def run(text=None):
        broken = folder / "shaders" / "broken.glsl"
        broken.unlink(missing_ok=True)
        if text is not None:
            broken.write_text(text)
        made = subprocess.run(
            [cmake, "-S", folder, "-B", folder / "out", f"-DPython_EXECUTABLE={sys.executable}"],
            capture_output=True, text=True,
        )  # fmt: skip
        assert made.returncode == 0, made.stdout + made.stderr
        done = subprocess.run(
            [cmake, "--build", folder / "out", "--target", "kernels"], capture_output=True, text=True
        )
        return done.returncode, done.stdout + done.stderr

    run.package = folder / "out" / "package" / "spirv"
    return run


def test_build_makes_modules_and_checksums(build):
    rc, log = build(GOOD)
    assert rc == 0, log
    assert {p.name for p in build.package.iterdir()} == {"whole.spv", "broken.spv", SUMS}
    rc, log = build()
    assert rc == 0, log
    assert {p.name for p in build.package.iterdir()} == {"whole.spv", SUMS}  # the module of the deleted shader is gone
    assert "broken" not in (build.package / SUMS).read_text()


@pytest.mark.parametrize(
    ("wrong", "line", "words"),
    [
        (GOOD.replace("x[0] = 1.0;", "x[0] = missing;"), 6, "undeclared identifier"),
        (GOOD.replace("x[0] = 1.0;", "x[0] = 1.0"), 7, "syntax error"),
        (GOOD.replace("common.glsl", "absent.glsl"), 2, "absent.glsl"),
    ],
    ids=["unknown name", "syntax", "missing include"],
)
def test_broken_shader_fails_the_build_and_names_its_line(build, wrong, line, words):
    build()
    rc, log = build(wrong)
    assert rc != 0
    assert re.search(rf"broken\.glsl:{line}: .*{re.escape(words)}", log), log
    assert not (build.package / "broken.spv").exists()
    rc, log = build(GOOD)
    assert rc == 0, log
