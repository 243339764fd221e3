"""Reading kernels: their interface, and files that are damaged or missing."""

import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from steps import SOURCES, compiled, copy, empty, engine, kernel, upload

import grilly_vk
from grilly_vk.ops.elementwise import unary
from grilly_vk.runtime.kernels import SPIRV, SUMS, Kernels, Pipeline
from grilly_vk.runtime.spirv import Binding, Interface, Scalar, SpirvError, keeping_special_values, reflect


def test_interface_of_copy():
    assert reflect((SPIRV / "copy.spv").read_bytes(), "copy.spv") == Interface(
        bindings=(Binding("src", 4, reads=True, writes=False), Binding("dst", 4, reads=False, writes=True)),
        push=(Scalar("src_at", "I"), Scalar("dst_at", "I"), Scalar("n", "I")),
        specs=(Scalar("LOCAL", "I", 64),),
    )


def test_interface_of_mark():
    assert reflect((SPIRV / "mark.spv").read_bytes(), "mark.spv") == Interface(
        bindings=(Binding("control", 4, reads=True, writes=True),),
        push=(Scalar("draws", "I"),),
        specs=(Scalar("LOCAL", "I", 64),),
    )


def test_interface_of_the_vector_variant():
    one, four = (reflect((SPIRV / f"snn-lif{v}.spv").read_bytes(), "lif") for v in ("", ".vec4"))
    assert [(b.name, b.reads, b.writes) for b in one.bindings] == [
        ("x", True, False),
        ("v", True, True),
        ("hold", True, True),
        ("s", False, True),
        ("trace", False, True),
        ("w", True, True),
    ]
    assert [b.stride for b in one.bindings] == [4] * 6
    assert [b.stride for b in four.bindings] == [16] * 6
    assert one.push == four.push
    assert Scalar("decay", "f") in one.push
    assert Scalar("steps", "I") in one.push
    assert [s.name for s in one.specs][:3] == ["LOCAL", "REFRACTORY", "STORE_V"]


def test_offsets_for_more_bindings_than_there_are_are_refused(monkeypatch):
    """Fewer bindings than offsets: the numbers behind them would be taken for something else."""
    monkeypatch.setitem(SOURCES, "test-add", SOURCES["test-add"].replace("OFFSETS(2)", "OFFSETS(3)"))
    with pytest.raises(SpirvError, match="has offsets for 3 bindings, and 2 bindings; "):
        reflect(compiled("test-add"), "test-add")


def test_every_kernel_can_be_read():
    kernels = Kernels()
    assert kernels.names()
    for name in kernels.names():
        face = kernels.module(name)[1]
        assert face.bindings
        assert face.specs[0].name == "LOCAL"
        assert 4 * len(face.push) <= 128
        assert all(b.name and b.stride in (4, 8, 16) for b in face.bindings)
        assert all(s.name for s in (*face.push, *face.specs))


@pytest.fixture
def folder(tmp_path):
    """A copy of the built kernels."""
    return shutil.copytree(SPIRV, tmp_path / "spirv")


def flip(code, word, bits):
    words = np.frombuffer(code, np.uint32).copy()
    words[word] ^= bits
    return words.tobytes()


DAMAGE = {
    "empty": lambda code: b"",
    "a header only": lambda code: code[:20],
    "no whole words": lambda code: code[:-3],
    "cut short": lambda code: code[: len(code) // 8 * 4],
    "last word gone": lambda code: code[:-4],
    "another format": lambda code: b"\x7fELF" + code[4:],
    "other byte order": lambda code: np.frombuffer(code, np.uint32).byteswap().tobytes(),
    "a flipped length": lambda code: flip(code, 5, 0x00400000),
    "a zero length": lambda code: flip(code, 5, np.frombuffer(code, np.uint32)[5] & 0xFFFF0000),
    "a flipped bit in the body": lambda code: flip(code, -3, 1),
    "zeros": lambda code: bytes(len(code)),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_file_is_named_and_the_next_call_works(folder, monkeypatch, damage):
    monkeypatch.setattr(engine(), "kernels", Kernels(folder))  # not of "copy", which staging needs
    x = upload([1, 2, 3])
    path = folder / "elementwise-unary.spv"
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    for _ in range(2):
        with pytest.raises(SpirvError, match=r"elementwise-unary\.spv: .*rebuild the package") as caught:
            unary("abs", x)
        assert isinstance(caught.value, ValueError)
    assert x.numpy().tolist() == [1, 2, 3]
    path.write_bytes(whole)
    assert unary("abs", x).numpy().tolist() == [1, 2, 3]


@given(st.data())
def test_any_flipped_bit_is_noticed(data):
    code = (SPIRV / "snn-lif.spv").read_bytes()
    word = data.draw(st.integers(0, len(code) // 4 - 1))
    broken = flip(code, word, 1 << data.draw(st.integers(0, 31)))
    try:
        reflect(broken, "snn-lif.spv")
    except SpirvError as error:
        assert "snn-lif.spv" in str(error)
    with pytest.raises(SpirvError, match=r"snn-lif\.spv"):
        Kernels()._verify("snn-lif.spv", broken)


def test_missing_kernel(folder, monkeypatch):
    monkeypatch.setattr(engine(), "kernels", Kernels(folder))
    (folder / "elementwise-unary.spv").unlink()
    x = upload([1, 2, 3])
    with pytest.raises(SpirvError, match="kernel 'elementwise-unary' can't be read"):
        unary("abs", x)
    with pytest.raises(SpirvError, match="kernel 'no-such-kernel' can't be read"):
        engine().launch("no-such-kernel", 1)
    assert x.numpy().tolist() == [1, 2, 3]


def test_missing_checksums(folder, monkeypatch):
    (folder / SUMS).unlink()
    monkeypatch.setattr(engine(), "kernels", Kernels(folder))
    with pytest.raises(SpirvError, match="checksums can't be read"):
        copy(upload([1.0]))


def test_unknown_specialization_constant():
    with pytest.raises(SpirvError, match=r"'copy' has no specialization constant \['SPEED'\]"):
        engine().launch("copy", 1, (("SPEED", 2),), src=None, dst=None, n=0)


def test_launch_that_lacks_arguments_issues_nothing():
    x, y = upload([1, 2, 3]), upload([4, 5, 6])
    before = grilly_vk.memory_stats()["dispatches"]
    with pytest.raises(KeyError, match="dst"):
        engine().launch("copy", 3, src=x, n=3)
    with pytest.raises(KeyError, match="n"):
        engine().launch("copy", 3, src=x, dst=y)
    assert grilly_vk.memory_stats()["dispatches"] == before
    assert y.numpy().tolist() == [4, 5, 6]


def test_constants_and_push_constants_reach_the_shader():
    local = engine().local
    try:
        for engine().local in (1, 32, 256):
            x = upload(np.arange(1000))
            assert copy(x).numpy().tolist() == list(range(1000))
    finally:
        engine().local = local
    y = empty((4,))
    engine().launch("fill", 4, dst=y, n=4, bits=0xFFFFFFFF)
    assert (y.numpy().view(np.uint32) == 0xFFFFFFFF).all()


def test_any_group_count_covers_all_elements():
    for groups in (1, 3, 1000):
        x, y = upload(np.arange(700)), empty((700,))
        engine().launch("copy", 700, groups=groups, src=x, dst=y, n=700)
        assert y.numpy().tolist() == list(range(700))


def test_push_constants_hold_offsets_in_elements_and_numbers():
    code = compiled("test-add")
    pipeline = Pipeline("test-add", code, reflect(code, "test-add"), 64, {})
    assert pipeline.strides == (4, 4)
    packed = np.frombuffer(pipeline.pack([5, 64], {"n": 7}), np.uint32)
    assert packed.tolist() == [5, 64, 7]
    assert kernel("test-add") == "test-add"


def test_a_kernel_that_uses_local_keeps_its_name(tmp_path):
    """glslc gives constant id 0 twice then: LOCAL, and the workgroup size without a name."""
    import shutil
    import subprocess
    from pathlib import Path

    if shutil.which("glslc") is None:
        pytest.skip("glslc is not installed")
    source = tmp_path / "local.glsl"
    source.write_text(
        '#version 450\n#include "common.glsl"\nCHANGES(0, uint, x);\n'
        "void main() { x[gl_GlobalInvocationID.x] = LOCAL + gl_WorkGroupSize.x; }\n"
    )
    include = Path(__file__).parents[1] / "shaders" / "include"
    out = tmp_path / "local.spv"
    subprocess.run(
        ["glslc", "-fshader-stage=compute", "--target-env=vulkan1.1", "-I", include, "-o", out, source], check=True
    )
    assert [s.name for s in reflect(out.read_bytes(), "local").specs] == ["LOCAL"]


@pytest.mark.skipif(shutil.which("spirv-val") is None, reason="SPIRV-Tools are not installed")
def test_kernels_that_keep_special_values_are_valid(tmp_path):
    """The declaration is put into the module as it is loaded; the interface stays."""
    for name in ("copy", "elementwise-unary.vec4", "softmax", "matmul-lanes"):
        code = (SPIRV / f"{name}.spv").read_bytes()
        changed = keeping_special_values(code)
        (tmp_path / "kernel.spv").write_bytes(changed)
        subprocess.run(["spirv-val", "--target-env", "vulkan1.1", tmp_path / "kernel.spv"], check=True)
        assert reflect(changed, name) == reflect(code, name) and b"SPV_KHR_float_controls" in changed


def test_float_controls_are_declared_where_they_are_taken():
    taken = any(f.name == "float controls" and f.taken for f in engine().device.features)
    copy(upload(np.ones(4)))
    pipelines = [p for p in engine().kernels.pipelines.values() if p.name == "copy"]
    assert pipelines and all((b"SPV_KHR_float_controls" in p.code) == taken for p in pipelines)
