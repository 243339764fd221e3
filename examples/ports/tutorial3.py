"""snnTorch's tutorial 3: a leaky neuron alone, then two layers of such neurons without training, and their pictures.

    python examples/ports/tutorial3.py [--steps T] [--seed N] [--weights FILE] [--picture FILE]

From the same weights and input spikes, all its spikes are snnTorch's: 22,642 inside, 164 come out.
"""

import numpy as np
from digits import options

import grilly_vk
from grilly_vk import encode, nn
from grilly_vk.nn.dialects import snntorch as snn

o = options(__doc__, steps=200, picture="")
grilly_vk.manual_seed(o.seed)

# One neuron: no current for ten steps, then a constant one.
current = np.full((o.steps, 1), 0.21, np.float32)
current[:10] = 0
neuron = snn.Leaky(beta=0.8)
print(f"one neuron: {neuron(current).sum().item():.0f} spikes, potentials up to {neuron.v_seq.max().item():.4f}")


class Net(nn.Module):
    def __init__(self, beta):
        super().__init__()
        self.fc1, self.lif1 = nn.Linear(28 * 28, 1000), snn.Leaky(beta=beta)
        self.fc2, self.lif2 = nn.Linear(1000, 10), snn.Leaky(beta=beta)

    def forward(self, x):
        """Spikes of both layers, and the potentials of the second, of spikes (T, B, 784)."""
        hidden = self.lif1(self.fc1(x))
        return hidden, self.lif2(self.fc2(hidden)), self.lif2.v_seq


net = Net(beta=0.99)
if o.weights:
    net.load_state_dict(dict(np.load(o.weights)))
inputs = encode.rate(np.random.default_rng(o.seed).random((o.steps, 1, 28 * 28)))
with grilly_vk.no_grad():
    hidden, output, potentials = net(inputs)
counts = output.sum((0, 1)).numpy().astype(int)
print(f"network: {inputs.sum().item():.0f} spikes go in, {hidden.sum().item():.0f} inside, {counts.tolist()} come out")

if o.picture:
    import matplotlib.pyplot as plt

    from grilly_vk import plot

    figure, axes = plt.subplots(4, figsize=(8, 9), sharex=True, layout="constrained")
    plot.raster(inputs, axes[0]).set_title("input")
    plot.raster(hidden, axes[1]).set_title("hidden")
    plot.raster(output, axes[2]).set_title("output")
    plot.potentials(potentials, axes[3], threshold=1.0).set_title("potentials of the output")
    figure.savefig(o.picture, dpi=90)
