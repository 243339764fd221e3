"""Squeeze and excite by passes of the host, against the float64 references of the kernels' own tests."""

import numpy as np
import pytest
import test_attention
from steps import engine
from tuned import tune

import grilly_vk
from grilly_vk import nn

pytestmark = pytest.mark.skipif(engine().blas is None, reason="the device's memory is its own, or there is no OpenBLAS")


@pytest.fixture(autouse=True)
def host(monkeypatch):
    """Every pass goes to the host, however short."""
    monkeypatch.setattr(engine(), "host_products", True)
    tune(monkeypatch, host_stream=1)


@pytest.mark.parametrize("i", range(len(test_attention.SMOOTH)))
def test_attention_and_its_gradients(i):
    """Scores of times, channels and places; all sizes odd and even."""
    test_attention.test_squeeze_attention(i)


@pytest.mark.parametrize("over", ["time", "channels", "places"])
@pytest.mark.parametrize("shape", [(3, 2, 4, 8), (5, 1, 3, 7), (2, 1, 40, 48)])
def test_the_first_of_many_equal_maxima(shape, over):
    test_attention.test_the_first_of_many_equal_maxima(shape, over)


def test_a_loss_of_the_scores_alone_and_scores_without_a_gradient():
    test_attention.test_a_loss_of_the_scores_alone_and_scores_without_a_gradient()


def test_it_is_the_host_that_scales():
    """By the profile, and with the kernel's bits."""
    module, x = nn.TemporalWiseAttention(4, 2), np.random.default_rng(1).normal(size=(4, 3, 2, 5)).astype(np.float32)
    found = []
    for by_host in (True, False):
        engine().host_products = by_host
        given = grilly_vk.tensor(x, requires_grad=True)
        with grilly_vk.profile() as report:
            y = module(given)
            (y * y).sum().backward()
        names = {row.kernel.split(".")[0] for row in report.kernels}
        assert ("host-excite" in names, "snn-excite" in names) == (by_host, not by_host)
        found.append((y.numpy(), given.grad.numpy()))
    for a, b in zip(*found):
        np.testing.assert_array_equal(a, b)
