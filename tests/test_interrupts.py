"""Ctrl-C wherever Python looks for signals: locks, modes and memory are as they were, and nothing is lost."""

import contextlib
import dataclasses
import gc
import inspect
import itertools
import sys
import threading

import numpy as np
import pytest
from steps import add, copy, engine, fill, upload

import grilly_vk
from grilly_vk import autograd, grad_mode, nn
from grilly_vk.autograd import enable_grad, grad_enabled, no_grad, set_detect_anomaly
from grilly_vk.recompute import checkpoint
from grilly_vk.runtime.engine import Engine
from grilly_vk.runtime.leaving import leaving, switched
from grilly_vk.runtime.recording import captures
from grilly_vk.tensor import from_numpy

MIB = 1 << 20


def interrupted(run, number):
    """Calls run() and raises KeyboardInterrupt at the numbered place; False: there were fewer.

    Python looks for signals on entry to a Python function and after each call of one in C (and at a loop's end).
    """
    left = [number]

    def look(frame, event, argument):
        # The profiler sees generators being closed, but there Python goes on at their handler and looks for nothing.
        if event == "c_return" or (event == "call" and not frame.f_code.co_flags & inspect.CO_GENERATOR):
            left[0] -= 1
            if left[0] < 0:
                sys.setprofile(None)
                raise KeyboardInterrupt

    sys.setprofile(look)
    try:
        run()
        sys.setprofile(None)
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    assert left[0] >= 0, "the interrupt was swallowed"
    return False


def everywhere(run, most=4000):
    """Interrupts run() at its first place, its second, and so on; yields after each."""
    run()  # kernels are loaded
    gc.collect()  # what other tests left is not to be finalized in here
    gc.disable()
    try:
        for number in range(most):
            if not interrupted(run, number):
                assert number, "there was no place"
                return
            yield number
        pytest.fail(f"more than {most} places")
    finally:
        gc.enable()


def from_another_thread(call):
    """The result of a call, made in another thread, which must not be kept waiting."""
    found = []
    thread = threading.Thread(target=lambda: found.append(call()), daemon=True)
    thread.start()
    thread.join(20)
    assert found, "the other thread waits for a lock"
    return found[0]


def usable(on):
    assert on.stream.capture is None and on.memory.arena is None and on.stream.observer is None
    assert not captures
    return from_another_thread(lambda: on.lock.acquire(timeout=10) and (on.lock.release(), True)[1])


def test_captures():
    x = upload(np.arange(8, dtype=np.float32))

    def capture():
        with grilly_vk.capture() as graph:
            y = add(x, copy(x))
        graph.replay()
        return y

    capture().numpy()
    gc.collect()  # what other tests left counts no more
    held = grilly_vk.memory_stats()["bytes_in_use"]
    for _ in everywhere(capture):
        assert usable(engine())
        assert grilly_vk.memory_stats()["bytes_in_use"] == held
    assert (capture().numpy() == 2 * np.arange(8)).all()


def test_a_capture_in_a_capture_leaves_the_outer_one_alone():
    x = upload(np.ones(4))
    with grilly_vk.capture() as outer:
        for graph in (outer, grilly_vk.capture()):
            with pytest.raises(RuntimeError, match="captures don't nest"), graph:
                pass
        y = copy(x)
    outer.replay()
    assert (y.numpy() == 1).all()


@contextlib.contextmanager
def outside():
    on = engine()
    with on.lock, on.outside_capture():
        yield


def anomaly():
    """Its mode begins when it is made, and nobody can say whether a block was to follow."""
    made = set_detect_anomaly(True)
    autograd.detecting_anomalies = False
    made.__class__ = Entered
    return made


class Entered(set_detect_anomaly):
    def __enter__(self):
        autograd.detecting_anomalies = True


@pytest.mark.parametrize(
    "block",
    [
        no_grad,
        enable_grad,
        anomaly,
        grilly_vk.profile,
        lambda: engine().outside_capture(),
        lambda: engine().draws.again(engine().draws.position()),
    ],
    ids=["no_grad", "enable_grad", "anomaly", "profile", "outside", "again"],
)
def test_modes(block):
    x = upload(np.ones(4))
    grilly_vk.synchronize()

    def state():
        on = engine()
        return (
            grad_enabled(), autograd.detecting_anomalies,
            on.stream.capture, on.memory.arena, on.stream.observer, on.draws.position(),
        )  # fmt: skip

    blocks = []

    def run():
        with blocks[-1]:
            copy(x)

    for outer in (enable_grad, no_grad):
        with outer():
            before = state()
            blocks.append(block())
            for _ in everywhere(run):
                assert state() == before
                assert usable(engine())
                blocks.append(block())  # made here, since an anomaly's begins when it is made


def test_a_mode_switched_on_in_a_function_that_an_interrupt_ends():
    @no_grad()
    def inner():
        copy(x)

    x = upload(np.ones(4))
    for _ in everywhere(inner):
        assert grad_enabled()


def test_one_block_nested_in_itself():
    off = no_grad()
    with off:
        with off, enable_grad():
            assert grad_enabled()
        assert not grad_enabled()
    assert grad_enabled()
    with contextlib.ExitStack() as stack:
        stack.enter_context(off)
        assert not grad_enabled()
    assert grad_enabled()


def test_errors_at_the_end_of_a_block_are_raised_once():
    class Fails:
        left = 0
        calls = 0

        def __enter__(self):
            return self

        @leaving
        def __exit__(self, *error):
            self.left += 1
            self.calls += 1
            raise ZeroDivisionError

    fails = Fails()
    with pytest.raises(ZeroDivisionError), fails:
        pass
    assert fails.calls == 1


def test_switched_attributes():
    class Own:
        a, b = 0, 0

    own = Own()
    own.a, own.b = 1, 2

    def run():
        with switched(own, a=5, b=6):
            assert (own.a, own.b) == (5, 6)

    for _ in everywhere(run):
        assert (own.a, own.b) == (1, 2)


def test_assignments_of_several_tensors():
    from grilly_vk.ops.exchange import assign_all

    x, y = upload(np.zeros(8)), upload(np.zeros(8))
    value = [0]

    def run():
        value[0] += 1
        assign_all([(x, np.full(8, value[0], np.float32)), (y, value[0])])

    for _ in everywhere(run):
        assert engine().stream._held is None
        assert usable(engine())
        a, b = x.numpy(), y.numpy()
        assert (a == b[0]).all()
        assert (b == b[0]).all()
        assert b[0] in (value[0], value[0] - 1)
        y.assign(np.full(8, value[0], np.float32))
        x.assign(np.full(8, value[0], np.float32))


def test_following_a_forward():
    from grilly_vk.nn.conversion.dependence import followed

    layer = nn.Linear(4, 4)
    x = from_numpy(np.ones((2, 4), np.float32)).requires_grad_()

    def run():
        with followed(x):
            layer(x)

    for _ in everywhere(run):
        assert "issue" not in vars(engine())
        assert grad_mode.tape.observer is None
        assert usable(engine())


def test_checkpoints():
    from grilly_vk import recompute

    layer = nn.Linear(4, 4)
    x = from_numpy(np.ones((2, 4), np.float32)).requires_grad_()
    for _ in everywhere(lambda: checkpoint(layer, x)):
        assert recompute._mode.used == []
        assert usable(engine())


# ---- memory ----


def accounts(on):
    """Every byte of every segment is free, on a free list, or in use; none twice."""
    pool = on.memory
    pool.collect()
    listed = pool.cached_blocks()
    for segment in pool.segments:
        ranges = sorted(segment.free + [(b.offset, b.size) for b in listed if b.segment is segment])
        for (start, size), (after, _) in itertools.pairwise(ranges):
            assert start + size <= after
    free = sum(size for s in pool.segments for _, size in s.free) + sum(b.size for b in listed)
    assert free + pool.in_use == pool.reserved


@pytest.fixture
def other():
    """A second engine on the same device, whose memory nobody else uses; segments of 1 MiB."""
    return Engine(grilly_vk.device(), dataclasses.replace(engine().config, debug=False, segment_bytes=MIB))


def test_dropping_tensors_and_graphs_gives_all_memory_back(other):
    """Python swallows an interrupt in a finalizer that is written in Python."""
    ones = np.ones(100, np.float32)
    for number in range(12):
        held = [other.upload(ones), other.alloc(5000)]
        with grilly_vk.capture() as graph:
            held.append(copy(upload([1, 2])))
        interrupted(held.clear, number)
        del graph, held
        accounts(other)
        assert other.memory.in_use == 0


def test_monitors_that_are_dropped(recwarn):
    layer = nn.Linear(2, 2)
    for number in range(5):
        held = [grilly_vk.monitor.OutputMonitor(layer, nn.Linear)]
        held[0].disable()
        held[0].enable()
        assert layer._forward_hooks
        interrupted(held.clear, number)
        held = None
        assert not layer._forward_hooks
    monitor = grilly_vk.monitor.OutputMonitor(layer, nn.Linear)
    monitor.disable()
    del monitor
    monitor = grilly_vk.monitor.OutputMonitor(layer, nn.Linear)
    monitor.remove()
    del monitor
    assert not layer._forward_hooks


def test_allocations(other):
    """From free lists, out of joined ranges, in new segments, and where the budget makes empty segments go."""
    other.config = dataclasses.replace(
        other.config, memory_fraction=3 * MIB / other.info.heap_for(host=other.host_visible)
    )
    held = []

    def run():
        held.clear()
        held.append(other.alloc(3000))
        held.append(other.upload(np.ones(40_000, np.float32)))
        held[:] = [other.alloc(300_000)]
        other.launch("fill", 10, dst=held[0], n=10, bits=0)
        other.launch("fill", 10, dst=other.alloc(700_000), n=10, bits=0)
        held.append(other.upload(np.ones(170_000, np.float32)))
        held.clear()
        other.alloc(2 * MIB)
        held.append(other.alloc(5000))

    run()
    for number in everywhere(run):
        accounts(other)
        held.clear()
        accounts(other)
        assert other.memory.in_use == 0, number
    held.clear()
    run()


def test_captures_give_their_memory_back_wherever_they_end(other):
    x = other.upload(np.ones(1000, np.float32))

    def run():
        graph = grilly_vk.runtime.Graph(other)
        with graph:
            a, b = other.alloc(4000), other.alloc(4000)
            for source, target in ((x, a), (a, b)):
                other.launch("copy", 1000, src=source, dst=target, n=1000)
            del a
        graph.replay()
        return b

    run()
    for number in everywhere(run):
        accounts(other)
        assert other.memory.in_use == x.block.size, number


# ---- threads ----


def test_a_capture_that_ends_in_another_thread_is_refused():
    graph = grilly_vk.capture()
    x = upload(np.ones(4))

    def leave():
        with pytest.raises(RuntimeError, match="began in thread 'MainThread' and can't end in 'other'; it goes on"):
            graph.__exit__(None, None, None)
        return True

    with graph:
        done = []
        thread = threading.Thread(target=lambda: done.append(leave()), name="other")
        thread.start()
        thread.join(20)
        assert done
        y = add(x, copy(x))
    graph.replay()
    assert (y.numpy() == 2).all()
    with pytest.raises(RuntimeError, match="has not begun, or has ended"):
        graph.__exit__(None, None, None)
    with pytest.raises(RuntimeError, match="has not begun"):
        grilly_vk.capture().__exit__(None, None, None)


def test_a_capture_whose_thread_has_ended_is_dropped():
    graph = grilly_vk.capture()
    ended = threading.Event()
    waiting = threading.Thread(target=lambda: ended.wait(20) and fill(upload([0]), 1), daemon=True)
    waiting.start()  # before the other ends: afterwards it could get the other's identity, and with it the lock
    thread = threading.Thread(target=graph.__enter__, name="began")
    thread.start()
    thread.join()
    ended.set()
    with pytest.raises(RuntimeError, match="began in thread 'began', which has ended, and was left in 'MainThread'"):
        graph.__exit__(None, None, None)
    waiting.join(20)
    assert not waiting.is_alive()
    assert usable(engine())
    del graph
    x = upload(np.ones(4))
    with grilly_vk.capture() as again:
        y = copy(x)
    again.replay()
    assert (y.numpy() == 1).all()
    with pytest.raises(RuntimeError, match="nothing to replay"):
        grilly_vk.capture().replay()
