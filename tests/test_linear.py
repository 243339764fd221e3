"""matmul and SNNLayer against float64 numpy."""

import os

import numpy as np
import pytest

import grilly_vk
from grilly_vk import nn
from grilly_vk.ops.linear import matmul
from grilly_vk.tensor import from_numpy

CALLS = 100 if os.environ.get("GRILLY_VK_DEBUG") else 1000  # the debug mode checks all memory at every sync

SHAPES = [  # rows, ins, outs: odd sizes, both sides of every tile edge
    (1, 1, 1),
    (1, 1000, 5),
    (3, 5, 7),
    (5, 3, 65),
    (8, 64, 64),
    (65, 1000, 3),
    (64, 65, 65),
    (257, 68, 33),
    (300, 4, 1),
]


@pytest.fixture(scope="module")
def snn():
    return grilly_vk.VulkanCompute().snn


def data(rows, ins, outs, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(s).astype(np.float32) for s in ((rows, ins), (outs, ins), (outs,)))


def bound(x, w, b=0.0):
    """Error of a float32 sum in any order: at most (n + 1) * 2**-24 of the sum of magnitudes."""
    return (x.shape[-1] + 2) * 2.0**-24 * (np.abs(x).astype(float) @ np.abs(w).astype(float).T + np.abs(b)) + 1e-30


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_product(snn, shape):
    x, w, b = data(*shape)
    want = x.astype(float) @ w.astype(float).T
    got = snn.snn_matmul(x, w)
    assert got.shape == want.shape and got.dtype == np.float32
    assert (np.abs(got - want) <= bound(x, w)).all()
    assert (np.abs(snn.snn_matmul(x, w, b) - (want + b)) <= bound(x, w, b)).all()


@pytest.mark.parametrize("ins", [64, 67])
def test_a_row_has_the_same_bits_in_every_batch(snn, ins):
    x, w, b = data(257, ins, 33)
    whole = snn.snn_matmul(x, w, b)
    for rows in (1, 2, 3, 4, 5, 64):
        np.testing.assert_array_equal(snn.snn_matmul(x[:rows], w, b), whole[:rows])
    np.testing.assert_array_equal(snn.snn_matmul(x[200], w, b), whole[200])
    np.testing.assert_array_equal(snn.snn_matmul(x, w, b), whole)


def test_batch_axes(snn):
    x, w, b = data(24, 12, 5)
    flat = snn.snn_matmul(x, w, b)
    np.testing.assert_array_equal(snn.snn_matmul(x.reshape(2, 3, 4, 12), w, b), flat.reshape(2, 3, 4, 5))


@pytest.mark.parametrize(
    ("x", "w"), [((0, 4), (3, 4)), ((2, 0, 4), (3, 4)), ((4, 0), (3, 0)), ((4, 4), (0, 4)), ((0,), (0, 0))], ids=str
)
def test_empty(snn, x, w):
    got = snn.snn_matmul(np.ones(x), np.ones(w))
    np.testing.assert_array_equal(got, np.ones(x) @ np.ones(w).T)
    assert got.shape == (*x[:-1], w[0])


def test_no_inputs_leave_the_bias(snn):
    np.testing.assert_array_equal(snn.snn_matmul(np.ones((2, 0)), np.ones((3, 0)), [1, 2, 3]), [[1, 2, 3]] * 2)


@pytest.mark.parametrize("ins", [8, 5])
def test_infinities_and_nan_as_in_numpy(snn, ins):
    x, w, _ = data(9, ins, 6)
    x[2, 1], x[3, 0], x[4, 2], w[1, 3], w[2, 2] = np.nan, np.inf, -np.inf, np.inf, 0.0
    with np.errstate(invalid="ignore"):
        want = x.astype(float) @ w.astype(float).T
    np.testing.assert_allclose(snn.snn_matmul(x, w), want, rtol=1e-5, atol=1e-6)


def test_unusual_arrays(snn):
    x, w, b = data(6, 10, 4)
    want = snn.snn_matmul(x, w, b)
    np.testing.assert_array_equal(snn.snn_matmul(x.astype(float), w.astype(float), b.tolist()), want)
    np.testing.assert_array_equal(snn.snn_matmul(np.asfortranarray(x), np.repeat(w, 2, 1)[:, ::2], b), want)
    for a in (x, w, b):
        a.flags.writeable = False
    np.testing.assert_array_equal(snn.snn_matmul(x, w, b), want)
    np.testing.assert_array_equal(snn.snn_matmul(from_numpy(x), from_numpy(w), from_numpy(b)), want)
    np.testing.assert_array_equal(snn.snn_matmul(x > 0, w), snn.snn_matmul((x > 0).astype(np.float32), w))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((np.ones((2, 3)), np.ones((4, 5))), ValueError, ["x", "(2, 3)", "5"]),
        ((np.ones((2, 3)), np.ones(3)), ValueError, ["weight", "(3,)", "out, in"]),
        ((np.float32(1), np.ones((4, 5))), ValueError, ["x", "()", "5"]),
        ((np.ones((2, 3)), np.ones((4, 3)), np.ones(3)), ValueError, ["bias", "(3,)", "4"]),
        ((np.ones((2, 3), complex), np.ones((4, 3))), TypeError, ["x", "complex"]),
        ((["a", "b"], np.ones((4, 2))), TypeError, ["x", "real"]),
        (([[1, 2], [3]], np.ones((4, 2))), ValueError, ["x", "array"]),
    ],
    ids=lambda a: "",
)
def test_bad_arguments(snn, arguments, error, words):
    with pytest.raises(error) as caught:
        snn.snn_matmul(*arguments)
    assert all(word in str(caught.value) for word in words)
    np.testing.assert_array_equal(snn.snn_matmul([1.0, 2.0], [[3.0, 4.0]]), [11.0])


def test_long_products_are_cut(snn, monkeypatch):
    x, w, b = data(50, 16, 24)
    whole = snn.snn_matmul(x, w, b)
    monkeypatch.setattr(type(from_numpy(x).engine), "steps_per_submit", lambda self, work: 8)
    np.testing.assert_array_equal(snn.snn_matmul(x, w, b), whole)


def test_memory_does_not_grow(snn):
    x, w, b = data(3, 8, 5)
    snn.snn_matmul(x, w, b)
    before = grilly_vk.memory_stats()["bytes_in_use"]
    for _ in range(CALLS):
        snn.snn_matmul(x, w, b)
    assert grilly_vk.memory_stats()["bytes_in_use"] <= before


# ---- SNNLayer ----


@pytest.mark.parametrize("shape", [(20, 3), (20, 2, 3), (20, 2, 2, 8), (1, 65), (0, 3), (5, 0, 3)], ids=str)
def test_layer_is_product_then_lif(shape):
    lif = dict(dt=0.002, tau_mem=10.0, v_thresh=0.8, v_rest=-0.1, v_reset=-0.2, r_mem=1.2, t_refrac=4.0)
    layer = nn.SNNLayer(shape[-1], 33, **lif, seed=3)
    x = np.random.default_rng(1).normal(0, 8, shape)
    got = layer.run(x)
    by_hand = nn.LIFNeuron(33, **lif)
    want = by_hand.run(matmul(from_numpy(x.astype(np.float32)), from_numpy(layer.weight)))
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(layer.neuron.membrane, by_hand.membrane)
    assert got.shape == (*shape[:-1], 33) and (got.mean() > 0.01 if x.size else True)


def test_layer_steps_equal_a_run():
    layer = nn.SNNLayer(16, 9, seed=0)
    x = np.random.default_rng(0).normal(0, 8, (30, 4, 16))
    run = layer.run(x)
    layer.reset()
    np.testing.assert_array_equal(np.array([layer(step) for step in x]), run)
    layer.reset()
    np.testing.assert_array_equal(layer.run(x), run)


def test_no_memory_in_the_middle_of_a_run_leaves_the_neurons(monkeypatch):
    from grilly_vk.ops import steps

    x = np.random.default_rng(0).random((40, 6), np.float32)
    layer = nn.SNNLayer(6, 5, seed=0)
    layer.weight = np.ones((5, 6))
    layer.run(x)
    before = layer.neuron.membrane, layer.neuron.refractory
    monkeypatch.setattr(steps, "_PIECE", 7 * x[0].nbytes)
    run, calls = layer.neuron._run, []

    def third_time_out_of_memory(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise grilly_vk.OutOfDeviceMemory("no room")
        return run(*arguments)

    monkeypatch.setattr(layer.neuron, "_run", third_time_out_of_memory)
    with pytest.raises(grilly_vk.OutOfDeviceMemory):
        layer.run(x)
    np.testing.assert_array_equal(layer.neuron.membrane, before[0])
    np.testing.assert_array_equal(layer.neuron.refractory, before[1])


def test_layer_stays_on_the_device():
    layer = nn.SNNLayer(16, 9, seed=0)
    x = from_numpy(np.ones((30, 4, 16), np.float32))
    if not x.engine.host_visible or x.engine.guards:
        pytest.skip("counts the dispatches and submits of the usual configuration")
    layer.run(x)
    before = grilly_vk.memory_stats()
    layer.run(x)
    after = grilly_vk.memory_stats()
    assert after["submits"] - before["submits"] == 1
    assert after["dispatches"] - before["dispatches"] <= 2  # product, neurons


def test_layer_weights():
    layer = nn.SNNLayer(256, 128)
    limit = np.sqrt(6 / (256 + 128))
    w = layer.weight
    assert w.shape == (128, 256) and w.dtype == np.float32
    assert (
        np.abs(w).max() <= limit and abs(w.std() - limit / np.sqrt(3)) < 0.01 * limit and abs(w.mean()) < 0.01 * limit
    )
    assert (nn.SNNLayer(256, 128).weight != w).any()
    np.testing.assert_array_equal(nn.SNNLayer(5, 4, seed=7).weight, nn.SNNLayer(5, 4, seed=7).weight)
    w[:] = 0  # a copy
    assert layer.weight.any()
    layer.weight = w
    assert not layer.weight.any() and not layer(np.full(256, 1e6)).any()
    with pytest.raises(ValueError, match=r"weight .*\(3, 3\).*\(128, 256\)"):
        layer.weight = np.ones((3, 3))


def test_layer_of_the_document():
    spikes = nn.SNNLayer(in_features=256, out_features=128)(np.random.randn(256).astype(np.float32))  # noqa: NPY002
    assert spikes.shape == (128,)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"in_features": 0, "out_features": 3}, ValueError, ["in_features"]),
        ({"in_features": 3, "out_features": 2.5}, TypeError, ["out_features"]),
        ({"in_features": 3, "out_features": 2, "dt": 0}, ValueError, ["dt"]),
        ({"in_features": 3, "out_features": 2, "tau_mem": -1}, ValueError, ["tau_mem"]),
        ({"in_features": 3, "out_features": 2, "seed": -1}, ValueError, ["seed"]),
    ],
    ids=lambda a: "",
)
def test_layer_bad_arguments(arguments, error, words):
    with pytest.raises(error) as caught:
        nn.SNNLayer(**arguments)
    assert all(word in str(caught.value) for word in words)


def test_layer_bad_input():
    layer = nn.SNNLayer(3, 2)
    with pytest.raises(ValueError, match=r"x has shape \(4,\).*3"):
        layer(np.ones(4))
    with pytest.raises(ValueError, match=r"x has shape \(3,\); expected \(T, \.\.\., 3\)"):
        layer.run(np.ones(3))
    layer(np.ones((5, 3)))
    before = layer.neuron.membrane
    with pytest.raises(ValueError, match="reset"):
        layer(np.ones((4, 3)))
    np.testing.assert_array_equal(layer.neuron.membrane, before)
    assert layer(np.ones((5, 3))).shape == (5, 2)
    assert "in_features=3" in repr(layer)
