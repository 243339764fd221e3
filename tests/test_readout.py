"""Counts, rates, first spikes and linear read-outs against float64 numpy."""

import os

import numpy as np
import pytest
import scipy.signal

import grilly_vk
from grilly_vk.ops import readout as ops
from grilly_vk.tensor import from_numpy

CALLS = 100 if os.environ.get("GRILLY_VK_DEBUG") else 1000  # the debug mode checks all memory at every sync

SHAPES = [(1, 1), (7, 3), (5, 2, 5), (64, 65), (33, 2, 3, 4), (250, 1000), (20, 0), (4, 0, 3)]


@pytest.fixture(scope="module")
def snn():
    return grilly_vk.VulkanCompute().snn


def train(shape, p=0.2, seed=0):
    return (np.random.default_rng(seed).random(shape) < p).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_counts_and_rates(snn, shape):
    s = train(shape)
    count, rate = snn.spike_count(s), snn.firing_rate(s)
    assert count.shape == rate.shape == shape[1:] and count.dtype == rate.dtype == np.float32
    np.testing.assert_array_equal(count, s.sum(0))
    np.testing.assert_allclose(rate, s.mean(0, dtype=float), rtol=2**-22)  # a Vulkan division: 2.5 ulp


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("p", [0.02, 0.5])
def test_first_spike(snn, shape, p):
    s = train(shape, p)
    got = snn.first_spike(s)
    assert got.shape == shape[1:] and got.dtype == np.int32
    np.testing.assert_array_equal(got, np.where(s.any(0), s.argmax(0), -1))


def test_what_counts_as_a_spike(snn):
    s = np.array([[0.0, -1, np.nan, -np.inf, 1e-30, np.inf, 2]])
    np.testing.assert_array_equal(snn.spike_count(s), [0, 0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(snn.first_spike(s), [-1, -1, -1, -1, 0, 0, 0])


def test_first_spike_without_steps(snn):
    np.testing.assert_array_equal(snn.first_spike(np.ones((0, 2, 3))), np.full((2, 3), -1))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("decay", [1.0, 0.9, 0.0])
def test_readout(snn, shape, decay):
    s = train(shape)
    rng = np.random.default_rng(1)
    w, b = (rng.normal(size=k).astype(np.float32) for k in ((5, shape[-1]), 5))
    if decay == 1:
        pooled = s.mean(0, dtype=float)
    else:
        pooled = scipy.signal.lfilter([1.0], [1.0, -decay], s.astype(float), axis=0)[-1]
    want = pooled @ w.T.astype(float)
    # float32 sums over T and over n: relative to the sum of magnitudes.
    error = (shape[0] + shape[-1] + 4) * 2.0**-24 * (pooled @ np.abs(w.T.astype(float)) + np.abs(b))
    got = snn.snn_readout(s, w, decay=decay)
    assert got.shape == (*shape[1:-1], 5)
    assert (np.abs(got - want) <= error).all()
    assert (np.abs(snn.snn_readout(s, w, b, decay) - (want + b)) <= error).all()
    np.testing.assert_array_equal(snn.snn_readout(s, w, decay=decay), got)


def test_readout_of_infinite_and_nan_input(snn):
    s = train((6, 2, 4))
    s[1, 0, 2], s[2, 1, 1] = np.nan, np.inf
    with np.errstate(invalid="ignore"):
        want = s.mean(0) @ (np.eye(4) + 1)
    np.testing.assert_allclose(snn.snn_readout(s, np.eye(4) + 1), want, rtol=1e-6)
    assert np.isnan(snn.snn_readout(s, np.eye(4) + 1, decay=0.5)[0]).all()


def test_long_runs_are_cut(snn, monkeypatch):
    s, w = train((50, 3, 8), 0.05), np.random.default_rng(0).normal(size=(2, 8))
    calls = (
        lambda: snn.spike_count(s),
        lambda: snn.firing_rate(s),
        lambda: snn.first_spike(s),
        lambda: snn.snn_readout(s, w),
        lambda: snn.snn_readout(s, w, decay=0.8),
    )
    whole = [call() for call in calls]
    monkeypatch.setattr(type(from_numpy(s).engine), "steps_per_submit", lambda self, work: 4)
    for call, want in zip(calls, whole):
        np.testing.assert_array_equal(call(), want)


def test_unusual_arrays(snn):
    s, w = train((20, 2, 6)), np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)
    calls = (snn.spike_count, snn.firing_rate, snn.first_spike, lambda s: snn.snn_readout(s, w))
    want = [call(s) for call in calls]
    s.flags.writeable = False
    for values in (s, s.astype(float), s > 0, np.asfortranarray(s), np.repeat(s, 2, 1)[:, ::2], from_numpy(s)):
        for call, expected in zip(calls, want):
            np.testing.assert_array_equal(call(values), expected)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda s: s.spike_count(np.ones(3)), ValueError, ["spikes", "(3,)", "(T, ..., n)"]),
        (lambda s: s.firing_rate(np.ones((0, 3))), ValueError, ["spikes", "(0, 3)", "at least 1"]),
        (lambda s: s.first_spike(1.0), ValueError, ["spikes", "()", "(T, ...)"]),
        (lambda s: s.spike_count(["a"]), TypeError, ["spikes", "real"]),
        (lambda s: s.snn_readout(np.ones((0, 3)), np.ones((2, 3))), ValueError, ["spikes", "no time steps"]),
        (lambda s: s.snn_readout(np.ones((4, 3)), np.ones((2, 5))), ValueError, ["spikes", "(4, 3)", "5"]),
        (lambda s: s.snn_readout(np.ones((4, 3)), np.ones(3)), ValueError, ["weight", "(3,)"]),
        (lambda s: s.snn_readout(np.ones((4, 3)), np.ones((2, 3)), np.ones(3)), ValueError, ["bias", "(3,)"]),
        (lambda s: s.snn_readout(np.ones((4, 3)), np.ones((2, 3)), decay=1.1), ValueError, ["decay", "1.1"]),
        (lambda s: s.snn_readout(np.ones((4, 3)), np.ones((2, 3)), decay=np.nan), ValueError, ["decay", "nan"]),
        (lambda s: s.snn_readout(np.ones((4, 3)), np.ones((2, 3)), decay="x"), TypeError, ["decay", "str"]),
    ],
    ids=lambda a: "",
)
def test_bad_arguments(snn, call, error, words):
    with pytest.raises(error) as caught:
        call(snn)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    np.testing.assert_array_equal(snn.spike_count([[1.0], [1.0]]), [2.0])


def test_memory_does_not_grow(snn):
    s, w = from_numpy(train((5, 2, 3))), from_numpy(np.ones((2, 3), np.float32))
    before = grilly_vk.memory_stats()["bytes_in_use"]
    for _ in range(CALLS):
        ops.readout(s, w).numpy()
        ops.spike_count(s)[0].numpy()
    assert grilly_vk.memory_stats()["bytes_in_use"] <= before
