"""What the host's products owe to the process around them: its memory, its BLAS's threads, its forks, its end."""

import pytest

from grilly_vk.runtime import engine

needs_host = pytest.mark.skipif(engine().blas is None, reason="the device's memory is its own, or there is no OpenBLAS")


@needs_host
def test_memory_for_columns_does_not_grow_with_the_row(snippet):
    """Laid out at once, these would be 3 GB."""
    source = """
        import resource, grilly_vk
        import grilly_vk.functional as F
        F.conv1d(grilly_vk.ones(1, 1, 20_000), grilly_vk.ones(1, 1, 2048)).numpy()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        y = F.conv1d(grilly_vk.ones(1, 1, 400_000), grilly_vk.ones(1, 1, 2048)).numpy()
        print((y == 2048).all(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 19)
    """
    assert snippet(source, OPENBLAS_NUM_THREADS=1).out == "True True\n"


@needs_host
def test_memory_that_the_host_lacks_loses_the_engine(snippet):
    """Work that was not done is never taken for done."""
    source = """
        import resource, grilly_vk
        import grilly_vk.functional as F
        F.conv1d(grilly_vk.ones(1, 1, 20_000), grilly_vk.ones(8, 1, 512)).numpy()
        x, w = grilly_vk.ones(1, 1, 2_100_000), grilly_vk.ones(1, 1, 2_000_000)
        grilly_vk.synchronize()
        pages = int(open("/proc/self/statm").read().split()[0])
        most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (4096 * pages + (200 << 20), most[1]))
        y = F.conv1d(x, w)
        for what in (y.numpy, grilly_vk.synchronize):
            try:
                what()
                print("no error")
            except grilly_vk.DeviceError as error:
                print("OUT_OF_HOST_MEMORY" in str(error))
        resource.setrlimit(resource.RLIMIT_AS, most)
        grilly_vk.set_device(grilly_vk.device().index)
        a = grilly_vk.ones(200, 200)
        print((a @ a).numpy()[0, 0])
    """
    assert snippet(source, OPENBLAS_NUM_THREADS=1).out == "True\nTrue\n200.0\n"


@needs_host
def test_two_devices_leave_the_blas_its_threads(snippet):
    """Each of them takes one thread a product for a while, and both at once."""
    source = """
        import ctypes, numpy as np
        from grilly_vk.runtime import blas, kp
        from grilly_vk.runtime.current import engine
        found = blas.found()
        count = ctypes.CFUNCTYPE(ctypes.c_int)(found.get_threads)
        set_count = ctypes.CFUNCTYPE(None, ctypes.c_int)(found.set_threads)
        set_count(3)
        one = engine()
        sides = []
        for _ in range(2):
            host = kp.Host(kp.Blas(found.sgemm, found.wide, found.get_threads, found.set_threads))
            sides.append((host, kp.Submits(one.device), kp.Tensor(one.device, 4 << 16, kp.TensorTypes.host)))
        #      offsets     form, biased, batch, m, n, k, steps
        words = np.array([0, 0, 0, 4096, 0, 0, 60, 4, 4, 4, 16, 16], np.int32).tobytes()
        for _ in range(30):
            for host, queue, memory in sides:
                calls = [kp.HostCall("host-product", [memory] * 4, words) for _ in range(200)]
                queue.submit([[kp.HostWork(host, calls)]])
            for _, queue, _ in sides:
                queue.wait(queue.issued)
            if count() != 3:
                break
        print(count(), kp.Host(kp.Blas(found.sgemm, found.wide, found.get_threads, found.set_threads)).threads)
    """
    assert snippet(source).out == "3 3\n"


@needs_host
def test_forks_while_the_host_works(snippet):
    """OpenBLAS ends its threads before a fork: no product may be under way then."""
    source = """
        import os, time, numpy as np, grilly_vk
        from grilly_vk.runtime.current import engine
        a = grilly_vk.tensor(np.random.default_rng(0).random((300, 300), np.float32) / 150)
        def work():
            b = a
            for _ in range(8):
                b = (a @ b).tanh()
            return b
        want = work().numpy()
        for i in range(6):
            b = work()
            engine().stream.flush()
            time.sleep(0.0005 * i)
            child = os.fork()
            if child == 0:
                raise SystemExit
            print(os.waitpid(child, 0)[1] or (b.numpy() == want).all())
    """
    assert snippet(source).out == "True\n" * 6


@needs_host
def test_the_process_ends_while_a_daemon_goes_on(snippet):
    source = """
        import threading, time, numpy as np, grilly_vk
        from grilly_vk.runtime.current import engine
        a = grilly_vk.tensor(np.random.default_rng(0).random((256, 256), np.float32))
        def work():
            while True:
                b = a
                for _ in range(4):
                    b = a @ b
                engine().stream.flush()
        threading.Thread(target=work, daemon=True).start()
        time.sleep(0.2)
        print("end", flush=True)
    """
    assert snippet(source).out == "end\n"
