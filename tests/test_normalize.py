"""Softmax and RMS norm against scipy and float64 numpy."""

import os

import numpy as np
import pytest
import scipy.special

import grilly_vk
from grilly_vk.tensor import from_numpy

CALLS = 100 if os.environ.get("GRILLY_VK_DEBUG") else 1000  # the debug mode checks all memory at every sync

SHAPES = [(1,), (3,), (2, 5), (4, 64), (3, 65), (2, 3, 68), (2, 1000), (3, 4099), (300, 4)]


@pytest.fixture(scope="module")
def snn():
    return grilly_vk.VulkanCompute().snn


def data(shape, scale=3.0):
    return np.random.default_rng(0).normal(0, scale, shape).astype(np.float32)


def rmsnorm(x, weight=1.0, eps=1e-6):
    x = np.asarray(x, np.float64)
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps) * weight


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("scale", [1e-3, 3.0, 80.0])
def test_softmax(snn, shape, scale):
    x = data(shape, scale)
    got = snn.snn_softmax(x)
    assert got.shape == shape and got.dtype == np.float32
    # Vulkan's exp is good to 3 + 2|x| ulp: for what is not next to nothing, |x| < 40.
    np.testing.assert_allclose(got, scipy.special.softmax(x.astype(float), -1), rtol=90 * 2.0**-23, atol=1e-17)
    np.testing.assert_allclose(got.sum(-1), 1, rtol=1e-5)
    np.testing.assert_array_equal(snn.snn_softmax(x), got)


def test_softmax_of_large_values(snn):
    for n in (5, 8):
        x = data((2, n)) + np.float32(1e4)
        np.testing.assert_allclose(snn.snn_softmax(x), scipy.special.softmax(x.astype(float), -1), rtol=1e-5)
        x = np.linspace(-3e38, 3e38, n)
        np.testing.assert_array_equal(snn.snn_softmax(x), np.eye(n)[-1])


@pytest.mark.parametrize("n", [4, 7, 100])
def test_softmax_of_infinities_and_nan(snn, n):
    x = data((5, n))
    x[1, 1], x[2, -1], x[3, 0], x[4] = np.nan, np.inf, -np.inf, -np.inf
    got = snn.snn_softmax(x)
    with np.errstate(invalid="ignore"):
        want = scipy.special.softmax(x.astype(float), -1)
    np.testing.assert_allclose(got, want, rtol=1e-5)
    assert np.isnan(got[[1, 2, 4]]).all() and got[3, 0] == 0


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("eps", [0.0, 1e-6, 1.0])
def test_rmsnorm(snn, shape, eps):
    x, w = data(shape), np.random.default_rng(1).normal(size=shape[-1]).astype(np.float32)
    # A division and a root of 2.5 ulp each, and a sum of positive squares whose relative error stays far below
    # n / 64 * 2**-24 for these sizes.
    rtol = 16 * 2.0**-23 + shape[-1] / 64 * 2.0**-24
    np.testing.assert_allclose(snn.snn_rmsnorm(x, eps=eps), rmsnorm(x, eps=eps), rtol=rtol)
    got = snn.snn_rmsnorm(x, w, eps)
    assert got.shape == shape and got.dtype == np.float32
    np.testing.assert_allclose(got, rmsnorm(x, w, eps), rtol=rtol)
    np.testing.assert_array_equal(snn.snn_rmsnorm(x, w, eps), got)


def test_rmsnorm_special_rows(snn):
    np.testing.assert_array_equal(snn.snn_rmsnorm(np.zeros((2, 5))), np.zeros((2, 5)))
    for n in (4, 5):
        x = np.ones((4, n))
        x[1, 0], x[2, 1], x[3] = np.nan, np.inf, 0
        got = snn.snn_rmsnorm(x, eps=0.0)
        with np.errstate(invalid="ignore"):
            np.testing.assert_allclose(got, rmsnorm(x, eps=0.0), rtol=1e-6)


def test_a_row_has_the_same_bits_in_every_batch(snn):
    x = data((70, 33))
    for run in (snn.snn_softmax, snn.snn_rmsnorm):
        np.testing.assert_array_equal(run(x)[7], run(x[7]))


@pytest.mark.parametrize("shape", [(0,), (0, 4), (3, 0), (2, 0, 5)], ids=str)
def test_empty(snn, shape):
    assert snn.snn_softmax(np.ones(shape)).shape == shape
    assert snn.snn_rmsnorm(np.ones(shape), np.ones(shape[-1])).shape == shape


def test_unusual_arrays(snn):
    x = data((4, 12))
    for run in (snn.snn_softmax, snn.snn_rmsnorm):
        want = run(x)
        read_only = x.copy()
        read_only.flags.writeable = False
        for values in (read_only, x.astype(float), np.asfortranarray(x), np.repeat(x, 2, 0)[::2], from_numpy(x)):
            np.testing.assert_array_equal(run(values), want)


def test_long_inputs_are_cut(snn, monkeypatch):
    x = data((50, 12))
    want = snn.snn_softmax(x), snn.snn_rmsnorm(x)
    monkeypatch.setattr(type(from_numpy(x).engine), "steps_per_submit", lambda self, work: 4)
    np.testing.assert_array_equal(snn.snn_softmax(x), want[0])
    np.testing.assert_array_equal(snn.snn_rmsnorm(x), want[1])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda s: s.snn_softmax(1.0), ValueError, ["x", "()"]),
        (lambda s: s.snn_softmax(["a"]), TypeError, ["x", "real"]),
        (lambda s: s.snn_rmsnorm(np.float32(1)), ValueError, ["x", "()"]),
        (lambda s: s.snn_rmsnorm(np.ones((2, 3)), np.ones(2)), ValueError, ["weight", "(2,)", "3"]),
        (lambda s: s.snn_rmsnorm(np.ones((2, 3)), np.ones((2, 3))), ValueError, ["weight", "(2, 3)"]),
        (lambda s: s.snn_rmsnorm(np.ones(3), eps=-1), ValueError, ["eps", "-1"]),
        (lambda s: s.snn_rmsnorm(np.ones(3), eps=np.inf), ValueError, ["eps", "inf"]),
        (lambda s: s.snn_rmsnorm(np.ones(3), eps="a"), TypeError, ["eps", "str"]),
    ],
    ids=lambda a: "",
)
def test_bad_arguments(snn, call, error, words):
    with pytest.raises(error) as caught:
        call(snn)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    np.testing.assert_array_equal(snn.snn_softmax([1.0, 1.0]), [0.5, 0.5])


def test_memory_does_not_grow(snn):
    x = data((3, 5))
    snn.snn_softmax(x)
    before = grilly_vk.memory_stats()["bytes_in_use"]
    for _ in range(CALLS):
        snn.snn_softmax(x)
        snn.snn_rmsnorm(x)
    assert grilly_vk.memory_stats()["bytes_in_use"] <= before
