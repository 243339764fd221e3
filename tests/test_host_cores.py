"""Which cores the host takes as a whole; test_cores.py compares all of them with float64."""

import numpy as np
import pytest
from op_table import normal
from steps import engine
from tuned import recurrence

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn

pytestmark = pytest.mark.skipif(engine().blas is None, reason="the device's memory is its own, or there is no OpenBLAS")


def there_and_back(core, values, state=None):
    """Spikes, the state after them, the gradient of x, and the calls of each kernel."""
    x = grilly_vk.tensor(values, requires_grad=True)
    with grilly_vk.profile() as seen:
        y, after = F.unroll(core, x, state)
        (y * grilly_vk.tensor(normal(*values.shape, seed=3))).sum().backward()
    return y.numpy(), after.numpy(), x.grad.numpy(), {row.kernel.split(".")[0]: row.calls for row in seen.kernels}


def test_one_call_each_way_where_equations_and_surrogate_allow(monkeypatch):
    recurrence("hosted", monkeypatch)
    values = normal(6, 3, 20, seed=1)
    for make in (nn.RIF, nn.RLIF):
        *_, calls = there_and_back(make((20,)), values)
        assert calls["host-core"] == calls["host-core-grad"] == 1
        assert not any(name.startswith("snn-core") for name in calls)
    *_, calls = there_and_back(nn.RLIF((20,), activation=grilly_vk.surrogate.Sigmoid()), values)
    assert calls["host-core"] == 1 and calls["snn-core-backward"] == 6
    *_, calls = there_and_back(nn.RCuBaLIF((20,)), values)
    assert calls["snn-core-forward"] == calls["snn-core-backward"] == 6


def test_samples_share_nothing(monkeypatch):
    """A NaN and an infinity stay in their sample, whichever block of samples it is in."""
    recurrence("hosted", monkeypatch)
    values = normal(5, 140, 17, seed=1) + 0.5
    core = nn.RLIF((17,))
    clean = there_and_back(core, values)
    assert 0.05 < clean[0].mean() < 0.9
    values[1, 70, 3], values[0, 139, 16] = np.nan, np.inf
    struck = there_and_back(core, values)
    others = np.delete(np.arange(140), [70, 139])
    for (got, want), axis in zip(zip(struck[:3], clean[:3]), (1, 0, 1)):
        np.testing.assert_array_equal(np.take(got, others, axis), np.take(want, others, axis))


def test_it_goes_on_from_a_state_and_replays(monkeypatch):
    recurrence("hosted", monkeypatch)
    values, core = normal(8, 4, 24, seed=2) + 0.5, nn.RLIF((24,))
    whole, end, *_ = there_and_back(core, values)
    _, state = F.unroll(core, grilly_vk.tensor(values[:5]))
    rest, after, *_ = there_and_back(core, values[5:], state)
    np.testing.assert_array_equal(rest, whole[5:])
    np.testing.assert_array_equal(after, end)
    x = grilly_vk.tensor(values)
    with grilly_vk.no_grad(), grilly_vk.capture() as graph:
        spikes, _ = F.unroll(core, x)
    for turn in (values, -values):
        x.assign(turn)
        graph.replay()
        np.testing.assert_array_equal(spikes.numpy(), there_and_back(core, turn)[0])


def test_an_infinite_gradient_of_a_spike_far_from_the_threshold_leads_nowhere(monkeypatch):
    """Where the surrogate's slope is 0 so is its product, as in the kernels, and not a NaN."""
    recurrence("hosted", monkeypatch)
    values, cotangent = normal(3, 2, 17, seed=1), normal(3, 2, 17, seed=2)
    values[0, 1, 16], cotangent[1, 1, 16] = 1e30, np.inf
    x = grilly_vk.tensor(values, requires_grad=True)
    y, _ = F.unroll(nn.RLIF((17,)), x, None)
    y.backward(grilly_vk.tensor(cotangent))
    assert np.isfinite(x.grad.numpy()).all() and x.grad.numpy()[0, 0].any()


@pytest.mark.parametrize("make", [nn.IF, nn.LIF, nn.LI, nn.ALIF, nn.CuBaLIF])
def test_cores_without_recurrent_weights_have_the_kernels_values(make, monkeypatch):
    """Over several blocks of neurons, of which one ends within a row of the second state and within sixteen lanes."""
    core, values = make((7, 37)), normal(6, 11, 7, 37, seed=1) + 0.3
    beyond = normal(7, 37, seed=4) * 0.4 + 0.5  # some beyond [0, 1]
    core.load_state_dict(dict.fromkeys(core.state_dict(), beyond))
    found = {}
    for way in ("whole", "hosted"):
        core.zero_grad()
        with monkeypatch.context() as patch:
            recurrence(way, patch)
            _, state = F.unroll(core, grilly_vk.tensor(values[:2]))
            *got, calls = there_and_back(core, values, state.detach())
        ours = {name: n for name, n in calls.items() if "core" in name}
        names = (
            ("host-plain-core", "host-plain-core-grad")
            if way == "hosted"
            else ("snn-core-forward", "snn-core-backward")
        )
        assert ours == dict.fromkeys(names, 1)
        found[way] = [*got, *(p.grad.numpy() for p in core.parameters())]
    for got, want in zip(found["hosted"], found["whole"]):
        np.testing.assert_allclose(got, want, 1e-6, 1e-6 * np.abs(want).max())
    np.testing.assert_array_equal(found["hosted"][0], found["whole"][0])


def test_small_runs_and_exponential_surrogates_are_the_kernels():
    *_, calls = there_and_back(nn.LIF((20,)), normal(6, 3, 20))
    assert calls["snn-core-forward"] == calls["snn-core-backward"] == 1
    *_, calls = there_and_back(nn.LIF((64,), activation=grilly_vk.surrogate.Sigmoid()), normal(64, 16, 64))
    assert calls["host-plain-core"] == calls["snn-core-backward"] == 1
