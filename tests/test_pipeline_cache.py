"""Compiled pipelines between processes: kept whole, never another driver's, never in the way."""

import dataclasses
import os
import pathlib
import threading

import numpy as np
import pytest
from steps import engine, kernel

import grilly_vk
from grilly_vk.ops.elementwise import FUNCTIONS
from grilly_vk.runtime import kp, pipeline_cache
from grilly_vk.runtime.engine import Engine

DATA = bytes(range(256)) * 4


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "grilly-vk" / "pipelines"


@pytest.fixture
def info():
    return grilly_vk.device()


def test_what_is_saved_is_loaded(folder, info):
    assert pipeline_cache.load(info) == b""
    pipeline_cache.save(info, DATA)
    assert pipeline_cache.load(info) == DATA
    pipeline_cache.save(info, DATA * 2)
    assert pipeline_cache.load(info) == DATA * 2
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    "change",
    [{"vendor_id": 1}, {"device_id": 1}, {"driver_version": 12345}, {"driver": "x"}, {"pipeline_cache_uuid": "0"}],
)
def test_another_device_or_driver_has_a_file_of_its_own(folder, info, change):
    pipeline_cache.save(info, DATA)
    other = dataclasses.replace(info, **change)
    assert pipeline_cache.load(other) == b""
    pipeline_cache.save(other, b"other")
    assert pipeline_cache.load(info) == DATA


def test_damaged_files_are_ignored(folder, info, caplog):
    pipeline_cache.save(info, DATA)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    for damaged in (b"", whole[:10], whole[:-1], whole + b"x", *(
        whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :] for i in range(0, len(whole), 37)
    )):  # fmt: skip
        file.write_bytes(damaged)
        assert pipeline_cache.load(info) == b""
    assert "damaged" in caplog.text
    pipeline_cache.save(info, DATA)
    assert pipeline_cache.load(info) == DATA


def test_a_folder_that_can_not_be_written_only_costs_the_cache(tmp_path, monkeypatch, info):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    pipeline_cache.save(info, DATA)
    assert pipeline_cache.load(info) == b""


def test_a_failed_save_leaves_the_old_file_and_no_other(folder, info, monkeypatch):
    pipeline_cache.save(info, DATA)

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(pathlib.Path, "replace", full)
    pipeline_cache.save(info, b"new")
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.parents[1]))
    assert pipeline_cache.load(info) == DATA
    assert len(list(folder.iterdir())) == 1


def test_savers_at_once_leave_a_whole_file(folder, info):
    threads = [threading.Thread(target=pipeline_cache.save, args=(info, bytes([i]) * 50_000)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    found = pipeline_cache.load(info)
    assert len(found) == 50_000
    assert len(set(found)) == 1
    assert len(list(folder.iterdir())) == 1


AT_ONCE = """
    import os, warnings, grilly_vk
    from grilly_vk.runtime import devices, pipeline_cache
    warnings.simplefilter("ignore")
    info = devices.devices()[0]
    children = []
    for i in range(4):
        child = os.fork()
        if not child:
            for _ in range(100):
                pipeline_cache.save(info, bytes([i + 1]) * 20_000)
                found = pipeline_cache.load(info)
                if len(found) != 20_000 or len(set(found)) != 1:
                    os._exit(1)
            os._exit(0)
        children.append(child)
    print([os.waitpid(child, 0)[1] for child in children], len(list(pipeline_cache.folder().iterdir())))
"""


@pytest.mark.skipif(os.name != "posix", reason="fork")
def test_processes_at_once_always_find_a_whole_file(snippet, tmp_path):
    done = snippet(AT_ONCE, XDG_CACHE_HOME=str(tmp_path))
    assert (done.out, done.err) == ("[0, 0, 0, 0] 1\n", "")


RUN = """
    import sys, numpy as np, grilly_vk
    from grilly_vk.runtime import kp
    real, given = kp.Device, []
    class Device(real):
        def __init__(self, index, cache, features):
            given.append(cache)
            super().__init__(index, cache, features)
        def pipeline_cache(self):
            return b"compiled" * int(sys.argv[1])  # (a CPU driver may keep nothing in it)
    kp.Device = Device
    print(grilly_vk.nn.LIFNeuron(2)([100.0, 0.0]), given[0][:8], len(given[0]))
"""


def test_a_process_starts_with_what_the_one_before_compiled(snippet, tmp_path):
    where = {"XDG_CACHE_HOME": str(tmp_path)}
    assert snippet(RUN, 0, **where).out == "[1. 0.] b'' 0\n"
    assert snippet(RUN, 10, **where).out == "[1. 0.] b'' 0\n"
    assert snippet(RUN, 10, **where).out == "[1. 0.] b'compiled' 80\n"
    assert snippet(RUN, 20, GRILLY_VK_PIPELINE_CACHE=0, **where).out == "[1. 0.] b'' 0\n"
    (file,) = (tmp_path / "grilly-vk" / "pipelines").iterdir()
    before = file.stat().st_mtime_ns
    assert snippet(RUN, 10, **where).out == "[1. 0.] b'compiled' 80\n"
    assert file.stat().st_mtime_ns == before  # nothing new: not written


def test_programs_of_one_kernel_share_a_pipeline():
    """Other tensors, other memory, another number of groups: the driver compiles once."""
    on = Engine(grilly_vk.device(), dataclasses.replace(engine().config, segment_bytes=1 << 16, debug=False))
    kernel("test-add", on)
    total = np.zeros(5000, np.float32)
    on.read(on.upload(total), total)  # through staging memory, where there is some
    before = on.device.pipelines
    held = []
    for n in (10, 300, 5000):
        x, y = on.upload(np.full(5000, n, np.float32)), on.upload(np.zeros(5000, np.float32))
        on.launch("test-add", n, x=x, y=y, n=n)
        held.append((n, x, y, on.alloc(1 << 15)))
    for n, _, y, _ in held:
        got = on.read(y, total)
        assert (got[:n] == n).all()
        assert (got[n:] == 0).all()
    assert sum(len(p.programs) for p in on.kernels.pipelines.values()) >= 3
    assert on.device.pipelines == before + 1


def test_constants_make_pipelines_apart(monkeypatch):
    on = Engine(grilly_vk.device(), engine().config)
    x, usual = on.upload(np.arange(8, dtype=np.float32)), on.local
    on.read(x, np.empty(8, np.float32))  # through staging memory, where there is some
    before = on.device.pipelines
    for local in (32, 64, 32):
        on.local = local
        y = on.alloc(32)
        on.launch("elementwise-unary", 8, (("OP", FUNCTIONS.index("abs")),), x=x, y=y, n=8, a=0.0, b=0.0)
        on.local = usual
        assert on.read(y, np.empty(8, np.float32)).tolist() == list(range(8))
    assert on.device.pipelines == before + 2


def test_the_drivers_data_is_taken_back():
    data = engine().device.pipeline_cache()
    assert len(data) >= 32
    kp.Device(engine().info.index, data)
    kp.Device(engine().info.index, b"not a pipeline cache at all, but long enough for a header")
