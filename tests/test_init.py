"""Initial values: distributions, seeds, and what goes wrong."""

import math

import numpy as np
import pytest
import scipy.stats

import grilly_vk
from grilly_vk import nn
from grilly_vk.nn import init
from grilly_vk.tensor import empty


def drawn(function, shape=(200, 300), **options):
    return function(empty(shape), generator=np.random.default_rng(0), **options).numpy()


def test_uniform_and_normal():
    u = drawn(init.uniform_, a=-2.0, b=3.0)
    assert u.min() >= -2 and u.max() < 3.0001
    assert scipy.stats.kstest(u.ravel(), "uniform", (-2, 5)).pvalue > 1e-3
    n = drawn(init.normal_, mean=1.0, std=2.0)
    assert scipy.stats.kstest(n.ravel(), "norm", (1, 2)).pvalue > 1e-3


@pytest.mark.parametrize("window", [(-2, 2), (-0.1, 0.1), (2.5, 3.0), (-9, -1.5), (0, 100)])
def test_trunc_normal(window):
    a, b = (1 + 2 * w for w in window)
    values = drawn(init.trunc_normal_, mean=1.0, std=2.0, a=a, b=b)
    assert values.min() >= np.float32(a) and values.max() <= np.float32(b)
    assert scipy.stats.kstest(values.ravel(), scipy.stats.truncnorm(*window, 1, 2).cdf).pvalue > 1e-3


def test_constants():
    t = empty((3, 5))
    assert (init.constant_(t, -1.5).numpy() == -1.5).all()
    assert (init.ones_(t).numpy() == 1).all()
    assert (init.zeros_(t).numpy() == 0).all() and init.zeros_(t) is t
    assert init.zeros_(empty((0, 3))).shape == (0, 3)


# fan_in = 300 * 6, fan_out = 200 * 6 for a kernel of 2 x 3
@pytest.mark.parametrize(
    "function, options, std",
    [
        (init.xavier_uniform_, {}, math.sqrt(2 / (1800 + 1200))),
        (init.xavier_normal_, {"gain": 3.0}, 3 * math.sqrt(2 / (1800 + 1200))),
        (init.kaiming_uniform_, {}, math.sqrt(2 / 1800)),
        (init.kaiming_uniform_, {"a": math.sqrt(5)}, math.sqrt(2 / 6 / 1800)),
        (init.kaiming_normal_, {"mode": "fan_out", "nonlinearity": "relu"}, math.sqrt(2 / 1200)),
        (init.kaiming_normal_, {"nonlinearity": "tanh"}, 5 / 3 / math.sqrt(1800)),
    ],
)
def test_scaled_by_fans(function, options, std):
    values = drawn(function, (200, 300, 2, 3), **options)
    assert abs(values.std() / std - 1) < 0.01 and abs(values.mean()) < 0.02 * std
    if "uniform" in function.__name__:
        assert abs(np.abs(values).max() / (math.sqrt(3) * std) - 1) < 1e-3


@pytest.mark.parametrize("shape", [(5, 9), (9, 5), (4, 3, 2), (6, 6)])
def test_orthogonal(shape):
    m = drawn(init.orthogonal_, shape, gain=2.0).reshape(shape[0], -1)
    square = m @ m.T if m.shape[0] <= m.shape[1] else m.T @ m
    np.testing.assert_allclose(square, 4 * np.eye(len(square)), atol=1e-5)


def test_linear_starts_as_pytorch_says():
    layer = nn.Linear(400, 300)
    bound = 1 / 20
    for p in (layer.weight, layer.bias):
        values = p.numpy()
        assert np.abs(values).max() <= bound
        assert scipy.stats.kstest(values.ravel(), "uniform", (-bound, 2 * bound)).pvalue > 1e-3
    assert scipy.stats.kstest(nn.Embedding(300, 50).weight.numpy().ravel(), "norm").pvalue > 1e-3


def test_the_seed_decides_construction():
    def values():
        net = nn.Sequential(nn.Linear(5, 6), nn.Embedding(4, 3))
        return np.concatenate([p.numpy().ravel() for p in net.parameters()])

    grilly_vk.manual_seed(5)
    first, second = values(), values()
    grilly_vk.manual_seed(5)
    np.testing.assert_array_equal(values(), first)
    state = grilly_vk.get_rng_state()
    np.testing.assert_array_equal(values(), second)
    grilly_vk.set_rng_state(state)
    np.testing.assert_array_equal(values(), second)
    grilly_vk.manual_seed(6)
    assert (values() != first).any()


def test_the_random_state_covers_the_device():
    grilly_vk.manual_seed(1)
    grilly_vk.rand(5).numpy()
    state = grilly_vk.get_rng_state()
    assert state.dtype == np.uint32 and state.shape == (27,)
    first, second = grilly_vk.rand(5).numpy(), grilly_vk.randn(7).numpy()
    grilly_vk.set_rng_state(state)
    np.testing.assert_array_equal(grilly_vk.rand(5).numpy(), first)
    np.testing.assert_array_equal(grilly_vk.randn(7).numpy(), second)
    for bad, error, text in (
        (state.astype(np.float32), TypeError, "uint32"),
        (state[:5], ValueError, "shape"),
        (np.full(27, 99, np.uint32), ValueError, "get_rng_state"),
    ):
        with pytest.raises(error, match=text):
            grilly_vk.set_rng_state(bad)
    with grilly_vk.capture(), pytest.raises(RuntimeError, match="captured"):
        grilly_vk.get_rng_state()


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda t: init.uniform_(t, 2, 1), ValueError, "a must not be above b"),
        (lambda t: init.normal_(t, 0, -1), ValueError, "std must not be negative"),
        (lambda t: init.trunc_normal_(t, 0, 0), ValueError, "std must be positive"),
        (lambda t: init.trunc_normal_(t, a=1, b=1), ValueError, "a must be below b"),
        (lambda t: init.trunc_normal_(t, a=9, b=10), ValueError, "more than 6 std"),
        (lambda t: init.constant_(t, "x"), TypeError, "val must be a number"),
        (lambda t: init.normal_(np.zeros(3)), TypeError, "tensor must be a Tensor"),
        (lambda t: init.zeros_(empty((3,), np.int32)), TypeError, "tensor must be float32"),
        (lambda t: init.xavier_normal_(empty((3,))), ValueError, "at least two axes"),
        (lambda t: init.orthogonal_(empty((3,))), ValueError, "at least two axes"),
        (lambda t: init.kaiming_normal_(t, mode="x"), ValueError, "mode must be one of"),
        (lambda t: init.kaiming_normal_(t, nonlinearity="x"), ValueError, "nonlinearity must be one of"),
        (lambda t: init.uniform_(t, generator=3), TypeError, "generator must be a numpy.random.Generator"),
        (lambda t: init.uniform_(t * nn.Parameter([1.0])), RuntimeError, "tape"),
    ],
)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call(empty((3, 3)))
