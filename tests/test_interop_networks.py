"""Networks that PyTorch, SpikingJelly, snnTorch and Norse saved run here as there, by golden vectors of each."""

import numpy as np
import pytest
from golden import load
from safetensors.numpy import save_file
from torch_layers import network

import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.interop import load_torch_state, to_torch_state
from grilly_vk.nn.dialects import norse, snntorch

GOLDEN, HEADER = load("interop")
T = HEADER["steps"]


def state_of(name):
    begin = f"{name}/state/"
    return {k[len(begin) :]: v for k, v in GOLDEN.items() if k.startswith(begin)}


class Jelly(nn.Module):
    over_time = "self"

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.ThresholdDependentBatchNorm2d(4), nn.ParametricLIFNode(),
            nn.Conv2d(4, 4, 3, groups=2), nn.BatchNorm2d(4), nn.LIFNode(tau=1.5),
            nn.TemporalEffectiveBatchNorm2d(T, 4), nn.KLIFNode(),
        )  # fmt: skip
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(16, 5), nn.IFNode())
        F.set_step_mode(self, "m")

    def forward(self, x):
        return self.head(self.features(x))


class JellyLayers(nn.Module):
    def __init__(self):
        super().__init__()
        self.bntt, self.neu = nn.BatchNormThroughTime2d(3, T=T), nn.NeuNorm(3, 4, 4)
        self.mda, self.ta = nn.MultiDimensionalAttention(T, 3, 4, 3), nn.TemporalWiseAttention(T, 4)
        F.set_step_mode(self, "m")

    def forward(self, x):
        spikes = (self.bntt(x) > 0.0).float()
        return self.ta(self.mda(self.neu(spikes)))


class JellyRecurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.gru = nn.SpikingLSTM(5, 6, 2, bidirectional=True), nn.SpikingGRU(12, 6, 1)
        self.gated = nn.GatedLIFNode(T=T)
        F.set_step_mode(self, "m")

    def forward(self, x):
        return self.gated(self.gru(self.lstm(x)[0])[0] * 0.7)


def attention(kind):
    made = kind(8, 2)
    F.set_step_mode(made, "m")
    return made


def norse_net():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = norse.LIFRecurrent(5, 8, p=norse.LIFParameters(tau_mem_inv=200.0))
            self.out = nn.Linear(8, 3)

        def forward(self, x):
            return self.out(self.hidden(x))

    return Net()


def snntorch_net(*neurons):
    """Fully connected layers and snnTorch's neurons, made with other numbers than the state's."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.lif1, self.fc2, self.lif2 = nn.Linear(6, 10), neurons[0], nn.Linear(10, 4), neurons[1]
            F.set_step_mode(self, "m")

        def forward(self, x):
            return self.lif2(self.fc2(self.lif1(self.fc1(x))))

    return Net()


def feedforward():
    leaky = snntorch.Leaky(np.full(10, 0.5, np.float32), learn_beta=True)
    return snntorch_net(leaky, snntorch.Synaptic(0.3, 0.4, reset_mechanism="zero"))


def recurrent():
    leaky = snntorch.RLeaky(0.2, linear_features=10, learn_threshold=True)
    return snntorch_net(leaky, snntorch.Leaky(0.9, reset_mechanism="none"))


NETWORKS = {
    "snntorch": feedforward, "snntorch_recurrent": recurrent,
    "torch": lambda: network(nn), "jelly": Jelly, "jelly_layers": JellyLayers, "norse": norse_net,
    "jelly_recurrent": JellyRecurrent, "jelly_gate": lambda: attention(nn.QKAttention),
    "jelly_attention": lambda: attention(nn.SpikingSelfAttention),
}  # fmt: skip
WRITTEN = {"torch": "torch", "norse": "norse", "snntorch": "snntorch", "snntorch_recurrent": "snntorch"}


def run(name, net):
    x = GOLDEN[f"{name}/x"]
    if name in ("jelly_gate", "jelly_attention"):
        x = x.transpose(0, 1, 3, 2)
    return net.eval()(x.astype(np.int32) if x.dtype.kind == "i" else x).numpy()


def check(name, net):
    wanted = GOLDEN[f"{name}/y"]
    if name in ("jelly_gate", "jelly_attention"):
        wanted = wanted.transpose(0, 1, 3, 2)
    np.testing.assert_allclose(run(name, net), wanted, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_peers(name, tmp_path):
    """Loaded by names alone, from a mapping and from a file, they compute what they did; and the state goes back."""
    state = state_of(name)
    net = NETWORKS[name]()
    report = load_torch_state(net, state)
    assert report.fits and sorted(n for there, _ in report.matched for n in there.split(" + ")) == sorted(state)
    check(name, net)
    save_file(state, tmp_path / "model.safetensors")
    other = NETWORKS[name]()
    load_torch_state(other, tmp_path / "model.safetensors")
    for key, value in net.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[key].numpy(), value.numpy())
    back = to_torch_state(net, layers=WRITTEN.get(name, "spikingjelly"))
    assert back.keys() == state.keys()
    for key, value in state.items():
        assert back[key].shape == value.shape and back[key].dtype == value.dtype, key
        np.testing.assert_allclose(back[key], value, rtol=1e-6)


def test_potentials_of_snntorch_and_layers_in_their_order():
    """A Sequential takes the layers of a class by their order; recorded potentials are snnTorch's."""
    for name, make in (("snntorch", feedforward), ("snntorch_recurrent", recurrent)):
        net = nn.Sequential(*make().children())
        load_torch_state(net, state_of(name), "order")
        if name == "snntorch":
            net[3].store_v_seq = "before"
            F.set_step_mode(net, "m")
            check(name, net)
            np.testing.assert_allclose(net[3].v_seq.numpy(), GOLDEN[f"{name}/mem"], rtol=2e-5, atol=2e-5)
        else:
            assert net[1].connection.weight.numpy().any() and net[1].node.v_threshold.item() == 1.0
