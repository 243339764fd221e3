"""Cores in use: errors, containers, compiled training, saving, and RecurrentSNN."""

import copy

import numpy as np
import pytest
from learning import training_step

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim

X = np.random.default_rng(0).normal(0.5, 1.0, (6, 2, 4)).astype(np.float32)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: nn.LIF(()), ValueError, "hidden_shape must have at least one axis"),
        (lambda: nn.LIF((0,)), ValueError, "hidden_shape must be at least 1"),
        (lambda: nn.LIF("ab"), TypeError, "hidden_shape must be a whole number"),
        (lambda: nn.LI((2.0,)), TypeError, "layer_shape must be a whole number"),
        (lambda: nn.LIF((3,), beta="fast"), TypeError, "beta must be a number"),
        (lambda: nn.ALIF((3,), gamma=float("nan")), ValueError, "gamma must be finite"),
        (lambda: nn.CuBaLIF((3,), alpha=[0.5]), TypeError, "alpha must be a number"),
        (lambda: nn.IF((3,), threshold=None), TypeError, "threshold must be a number"),
        (lambda: nn.RIF((3,), activation="superspike"), TypeError, "activation must be a Surrogate"),
        (lambda: nn.RLIF((3,), name=None), TypeError, "name must be a string"),
        (lambda: nn.superspike(0), ValueError, "k must be positive"),
    ],
)
def test_constructors_refuse(make, error, text):
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize("core", [nn.LIF((4,)), nn.ALIF((4,)), nn.RCuBaLIF((4,))], ids=["LIF", "ALIF", "RCuBaLIF"])
def test_calls_refuse(core):
    """And the next call works."""
    state = core.initial_state(2)
    for call, error, text in (
        (lambda: core(X[0]), TypeError, "is missing"),
        (lambda: core(X[0, :, :3], state), ValueError, r"x has shape \(2, 3\)"),
        (lambda: core(X[0], core.initial_state(3)), ValueError, "has shape"),
        (lambda: core(X[0], state.numpy().astype(np.int32)), TypeError, "must be float32"),
        (lambda: F.unroll(core, X[0, 0]), ValueError, "xs has shape"),
        (lambda: F.unroll(core, X, core.initial_state(5)), ValueError, "state has shape"),
        (lambda: core.initial_state(-1), ValueError, "batch_size must be at least 0"),
        (lambda: core.initial_state(2.5), TypeError, "batch_size must be a whole number"),
        (lambda: F.unroll(3, X), TypeError, "core must be callable"),
        (lambda: F.unroll(abs, X), TypeError, "has no initial_state"),
    ):
        with pytest.raises(error, match=text):
            call()
    outs, _ = F.unroll(core, X)
    assert outs.shape == X.shape


def test_your_own_core():
    """Anything that keeps the protocol is called once a step."""

    class Half:
        def initial_state(self, batch_size):
            assert batch_size == X.shape[1]
            return np.zeros((batch_size, 4), np.float32)

        def __call__(self, x, state):
            state = grilly_vk.tensor(x) * 0.5 if not isinstance(state, grilly_vk.Tensor) else state + x * 0.5
            return state * 2.0, state

    outs, last = F.unroll(Half(), X)
    np.testing.assert_allclose(outs.numpy(), np.cumsum(X, 0), 1e-5, 1e-5)
    np.testing.assert_allclose(last.numpy(), X.sum(0) / 2, 1e-5, 1e-5)


def test_initial_constants():
    """Truncated normal (0.5, 0.25) one per unit, or a scalar; LI starts at 0.8; weights are small."""
    grilly_vk.manual_seed(0)
    beta = nn.LIF((4000,)).beta.numpy()
    assert beta.shape == (4000,) and beta.min() >= 0 and beta.max() <= 1
    assert abs(beta.mean() - 0.5) < 0.02 and abs(beta.std() - 0.25 * 0.88) < 0.01  # cut at two deviations
    np.testing.assert_array_equal(nn.LI((3,)).beta.numpy(), np.float32(0.8))
    assert nn.LI((3,), beta=0.0).beta.item() == 0.0
    w = nn.RIF((30, 2)).recurrent_w.numpy()
    assert w.shape == (60, 60) and 0.005 < w.std() < 0.01
    assert [k for k, _ in nn.RCuBaLIF((3,)).named_parameters()] == ["recurrent_w", "alpha", "beta"]
    assert "one a unit" in repr(nn.ALIF((3,), gamma=0.9)) and "gamma: scalar" in repr(nn.ALIF((3,), gamma=0.9))


def test_one_dispatch_each_way():
    core = nn.ALIF((4,), beta=0.9, gamma=0.9)
    xs, state = grilly_vk.tensor(np.ones((50, 2, 4), np.float32), requires_grad=True), core.initial_state(2)
    g = grilly_vk.tensor(np.ones((50, 2, 4), np.float32))
    for parameter in core.parameters():
        parameter.requires_grad_(False)
    grilly_vk.synchronize()
    before = grilly_vk.memory_stats()["dispatches"]
    outs, _ = F.unroll(core, xs, state)
    grilly_vk.synchronize()
    assert grilly_vk.memory_stats()["dispatches"] == before + 1
    before = grilly_vk.memory_stats()["dispatches"]
    outs.backward(g)
    grilly_vk.synchronize()
    assert grilly_vk.memory_stats()["dispatches"] == before + 1


def test_containers_run_cores_from_their_first_state():
    core = nn.LIF((4,), beta=0.9)
    outs, _ = F.unroll(core, X)
    np.testing.assert_array_equal(nn.MultiStepContainer(core)(X).numpy(), outs.numpy())
    model = nn.Sequential(nn.Linear(4, 4), core)
    wanted, _ = F.unroll(core, model[0](X))
    np.testing.assert_array_equal(nn.MultiStepContainer(model)(X).numpy(), wanted.numpy())
    F.set_step_mode(model, "m")
    np.testing.assert_array_equal(model(X).numpy(), wanted.numpy())


@pytest.mark.parametrize("core", [nn.ALIF, nn.RLIF])
def test_a_network_trains_the_same_eager_and_compiled(core):
    x = np.random.default_rng(1).normal(0.5, 1, (8, 16, 5)).astype(np.float32)
    y = np.random.default_rng(2).integers(0, 3, 16).astype(np.int32)

    def losses(compiled):
        grilly_vk.manual_seed(0)
        model = nn.RecurrentSNN([5, 12, 3], core=core, beta=0.8)
        optimizer = optim.Adam(model.parameters(), lr=0.02)

        step = training_step(model, optimizer, lambda out, y: F.cross_entropy(out[-1], y))

        run = grilly_vk.compile(step) if compiled else step
        return [run(x, y).item() for _ in range(12)], model

    eager, model = losses(False)
    replayed, other = losses(True)
    assert eager == replayed and eager[-1] < 0.9 * eager[0]
    other.load_state_dict(model.state_dict())
    twin = copy.deepcopy(model)
    for same in (other, twin):
        np.testing.assert_array_equal(same(x).numpy(), model(x).numpy())


def test_saved_and_loaded(tmp_path):
    model = nn.RecurrentSNN([4, 6, 2], core=nn.RCuBaLIF)
    grilly_vk.save(tmp_path / "model.safetensors", model.state_dict())
    other = nn.RecurrentSNN([4, 6, 2], core=nn.RCuBaLIF)
    other.load_state_dict(grilly_vk.load(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(other(X).numpy(), model(X).numpy())


def test_recurrent_snn_is_its_parts():
    model = nn.RecurrentSNN([4, 6, 5, 2], core=nn.CuBaLIF, beta=0.7, alpha=0.3, threshold=0.5)
    assert [type(c) for c in model.cores] == [nn.CuBaLIF, nn.CuBaLIF, nn.LI] and model.cores[0].threshold == 0.5
    y, states = X, []
    for linear, core in zip(model.linears, model.cores):
        y, state = F.unroll(core, linear(y))
        states.append(state)
    outs, after = F.unroll(model, X)
    np.testing.assert_array_equal(outs.numpy(), y.numpy())
    for a, b in zip(after, states):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    half, state = F.unroll(model, X[:3])
    rest, _ = F.unroll(model, X[3:], state)
    np.testing.assert_allclose(np.concatenate([half.numpy(), rest.numpy()]), outs.numpy(), 1e-6, 1e-6)
    assert [s.shape for s in model.initial_state(2)] == [(2, 12), (2, 10), (2, 2)]
    plain = nn.RecurrentSNN([4, 6, 2], readout=None, bias=False)
    assert len(plain.cores) == 1 and plain.linears[0].bias is None and plain(X).shape == (6, 2, 2)
    np.testing.assert_array_equal(nn.MultiStepContainer(model)(X).numpy(), outs.numpy())


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: nn.RecurrentSNN([4]), ValueError, "sizes must be a list"),
        (lambda: nn.RecurrentSNN(4), ValueError, "sizes must be a list"),
        (lambda: nn.RecurrentSNN([4, 0, 2]), ValueError, "sizes must be at least 1"),
        (lambda: nn.RecurrentSNN([4, 3, 2], core="LIF"), TypeError, "core must make a core"),
        (lambda: nn.RecurrentSNN([4, 3, 2], core=lambda shape: nn.ReLU()), TypeError, "core gave ReLU"),
        (lambda: nn.RecurrentSNN([4, 3, 2], gamma=0.5), TypeError, "gamma"),
        (lambda: nn.RecurrentSNN([4, 3, 2])(X[..., :3]), ValueError, "xs has shape"),
        (lambda: F.unroll(nn.RecurrentSNN([4, 3, 2]), X, ()), ValueError, "one state for each of 2 cores"),
    ],
)
def test_recurrent_snn_refuses(make, error, text):
    with pytest.raises(error, match=text):
        make()
