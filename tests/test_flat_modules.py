"""The flat-array layers as modules: parts of others, saved, reset, stepped, seeded; numpy in and out as ever."""

import copy

import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn

X = np.random.default_rng(0).uniform(0, 40, (5, 2, 4)).astype(np.float32)

LAYERS = {
    "LIFNeuron": lambda: nn.LIFNeuron(4),
    "normalised": lambda: nn.LIFNeuron(threshold=1.0, decay=0.9),
    "GIFNeuron": lambda: nn.GIFNeuron(4),
    "SNNLayer": lambda: nn.SNNLayer(4, 3, seed=1),
    "HebbianLayer": lambda: nn.HebbianLayer(4, 3, seed=1),
    "STDPLayer": lambda: nn.STDPLayer(4, 3, tau_eligibility=20.0, seed=1),
}


class Brain(nn.Module):
    """One of each, as attributes."""

    def __init__(self):
        super().__init__()
        self.lif, self.gif = nn.LIFNeuron(n_neurons=4), nn.GIFNeuron(n_neurons=4)
        self.snn, self.hebb, self.stdp = nn.SNNLayer(4, 4), nn.HebbianLayer(4, 4, "bcm"), nn.STDPLayer(4, 4)

    def forward(self, x):
        return self.stdp(self.hebb(self.snn(self.gif(x) * 50.0) * 50.0)) + self.lif(x)


def test_they_are_parts_with_weights_in_the_state(tmp_path):
    one, two = Brain(), Brain()
    assert [n for n, _ in one.named_children()] == ["lif", "gif", "snn", "hebb", "stdp"]
    names = {"snn.weight", "hebb.weight", "hebb.theta", "stdp.weight"}
    assert set(one.state_dict()) == names
    one.stdp.update_weights(np.ones((3, 2, 4)), np.ones((3, 2, 4)))
    one.hebb.theta = [1.0, 2.0, 3.0, 4.0]
    grilly_vk.save(tmp_path / "brain.safetensors", one.state_dict())
    two.load_state_dict(grilly_vk.load(tmp_path / "brain.safetensors"))
    for a, b in ((one.snn, two.snn), (one.hebb, two.hebb), (one.stdp, two.stdp)):
        assert isinstance(b.weight, np.ndarray)
        np.testing.assert_array_equal(a.weight, b.weight)
    np.testing.assert_array_equal(two.hebb.theta, [1, 2, 3, 4])
    assert not list(one.parameters())  # none that gradients train


def test_reset_net_reaches_them():
    brain = Brain()
    first = brain(X[0])
    brain.stdp.update_weights(np.ones(4), np.zeros(4))
    assert brain.lif.membrane.any() and brain.stdp.pre_trace.any()
    before = brain.stdp.weight
    F.reset_net(brain)
    assert not brain.lif.membrane.any() and not brain.gif.adaptation.any() and not brain.stdp.pre_trace.any()
    np.testing.assert_array_equal(brain.stdp.weight, before)
    np.testing.assert_array_equal(brain(X[0]), first)


@pytest.mark.parametrize("name", LAYERS)
def test_in_a_sequential_of_either_step_mode(name):
    alone, net = LAYERS[name](), nn.Sequential(LAYERS[name](), nn.Identity())
    want = np.stack([alone(x) for x in X])
    np.testing.assert_array_equal(np.stack([np.asarray(net(x)) for x in X]), want)
    F.reset_net(net)
    F.set_step_mode(net, "m")
    np.testing.assert_array_equal(np.asarray(net(X)), want)
    if hasattr(alone, "reset"):
        alone.reset()
    if hasattr(alone, "run"):
        np.testing.assert_array_equal(alone.run(X), want)


@pytest.mark.parametrize("name", LAYERS)
def test_numpy_in_numpy_out_and_copies(name):
    layer = LAYERS[name]()
    out = layer(X[0])
    assert type(out) is np.ndarray and out.dtype == np.float32
    assert type(layer(grilly_vk.tensor(X[0]))) is np.ndarray
    other = copy.deepcopy(layer)
    np.testing.assert_array_equal(layer(X[1]), other(X[1]))
    if hasattr(layer, "weight"):
        other.weight = np.zeros((3, 4))
        assert layer.weight.any()
        with pytest.raises(ValueError, match="weight has shape"):
            other.weight = np.zeros((3, 5))


def test_hooks_are_called():
    layer, seen = nn.LIFNeuron(4), []
    layer.register_forward_hook(lambda module, args, out: seen.append(type(out)))
    layer(X[0])
    assert seen == [np.ndarray]


@pytest.mark.parametrize("name", LAYERS)
def test_a_gradient_that_ends_here_is_not_lost_silently(name):
    layer, x = LAYERS[name](), grilly_vk.tensor(X[0], requires_grad=True)
    with pytest.warns(RuntimeWarning, match="returns numpy arrays, so no gradient"):
        layer(x)
    with grilly_vk.no_grad():
        layer(x)


@pytest.mark.parametrize("kind", [nn.SNNLayer, nn.HebbianLayer, nn.STDPLayer])
def test_manual_seed_reaches_their_weights(kind):
    weights = []
    for seed in (3, 3, 4):
        grilly_vk.manual_seed(seed)
        weights += [kind(6, 5).weight, kind(6, 5).weight]
    np.testing.assert_array_equal(weights[:2], weights[2:4])
    assert not np.array_equal(weights[0], weights[1]) and not np.array_equal(weights[0], weights[4])
    np.testing.assert_array_equal(kind(6, 5, seed=9).weight, kind(6, 5, seed=9).weight)
