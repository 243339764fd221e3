"""Device memory: placement, reuse, limits, the host's writes beside pending work, and the debug mode."""

import dataclasses
import gc
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from steady import resident
from steps import add, copy, empty, engine, fill, upload

import grilly_vk
from grilly_vk.runtime import kp
from grilly_vk.runtime.engine import Engine
from grilly_vk.runtime.memory import ALIGN, Part, rounded

MIB = 1 << 20


@pytest.fixture
def other():
    """A second engine on the same device, whose memory nobody else uses; segments of 1 MiB."""
    return Engine(grilly_vk.device(), dataclasses.replace(engine().config, debug=False, segment_bytes=MIB))


@given(st.integers(0, 1 << 32))
def test_block_sizes_are_aligned_and_waste_little(nbytes):
    size = rounded(nbytes)
    assert size % ALIGN == 0
    assert nbytes <= size <= max(nbytes * 1.125 + ALIGN, ALIGN)


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=12))
def test_live_buffers_are_aligned_and_disjoint(sizes):
    held = [engine().alloc(n) for n in sizes]
    for buffer in held:
        assert buffer.offset % ALIGN == 0
    for a, b in itertools.combinations(held, 2):
        if a.segment is b.segment:
            assert a.block.offset + a.block.size <= b.block.offset or b.block.offset + b.block.size <= a.block.offset


def test_same_sizes_are_reused_without_growth():
    def step():
        x = upload(np.ones(1000))
        return add(x, copy(x)).numpy()

    step()
    for _ in range(3):
        step()
    before = grilly_vk.memory_stats()
    for _ in range(100):
        step()
    after = grilly_vk.memory_stats()
    for name in ("bytes_in_use", "bytes_peak", "bytes_reserved", "segments", "programs"):
        assert after[name] == before[name], name
    assert after["allocations"] - before["allocations"] >= 200
    assert after["replayed_submits"] - before["replayed_submits"] >= 98


def test_stats_count_what_is_held(other):
    start = other.memory_stats()
    assert start["bytes_in_use"] == start["segments"] == 0
    a, b = other.alloc(1000), other.alloc(5000)
    held = other.memory_stats()
    assert held["bytes_in_use"] == rounded(1000) + rounded(5000) == held["bytes_peak"]
    assert held["bytes_reserved"] == MIB
    del a, b
    freed = other.memory_stats()
    assert freed["bytes_in_use"] == 0
    assert freed["bytes_peak"] == held["bytes_peak"]
    assert freed["bytes_reserved"] == MIB
    assert freed["bytes_budget"] == int(other.info.heap_for(host=other.host_visible) * 0.8)


def test_freed_neighbours_are_joined(other):
    quarter = [other.alloc(MIB // 4) for _ in range(4)]
    assert len(other.memory.segments) == 1
    del quarter
    half = [other.alloc(MIB // 2) for _ in range(2)]
    assert len(other.memory.segments) == 1
    assert sorted(b.offset for b in half) == [0, MIB // 2]


def test_large_tensors_get_a_segment_of_their_own(other):
    small = other.alloc(1000)
    large = other.alloc(5 * MIB)
    assert large.segment is not small.segment
    assert large.segment.nbytes == rounded(5 * MIB)
    segment = large.segment
    del large
    assert other.alloc(5 * MIB).segment is segment
    again = other.alloc(4 * MIB)
    assert again.segment is segment  # another size takes the same room


@pytest.mark.parametrize("over", [1, 1 << 40])
def test_tensor_beyond_the_binding_range(over):
    limit = engine().memory.max_bytes
    x = upload([1, 2])
    with pytest.raises(grilly_vk.OutOfDeviceMemory, match="this device binds at most"):
        engine().alloc(limit + over)
    assert copy(x).numpy().tolist() == [1, 2]


def test_block_is_never_larger_than_the_device_binds(other):
    """Rounding up must not pass the limit, which is no power of two on many devices."""
    other.memory.max_bytes = 1_000_000 // ALIGN * ALIGN
    buffer = other.alloc(999_000)
    assert buffer.segment.nbytes <= MIB
    assert buffer.block.size <= other.memory.max_bytes
    with pytest.raises(grilly_vk.OutOfDeviceMemory):
        other.alloc(1_000_000)


def test_beyond_the_budget_and_back(snippet):
    source = """
        import numpy as np, grilly_vk
        from steps import copy, empty, engine, fill, upload
        budget = grilly_vk.memory_stats()["bytes_budget"]
        assert 8 << 20 < budget < 80 << 20, budget
        x = upload(np.arange(1000))
        held, errors = [], 0
        for round in range(3):
            try:
                while True:
                    held.append(fill(empty((1 << 20,)), len(held)))
            except grilly_vk.OutOfDeviceMemory as error:
                assert isinstance(error, MemoryError)
                message = str(error)
                errors += 1
            assert [int(t.numpy()[-1]) for t in held] == list(range(len(held)))
            assert copy(x).numpy().tolist() == list(range(1000))       # small ones still fit
            stats = grilly_vk.memory_stats()
            assert stats["bytes_reserved"] <= budget
            count = len(held)
            held.clear()
            assert grilly_vk.memory_stats()["bytes_in_use"] < 1 << 20
        # the room of many small ones serves one large one: their segments are given up for it
        large = fill(empty((budget // 4 * 3 // 4,)), 7)
        assert large.numpy()[-1] == 7
        assert grilly_vk.memory_stats()["bytes_reserved"] <= budget
        assert copy(x).numpy().tolist() == list(range(1000))
        print(errors, count, message)
    """
    heap = engine().info.heap_for(host=engine().host_visible)
    out = snippet(source, GRILLY_VK_MEMORY_FRACTION=40 * MIB / heap, GRILLY_VK_SEGMENT_MB=4).out
    assert out.startswith("3 ")
    assert int(out.split()[1]) >= 8
    assert "the budget is 40.0 MiB" in out


def test_segments_are_given_up_for_others_with_all_that_uses_them():
    base = engine().config
    fraction = 4 * MIB / engine().info.heap_for(host=engine().host_visible)
    small = Engine(
        grilly_vk.device(), dataclasses.replace(base, debug=False, segment_bytes=MIB, memory_fraction=fraction)
    )
    held = [small.alloc(MIB // 2) for _ in range(6)]
    for buffer in held:
        small.launch("fill", 10, dst=buffer, n=10, bits=0)
    small.synchronize()
    segments = {b.segment for b in held}
    assert len(segments) == 3
    del held, buffer
    large = small.alloc(3 * MIB)
    assert small.memory.segments == [large.segment]
    assert not any(s.tensor.is_init() for s in segments)
    programs = small.kernels.pipelines[("fill", (), small.local)].programs.values()
    assert not any(segments & p.writes for p in programs)
    assert len(small.stream._recorded) == 0
    small.launch("fill", 10, dst=large, n=10, bits=0)
    small.synchronize()


def test_large_arrays_pass_through_little_staging_memory():
    """Memory of the device alone, and no room for a second copy: what is read or uploaded goes in pieces."""
    info = grilly_vk.device()
    if info.memory_heap(host=True) != info.memory_heap(host=False):
        pytest.skip("the heaps of this device's host and device memory are two")
    heap = info.heap_for(host=False)
    config = dataclasses.replace(
        engine().config, debug=False, memory="storage", segment_bytes=MIB, memory_fraction=9 * MIB / heap
    )
    other = Engine(info, config)
    values = np.random.default_rng(0).random(6 * MIB // 4 + 77, np.float32)
    x = other.upload(values)
    np.testing.assert_array_equal(other.read(x, np.empty_like(values)), values)
    part = Part(x, 4 * 1000, 4 * 1_200_001)
    np.testing.assert_array_equal(other.read(part, np.empty(1_200_001, np.float32)), values[1000:1_201_001])
    assert other.memory_stats()["bytes_reserved"] <= 9 * MIB


def test_pools_share_the_budget_of_their_heap():
    """Device memory and staging memory of one heap together stay below its share."""
    if engine().info.memory_heap(host=True) != engine().info.memory_heap(host=False):
        pytest.skip("the heaps of this device's host and device memory are two")
    config = dataclasses.replace(
        engine().config, debug=False, memory="storage", segment_bytes=MIB,
        memory_fraction=(8 * MIB + 0.5) / engine().info.heap_for(host=False),
    )  # fmt: skip
    on = Engine(grilly_vk.device(), config)
    held = [on.staging.alloc(3 * MIB // 4) for _ in range(4)] + [on.memory.alloc(3 * MIB // 4) for _ in range(4)]
    for pool in (on.memory, on.staging):
        with pytest.raises(grilly_vk.OutOfDeviceMemory, match=r"8\.0 MiB reserved, and the budget is 8\.0 MiB"):
            pool.alloc(3 * MIB // 4)
    assert on.memory_stats()["bytes_reserved"] == 8 * MIB
    del held


def test_what_the_driver_has_left_is_a_limit(other, monkeypatch):
    """Other processes use the same device: their memory counts."""
    heap = engine().info.memory_heap(host=engine().host_visible)
    heaps = [(1 << 40, 0)] * heap + [(100 * MIB, 90 * MIB)]
    monkeypatch.setattr(kp.Device, "memory_budget", lambda self: heaps)
    x = other.alloc(9 * MIB)
    with pytest.raises(grilly_vk.OutOfDeviceMemory, match=r"by its driver .* has only 10.0 MiB left"):
        other.alloc(11 * MIB)
    monkeypatch.undo()
    y = other.alloc(11 * MIB)
    assert x.nbytes + y.nbytes == 20 * MIB


def test_the_drivers_budget_is_real():
    heaps = engine().device.memory_budget()
    if not heaps:
        pytest.skip("the driver has no VK_EXT_memory_budget")
    assert len(heaps) == len(engine().info.heaps)
    for (budget, usage), heap in zip(heaps, engine().info.heaps):
        assert 0 < budget <= heap["size"]
        assert 0 <= usage <= heap["size"]


def test_failed_layer_call_changes_nothing(snippet):
    source = """
        import numpy as np, grilly_vk
        layer = grilly_vk.nn.LIFNeuron(64)
        layer(np.full(64, 0.5, np.float32))
        before = layer.membrane
        try:
            layer.run(np.ones((200_000, 64), np.float32))
        except grilly_vk.OutOfDeviceMemory:
            print("refused")
        assert np.array_equal(layer.membrane, before)
        layer(np.full(64, 0.5, np.float32))
    """
    heap = engine().info.heap_for(host=engine().host_visible)
    assert snippet(source, GRILLY_VK_MEMORY_FRACTION=16 * MIB / heap, GRILLY_VK_SEGMENT_MB=1).out == "refused\n"


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3)])
def test_tensors_without_elements(shape):
    x = upload(np.zeros(shape))
    y = copy(x)
    assert y.numpy().shape == shape
    assert y.share().shape == shape
    assert x.nbytes == 0


def test_scalar_tensor():
    x = upload(np.float32(3).reshape(()))
    assert x.shape == ()
    assert copy(x).item() == 3
    x.assign(np.float32(4))
    assert x.item() == 4


def test_parts_are_read_and_written_alone():
    x = upload(np.arange(12).reshape(4, 3))
    middle = x._rows(1, 3)
    assert isinstance(middle.buffer, Part)
    assert middle.numpy().tolist() == [[3, 4, 5], [6, 7, 8]]
    middle.assign(np.full((2, 3), 9))
    assert x.numpy().tolist() == [[0, 1, 2], [9, 9, 9], [9, 9, 9], [9, 10, 11]]
    del x
    gc.collect()
    fill(empty((4, 3)), 5).numpy()
    assert middle._rows(0, 1).share().tolist() == [[9, 9, 9]]


def test_part_inside_a_wide_element_is_refused():
    x = upload(np.arange(12).reshape(4, 3))
    pipeline = engine().kernels.pipeline("snn-lif.vec4", (), engine().local)
    name = pipeline.bindings[0]
    buffers = dict.fromkeys(pipeline.bindings, x.buffer)
    with pytest.raises(ValueError, match="in units of 16 bytes"):
        pipeline.aligned([*{**buffers, name: x._rows(1, 2).buffer}.values()])


def test_tensors_of_two_devices_do_not_mix(other):
    x = upload(np.arange(10))
    y = other.upload(np.zeros(10, np.float32))
    with pytest.raises(ValueError, match="different devices"):
        engine().launch("copy", 10, src=x, dst=y, n=10)
    assert copy(x).numpy().tolist() == list(range(10))


def test_many_free_blocks_do_not_make_a_loop_wander(other):
    """The same memory again, so that recorded submits can be replayed."""
    held = [other.upload(np.zeros(100, np.float32)) for _ in range(50)]
    del held
    for i in range(10):
        x, y = other.upload(np.full(100, i, np.float32)), other.alloc(400)
        other.launch("copy", 100, src=x, dst=y, n=100)
        assert (other.read(y, np.empty(100, np.float32)) == i).all()
        del x, y
    assert other.stream.replays >= 8


# ---- the host's writes beside pending work ----


def test_upload_spares_memory_that_pending_work_reads():
    x = upload(np.full(1000, 1.0))
    grilly_vk.synchronize()
    y = copy(x)  # noted, not run
    del x
    new = upload(np.full(1000, 2.0))  # the host writes at once: not where y's source lies
    assert (y.numpy() == 1).all()
    assert (new.numpy() == 2).all()


def test_upload_spares_the_ranges_that_pending_work_reads(other):
    """The same where blocks of other sizes are carved out of joined ranges."""
    sources = [other.upload(np.full(MIB // 16, i, np.float32)) for i in range(4)]  # fills the segment
    results = []
    for s in sources:
        results.append(other.alloc(MIB // 4))
        other.launch("copy", MIB // 16, src=s, dst=results[-1], n=MIB // 16)
    held = results[0].segment.number
    del sources, s
    new = other.upload(np.full(MIB // 8, 9, np.float32))
    assert new.segment.number < held or not other.host_visible
    for i, r in enumerate(results):
        assert (other.read(r, np.empty(MIB // 16, np.float32)) == i).all()
    assert (other.read(new, np.empty(MIB // 8, np.float32)) == 9).all()


def test_assign_waits_for_pending_readers():
    x = upload(np.full(1000, 1.0))
    y = copy(x)
    x.assign(np.full(1000, 2.0, np.float32))
    z = copy(x)
    assert (y.numpy() == 1).all()
    assert (z.numpy() == 2).all()


def test_device_work_reuses_memory_at_once():
    def chain():
        x = upload(np.full(1000, 1.0))
        for _ in range(50):
            x = add(x, copy(x))
        return x

    first = chain().numpy()
    before = grilly_vk.memory_stats()["bytes_reserved"]
    y = chain()
    assert (y.numpy() == first).all()
    assert first[0] == 2.0**50
    assert grilly_vk.memory_stats()["bytes_reserved"] == before


def test_device_local_memory_with_staging(snippet):
    """The way of discrete GPUs: staging segments and copies at the edges."""
    source = """
        import numpy as np, grilly_vk
        from steps import add, copy, draw, engine, upload
        assert not engine().host_visible
        x = upload(np.arange(70_000))
        y = copy(x)
        del x
        z = upload(np.full(70_000, 2.0))
        assert (y.share() == np.arange(70_000)).all() and (z.numpy() == 2).all()
        z.assign(np.full(70_000, 3.0))
        with grilly_vk.capture() as g:
            inside = upload(np.full(70_000, 5.0))   # uploaded now, read by every replay
            out = add(inside, copy(z))
        for _ in range(2):
            g.replay()
            assert (out.numpy() == 8).all()
        z.assign(np.full(70_000, 4.0))
        g.replay()
        assert (out.numpy() == 9).all()
        assert y._rows(5, 9).numpy().tolist() == [5, 6, 7, 8]
        y._rows(5, 9).assign(np.zeros(4))
        assert y.numpy()[4:10].tolist() == [4, 0, 0, 0, 0, 9]
        before = grilly_vk.memory_stats()
        for i in range(50):
            assert add(z, upload(np.full(70_000, i))).numpy()[-1] == 4 + i
        assert grilly_vk.memory_stats()["bytes_reserved"] <= before["bytes_reserved"] + (1 << 20)
    """
    for switch in ("0", "1"):
        snippet(source, GRILLY_VK_MEMORY="storage", GRILLY_VK_DEBUG=switch)


# ---- growth ----


def least_growth(work, tries=4):
    """Bytes that the process grew by, in the best of several rounds: a leak grows in each, noise does not."""
    growth = []
    for _ in range(tries):
        before = resident()
        work()
        growth.append(resident() - before)
        if growth[-1] <= 0:
            break
    return min(growth)


@pytest.mark.slow
def test_ten_thousand_calls_do_not_grow():
    layer = grilly_vk.nn.LIFNeuron(64)
    x = np.full(64, 0.5, np.float32)
    layer(x)

    def calls():
        for i in range(10_000):
            layer(x)
            if i % 100 == 0:
                layer.membrane  # noqa: B018

    for _ in range(3000):
        layer(x)
    before = grilly_vk.memory_stats()
    growth = least_growth(calls)
    after = grilly_vk.memory_stats()
    for name in ("bytes_in_use", "bytes_reserved", "segments", "programs"):
        assert after[name] == before[name], name
    assert growth < 2 * MIB  # 200 bytes per call


@pytest.mark.slow
def test_distinct_submits_do_not_grow():
    """Push constants that never repeat: nothing can be replayed, and little may be kept."""
    target = empty((8,))
    for i in range(3000):
        fill(target, i).engine.synchronize()
    numbers = iter(range(3000, 1 << 30))

    def submits():
        for _ in range(4000):
            fill(target, next(numbers)).engine.synchronize()

    assert least_growth(submits) < 4 * MIB  # 1 KiB a submit; a recorded one is larger


def test_dropping_tensors_in_another_thread_frees_them():
    import threading

    held = [upload(np.zeros(1000)) for _ in range(100)]
    before = grilly_vk.memory_stats()["bytes_in_use"]
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    assert grilly_vk.memory_stats()["bytes_in_use"] == before - 100 * rounded(4000)


# ---- numpy windows ----


def test_window_keeps_its_memory():
    x = fill(empty((50_000,)), 3)
    window = x.share()
    del x
    for i in range(5):
        fill(empty((50_000,)), i).numpy()
    assert (window == 3).all()
    held = grilly_vk.memory_stats()["bytes_in_use"]
    del window
    assert grilly_vk.memory_stats()["bytes_in_use"] < held or not engine().host_visible


def test_windows_outlive_the_device_and_the_interpreter(snippet):
    source = """
        import atexit, gc, sys, numpy as np, grilly_vk
        from steps import empty, engine, fill
        window = fill(empty((100_000,)), 3).share()
        engine().stream.lost = "made up"
        grilly_vk.set_device()
        gc.collect()
        assert (window == 3).all()
        other = fill(empty((100_000,)), 4).share()
        sys.keep = [window[5:], other[5:]]
        class AtTheEnd:
            def __del__(self, keep=other):
                assert keep.sum() == 400_000
        keep = AtTheEnd()
        with grilly_vk.capture() as g:
            result = fill(empty((10,)), 1)
        g.replay()
        fill(empty((10,)), 1)                       # pending work at the end is dropped
        atexit.register(lambda: print(other.sum()))
    """
    assert snippet(source).out == "400000.0\n"


# ---- GRILLY_VK_DEBUG ----

DEBUG = """
    import numpy as np, grilly_vk
    from steps import *
    def problem():
        try:
            grilly_vk.synchronize()
        except RuntimeError as error:
            return str(error)
        return "none"
"""


@pytest.mark.parametrize("memory", ["auto", "storage"])
def test_debug_reports_a_write_past_the_end(snippet, memory):
    source = (
        DEBUG
        + """
    x = fill(empty((100,)), 1)
    print(problem())
    fill(x, 2, n=101)
    print(problem())
    """
    )
    lines = snippet(source, GRILLY_VK_DEBUG=1, GRILLY_VK_MEMORY=memory).out.splitlines()
    assert lines[0] == "none"
    assert "wrote after a tensor of 400 bytes" in lines[1]
    assert "0x40000000" in lines[1]


def test_debug_reports_a_write_before_the_start(snippet):
    source = (
        DEBUG
        + """
    x = fill(empty((100,)), 1)
    x.buffer.offset -= 4
    fill(x, 2, n=1)
    print(problem())
    """
    )
    assert "wrote before a tensor of 400 bytes" in snippet(source, GRILLY_VK_DEBUG=1).out


@pytest.mark.parametrize("memory", ["auto", "storage"])
def test_debug_reports_a_write_after_free(snippet, memory):
    source = (
        DEBUG
        + """
    from grilly_vk.runtime.memory import Part
    x = fill(empty((100,)), 1)
    class Stale: pass
    stale = Stale()
    stale.buffer = stale
    for name in ("offset", "nbytes", "segment", "block"):
        setattr(stale, name, getattr(x.buffer, name))
    del x
    grilly_vk.memory_stats()
    print(problem())
    engine().launch("fill", 1, dst=stale, n=1, bits=0)
    print(problem())
    """
    )
    lines = snippet(source, GRILLY_VK_DEBUG=1, GRILLY_VK_MEMORY=memory).out.splitlines()
    assert lines[0] == "none"
    assert "wrote into memory after it was freed" in lines[1]


@pytest.mark.parametrize("memory", ["host", "storage"])
def test_debug_is_not_misled_by_interrupts(snippet, memory):
    """An interrupt before or after any of the fills of guards and freed memory is no write of somebody's."""
    source = """
        import numpy as np, grilly_vk
        from grilly_vk.runtime import engine
        guards = engine().guards
        fill = guards._fill
        def work():
            x = grilly_vk.tensor(np.ones(10, np.float32))
            y = x + x
            del x
            z = (y * 3).numpy()
            del y
            assert (z == 6).all()
        hits = 0
        for before in (True, False):
            for nth in range(40):
                left = [nth]
                def interrupted(*given):
                    left[0] -= 1
                    if before and left[0] == -1:
                        raise KeyboardInterrupt
                    fill(*given)
                    if left[0] == -1:
                        raise KeyboardInterrupt
                guards._fill = interrupted
                try:
                    work()
                except KeyboardInterrupt:
                    hits += 1
                guards._fill = fill
                for _ in range(3):
                    work()
        print(hits > 10)
    """
    assert snippet(source, GRILLY_VK_DEBUG="1", GRILLY_VK_MEMORY=memory).out == "True\n"


def test_debug_fills_new_memory_with_nan(snippet):
    source = (
        DEBUG
        + """
    for n in (1, 7, 1000):
        fill(empty((n,)), 1).numpy()
        assert np.isnan(empty((n,)).numpy()).all()
    """
    )
    snippet(source, GRILLY_VK_DEBUG=1)


@pytest.mark.parametrize("memory", ["auto", "storage"])
def test_debug_leaves_right_programs_alone(snippet, memory):
    """Uploads into just freed memory, graphs before, between and after replays, and reuse within them."""
    source = (
        DEBUG
        + """
    for i in range(3):
        a = upload(np.full(100, i))
        assert (a.numpy() == i).all()
        del a
    x = upload(np.ones(100))
    with grilly_vk.capture() as g:
        for _ in range(3):
            t = copy(x)
            y = add(t, copy(x))
            del t
    grilly_vk.memory_stats()                         # takes in the last t, after the capture
    print(problem())
    for _ in range(3):
        g.replay()
        print(problem())
    assert (y.numpy() == 2).all()
    del y, g
    grilly_vk.memory_stats()
    print(problem())
    layer = grilly_vk.nn.LIFNeuron(10)
    for _ in range(3):
        layer(np.ones(10, np.float32))
    print(problem())
    """
    )
    assert snippet(source, GRILLY_VK_DEBUG=1, GRILLY_VK_MEMORY=memory).out.split() == ["none"] * 6
