"""The tape: backward, accumulation, modes, hooks, Function, checkpoint, anomaly detection, gradcheck, memory."""

import gc
import threading

import numpy as np
import pytest

import grilly_vk as g

X = np.array([[1.5, -2.0, 3.25], [4.0, 0.5, -6.0]], np.float32)


def leaf(values=X):
    return g.tensor(np.asarray(values, np.float32), requires_grad=True)


# ---- backward ----


def test_gradients_add_up():
    x = leaf()
    (x * 2).sum().backward()
    (x * x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 + 2 * X)
    assert not x.grad.requires_grad and x.grad.node is None


def test_a_diamond_and_reuse():
    x = leaf()
    a = x * 3
    (a * a + a.exp() * 0 + x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 18 * X + 1, rtol=1e-6)


@pytest.mark.parametrize("made", [lambda: leaf([1.0, 2.0]), lambda: g.nn.Parameter([1.0, 2.0])])
@pytest.mark.parametrize(
    ("given", "expected"),
    [([1, 2], [3, 6]), ([1.0], [3, 5]), ([[1.0], [2.0]], [[3, 5], [4, 6]]), ([True, False], [3, 4])],
)
def test_a_gradient_that_was_assigned_is_added_to_as_plus_does(made, given, expected):
    x = made()
    x.grad = g.tensor(given)
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.float32(expected))


def test_a_gradient_must_be_a_tensor():
    x = leaf([1.0, 2.0])
    x.grad = g.tensor([1.0, 1.0])
    with pytest.raises(TypeError, match="grad must be a Tensor or None, not ndarray"):
        x.grad = np.ones(2, np.float32)
    np.testing.assert_array_equal(x.grad.numpy(), [1, 1])
    x.grad = None
    assert x.grad is None


def test_a_gradient_of_another_shape_is_not_added_to():
    x = leaf([1.0, 2.0])
    x.grad = g.tensor([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"shapes \(3,\) and \(2,\) don't broadcast"):
        (x * x).sum().backward()


def test_grads_share_no_memory():
    x, y, seed = leaf(), leaf(), g.ones(2, 3)
    (x + y).backward(seed)
    buffers = [t.buffer for t in (x.grad, y.grad, seed)]
    assert len({id(b) for b in buffers}) == 3
    x.grad *= 0
    np.testing.assert_array_equal(y.grad.numpy(), 1)
    np.testing.assert_array_equal(seed.numpy(), 1)
    z = leaf()
    z.backward(seed)
    assert z.grad.buffer is not seed.buffer
    kept = []
    w = leaf()
    w.register_hook(lambda gradient: kept.append(gradient))
    (w * 2).sum().backward()
    assert w.grad.buffer is not kept[0].buffer
    a, b = g.grad((x + y).sum(), [x, y])
    assert a.buffer is not b.buffer


def test_unused_and_constant_inputs():
    x, unused, constant = leaf(), leaf(), g.tensor(X)
    (x * constant).sum().backward()
    assert unused.grad is None and constant.grad is None
    np.testing.assert_array_equal(x.grad.numpy(), X)
    assert not (constant * 2).requires_grad and (constant * 2).is_leaf


def test_what_backward_refuses():
    x = leaf()
    with pytest.raises(RuntimeError, match=r"backward\(\) of a tensor of shape \(2, 3\) needs a gradient"):
        (x * 2).backward()
    with pytest.raises(ValueError, match=r"gradient has shape \(3,\); expected \(2, 3\)"):
        (x * 2).backward(g.ones(3))
    with pytest.raises(TypeError, match="gradient must be float32, not int32"):
        (x * 2).backward(g.ones(2, 3, dtype=np.int32))
    with pytest.raises(TypeError, match="gradient must be a Tensor, not ndarray"):
        (x * 2).backward(X)
    with pytest.raises(RuntimeError, match="depends on nothing that has requires_grad"):
        g.tensor(1.0).backward()
    with pytest.raises(RuntimeError, match=r"requires_grad of a result can't be set; detach\(\)"):
        (x * 2).requires_grad_(False)
    assert x.grad is None


def test_a_graph_is_used_once_unless_retained():
    x = leaf()
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_allclose(x.grad.numpy(), 4 * X)
    with pytest.raises(RuntimeError, match=r"graph of sum was freed by an earlier backward\(\).*retain_graph=True"):
        y.backward()
    np.testing.assert_allclose(x.grad.numpy(), 4 * X)


def test_a_changed_input_is_noticed():
    x, w = leaf(), leaf()
    y = (x * w).sum()
    with g.no_grad():
        w *= 2
    with pytest.raises(RuntimeError, match=r"shape \(2, 3\) that mul needs for its gradient was changed in place"):
        y.backward()
    c = g.tensor(X)
    y = (x * c).sum()
    c.reshape(-1)[:1]  # reading is fine
    c.detach()[0] = 1.0  # shares the memory
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()
    c = g.tensor(X)
    y = (x + c).sum()
    c += 1  # a sum's gradient needs no operand
    y.backward()
    e = x.exp() / 2
    e.detach().assign(X)
    e.sum().backward()


def test_a_long_chain():
    x = leaf([1.0, 2.0, 3.0, 4.0])
    y = x
    for _ in range(2000):
        y = y * 1.0005
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 1.0005**2000, rtol=1e-3)
    for _ in range(30000):
        y = y.reshape(4)
    del y  # a chain that is only dropped


def test_memory_is_freed_as_backward_consumes_it():
    n = 1 << 18

    def in_use():
        return g.memory_stats()["bytes_in_use"]

    start = in_use()
    x = leaf(np.full(n, 0.5))
    y = x
    for _ in range(10):
        y = y.tanh()
    held = in_use() - start
    assert held >= 11 * 4 * n
    seen = []
    y.register_hook(lambda gradient: seen.append(in_use() - start))
    first = x.tanh()
    total = (y + first).sum()
    del y
    first.register_hook(lambda gradient: seen.append(in_use() - start))
    total.backward()
    assert len(seen) == 2
    # x, its gradient, total, `first` and the loose ends; nothing of the ten.
    assert in_use() - start <= 4 * 4 * n
    del total, first
    assert in_use() - start < 2.5 * 4 * n
    add = g.tensor(X) + leaf()
    assert add.node[0].saved == []


def test_what_a_rule_does_not_need_is_not_kept():
    n = 1 << 18
    x = leaf(np.ones(n))
    g.synchronize()
    before = g.memory_stats()["bytes_in_use"]
    y = ((x * 2 + 1 - 3).reshape(2, -1)).sum()
    assert g.memory_stats()["bytes_in_use"] - before < 4 * n
    y.backward()


def test_repeated_steps_do_not_grow():
    gc.collect()  # what tests before left in cycles may go at any time
    x = leaf()
    for i in range(60):
        x.grad = None
        ((x.exp() @ x.T).sigmoid()).sum().backward()
        if i == 30:
            first = g.memory_stats()
    last = g.memory_stats()
    assert last["bytes_in_use"] == first["bytes_in_use"] and last["bytes_reserved"] == first["bytes_reserved"]


# ---- modes ----


def test_no_grad_and_enable_grad():
    x = leaf()

    @g.no_grad()
    def quiet(depth):
        return quiet(depth - 1) if depth else x * 2

    with g.no_grad():
        assert not (x * 2).requires_grad
        with g.enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
    assert not quiet(3).requires_grad and (x * 2).requires_grad
    with pytest.raises(ZeroDivisionError), g.no_grad():
        1 / 0  # noqa: B018
    assert (x * 2).requires_grad


def test_no_grad_is_for_this_thread():
    x, seen = leaf(), []
    with g.no_grad():
        thread = threading.Thread(target=lambda: seen.append((x * 2).requires_grad))
        thread.start()
        thread.join()
    assert seen == [True]


def test_threads_add_to_one_gradient():
    x = leaf()
    threads = [threading.Thread(target=lambda: [(x * x).sum().backward() for _ in range(10)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_allclose(x.grad.numpy(), 80 * X, rtol=1e-5)


# ---- hooks ----


def test_hooks_see_the_whole_gradient_once():
    x, seen = leaf(), []
    mid = x * 2
    remove = mid.register_hook(lambda gradient: seen.append(gradient.numpy()))
    mid.register_hook(lambda gradient: gradient * 10)
    x.register_hook(lambda gradient: gradient + 1)
    (mid + mid * 3).sum().backward(retain_graph=True)
    assert len(seen) == 1
    np.testing.assert_array_equal(seen[0], 4)
    np.testing.assert_array_equal(x.grad.numpy(), 81)
    remove()
    remove()
    mid.sum().backward()
    assert len(seen) == 1


def test_bad_hooks_change_no_grad():
    x, y = leaf(), leaf()
    with pytest.raises(RuntimeError, match="without requires_grad gets no gradient"):
        g.tensor(X).register_hook(print)
    with pytest.raises(TypeError, match="hook must be callable, not int"):
        x.register_hook(3)
    remove = x.register_hook(lambda gradient: gradient.sum())
    with pytest.raises(RuntimeError, match=r"a hook gave a gradient of shape \(\); expected \(2, 3\)"):
        (x * y).sum().backward()
    assert x.grad is None and y.grad is None
    remove()
    x.register_hook(lambda gradient: 3)
    with pytest.raises(TypeError, match="a hook gave int"):
        (x * y).sum().backward()


# ---- grad() ----


def test_grad():
    x, y = leaf(), leaf()
    mid = x * y
    out = (mid * mid).sum()
    dmid, dx, nothing = g.grad(out, [mid, x, leaf()], retain_graph=True)
    np.testing.assert_allclose(dmid.numpy(), 2 * X * X)
    np.testing.assert_allclose(dx.numpy(), 2 * X**3, rtol=1e-6)
    assert nothing is None and x.grad is None
    (only,) = g.grad(out, mid)  # what lies beyond stays
    mid.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), X)
    np.testing.assert_allclose(only.numpy(), 2 * X * X)
    (twice,) = g.grad([x * 2, x.sum()], x, [g.ones(2, 3), None])
    np.testing.assert_array_equal(twice.numpy(), 3)
    with pytest.raises(RuntimeError, match=r"inputs\[0\] has no requires_grad"):
        g.grad(x.sum(), g.tensor(X))
    with pytest.raises(ValueError, match="2 grad_outputs for 1 outputs"):
        g.grad(x.sum(), x, [None, None])
    with pytest.raises(TypeError, match=r"inputs\[0\] must be a Tensor, not ndarray"):
        g.grad(x.sum(), [X])


# ---- Function ----


class Scaled(g.Function):
    @staticmethod
    def forward(ctx, x, factor, y):
        ctx.save_for_backward(x, y)
        ctx.factor = factor
        return x * y * factor, x + y

    @staticmethod
    def backward(ctx, gp, gs):
        x, y = ctx.saved_tensors
        return gp * y * ctx.factor + gs, None, gp * x * ctx.factor + gs


def test_function_with_several_outputs_and_plain_arguments():
    x, y = leaf(), leaf(X + 1)
    product, total = Scaled.apply(x, 3.0, y)
    (product + 2 * total).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 3 * (X + 1) + 2)
    np.testing.assert_allclose(y.grad.numpy(), 3 * X + 2)
    x.grad = None
    Scaled.apply(x, 3.0, y)[1].sum().backward()  # the other output gives zeros
    np.testing.assert_array_equal(x.grad.numpy(), 1)
    product, _ = Scaled.apply(x, 3.0, y)
    with g.no_grad():
        y += 1
    with pytest.raises(RuntimeError, match="that Scaled needs for its gradient was changed in place"):
        product.sum().backward()


def test_function_errors_and_identity():
    class Short(g.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x

        @staticmethod
        def backward(ctx, gradient):
            return gradient

    x = leaf()
    same = Short.apply(x, 2)
    assert x.is_leaf and not same.is_leaf
    with pytest.raises(RuntimeError, match=r"Short.backward gave 1 gradients; forward took 2 arguments"):
        same.sum().backward()

    class Wrong(Short):
        forward = staticmethod(lambda ctx, x: x * 2)
        backward = staticmethod(lambda ctx, gradient: gradient.sum())

    with pytest.raises(RuntimeError, match=r"backward of Wrong gave a gradient of shape \(\); expected \(2, 3\)"):
        Wrong.apply(x).sum().backward()

    class Nothing(g.Function):
        forward = staticmethod(lambda ctx, x: 3)

    with pytest.raises(TypeError, match=r"Nothing\.forward must give a Tensor or a tuple of them, not int"):
        Nothing.apply(x)
    with pytest.raises(NotImplementedError, match="static forward"):
        g.Function.apply(x)


# ---- checkpoint ----


@pytest.mark.parametrize("interrupted", [False, True])
def test_checkpoint_repeats_everything_with_the_same_random_numbers(interrupted):
    w = leaf(np.linspace(-1, 1, 9).reshape(3, 3))
    x = leaf()

    def run(use):
        for t in (x, w):
            t.grad = None
        outer = x * 2

        def part(a, scale):
            h = (a @ w).tanh() * scale
            return h * (g.rand(2, 3) > 0.5).astype(np.float32) + outer

        g.manual_seed(3)
        y = g.checkpoint(part, outer, 1.5) if use else part(outer, 1.5)
        other = g.rand(4)
        if interrupted:
            other.numpy()
        value = y.numpy() if interrupted else None
        (y * y).sum().backward()
        return [x.grad.numpy(), w.grad.numpy(), other.numpy(), g.rand(4).numpy(), value]

    for a, b in zip(run(True), run(False)):
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=1e-6)  # sums of gradients may come in another order


def test_checkpoint_saves_memory():
    n = 1 << 18
    x = leaf(np.full(n, 0.3))

    def part(a):
        for _ in range(8):
            a = a.sigmoid()
        return a

    before = g.memory_stats()["bytes_in_use"]
    y = g.checkpoint(part, x)
    assert g.memory_stats()["bytes_in_use"] - before < 1.5 * 4 * n
    y.sum().backward()
    got, x.grad = x.grad.numpy(), None
    part(x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), got)


def test_checkpoint_errors_and_plain_results():
    x = leaf()
    with pytest.raises(TypeError, match="fn must give a Tensor or a tuple of them, not int"):
        g.checkpoint(lambda a: 3, x)
    a, b = g.checkpoint(lambda t: (t * 2, t.detach()), x)
    assert a.requires_grad and not b.requires_grad
    with g.no_grad():
        assert not g.checkpoint(lambda t: t * 2, x).requires_grad
    shapes = iter([(6,), (3, 2)])
    y = g.checkpoint(lambda t: t.reshape(*next(shapes)), x)
    with pytest.raises(RuntimeError, match="fn gave shapes"):
        y.sum().backward()
    y = g.checkpoint(lambda t: t * 2, x)
    with g.no_grad():
        x += 1
    with pytest.raises(RuntimeError, match="checkpoint needs for its gradient was changed in place"):
        y.sum().backward()


# ---- anomaly detection, gradcheck ----


def test_anomalies_are_named():
    x = leaf([[4.0, 0.0]])
    with g.set_detect_anomaly(True):
        with pytest.raises(FloatingPointError, match=r"log gave NaN in a result of shape .*; its inputs held none"):
            (x - 1).log()
        with pytest.raises(FloatingPointError, match=r"scale gave NaN .*; input 0 held NaN already"):
            g.tensor([np.nan]) * 2
        y = (x.sqrt() * g.tensor([[1.0, 0.0]])).sum()
        with pytest.raises(FloatingPointError, match="backward of sqrt gave NaN"):
            y.backward()
    assert np.isnan((x - 1).log().numpy()).any()
    g.set_detect_anomaly(True)
    try:
        with pytest.raises(FloatingPointError):
            g.tensor([-1.0]).sqrt()
    finally:
        g.set_detect_anomaly(False)
    g.tensor([-1.0]).sqrt()


def test_anomalies_of_gradients_that_are_added():
    """On the way (x is used twice) and in `.grad` of a leaf (backward is called twice): the sum makes the NaN."""
    x = leaf([1.0, 2.0])
    inf, result = g.tensor([np.inf, 1.0]), x * 1.0
    with g.set_detect_anomaly(True):
        for y in (x, result):
            both = g.stack([y * inf, y * -inf])
            with pytest.raises(FloatingPointError, match=r"add gave NaN in .* shape \(2,\); its inputs held none"):
                both.backward(g.ones(2, 2))
        assert x.grad is None
        (x * inf).backward(g.ones(2))
        with pytest.raises(FloatingPointError, match="add gave NaN"):
            (x * -inf).backward(g.ones(2))


def test_gradcheck():
    x, w = leaf(), leaf(X.T)
    assert g.gradcheck(lambda a, b: ((a @ b).tanh(), a.exp().mean()), [x, w], eps=5e-3)
    assert g.gradcheck(lambda a: a.exp(), x, reference=np.exp, rtol=1e-5, atol=1e-5)

    class Wrong(g.Function):
        forward = staticmethod(lambda ctx, a: a * 2)
        backward = staticmethod(lambda ctx, gradient: gradient * 3)

    with pytest.raises(AssertionError, match=r"gradient of input 0, shape \(2, 3\): .* at \(0, 0\), but differences"):
        g.gradcheck(Wrong.apply, x)
    with pytest.raises(ValueError, match="must hold a Tensor with requires_grad=True, not Tensor"):
        g.gradcheck(lambda a: a, g.tensor(X))
    with pytest.raises(ValueError, match="no result of fn depends"):
        g.gradcheck(lambda a: a.detach(), x)


def test_tensors_of_a_lost_engine(snippet):
    snippet("""
        import pytest, grilly_vk as g
        x = g.tensor([1.0, 2.0], requires_grad=True)
        y = (x * 2).sum()
        x.engine.stream.lost = "the device was lost"
        for call in (lambda: x + 1, lambda: y.backward(), lambda: x.numpy(), lambda: x @ x, lambda: x[0]):
            with pytest.raises(g.DeviceError, match="the device was lost"):
                call()
        assert "not readable" in repr(x)
        g.set_device()
        assert (g.tensor([1.0]) + 1).item() == 2.0
        with pytest.raises(g.DeviceError, match="the device was lost"):
            x * 2
    """)
