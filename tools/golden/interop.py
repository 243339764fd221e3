"""Make tests/data/golden_interop.npz: small networks of PyTorch, SpikingJelly, snnTorch and Norse, as people save them.

Of each network: its state dict, an input, and what it makes of it in evaluation mode, (T, B, ...); of snnTorch's also
the potentials.  Weights are drawn so that neurons fire.  `header` is JSON with versions and calls.

    pip install torch==2.13.0 spikingjelly==2.0.0 snntorch==1.0.0 norse==1.1.0
"""

from __future__ import annotations

import sys
from pathlib import Path

import norse.torch as norse
import snntorch as snn
import torch
from norse.torch.functional.lif import LIFParameters
from spikingjelly.activation_based import functional, layer, neuron, rnn, surrogate
from torch import nn

from golden import first_good, versions

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "helpers"))

from torch_layers import network

T, B = 12, 3


class Jelly(nn.Module):
    """Convolution, norms and nodes of SpikingJelly."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            layer.Conv2d(2, 4, 3, padding=1), layer.ThresholdDependentBatchNorm2d(1.0, 1.0, 4),
            neuron.ParametricLIFNode(init_tau=1.7), layer.Conv2d(4, 4, 3, groups=2), layer.BatchNorm2d(4),
            neuron.LIFNode(tau=1.5), layer.TemporalEffectiveBatchNorm2d(T, 4), neuron.KLIFNode(),
        )  # fmt: skip
        self.head = nn.Sequential(layer.Flatten(), layer.Linear(16, 5), neuron.IFNode())
        functional.set_step_mode(self, "m")

    def forward(self, x):
        return self.head(self.features(x))


class JellyLayers(nn.Module):
    """Layers of SpikingJelly that hold things under other names than ours."""

    def __init__(self):
        super().__init__()
        self.bntt = layer.BatchNormThroughTime2d(T, 3)
        self.neu = layer.NeuNorm(3, 4, 4)
        self.mda = layer.MultiDimensionalAttention(T, 3, 4, 3)
        self.ta = layer.TemporalWiseAttention(T, 4)
        functional.set_step_mode(self, "m")

    def forward(self, x):
        return self.ta(self.mda(self.neu(torch.heaviside(self.bntt(x), torch.zeros(())))))


class JellyRecurrent(nn.Module):
    """Recurrent layers of SpikingJelly, and a node with gates."""

    def __init__(self):
        super().__init__()
        self.lstm, self.gru = rnn.SpikingLSTM(5, 6, 2, bidirectional=True), rnn.SpikingGRU(12, 6, 1)
        self.gated = neuron.GatedLIFNode(T=T)
        functional.set_step_mode(self, "m")

    def forward(self, x):
        return self.gated(self.gru(self.lstm(x)[0])[0] * 0.7).reshape(T, B, 6)  # it adds axes to an input of three


def attention(kind):
    made = kind(8, 2)
    functional.set_step_mode(made, "m")
    return made


class Torch(nn.Module):
    """Fully connected layers and neurons of snnTorch, over a loop."""

    def __init__(self, *parts):
        super().__init__()
        self.fc1, self.lif1, self.fc2, self.lif2 = parts

    def forward(self, x):
        spikes, potentials = [], []
        for step in x:
            out = self.lif2(self.fc2(self.lif1(self.fc1(step))))
            spikes.append(out)
            potentials.append(self.lif2.mem)
        self.potentials = torch.stack(potentials)
        return torch.stack(spikes)


class Norse(nn.Module):
    """A recurrent layer of Norse's and a readout."""

    def __init__(self):
        super().__init__()
        p = LIFParameters(tau_mem_inv=torch.tensor(200.0))
        self.hidden = norse.LIFRecurrent(5, 8, p=p)
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        return self.out(self.hidden(x)[0])


def networks():
    """Name -> (network, input)."""
    beta = torch.linspace(0.6, 0.95, 10)
    kept = {"init_hidden": True}
    yield "torch", network(nn), torch.randint(0, 7, (T, B))
    yield "jelly", Jelly(), torch.rand(T, B, 2, 4, 4) * 3
    yield "jelly_layers", JellyLayers(), torch.randn(T, B, 3, 4, 4)
    yield "jelly_recurrent", JellyRecurrent(), torch.rand(T, B, 5) * 2
    yield "jelly_gate", attention(layer.QKAttention), torch.randn(T, B, 8, 6) * 2
    yield "jelly_attention", attention(layer.SpikingSelfAttention), torch.randn(T, B, 8, 6) * 2  # tokens come last
    yield "snntorch", Torch(
        nn.Linear(6, 10), snn.Leaky(beta, learn_beta=True, threshold=0.7, **kept),
        nn.Linear(10, 4), snn.Synaptic(0.8, 0.9, threshold=0.9, reset_mechanism="zero", **kept),
    ), torch.rand(T, B, 6) * 2  # fmt: skip
    yield "snntorch_recurrent", Torch(
        nn.Linear(6, 10), snn.RLeaky(0.85, linear_features=10, learn_threshold=True, **kept),
        nn.Linear(10, 4), snn.Leaky(0.5, reset_mechanism="none", **kept),
    ), torch.rand(T, B, 6) * 2  # fmt: skip
    yield "norse", Norse(), (torch.rand(T, B, 5) < 0.5).float()


def prepare(net):
    """Weights large enough for spikes, and running statistics and counters that are not those of the start."""
    for name, p in net.named_parameters():
        if p.ndim > 1 and "recurrent" not in name:
            p.data *= 3.0
        elif name.endswith("bias"):
            p.data.uniform_(0.0, 0.8)
    for name, b in net.named_buffers():
        if "running_mean" in name:
            b.data.normal_(0.0, 0.3)
        elif "running_var" in name:
            b.data.uniform_(0.5, 1.5)
        elif "num_batches" in name:
            b.data.fill_(7)
    for module in net.modules():
        if hasattr(module, "surrogate_function"):
            module.surrogate_function = surrogate.ATan()
    return net.eval()


def attempt(seed):
    """The file's contents with this seed, if all networks fire, and not always."""
    arrays = {}
    torch.manual_seed(seed)
    names, rates = [], {}
    for name, net, x in networks():
        prepare(net)
        state = {k: v.clone() for k, v in net.state_dict().items() if not k.endswith((".mem", ".spk", ".syn"))}
        with torch.no_grad():
            y = net(x)
        names.append(name)
        rates[name] = float(y.float().mean())
        for key, value in state.items():
            arrays[f"{name}/state/{key}"] = value.numpy()
        arrays[f"{name}/x"], arrays[f"{name}/y"] = x.numpy(), y.numpy()
        if hasattr(net, "potentials"):
            arrays[f"{name}/mem"] = net.potentials.numpy()
    peers = versions("torch", "spikingjelly", "snntorch", "norse", "numpy", "python")
    header = {"versions": peers, "seed": seed, "networks": names, "rates": rates, "steps": T}
    fire = [n for n in names if n.startswith(("jelly", "snntorch")) and n != "jelly_layers"]
    quiet = [n for n in fire if not 0.05 < rates[n] < 0.7]
    return ((arrays, header), "") if not quiet else (None, f"{quiet} hardly fire, or always")


def collect(written=None):
    """The arrays and the header."""
    return first_good(attempt, written)
