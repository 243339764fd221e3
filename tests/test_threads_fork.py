"""Many threads, forked and spawned processes, and processes that are killed."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from steps import add, copy, fill, upload

import grilly_vk
from grilly_vk import nn


def together(functions):
    """Runs them in threads of their own, all at once; gives what they return."""
    results = [None] * len(functions)
    gate = threading.Barrier(len(functions))

    def run(i):
        gate.wait()
        try:
            results[i] = functions[i]()
        except BaseException as error:
            results[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(functions))]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
        assert not t.is_alive(), "hung"
    for r in results:
        if isinstance(r, BaseException):
            raise r
    return results


def simulate(seed):
    """Layers stepped and run, with results kept and dropped."""
    rng = np.random.default_rng(seed)
    lif, gif = nn.LIFNeuron(64), nn.GIFNeuron(64)
    out = []
    for _ in range(30):
        x = rng.normal(0.8, 1, 64).astype(np.float32)
        out.append(lif(x))
        out.append(gif.run(np.stack([x] * 5)))
        out.append(lif.membrane)
    return b"".join(o.tobytes() for o in out)


def test_layers_in_four_threads_equal_the_serial_ones():
    serial = [simulate(seed) for seed in range(4)]
    for _ in range(3):
        assert together([lambda seed=seed: simulate(seed) for seed in range(4)]) == serial


def test_small_work_in_eight_threads():
    def run(value):
        for i in range(60):
            x = upload(np.full(500, value))
            y = add(x, copy(x))
            fill(x, -1)
            if i % 7 == 0:
                grilly_vk.memory_stats()
            assert (y.numpy() == 2 * value).all()
        return value

    assert together([lambda v=v: run(v) for v in range(8)]) == list(range(8))


def test_work_of_other_threads_does_not_slip_into_a_graph():
    x = upload(np.full(500, 1.0))
    inside, done = threading.Event(), []

    def eager():
        inside.wait(10)
        y = upload(np.full(500, 3.0))
        done.append((add(y, copy(y)).numpy() == 6).all())

    thread = threading.Thread(target=eager)
    thread.start()
    with grilly_vk.capture() as g:
        y = copy(x)
        inside.set()
        time.sleep(0.05)
        assert not done
        add(x, y)
    thread.join(10)
    assert done == [True]
    assert g.dispatches == 2
    g.replay()
    assert (y.numpy() == 2).all()


def test_captures_in_threads_take_turns():
    def run(value):
        x = upload(np.full(300, value))
        for _ in range(10):
            with grilly_vk.capture() as g:
                y = add(x, copy(x))
            for _ in range(3):
                g.replay()
            assert (y.numpy() == 2 * value).all()
        return value

    assert together([lambda v=v: run(v) for v in range(4)]) == list(range(4))


def test_first_use_in_many_threads_opens_one_device(snippet):
    source = """
        import logging, threading
        opened = []
        class Keep(logging.Handler):
            def emit(self, record): opened.append(record.getMessage())
        logging.getLogger("grilly_vk").addHandler(Keep())
        logging.getLogger("grilly_vk").setLevel(logging.INFO)
        import grilly_vk
        from steps import engine
        found = []
        threads = [threading.Thread(target=lambda: found.append(engine())) for _ in range(8)]
        for t in threads: t.start()
        for t in threads: t.join()
        print(len(set(map(id, found))), len(opened), len(found))
    """
    assert snippet(source).out == "1 1 8\n"


# ---- forks ----

FORK = """
    import os, sys, threading, warnings
    import numpy as np, grilly_vk
    from steps import *
    warnings.simplefilter("ignore")
    x = upload(np.ones(100_000))
    window = copy(x).share()
    layer = grilly_vk.nn.LIFNeuron(4)
    layer(np.ones(4, np.float32))
    with grilly_vk.capture() as g:
        y = copy(x)
    copy(x)                                          # pending work
    pid = os.fork()
    if pid == 0:
        calls = (
            grilly_vk.device, grilly_vk.synchronize, grilly_vk.memory_stats, grilly_vk.set_device, grilly_vk.capture,
            lambda: grilly_vk.manual_seed(1), x.numpy, x.share, lambda: x.assign(np.zeros(100_000, np.float32)),
            lambda: copy(x), lambda: layer(np.ones(4, np.float32)), lambda: layer.membrane, g.replay,
            lambda: grilly_vk.nn.LIFNeuron(4)(np.ones(4, np.float32)),
        )
        good = 0
        for call in calls:
            try:
                call()
            except grilly_vk.DeviceError as error:
                good += "forked" in str(error) and "spawn" in str(error)
        assert window.sum() == 100_000
        print("child", good, len(calls), flush=True)
        EXIT
    _, status = os.waitpid(pid, 0)
    g.replay()
    assert (add(x, copy(y)).numpy() == 2).all()
    print("parent", os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("how", ["os._exit(0)", "sys.exit(0)", "del x, y, g, layer, window; sys.exit(0)"])
@pytest.mark.parametrize("debug", ["0", "1"])
def test_forked_child_gets_an_error_and_ends(snippet, how, debug):
    done = snippet(FORK.replace("EXIT", how), GRILLY_VK_DEBUG=debug, timeout=30)
    assert done.out == "child 14 14\nparent 0\n", done.err


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork_while_another_thread_computes(snippet):
    source = """
        import os, sys, threading, warnings
        import numpy as np, grilly_vk
        from steps import *
        warnings.simplefilter("ignore")
        stop, ready, errors = threading.Event(), threading.Event(), []
        def work():
            x = upload(np.ones(1000))
            ready.set()
            while not stop.is_set():
                if not (add(x, copy(x)).numpy() == 2).all():
                    errors.append("wrong")
                x.assign(np.ones(1000, np.float32))
        threads = [threading.Thread(target=work) for _ in range(2)]
        for t in threads: t.start()
        for _ in range(40):                          # the first ones while the device is being opened
            opened = ready.is_set()
            pid = os.fork()
            if pid == 0:
                try:
                    grilly_vk.synchronize()
                except grilly_vk.DeviceError as error:
                    os._exit(7 if "forked" in str(error) else 2)
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) in ((7,) if opened else (0, 7))
        stop.set()
        for t in threads: t.join()
        print(errors)
    """
    assert snippet(source, timeout=40).out == "[]\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork_inside_a_capture(snippet):
    source = """
        import os, sys, warnings, numpy as np, grilly_vk
        from steps import *
        warnings.simplefilter("ignore")
        x = upload(np.ones(10))
        child = False
        try:
            with grilly_vk.capture() as g:
                y = copy(x)
                pid = os.fork()
                child = pid == 0
        except grilly_vk.DeviceError:
            os._exit(7 if child else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        g.replay()
        print(y.numpy().sum())
    """
    assert snippet(source, timeout=30).out == "7\n10.0\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_device_may_be_opened_after_a_fork(snippet):
    source = """
        import os, warnings
        import grilly_vk
        grilly_vk.devices()
        pid = os.fork()
        from steps import *
        assert copy(upload([1, 2])).numpy().tolist() == [1, 2]
        if pid == 0:
            raise SystemExit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """
    assert snippet(source, timeout=30).out == "7\n"


def test_process_pools(tmp_path, snippet):
    """multiprocessing: spawned workers compute, forked ones say why they can't."""
    script = tmp_path / "work.py"
    script.write_text(
        """
import multiprocessing, sys, warnings
import numpy as np, grilly_vk

def spikes(seed):
    x = np.random.default_rng(seed).normal(1, 1, (20, 8)).astype(np.float32)
    return grilly_vk.nn.LIFNeuron(8).run(x).sum().item()

def attempt(seed):
    try:
        return spikes(seed)
    except grilly_vk.DeviceError as error:
        return "forked" in str(error)

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    here = [spikes(s) for s in range(4)]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(attempt, range(4)) == here
    if "fork" in multiprocessing.get_all_start_methods():
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert pool.map(attempt, range(4)) == [True] * 4
    print("fine")
"""
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert done.stdout == "fine\n", done.stderr


# ---- killed ----


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_killed_run_leaves_the_next_process_working(snippet):
    source = """
        import numpy as np, grilly_vk
        x = np.ones((100, 10_000), np.float32)
        layer = grilly_vk.nn.LIFNeuron(10_000)
        layer.run(x)
        print("started", flush=True)
        while True:
            layer.run(x)
    """
    import textwrap

    victim = subprocess.Popen([sys.executable, "-c", textwrap.dedent(source)], stdout=subprocess.PIPE, text=True)
    try:
        assert victim.stdout.readline() == "started\n"
        time.sleep(0.1)
    finally:
        victim.kill()
        victim.communicate()
    assert victim.returncode == -signal.SIGKILL
    assert snippet("import grilly_vk; print(grilly_vk.nn.LIFNeuron(2)([0.0, 0.0]))").out == "[0. 0.]\n"
    assert (copy(upload([1.0])).numpy() == 1).all()


# ---- the end of the process ----

ENDS = {
    "first use in an atexit handler": """
        import atexit, numpy as np
        def late():
            import grilly_vk as g
            print((g.tensor(np.ones(3)) + 1).numpy(), flush=True)
        atexit.register(late)
    """,
    "use in an atexit handler, with work in flight": """
        import atexit, numpy as np, grilly_vk as g
        from steps import engine
        kept = [g.tensor(np.ones(3))]
        def late():
            big = g.tensor(np.ones((600, 600)))
            kept.append(big @ big)
            engine().stream.flush()
            print((kept[0] + 1).numpy(), flush=True)
            kept.append(big @ big)
            engine().stream.flush()
        atexit.register(late)
    """,
    "work in flight and pending": """
        import numpy as np, grilly_vk as g
        from steps import engine
        big = g.tensor(np.ones((600, 600)))
        last = big @ big
        engine().stream.flush()
        last = big @ big
        print((g.tensor(np.ones(3)) + 1).numpy())
        last = last @ last
        engine().stream.flush()
        last = last + 1
    """,
    "tensors and a graph that outlive the modules": """
        import sys, numpy as np, grilly_vk as g
        x = g.tensor(np.ones(3))
        with g.capture() as graph:
            y = x + 1
        graph.replay()
        print(y.numpy())
        window = y.share()
        sys.kept = [x, y, graph, window]
    """,
    "a cycle of garbage": """
        import numpy as np, grilly_vk as g
        x = g.tensor(np.ones(3))
        held = [x]; held.append(held)
        print((x + 1).numpy())
    """,
    "daemon threads at work": """
        import threading, time, numpy as np, grilly_vk as g
        x = g.tensor(np.ones((300, 300)))
        def run():
            while True:
                (x @ x).numpy()
        for _ in range(2):
            threading.Thread(target=run, daemon=True).start()
        time.sleep(0.3)
        print((g.tensor(np.ones(3)) + 1).numpy())
    """,
}


@pytest.mark.parametrize("source", ENDS.values(), ids=ENDS)
def test_the_end_of_a_process_is_clean(snippet, source):
    done = snippet(source)
    assert done.out == "[2. 2. 2.]\n"
    assert done.err == ""
