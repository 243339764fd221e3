"""NeuNorm by the host's passes, against a loop in float64, with all gradients."""

import numpy as np
import pytest
from op_table import normal
from steps import engine
from tuned import tune

import grilly_vk
import grilly_vk.functional as F

pytestmark = pytest.mark.skipif(engine().blas is None, reason="the device's memory is its own, or there is no OpenBLAS")
K = 0.8
# Rows of one vector, with a rest, of four vectors and more; fewer samples than parts, more of them; a row that is cut.
SHAPES = [(3, 2, 3, 4, 4), (4, 3, 2, 5, 7), (2, 11, 5, 8, 8), (2, 9, 1, 9, 9), (3, 1, 4, 24, 23)]


@pytest.fixture(autouse=True)
def host(monkeypatch):
    """Every pass goes to the host, however small."""
    monkeypatch.setattr(engine(), "host_products", True)
    tune(monkeypatch, host_stream=1)


def forward(x, m, w):
    """y, the state after each step."""
    states = []
    for now in x:
        m = K * m + (1 - K) / x.shape[2] * now.sum(1, keepdims=True)
        states.append(m)
    return x - w * np.stack(states), np.stack(states)


def back(gy, gend, states, w):
    """Gradients of x, the first state and the weight."""
    gx, g = np.empty(gy.shape), gend
    for t in reversed(range(len(gy))):
        g = g - (w * gy[t]).sum(1, keepdims=True)
        gx[t] = gy[t] + (1 - K) / gy.shape[2] * g
        g = K * g
    gw = -(gy * states).sum((0, 1))
    return gx, g, gw.sum(0, keepdims=True) if w.shape[0] == 1 else gw


@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_and_gradients_match_float64(shape, shared, started):
    _, samples, channels, *pixels = shape
    first = normal(samples, 1, *pixels, seed=1) if started else np.full((samples, 1, *pixels), 0.25, np.float32)
    values = normal(*shape, seed=2), normal(1 if shared else channels, *pixels, seed=3)
    gy, gend = normal(*shape, seed=4), normal(samples, 1, *pixels, seed=5) * started
    x, w = (grilly_vk.tensor(v, requires_grad=True) for v in values)
    m = grilly_vk.tensor(first, requires_grad=True) if started else 0.25
    with grilly_vk.profile() as seen:
        y, end = F.neu_norm(x, m, w, K)
        loss = (y * gy).sum()
        (loss + (end * gend).sum() if started else loss).backward()
        grilly_vk.synchronize()
    names = {row.kernel for row in seen.kernels}
    assert {"host-neu-norm", "host-neu-norm-grad"} <= names and not any("snn-neu-norm" in name for name in names)
    exact = [v.astype(float) for v in values]
    want, states = forward(exact[0], first.astype(float), exact[1])
    gx, gm, gw = back(gy.astype(float), gend.astype(float), states, exact[1])
    close = {"rtol": 1e-5, "atol": 2e-5}
    np.testing.assert_allclose(y.numpy(), want, **close)
    np.testing.assert_allclose(end.numpy(), states[-1], **close)
    np.testing.assert_allclose(x.grad.numpy(), gx, **close)
    np.testing.assert_allclose(w.grad.numpy(), gw, **close)
    if started:
        np.testing.assert_allclose(m.grad.numpy(), gm, **close)


def test_without_a_gradient_of_the_weight():
    """No states are kept, and the input's gradient is the same."""
    shape, found = (3, 4, 2, 6, 6), []
    for learnt in (True, False):
        x = grilly_vk.tensor(normal(*shape, seed=1), requires_grad=True)
        w = grilly_vk.tensor(normal(*shape[2:], seed=2), requires_grad=learnt)
        y, _ = F.neu_norm(x, 0.0, w, K)
        y.backward(grilly_vk.tensor(normal(*shape, seed=3)))
        assert (w.grad is not None) == learnt
        found.append((y.numpy(), x.grad.numpy()))
    for a, b in zip(*found):
        np.testing.assert_array_equal(a, b)


def test_values_are_the_kernels_bits():
    x, w = normal(4, 3, 5, 5, 7, seed=1), normal(5, 5, 7, seed=2)
    found = []
    for by_host in (True, False):
        engine().host_products = by_host
        found.append([t.numpy() for t in F.neu_norm(grilly_vk.tensor(x), 0.0, grilly_vk.tensor(w), K)])
    for a, b in zip(*found):
        np.testing.assert_array_equal(a, b)
