"""Captured graphs: replay is the eager run, bit for bit, on memory of its own."""

import dataclasses
import gc

import numpy as np
import pytest
from steps import add, copy, draw, empty, engine, fill, upload

import grilly_vk
from grilly_vk import nn
from grilly_vk.runtime import Graph
from grilly_vk.runtime.engine import Engine


@pytest.fixture
def other():
    """A second engine on the same device, whose memory nobody else uses."""
    return Engine(grilly_vk.device(), engine().config)


def network(x, v):
    """A few dependent operations with intermediate results; changes v."""
    a = add(x, copy(x))
    b = add(a, copy(v))
    add(b, v)
    return add(v, b)


def test_replay_is_the_eager_run_bit_for_bit():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(5, 1000)).astype(np.float32)
    x, v = upload(inputs[0]), upload(np.ones(1000))
    eager = []
    for row in inputs:
        x.assign(row)
        eager.append((network(x, v).numpy(), v.numpy()))
    x.assign(inputs[0])
    v.assign(np.ones(1000, np.float32))
    with grilly_vk.capture() as g:
        y = network(x, v)
    assert (v.numpy() == 1).all()  # capturing runs nothing
    for row, (want, state) in zip(inputs, eager):
        x.assign(row)  # (written between replays; the first x is what `add` changed in the eager run too)
        g.replay()
        assert y.numpy().tobytes() == want.tobytes()
        assert v.numpy().tobytes() == state.tobytes()
    assert g.replays == 5
    assert repr(g) == f"Graph({g.dispatches} dispatches in 1 submits, replayed 5 times)"


def test_eager_work_around_replays_keeps_its_order():
    x = upload(np.ones(10))
    with grilly_vk.capture() as g:
        y = add(x, copy(x))
    add(upload(np.ones(10)), x)  # noted before the replay: x = 2
    g.replay()
    fill(x, 10)  # after it
    z = copy(x)
    assert (y.numpy() == 4).all()
    assert (z.numpy() == 10).all()
    g.replay()
    assert (y.numpy() == 20).all()


def test_layers_can_not_be_captured_with_host_data_but_say_so():
    layer = nn.LIFNeuron(16)
    x = np.full(16, 0.5, np.float32)
    layer(x)
    before = layer.membrane
    with pytest.raises(RuntimeError, match="while a graph is captured"), grilly_vk.capture():
        layer(x)
    assert np.array_equal(layer.membrane, before)
    assert layer(x).shape == (16,)


@pytest.mark.parametrize(
    "act",
    [
        lambda x, g: x.numpy(),
        lambda x, g: x.share(),
        lambda x, g: x.item(),
        lambda x, g: np.asarray(x),
        lambda x, g: repr(x),
        lambda x, g: x.assign(np.zeros(1, np.float32)),
        lambda x, g: grilly_vk.synchronize(),
        lambda x, g: grilly_vk.capture().__enter__(),
        lambda x, g: g.replay(),
    ],
    ids=["numpy", "share", "item", "asarray", "repr", "assign", "synchronize", "nesting", "replay"],
)
def test_what_can_not_be_done_inside(act):
    x = upload(np.ones(1))
    with grilly_vk.capture() as earlier:
        y = copy(x)
    with pytest.raises(RuntimeError, match="captur"), grilly_vk.capture():
        copy(x)
        act(x, earlier)
    earlier.replay()
    assert y.item() == 1
    assert add(x, copy(x)).item() == 2


def test_replay_inside_its_own_capture_and_second_use():
    g = grilly_vk.capture()
    with pytest.raises(RuntimeError, match="nothing to replay"):
        g.replay()
    with pytest.raises(RuntimeError, match="leave the capture block"), g:
        g.replay()
    with pytest.raises(RuntimeError, match="make a new one"), g:
        pass
    with pytest.raises(RuntimeError, match="nothing to replay"):
        g.replay()


def test_exception_inside_leaves_the_engine_usable():
    x = upload(np.ones(1000))
    held = grilly_vk.memory_stats()["bytes_in_use"]
    with pytest.raises(ZeroDivisionError), grilly_vk.capture() as g:
        y = copy(x)
        add(y, x)
        1 / 0  # noqa: B018
    assert (x.numpy() == 1).all()  # nothing of it ran
    with pytest.raises(RuntimeError, match="nothing to replay"):
        g.replay()
    del y, g
    assert grilly_vk.memory_stats()["bytes_in_use"] == held
    with grilly_vk.capture() as g:
        y = add(x, copy(x))
    g.replay()
    assert (y.numpy() == 2).all()


def test_failure_at_the_end_of_a_capture_leaves_nothing_to_replay(other, monkeypatch):
    buffer = other.upload(np.ones(4, np.float32))
    real = other.stream.recorder.record
    calls = []

    def second_fails(entries, *times):
        calls.append(entries)
        if len(calls) == 2:
            raise RuntimeError("no more command buffers")
        return real(entries, *times)

    other.synchronize()
    monkeypatch.setattr(other.stream.recorder, "record", second_fails)
    other.stream.budget = 1
    g = Graph(other)
    with pytest.raises(RuntimeError, match="no more command buffers"), g:
        for bits in (1, 2, 3):
            other.launch("fill", 4, dst=buffer, n=4, bits=bits)
    with pytest.raises(RuntimeError, match="nothing to replay"):
        g.replay()
    assert (other.read(buffer, np.empty(4, np.float32)) == 1).all()


def test_empty_graph():
    with grilly_vk.capture() as g:
        pass
    g.replay()
    assert g.dispatches == 0
    assert g.replays == 1


# ---- memory ----


def test_memory_made_inside_belongs_to_the_graph():
    x = upload(np.arange(1000))
    with grilly_vk.capture() as g:
        y = copy(x)
        for _ in range(3):
            y = add(x, copy(y))  # intermediate memory is freed, and must not go to others
    others = [fill(empty((1000,)), -i) for i in range(1, 20)]
    uploads = [upload(np.full(1000, 100 + i)) for i in range(20)]
    grilly_vk.synchronize()
    for _ in range(3):
        g.replay()
        for i, t in enumerate(others, 1):
            assert (t.numpy() == -i).all()
        for i, t in enumerate(uploads):
            assert (t.numpy() == 100 + i).all()
    assert np.array_equal(y.numpy(), 4 * np.arange(1000))


def test_memory_is_reused_inside_and_comes_back_after(other):
    def graph():
        with Graph(other) as g:
            for i in range(50):
                buffer = other.alloc(100_000)
                other.launch("fill", 25_000, dst=buffer, n=25_000, bits=i)
                del buffer
        return g

    g = graph()
    assert g.nbytes == -(-(100_000 + 2 * other.memory.guard) // 256) * 256
    for _ in range(3):
        g.replay()
    assert other.memory_stats()["bytes_in_use"] == g.nbytes
    reserved = other.memory_stats()["bytes_reserved"]
    for _ in range(20):
        del g
        g = graph()
        g.replay()
    stats = other.memory_stats()
    assert stats["bytes_reserved"] == reserved
    assert stats["bytes_in_use"] == g.nbytes
    del g
    assert other.memory_stats()["bytes_in_use"] == 0


def test_other_sizes_share_the_memory_inside(other):
    if other.guards is not None:
        pytest.skip("guards take memory of their own")
    with Graph(other) as g:
        for sizes in ((1 << 20,), (1 << 18, 1 << 19, 1 << 18), (3 << 18, 1 << 18), (1 << 20,), (1000, 1 << 19)):
            buffers = [other.alloc(n) for n in sizes]
            for i, (buffer, n) in enumerate(zip(buffers, sizes)):
                other.launch("fill", n // 4, dst=buffer, n=n // 4, bits=i)
            del buffers, buffer
    assert g.nbytes == 1 << 20 == other.memory_stats()["bytes_in_use"]
    g.replay()
    del g
    other.memory_stats()
    assert other.memory_stats()["bytes_in_use"] == 0


def test_results_keep_their_memory_to_themselves():
    """Values, gradients and views that outlive the capture, among intermediate tensors of the same size."""
    x = upload(np.arange(1000))
    with grilly_vk.capture() as g:
        kept = []
        for i in range(10):
            t = add(x, copy(x))
            for _ in range(i % 3):
                t = add(t, copy(x))
            kept.append(t if i % 2 else t._rows(10, 900))
    for _ in range(2):
        g.replay()
        for i, t in enumerate(kept):
            want = (2 + i % 3) * np.arange(1000)
            assert np.array_equal(t.numpy(), want if i % 2 else want[10:900])
    kept[0].assign(np.zeros(890))
    assert (kept[0].numpy() == 0).all() and np.array_equal(kept[1].numpy(), 3 * np.arange(1000))


def test_tensors_of_a_failed_capture_say_so():
    x = upload(np.ones(1000))
    with pytest.raises(ZeroDivisionError), grilly_vk.capture():
        y = copy(x)
        1 / 0  # noqa: B018
    for use, *given in ((y.numpy,), (y._rows(2, 3).numpy,), (add, x, y), (y.assign, np.zeros(1000))):
        with pytest.raises(RuntimeError, match="no memory until the capture has ended well"):
            use(*given)
    with pytest.raises(RuntimeError, match="no memory"), grilly_vk.capture():
        add(x, y)
    del y, use, given
    assert (add(x, x).numpy() == 2).all()


def test_no_room_for_a_graph_leaves_the_engine_usable():
    base = engine().config
    fraction = 4 * (1 << 20) / engine().info.heap_for(host=engine().host_visible)
    small = Engine(
        grilly_vk.device(), dataclasses.replace(base, debug=False, segment_bytes=1 << 20, memory_fraction=fraction)
    )
    held = small.upload(np.ones(1000, np.float32))
    with pytest.raises(grilly_vk.OutOfDeviceMemory), Graph(small):
        made = [small.alloc(1 << 20) for _ in range(5)]
    del made
    in_use = small.memory_stats()["bytes_in_use"]
    assert in_use == held.block.size
    with Graph(small) as g:  # not in one piece, but in several
        made = [small.alloc(1 << 19) for _ in range(5)]
        for i, buffer in enumerate(made):
            small.launch("fill", 1 << 17, dst=buffer, n=1 << 17, bits=i)
    g.replay()
    for i, buffer in enumerate(made):
        assert (small.read(buffer, np.empty(1 << 17, np.uint32)) == i).all()
    assert (small.read(held, np.empty(1000, np.float32)) == 1).all()


def test_results_outlive_their_graph():
    x = upload(np.ones(1000))
    with grilly_vk.capture() as g:
        y = add(x, copy(x))
    g.replay()
    del g, x
    gc.collect()
    others = [fill(empty((1000,)), 7) for _ in range(10)]
    grilly_vk.synchronize()
    assert (y.numpy() == 2).all()
    assert len(others) == 10


def test_inputs_live_as_long_as_the_graph():
    x = upload(np.arange(1000))
    with grilly_vk.capture() as g:
        inside = upload(np.ones(1000))  # the host writes it once, at capture
        y = add(inside, copy(x))
    del x, inside
    others = [upload(np.full(1000, -1)) for _ in range(10)]
    for _ in range(2):
        g.replay()
        assert np.array_equal(y.numpy(), np.arange(1000) + 1)
    assert all((t.numpy() == -1).all() for t in others)


def test_one_graph_feeds_another():
    x = upload(np.ones(100))
    with grilly_vk.capture() as first:
        y = add(x, copy(x))
    with grilly_vk.capture() as second:
        z = add(y, copy(y))
    del y
    others = [fill(empty((100,)), -5) for _ in range(5)]
    first.replay(), second.replay()
    assert (z.numpy() == 4).all()
    assert all((t.numpy() == -5).all() for t in others)


def test_thousands_of_replays_do_not_grow():
    from test_memory import least_growth

    x = upload(np.ones(100))
    with grilly_vk.capture() as g:
        add(x, copy(x))

    def thousands():
        for _ in range(3000):
            g.replay()

    thousands()
    before = grilly_vk.memory_stats()
    assert least_growth(thousands) < 2 << 20  # a leak of 1 KiB a replay would be 3 MiB
    after = grilly_vk.memory_stats()
    assert after["submits"] - before["submits"] >= 3000
    for name in ("bytes_in_use", "bytes_reserved", "segments", "programs", "allocations"):
        assert after[name] == before[name], name


# ---- random numbers, splitting, seeds ----


def test_each_replay_draws_fresh_numbers():
    grilly_vk.manual_seed(3)
    draw().item()  # 0
    with grilly_vk.capture() as g:
        a, b = draw(), draw()
    seen = []
    for _ in range(3):
        g.replay()
        seen += [int(a.item()), int(b.item())]
        seen.append(int(draw().item()))
    assert seen == list(range(1, 10))
    grilly_vk.manual_seed(3)
    g.replay()
    assert (a.item(), b.item()) == (0, 1)


def test_long_graphs_are_split_by_the_budget(other):
    a, b = (other.upload(np.full(400, v, np.float32)) for v in (1, 2))
    other.stream.budget = 1000
    with Graph(other) as g:
        for _ in range(5):
            other.launch("copy", 400, src=a, dst=b, n=400)
            other.launch("copy", 400, src=b, dst=a, n=400)
    assert "in 5 submits" in repr(g)
    other.write([(a, np.full(400, 5, np.float32))])
    before = other.stream.submits
    g.replay()
    assert other.stream.submits - before >= 5
    assert (other.read(b, np.empty(400, np.float32)) == 5).all()


def test_random_numbers_of_a_split_graph(other):
    from steps import kernel

    name = kernel("test-draw", other)
    targets = [other.alloc(4) for _ in range(6)]
    other.draws.seed(0)
    other.stream.budget = 2
    with Graph(other) as g:
        for t in targets:
            other.launch(name, 1, control=other.control, drawn=t)
    assert "in 3 submits" in repr(g)
    for base in (0, 6):
        g.replay()
        assert [int(other.read(t, np.empty(1, np.uint32))[0]) for t in targets] == list(range(base, base + 6))


def test_interrupted_replay_runs_to_its_end(other, monkeypatch):
    from test_stream import Interrupted

    a, b = (other.upload(np.full(4, v, np.float32)) for v in (1, 2))
    other.stream.budget = 4
    with Graph(other) as g:
        other.launch("copy", 4, src=a, dst=b, n=4)
        other.launch("fill", 4, dst=a, n=4, bits=0)
    monkeypatch.setattr(other.stream, "_queue", Interrupted(other.stream._queue))
    with pytest.raises(KeyboardInterrupt):
        g.replay()
    assert other.read(b, np.empty(4, np.float32)).tolist() == [1] * 4
    assert other.read(a, np.empty(4, np.float32)).tolist() == [0] * 4
    other.synchronize()
