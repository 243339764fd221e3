"""Batch norms by the host's passes, against the float64 reference of the kernels' own tests."""

import numpy as np
import pytest
from op_table import normal
from steps import engine
from test_norm_node import KINDS, made, normalised
from tuned import tune

import grilly_vk
import grilly_vk.functional as F

pytestmark = pytest.mark.skipif(engine().blas is None, reason="the device's memory is its own, or there is no OpenBLAS")
# Rows below a vector, with a rest, of whole vectors, beyond a stretch of sums; many channels at once, and a single one.
SHAPES = [(3, 4, 5, 3, 3), (2, 5, 70, 7, 7), (4, 3, 2, 4, 4), (2, 3, 3, 1100), (5, 2, 1, 19)]
# Channels side by side: fewer than a vector, and of all widths that are taken together; several stretches of samples.
SHAPES += [(4, 3, 5), (2, 150, 83)]


@pytest.fixture(autouse=True)
def host(monkeypatch):
    """Every pass goes to the host, however small."""
    monkeypatch.setattr(engine(), "host_products", True)
    tune(monkeypatch, host_stream=1)


def run(norm, values, cotangent):
    """y and the gradient of x, with a check of who computed them."""
    x = grilly_vk.tensor(values, requires_grad=True)
    norm.zero_grad()
    with grilly_vk.profile() as seen:
        y = norm(x)
        y.backward(grilly_vk.tensor(cotangent))
        grilly_vk.synchronize()
    names = {row.kernel for row in seen.kernels}
    assert {"host-norm", "host-norm-grad"} <= names
    assert not any(name.startswith(("batch-norm", "reduce")) for name in names)
    return y.numpy(), x.grad.numpy()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_and_gradients_match_float64(shape, kind, training):
    norm = made(kind, shape).train(training)
    values, cotangent = 2 * normal(*shape, seed=3) + 0.5, normal(*shape, seed=4)
    exact = values.astype(float)
    want, back = normalised(norm, kind, exact, training)
    want_gx, sums = back(cotangent.astype(float))
    before = {name: t.numpy().copy() for name, t in norm.state_dict().items()}
    if kind == "BatchNorm":
        values, cotangent = (a.reshape(-1, *shape[2:]) for a in (values, cotangent))
    y, gx = run(norm, values, cotangent)
    close = {"rtol": 2e-5, "atol": 2e-5}
    np.testing.assert_allclose(y, want.reshape(y.shape), **close)
    np.testing.assert_allclose(gx, want_gx.reshape(gx.shape), **close)
    count = values.size // shape[2]
    for name, p in norm.named_parameters():
        np.testing.assert_allclose(p.grad.numpy(), sums[name], rtol=2e-5, atol=1e-6 * count + 2e-5, err_msg=name)
    if not training:
        return
    own = kind == "BatchNormThroughTime"
    axes = (1, *range(3, len(shape))) if own else (0, 1, *range(3, len(shape)))
    for name, now in (("running_mean", exact.mean(axes)), ("running_var", exact.var(axes, ddof=1))):
        moved = 0.9 * before[name] + 0.1 * now
        np.testing.assert_allclose(getattr(norm, name).numpy(), moved, rtol=1e-5, atol=1e-6, err_msg=name)
    counted = norm.num_batches_tracked.numpy()
    np.testing.assert_array_equal(counted, before["num_batches_tracked"] + 1)


@pytest.mark.parametrize("shape", [(40, 3, 70), (2800, 3), (2800, 19)], ids=str)
def test_statistics_far_from_zero_and_after_a_first_value_far_off(shape):
    """Deviations are taken from a mean, never from zero or from the first value."""
    x = normal(*shape, seed=1)
    x[:, 1] += 1e4
    x[(0, 2, *[0] * (x.ndim - 2))] = 1e4
    y = F.batch_norm(x, None, None, training=True).numpy()
    exact, axes = x.astype(float), (0, *range(2, x.ndim))
    want = (exact - exact.mean(axes, keepdims=True)) / np.sqrt(exact.var(axes, keepdims=True) + 1e-5)
    np.testing.assert_allclose(y, want, rtol=1e-4, atol=2e-3)  # float32 holds 1e4 to 5e-4


def test_momentum_none_is_the_mean_over_all_batches():
    mean, var = grilly_vk.tensor(np.zeros(3, np.float32)), grilly_vk.tensor(np.ones(3, np.float32))
    batches = grilly_vk.tensor(np.zeros(1, np.int32))
    parts = [normal(6, 3, 20, seed=i) + i for i in range(3)]
    for part in parts:
        F.batch_norm(part, mean, var, training=True, momentum=None, batches=batches)
    np.testing.assert_allclose(mean.numpy(), np.mean([p.mean((0, 2)) for p in parts], 0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(var.numpy(), np.mean([p.var((0, 2), ddof=1) for p in parts], 0), rtol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("shape", [(5, 17, 40), (300, 17)], ids=str)
def test_what_is_not_finite_stays_in_its_channel(bad, shape):
    x, axes = normal(*shape, seed=2), (0, *range(2, len(shape)))
    for place in ((0, 1), (3, 16)):  # a whole vector's, and one beyond
        x[(*place, *[0] * (x.ndim - 2))] = bad
    y = F.batch_norm(x, None, None, training=True).numpy()
    struck = np.isin(np.arange(17), [1, 16])
    np.testing.assert_array_equal(np.isnan(y).all(axes), struck)
    np.testing.assert_array_equal(np.isfinite(y).all(axes), ~struck)


def test_the_same_bits_by_several_threads(snippet):
    """Sums of channels that lie side by side are of the same stretches whoever makes them."""
    source = """
        import hashlib, numpy as np, grilly_vk
        import grilly_vk.functional as F
        x, cotangent = np.random.default_rng(0).normal(size=(2, 3001, 21)).astype(np.float32)
        given = grilly_vk.tensor(x, requires_grad=True)
        y = F.batch_norm(given, None, None, training=True)
        y.backward(grilly_vk.tensor(cotangent))
        print(hashlib.sha256(y.numpy().tobytes() + given.grad.numpy().tobytes()).hexdigest())
    """
    assert snippet(source, OPENBLAS_NUM_THREADS=1).out == snippet(source, OPENBLAS_NUM_THREADS=2).out


def test_a_graph_replays_them_and_moves_the_running_statistics():
    norms = [made("TemporalEffectiveBatchNorm", (4, 3, 5, 3, 3)) for _ in range(2)]
    x = grilly_vk.tensor(normal(4, 3, 5, 3, 3, seed=5))
    norms[1](x)
    with grilly_vk.capture() as graph:
        y = norms[1](x)
    graph.replay()
    for _ in range(2):
        want = norms[0](x)
    np.testing.assert_array_equal(y.numpy(), want.numpy())
    np.testing.assert_array_equal(norms[0].running_var.numpy(), norms[1].running_var.numpy())
