"""The build: kernels are complete and valid, a broken shader names its line, Kompute is the released one; licences."""

import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import grilly_vk
from grilly_vk.runtime.kernels import SPIRV, SUMS, Kernels
from grilly_vk.runtime.limits import NEEDS

ROOT = Path(__file__).parents[1]
SHADERS = sorted(p for p in (ROOT / "shaders").rglob("*.glsl") if p.parent.name != "include")
# kernels that a newer source tree than the build may have: a test run beside an edit is no failure of either
STALE = "shaders were edited after the build; install again"


def tool(name):
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def made(package):
    """The files of a package but for those of built-in models, which any build makes."""
    return {p.name for p in package.iterdir() if "~" not in p.name}


def modules_of(shader):
    wide = re.search(r"^// variants: (.*)", shader.read_text(), re.M)
    return {f"{shader.stem}.spv", *(f"{shader.stem}.{variant}.spv" for variant in (wide[1].split() if wide else ()))}


def test_the_package_has_the_modules_of_all_shaders_and_no_others():
    # but for sim-advance with the built-in models in it
    other = {p.name for p in SPIRV.glob("*.spv") if "~" not in p.name} ^ set().union(*map(modules_of, SHADERS))
    if not Kernels().has("matmul-matrices"):  # the compiler knows no cooperative matrices
        other -= set().union(*(modules_of(s) for s in SHADERS if s.parent.name == "matrices"))
    assert not other, f"{STALE}: {' '.join(sorted(other))}"


def test_checksums_are_those_of_the_modules():
    listed = dict(line.split("  ")[::-1] for line in (SPIRV / SUMS).read_text().splitlines())
    assert listed == {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in SPIRV.glob("*.spv")}


def test_validator_accepts_all_modules():
    validator = tool("spirv-val")
    for module in sorted(SPIRV.glob("*.spv")):
        done = subprocess.run([validator, "--target-env", "vulkan1.1", module], capture_output=True, text=True)
        assert done.returncode == 0, f"{module.name}: {done.stderr}"


def test_kernels_are_named():
    """By their whole names, so that a search for one finds who launches it."""
    sources = "\n".join(p.read_text() for p in ROOT.glob("grilly_vk/**/*.py"))
    unnamed = [s.stem for s in SHADERS if not re.search(f'"{s.stem}["{{.]', sources)]
    assert SHADERS and not unnamed, " ".join(unnamed)


def test_shaders_keep_to_vulkan_1_1():
    """Shader alone, but for kernels that are taken where the device was asked for more first: broadcasts, matrices."""
    found, allowed = {}, {}
    more = {
        "lanes": [61, 64],  # GroupNonUniform, GroupNonUniformBallot
        "matrices": [9, 61, 5345, 6022],  # Float16, GroupNonUniform, VulkanMemoryModel, CooperativeMatrixKHR
    }
    for shader in SHADERS:
        for name in modules_of(shader):
            if not (SPIRV / name).exists() and shader.parent.name == "matrices":
                continue
            words = memoryview((SPIRV / name).read_bytes()).cast("I")
            at, asked = 5, []
            while at < len(words):
                if words[at] & 0xFFFF == 17:  # OpCapability
                    asked.append(words[at + 1])
                at += words[at] >> 16
            found[name] = asked
            integers = [11] if ".vec8." in name else []  # Int64, which is asked for first too
            allowed[name] = [1, *integers, *more.get(shader.parent.name, ())]
    wrong = [f"{name}: {asked}" for name, asked in found.items() if asked != allowed[name]]
    assert found and not wrong, "\n".join(wrong)


def test_buffers_are_declared_by_macros():
    """Those of buffers.glsl, so that one place says how buffers are bound; all of a kernel have offsets, or none."""
    sources = {p.name: p.read_text() for p in (ROOT / "shaders").rglob("*.glsl")}
    declaring = [name for name, text in sources.items() if "std430" in text]
    assert declaring == ["buffers.glsl"], " ".join(declaring)
    kernels = Kernels()
    faces = {name: kernels.module(name)[1] for name in kernels.names()}
    offsets = {name: [s.name for s in face.push if s.name.endswith("_at")] for name, face in faces.items()}
    bound = {name: [f"{b.name}_at" for b in face.bindings] for name, face in faces.items()}
    wrong = [name for name in faces if offsets[name] not in ([], bound[name])]
    assert faces and not wrong, " ".join(wrong)


# ---- the build itself, on a copy ----

GOOD = """#version 450
#include "common.glsl"
CHANGES(0, float, x);
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
    for name in ("publish.cmake", "generate.py", "needs.py"):
        shutil.copy(ROOT / "shaders" / name, folder / "shaders")
    for path in [p for name in ("equations", "runtime") for p in (ROOT / "grilly_vk" / name).glob("*.py")]:
        to = folder / path.relative_to(ROOT)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, to)
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
        done = subprocess.run([cmake, "--build", folder / "out", "--target", "kernels"], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    run.package = folder / "out" / "package" / "spirv"
    return run


def test_build_makes_modules_and_checksums(build):
    rc, log = build(GOOD)
    assert rc == 0, log
    assert made(build.package) == {"whole.spv", "broken.spv", SUMS, NEEDS}
    rc, log = build()
    assert rc == 0, log
    # the module of the deleted shader is gone
    assert made(build.package) == {"whole.spv", SUMS, NEEDS}
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


# ---- Kompute's sources ----

ARCHIVE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "grilly-vk" / "kp-0.9.0.tar.gz"


@pytest.fixture
def fetch(tmp_path):
    """Runs native/fetch_kompute.cmake alone: ``fetch(GRILLY_VK_KOMPUTE=...)`` gives its exit status and its words.

    The user's cache is a folder of the test's own; `fetched` is what the package index has, in place of the real one.
    """
    cmake = tool("cmake")
    (tmp_path / "script.cmake").write_text(
        f'set(Python_EXECUTABLE "{tmp_path}/python")\ninclude("{ROOT}/native/fetch_kompute.cmake")\n'
        "kompute_sources(sources)\n"
    )

    def run(fetched=None, **environment):
        python = tmp_path / "python"
        # its arguments are those of "-m pip download --quiet --no-deps --no-binary kp --dest FOLDER kp==0.9.0"
        copy = f'cp "{fetched}" "$9/kp-0.9.0.tar.gz"' if fetched else "echo no network; exit 1"
        python.write_text(f"#!/bin/sh\necho fetched >>'{tmp_path}/fetches'\n{copy}\n")
        python.chmod(0o755)
        env = {k: v for k, v in os.environ.items() if k != "GRILLY_VK_KOMPUTE"}
        env |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), **{k: str(v) for k, v in environment.items()}}
        here = tmp_path / "build"
        shutil.rmtree(here, ignore_errors=True)
        here.mkdir()
        script = [cmake, "-P", tmp_path / "script.cmake"]
        done = subprocess.run(script, cwd=here, env=env, capture_output=True, text=True)
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    run.sources = tmp_path / "build" / "kompute" / "kp-0.9.0"
    run.kept = tmp_path / "cache" / "grilly-vk" / "kp-0.9.0.tar.gz"
    run.times = lambda: len((tmp_path / "fetches").read_text().splitlines()) if (tmp_path / "fetches").exists() else 0
    return run


@pytest.fixture
def archive():
    """The released archive, where a build has kept it."""
    if not ARCHIVE.is_file():
        pytest.skip("no build has kept Kompute's archive")
    return ARCHIVE


@pytest.fixture
def junk(tmp_path):
    path = tmp_path / "junk.tar.gz"
    path.write_bytes(b"not the archive")
    return path


def test_named_archive_that_is_missing(fetch, tmp_path):
    rc, said = fetch(GRILLY_VK_KOMPUTE=tmp_path / "absent.tar.gz")
    assert rc != 0
    assert "absent.tar.gz, and there is no such file" in said
    assert fetch.times() == 0


def test_named_archive_of_another_content_is_refused(fetch, junk):
    rc, said = fetch(GRILLY_VK_KOMPUTE=junk)
    assert rc != 0
    assert hashlib.sha256(junk.read_bytes()).hexdigest() in said
    assert not fetch.sources.exists()
    assert fetch.times() == 0


def test_fetched_archive_of_another_content_is_refused(fetch, junk):
    rc, said = fetch(fetched=junk)
    assert rc != 0
    assert "not Kompute 0.9.0's released archive" in said
    assert not fetch.sources.exists()
    assert not fetch.kept.exists()


def test_without_a_network_the_build_says_what_to_do(fetch):
    rc, said = fetch()
    assert rc != 0
    assert "no network" in said
    assert "GRILLY_VK_KOMPUTE" in said


def test_named_archive_is_unpacked(fetch, archive):
    rc, said = fetch(GRILLY_VK_KOMPUTE=archive)
    assert rc == 0, said
    assert (fetch.sources / "src" / "Core.cpp").is_file()
    assert fetch.times() == 0
    assert not fetch.kept.exists()


def test_archive_is_fetched_once_and_again_when_the_kept_one_is_damaged(fetch, archive):
    def check(times):
        rc, said = fetch(fetched=archive)
        assert rc == 0, said
        assert (fetch.sources / "src" / "Core.cpp").is_file()
        assert fetch.times() == times
        assert [p.name for p in fetch.kept.parent.iterdir()] == [fetch.kept.name]

    check(1)
    check(1)
    fetch.kept.write_bytes(b"damaged")
    check(2)


def test_processes_that_fetch_at_once(fetch, archive, tmp_path):
    """Four builds with an empty cache: all of them succeed, and one whole archive is kept."""
    processes = []
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nsleep 0.3\ncp '{archive}' \"$9/kp-0.9.0.tar.gz\"\n")
    python.chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if k != "GRILLY_VK_KOMPUTE"}
    for i in range(4):
        here = tmp_path / f"build {i}"
        here.mkdir()
        processes.append(
            subprocess.Popen(
                ["cmake", "-P", tmp_path / "script.cmake"], cwd=here, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env={**environment, "XDG_CACHE_HOME": str(tmp_path / "cache")}, text=True,
            )
        )  # fmt: skip
    for i, process in enumerate(processes):
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert (tmp_path / f"build {i}" / "kompute" / "kp-0.9.0" / "src" / "Core.cpp").is_file()
    assert [p.name for p in fetch.kept.parent.iterdir()] == [fetch.kept.name]
    assert fetch.kept.read_bytes() == archive.read_bytes()


def test_cache_that_can_not_be_written_stops_nothing(fetch, archive, tmp_path):
    (tmp_path / "file").write_text("no folder")
    rc, said = fetch(fetched=archive, XDG_CACHE_HOME=tmp_path / "file")
    assert rc == 0, said
    assert (fetch.sources / "src" / "Core.cpp").is_file()


# ---- licences ----


def test_package_carries_the_licences_of_what_is_compiled_in():
    package = importlib.metadata.distribution("grilly-vk")
    assert package.metadata["License-Expression"] == "MIT AND Apache-2.0 AND BSD-3-Clause"
    names = {Path(f).name: f.locate() for f in package.files}
    for text, words in {
        "LICENSE": "MIT License", "kompute.txt": "Apache License", "fmt.txt": "Victor Zverovich",
        "pybind11.txt": "Wenzel Jakob", "NOTICE.txt": "Vulkan-Hpp",
    }.items():  # fmt: skip
        assert words in Path(names[text]).read_text(), text


def test_licence_of_kompute_is_that_of_its_archive(archive):
    with tarfile.open(archive) as tar:
        assert tar.extractfile("kp-0.9.0/LICENSE").read() == (ROOT / "licenses" / "kompute.txt").read_bytes()


# ---- what the package says of itself ----


def test_the_version_stands_once():
    """`__version__` is the place: the package's metadata take it from there, and no page repeats it."""
    version = grilly_vk.__version__
    assert importlib.metadata.version("grilly-vk") == version
    files = [ROOT / "pyproject.toml", ROOT / "README.md", ROOT / "CMakeLists.txt"]
    files += [p for folder in ("docs", "grilly", "grilly_vk", "tools") for p in (ROOT / folder).rglob("*")]
    texts = {
        p: p.read_text("utf-8")
        for p in files
        if p.suffix in (".toml", ".md", ".py", ".txt") and "_build" not in p.parts
    }
    says = re.compile(rf"(?:grilly[_-]vk-|version.{{0,9}}){re.escape(version)}")
    assert [p for p, text in texts.items() if says.search(text)] == [ROOT / "grilly_vk" / "__init__.py"]


def test_type_checkers_are_told_that_there_are_types():
    assert (Path(grilly_vk.__file__).parent / "py.typed").is_file()
