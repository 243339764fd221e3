"""Products and convolutions by the host's BLAS: results, order among kernels, graphs, profiles, errors, switches."""

import dataclasses
import itertools
import logging

import numpy as np
import pytest
from op_table import normal
from records_conv import conv1d, conv2d, conv3d, conv_transpose
from steps import engine
from tuned import tune

import grilly_vk
import grilly_vk.functional as F
from grilly_vk.cli import main
from grilly_vk.ops.attention import attention
from grilly_vk.ops.matmul import by_host, product
from grilly_vk.runtime import blas, kp
from grilly_vk.runtime.engine import Engine
from grilly_vk.tensor import from_numpy

needs_host = pytest.mark.skipif(engine().blas is None, reason="the device's memory is its own, or there is no OpenBLAS")


@pytest.fixture
def host(monkeypatch):
    """Every product goes to the host, however small."""
    monkeypatch.setattr(engine(), "host_products", True)
    tune(monkeypatch, host_product=1)


def kernels(work):
    """Names of what ran."""
    with grilly_vk.profile() as report:
        work()
    return {row.kernel: row for row in report.kernels}


# ---- products ----


@needs_host
@pytest.mark.parametrize(
    "sizes", [(1, 1, 1), (7, 5, 3), (1, 20, 40), (33, 1, 17), (64, 65, 66), (300, 200, 128)], ids=str
)
@pytest.mark.parametrize(("batch", "repeated"), [(1, ""), (5, ""), (4, "a"), (4, "b")])
@pytest.mark.parametrize("biased", [False, True], ids=["", "biased"])
def test_products(host, sizes, batch, repeated, biased):
    """All three forms: A B, A B^T, A^T B."""
    m, n, k = sizes
    a, b, bias = normal(batch, m, k), normal(batch, k, n, seed=1), normal(n, seed=2) if biased else None
    a, b = (t[:1] if name == repeated else t for name, t in (("a", a), ("b", b)))
    want = a.astype(float) @ b + (0 if bias is None else bias)
    bound = (k + 2) * 2.0**-24 * (np.abs(a).astype(float) @ np.abs(b) + (0 if bias is None else np.abs(bias)))
    steps = (0 if repeated == "a" else m * k, 0 if repeated == "b" else k * n)
    for form in range(3):
        given_a = np.ascontiguousarray(a.swapaxes(1, 2)) if form == 2 else a
        given_b = np.ascontiguousarray(b.swapaxes(1, 2)) if form == 1 else b
        tensors = [None if t is None else from_numpy(t) for t in (given_a, given_b, bias)]
        out = []
        ran = kernels(lambda: out.append(product(form, *tensors[:2], batch, m, n, k, steps, tensors[2])))  # noqa: B023
        assert list(ran) == ["host-product"]
        assert (np.abs(out[0].numpy() - want) <= bound).all()


@needs_host
def test_same_bits_each_time(host):
    """Of one product that threads share, and of many that they share out."""
    for shape in ((1, 700, 300), (64, 40, 30)):
        a, b = from_numpy(normal(*shape)), from_numpy(normal(shape[0], shape[2], 50, seed=1))
        first = (a @ b).numpy()
        for _ in range(5):
            np.testing.assert_array_equal((a @ b).numpy(), first)


@needs_host
def test_not_a_number_passes_through(host):
    a = np.zeros((4, 3), np.float32)
    a[1, 2] = np.nan
    np.testing.assert_array_equal(
        np.isnan((from_numpy(a) @ from_numpy(np.ones((3, 2), np.float32))).numpy()).any(1), [0, 1, 0, 0]
    )


@needs_host
@pytest.mark.parametrize("form", range(3))
def test_a_matrix_added_to_products(host, form):
    a, b, plus = normal(2, 5, 7), normal(2, 7, 6, seed=1), normal(2, 5, 6, seed=2)
    given_a = np.ascontiguousarray(a.swapaxes(1, 2)) if form == 2 else a
    given_b = np.ascontiguousarray(b.swapaxes(1, 2)) if form == 1 else b
    for i in range(2):
        own = (from_numpy(t[i].copy()) for t in (given_a, given_b))
        got = by_host(form, *own, 1, 5, 6, 7, (0, 0), from_numpy(plus[i].copy()))
        np.testing.assert_allclose(got.numpy()[0], a[i].astype(float) @ b[i] + plus[i], rtol=1e-5, atol=1e-5)


@needs_host
@pytest.mark.parametrize("first", ["qk", "kv"])
@pytest.mark.parametrize(("sequences", "tokens", "heads", "size"), [(1, 1, 1, 1), (3, 5, 2, 3), (2, 7, 4, 8)])
def test_heads_of_attention(host, monkeypatch, first, sequences, tokens, heads, size):
    """Where they lie among others: the result, and its gradients; the result is linear in q, k and v."""
    tune(monkeypatch, host_heads=1)
    width = heads * size
    qkv, g = normal(sequences, tokens, 3 * width), normal(sequences, tokens, width, seed=1)
    x = from_numpy(qkv).requires_grad_()

    def reference(*parts):
        q, k, v = (p.reshape(sequences, tokens, heads, size).swapaxes(1, 2) for p in parts)
        return (0.3 * (q @ k.swapaxes(2, 3)) @ v).swapaxes(1, 2).reshape(g.shape)

    found = []

    def both():
        found.append(attention(x, heads, 0.3, first))
        found[0].backward(from_numpy(g))

    ran = kernels(both)
    assert ran["host-heads"].calls == 6 and not any(name.startswith("snn-attention") for name in ran)
    parts = np.split(qkv.astype(float), 3, -1)
    np.testing.assert_allclose(found[0].numpy(), reference(*parts), rtol=1e-4, atol=1e-5)
    got = np.split(x.grad.numpy(), 3, -1)
    for i in range(3):
        direction = normal(*g.shape, seed=5 + i).astype(float)
        want = (g * reference(*[direction if j == i else p for j, p in enumerate(parts)])).sum()
        np.testing.assert_allclose((got[i] * direction).sum(), want, rtol=1e-4, atol=1e-4 * np.abs(got[i]).sum())


# ---- convolutions ----

CONVOLUTIONS = [  # images, weights, options: several images in a product, several products in an image, every option
    ((3, 2, 5, 6), (4, 2, 3, 3), {}),
    ((9, 3, 4, 4), (2, 3, 3, 2), {"padding": 1}),
    ((2, 4, 9, 7), (6, 2, 3, 2), {"stride": 2, "padding": (2, 1), "groups": 2}),
    ((2, 3, 11, 10), (4, 3, 3, 3), {"dilation": (2, 3), "padding": 3, "stride": (1, 2)}),
    ((5, 6, 8, 8), (6, 1, 3, 3), {"groups": 6, "padding": 1}),
    ((4, 5, 16, 15), (7, 5, 1, 1), {}),
    ((4, 5, 16, 15), (7, 5, 1, 1), {"stride": 2}),
    ((2, 64, 40, 41), (3, 64, 3, 3), {"padding": 1}),
    ((1, 2, 3, 3), (2, 2, 3, 3), {"padding": 4}),  # taps that never meet the image
    ((17, 3, 20), (4, 3, 5), {"padding": 2, "stride": 2}),
    ((2, 2, 4, 5, 6), (3, 2, 2, 3, 2), {"padding": 1}),
    # rows in several products
    ((1, 2, 9000), (2, 2, 601), {"stride": 3, "padding": 200}),
    ((1, 90, 3, 1000), (2, 90, 3, 9), {"padding": (1, 4)}),
    ((2, 4, 4000), (2, 2, 700), {"groups": 2, "padding": 650}),
]
REFERENCES = {3: (conv1d, F.conv1d), 4: (conv2d, F.conv2d), 5: (conv3d, F.conv3d)}


def slopes(x, w, g, stride=1, padding=0, dilation=1, groups=1):
    """Gradients of sum(g * y) for x, w and the bias, tap by tap."""
    stride, padding, dilation = (np.broadcast_to(o, x.ndim - 2) for o in (stride, padding, dilation))
    padded = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    gx, gw = np.zeros_like(padded), np.zeros_like(w)
    parts = g.reshape(len(x), groups, len(w) // groups, -1)
    for tap in np.ndindex(w.shape[2:]):
        places = zip(tap, dilation, g.shape[2:], stride)
        at = (..., *(slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in places))
        seen = padded[at].reshape(len(x), groups, w.shape[1], -1)
        weights = w[(..., *tap)].reshape(groups, -1, w.shape[1])
        gw[(..., *tap)] = np.einsum("bgop,bgip->goi", parts, seen, optimize=True).reshape(w.shape[:2])
        gx[at] += np.einsum("bgop,goi->bgip", parts, weights, optimize=True).reshape(gx[at].shape)
    inner = (..., *(slice(p, p + n) for p, n in zip(padding, x.shape[2:])))
    return gx[inner], gw, g.sum((0, *range(2, g.ndim)))


@needs_host
@pytest.mark.parametrize(("x", "w", "options"), CONVOLUTIONS, ids=str)
def test_convolutions(host, x, w, options):
    """The result, and each element of all gradients."""
    reference, function = REFERENCES[len(x)]
    x, w, b = normal(*x), normal(*w, seed=1), normal(w[0], seed=2)
    leaves = [from_numpy(t).requires_grad_() for t in (x, w, b)]
    wide = [t.astype(float) for t in (x, w, b)]
    want = reference(*wide, **options)
    g = normal(*want.shape, seed=3)
    ran = kernels(lambda: leaves.append(function(*leaves, **options)))
    assert [k for k in ran if k.startswith(("conv", "host"))] == ["host-conv"]
    y = leaves.pop()
    np.testing.assert_allclose(y.numpy(), want, rtol=1e-5, atol=1e-5 * np.abs(want).max())
    ran = kernels(lambda: y.backward(from_numpy(g)))
    assert {"host-conv", "host-conv-weights"} <= set(ran)
    for leaf, exact in zip(leaves, slopes(*wide[:2], g.astype(float), **options), strict=True):
        np.testing.assert_allclose(leaf.grad.numpy(), exact, rtol=1e-5, atol=1e-5 * np.abs(exact).max())


@needs_host
@pytest.mark.parametrize(
    "options", [{}, {"stride": 2, "padding": 1, "output_padding": 1}, {"groups": 2, "dilation": 2}], ids=str
)
def test_transposed_convolutions(host, options):
    x, w = normal(3, 4, 6, 5), normal(4, 3, 3, 2, seed=1)
    b = normal(3 * options.get("groups", 1), seed=2)
    want = conv_transpose(*(t.astype(float) for t in (x, w, b)), **options)
    out = []
    ran = kernels(lambda: out.append(F.conv_transpose2d(*(from_numpy(t) for t in (x, w, b)), **options)))
    assert "host-conv" in ran
    np.testing.assert_allclose(out[0].numpy(), want, rtol=1e-5, atol=1e-5)


@needs_host
def test_convolutions_have_the_same_bits_each_time(host):
    x, w = from_numpy(normal(33, 3, 12, 12)), from_numpy(normal(8, 3, 3, 3, seed=1)).requires_grad_()
    results = []
    for _ in range(4):
        y = F.conv2d(x, w, padding=1)
        y.backward(y.detach())
        results.append((y.numpy(), w.grad.numpy()))
        w.grad = None
    for y, g in results[1:]:
        np.testing.assert_array_equal(y, results[0][0])
        np.testing.assert_array_equal(g, results[0][1])


# ---- in the order of the stream ----


@needs_host
def test_order_among_kernels(host):
    """Kernels and host calls that write what the others read, and read what they will write, in one submit."""
    rng = np.random.default_rng(0)
    state, w = rng.standard_normal((40, 30)).astype(np.float32), (rng.standard_normal((30, 30)) / 6).astype(np.float32)
    x, weight, want = from_numpy(state), from_numpy(w), state.astype(float)
    for _ in range(60):
        x = (x @ weight).tanh() + 0.25
        want = np.tanh(want @ w.astype(float)) + 0.25
    before = grilly_vk.memory_stats()["submits"]
    got = x.numpy()
    assert grilly_vk.memory_stats()["submits"] - before <= 2
    np.testing.assert_allclose(got, want, atol=2e-4)


@needs_host
def test_graphs_replay_them(host):
    x, w = from_numpy(normal(20, 30)), from_numpy(normal(40, 30, seed=1))
    with grilly_vk.capture() as graph:
        y = F.relu(F.linear(x, w)) @ w
    for seed in range(2, 6):
        new = normal(20, 30, seed=seed)
        x.copy_(from_numpy(new))
        graph.replay()
        want = np.maximum(new.astype(float) @ w.numpy().T, 0) @ w.numpy()
        np.testing.assert_allclose(y.numpy(), want, rtol=1e-4, atol=1e-4)


@needs_host
def test_nothing_is_allocated_in_steady_state(host):
    x, w = from_numpy(normal(6, 3, 9, 9)), from_numpy(normal(4, 3, 3, 3, seed=1))

    def step():
        F.conv2d(x, w).sum().item()

    for _ in range(4):
        step()
    before = grilly_vk.memory_stats()
    for _ in range(10):
        step()
    after = grilly_vk.memory_stats()
    for name in ("bytes_in_use", "bytes_reserved", "segments", "programs"):
        assert after[name] == before[name]
    assert after["replayed_submits"] - before["replayed_submits"] == 10


@needs_host
def test_profiles_time_them(host):
    a = from_numpy(normal(400, 400))

    def work():
        for _ in range(3):
            F.relu(a @ a)

    ran = kernels(work)
    assert ran["host-product"].calls == 3
    assert 0 < ran["host-product"].seconds < 60
    assert ran["host-product"].nbytes >= 3 * 3 * a.count * 4
    assert sum(row.calls for row in ran.values()) == 6


@needs_host
@pytest.mark.parametrize("call", ["vkQueueSubmit", "vkWaitForFences"])
def test_an_error_in_its_thread_is_the_callers(snippet, call):
    """The submit before a host call fails in the thread that does both; the engine is lost, as after any other."""
    source = f"""
        import numpy as np, grilly_vk
        from grilly_vk.runtime import kp
        a = grilly_vk.tensor(np.random.default_rng(0).random((160, 160), np.float32))
        (a * 2.0).numpy()
        kp.fail("{call}", kp.DEVICE_LOST)
        for what in (((a * 2.0) @ a).numpy, grilly_vk.synchronize):
            try:
                what()
                print("no error")
            except grilly_vk.DeviceError as error:
                print("{call}" in str(error))
        grilly_vk.set_device(grilly_vk.device().index)
        print((grilly_vk.ones(200, 200) @ grilly_vk.ones(200, 200)).numpy()[0, 0])
    """
    assert snippet(source).out == "True\nTrue\n200.0\n"


@needs_host
def test_signals_pass_while_the_host_works(snippet):
    source = """
        import signal, numpy as np, grilly_vk
        from steps import *
        def interrupt(*_):
            raise KeyboardInterrupt
        a = grilly_vk.tensor(np.random.default_rng(0).random((512, 512), np.float32))
        b = a
        for _ in range(80):
            b = (a @ b) * (1 / 128)
        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        try:
            grilly_vk.synchronize()
            print("done")
        except KeyboardInterrupt:
            print("stopped", engine().stream._queue.busy)
        first = b.numpy()
        b = a
        for _ in range(80):
            b = (a @ b) * (1 / 128)
        print(first.tobytes() == b.numpy().tobytes())
    """
    assert snippet(source, OPENBLAS_NUM_THREADS=1).out == "stopped True\nTrue\n"


@needs_host
@pytest.mark.parametrize("end", ["", "import sys; sys.exit(0)", "del a, b"])
def test_the_process_ends_while_the_host_works(snippet, end):
    source = f"""
        import numpy as np, grilly_vk
        a = grilly_vk.tensor(np.random.default_rng(0).random((1024, 1024), np.float32))
        b = a
        for _ in range(20):
            b = a @ b
        from grilly_vk.runtime import engine
        engine().stream.flush()
        print("end", flush=True)
        {end}
    """
    assert snippet(source).out == "end\n"


# ---- switches ----


@needs_host
def test_switching_it_off_and_on(monkeypatch):
    monkeypatch.setattr(engine(), "host_products", True)
    tune(monkeypatch, host_product=1)
    a = from_numpy(normal(8, 8))
    assert grilly_vk.host_blas().startswith("OpenBLAS ")
    grilly_vk.set_host_blas(False)
    assert grilly_vk.host_blas() is None
    assert "host-product" not in kernels(lambda: a @ a)
    grilly_vk.set_host_blas(True)
    assert "host-product" in kernels(lambda: a @ a)
    with pytest.raises(TypeError, match="enabled must be True or False"):
        grilly_vk.set_host_blas("no")


def test_it_can_not_be_had_where_there_is_none(monkeypatch):
    monkeypatch.setattr(engine(), "blas", None)
    monkeypatch.setattr(engine(), "host_products", False)
    with pytest.raises(RuntimeError, match="takes no products from the host"):
        grilly_vk.set_host_blas(True)
    grilly_vk.set_host_blas(False)
    assert grilly_vk.host_blas() is None


@pytest.mark.parametrize(
    ("changes", "kind", "has", "uses"),
    [
        ({}, "cpu", True, True), ({"host_blas": False}, "cpu", True, False),
        ({"memory": "storage"}, "cpu", False, False), ({"memory": "host"}, "integrated", False, False),
    ],
)  # fmt: skip
def test_who_takes_it(changes, kind, has, uses, caplog):
    config = dataclasses.replace(engine().config, **{"memory": "host", "host_blas": True, **changes})
    with caplog.at_level(logging.INFO, "grilly_vk"):
        one = Engine(dataclasses.replace(grilly_vk.device(), type=kind), config)
    assert ((one.blas is not None), one.host_products) == (
        has and blas.found() is not None,
        uses and blas.found() is not None,
    )
    assert ("large products by OpenBLAS" in caplog.text) == one.host_products


@needs_host
def test_devices_and_info_name_it(host, capsys):
    assert grilly_vk.device().host_blas == str(blas.found())
    assert main(["info"]) == 0
    assert f"large products: by {blas.found()}" in capsys.readouterr().out
    grilly_vk.set_host_blas(False)
    assert main(["info"]) == 0
    assert "large products: by kernels" in capsys.readouterr().out


def test_small_products_stay_in_the_submit(monkeypatch):
    monkeypatch.setattr(engine(), "host_products", engine().blas is not None)
    a = from_numpy(normal(32, 32))
    assert "host-product" not in kernels(lambda: a @ a)


def test_the_newest_openblas_is_taken(monkeypatch):
    """Older ones do not know newer processors; what is not OpenBLAS is not taken."""
    made = {
        "a": blas.Blas("0.3.9", "a", 1, True, 1, 1), "b": blas.Blas("0.3.31.188.0", "b", 1, True, 1, 1),
        "c": blas.Blas("0.3.23.dev", "c", 1, True, 1, 1), "d": None,
    }  # fmt: skip
    monkeypatch.setattr(blas, "_openblas", lambda by, file: made[by])
    for order in itertools.permutations(made):
        monkeypatch.setattr(blas, "_modules", lambda order=order: iter([(by, by) for by in order]))
        assert blas.found.__wrapped__().brought_by == "b"
    monkeypatch.setattr(blas, "_modules", lambda: iter([("d", "d")]))
    assert blas.found.__wrapped__() is None


def test_other_libraries_are_not_taken():
    assert blas._openblas("the loader", kp.__file__) is None
    assert blas._openblas("nobody", "/nonexistent.so") is None


@needs_host
def test_a_call_outside_its_memory_is_refused():
    """Native code checks what Python asks for, in whatever mode."""
    segment = engine()._control
    words = np.array([0, 0, 0, 0, 0, 0, 1, 1 << 20, 1 << 20, 1 << 20, 0, 0], np.int32).tobytes()
    with pytest.raises(IndexError, match="would reach element"):
        kp.HostCall("host-product", [segment.tensor] * 4, words)
    with pytest.raises(ValueError, match="another number of tensors"):
        kp.HostCall("host-product", [segment.tensor] * 3, words)
    with pytest.raises(ValueError, match="no host call"):
        kp.HostCall("host-nothing", [], b"")
