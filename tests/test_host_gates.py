"""Gates of Q-K attention by passes of the host, against float64, and the attention around them."""

import numpy as np
import pytest
import test_attention
from op_table import normal
from steps import engine
from tuned import tune

import grilly_vk
from grilly_vk.ops import gates

pytestmark = pytest.mark.skipif(engine().blas is None, reason="the device's memory is its own, or there is no OpenBLAS")


@pytest.fixture(autouse=True)
def host(monkeypatch):
    """Every pass goes to the host, however short."""
    monkeypatch.setattr(engine(), "host_products", True)
    tune(monkeypatch, host_stream=1)


# Heads of less than a vector, of whole ones and with a rest.
@pytest.mark.parametrize(("tokens", "heads", "size"), [(5, 3, 3), (4, 2, 32), (3, 2, 37), (1, 1, 16)])
@pytest.mark.parametrize("form", ["token", "channel"])
def test_gates_and_their_gradients(form, tokens, heads, size):
    d = heads * size
    qk = grilly_vk.tensor(normal(2, 3, tokens, 2 * d, seed=1), requires_grad=True)
    shape = (2, 3, tokens, heads) if form == "token" else (2, 3, d)
    gate = grilly_vk.tensor(normal(*shape, seed=2), requires_grad=True)
    g_sums, g_out = normal(*shape, seed=3), normal(2, 3, tokens, d, seed=4)
    with grilly_vk.profile() as seen:
        sums, again = gates.sums(qk, heads, form)
        out = gates.use(again, gate, heads, form)
        ((sums * grilly_vk.tensor(g_sums)).sum() + (out * grilly_vk.tensor(g_out)).sum()).backward()
    names = {row.kernel.split(".")[0] for row in seen.kernels}
    assert {"host-gate", "host-gate-sums"} <= names
    assert not names & {"snn-gate", "snn-token-sum", "snn-channel-sum"}

    def over(a):
        """A number of each gate, at each of its channels."""
        return np.repeat(a, size, -1) if form == "token" else np.broadcast_to(a[..., None, :], out.shape)

    def summed(a):
        return a.reshape(2, 3, tokens, heads, size).sum(-1) if form == "token" else a.sum(-2)

    q, k = np.split(qk.numpy().astype(float), 2, -1)
    np.testing.assert_allclose(sums.numpy(), summed(q), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(out.numpy(), k * over(gate.numpy()), rtol=1e-6)
    wanted = np.concatenate([over(g_sums), g_out * over(gate.numpy().astype(float))], -1)
    np.testing.assert_allclose(qk.grad.numpy(), wanted, rtol=1e-6)
    np.testing.assert_allclose(gate.grad.numpy(), summed(k * g_out), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", [c for c in test_attention.SPIKING if c[2] > 1], ids=lambda c: f"{c[0]}-{c[1]}")
def test_the_attention_around_them(case):
    """With its norms and nodes by the host too."""
    test_attention.test_spiking_attention(*case)


@pytest.mark.parametrize("form", ["token", "channel"])
def test_a_loss_of_the_gates_alone(form):
    test_attention.test_a_loss_of_the_gates_alone(form)
