"""What the norms for spiking networks do to a real signal: the second layer of an untrained network on 8x8 digits.

    python examples/snn_normalization.py [--picture FILE]

Images are a constant current for T steps; a convolution, neurons, a second convolution, neurons.  Printed, and drawn
with --picture, is what reaches the second layer's neurons, and how often they fire in each step.
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.monitor import InputMonitor

T, IMAGES, CHANNELS, THRESHOLD = 8, 256, 16, 0.5
TEXT = {
    "none": "no norm",
    "tdBN": "tdBN: over all steps mean 0 and a spread as large as the threshold",
    "TEBN": "TEBN: over all steps mean 0 and spread 1, times scale[t], which is 1 before training",
    "BNTT": "BNTT: mean 0 and spread 1 in every step by itself",
    "NeuNorm": "NeuNorm: the low-passed mean of all channels is taken off the spikes of each",
}


def norms(channels):
    """A norm by name, in front of the neurons."""
    return {
        "none": nn.Identity,
        "tdBN": lambda: nn.ThresholdDependentBatchNorm2d(channels, v_threshold=THRESHOLD),
        "TEBN": lambda: nn.TemporalEffectiveBatchNorm2d(T, channels),
        "BNTT": lambda: nn.BatchNormThroughTime2d(channels, T),
        "NeuNorm": nn.Identity,  # its place is behind the neurons
    }


def network(name):
    """Two spiking layers with the norm in or behind each; all have the same weights."""
    grilly_vk.manual_seed(0)
    norm = norms(CHANNELS)[name]
    after = nn.Identity()
    if name == "NeuNorm":
        after = nn.NeuNorm(CHANNELS, 8, 8)
        weight = after.weight
        weight.detach().assign(np.full(weight.shape, 0.5, np.float32))  # it starts near 0, which shows nothing
    one, two = nn.Conv2d(1, CHANNELS, 3, padding=1), nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
    for layer, gain in ((one, 4.0), (two, 3.0)):  # so that the network without a norm is not silent
        layer.weight.detach().assign(gain * layer.weight.numpy())
    nodes = [nn.LIFNode(v_threshold=THRESHOLD) for _ in range(2)]
    model = nn.Sequential(one, norm(), nodes[0], after, two, norm(), nodes[1])
    F.set_step_mode(model, "m")
    return model


def run(name, images):
    """What reaches the second layer's neurons, and their spikes, (T, B, C, H, W) each."""
    model = network(name)
    with grilly_vk.no_grad(), InputMonitor(model, "6") as inputs:
        spikes = model(np.repeat(images[None], T, 0)).numpy()
    return inputs["6"], spikes


def table(results):
    """One line a norm."""
    print(f"{'':8} {'input':>14} {'spread':>7}   spikes a neuron in steps 1 to {T}{'':8} {'silent neurons':>15}")
    for name, (inputs, spikes) in results.items():
        rates = " ".join(f"{r:.2f}" for r in spikes.mean((1, 2, 3, 4)))
        silent = (spikes.sum((0, 1)) == 0).mean()
        print(f"{name:8} {inputs.mean():14.3f} {inputs.std():7.3f}   {rates} {silent:15.1%}")


def picture(results, file):
    """Distribution of the input in every step, and the firing rates."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, len(results), figsize=(13, 5), sharey="row", height_ratios=[2, 1])
    edges = np.linspace(-4, 4, 81)
    for (name, (inputs, spikes)), (above, below) in zip(results.items(), axes.T):
        shares = np.stack([np.histogram(step, edges, density=True)[0] for step in inputs], 1)
        above.imshow(
            shares**0.5, aspect="auto", origin="lower", extent=(0.5, T + 0.5, -4, 4), cmap="Blues", vmin=0, vmax=1.2
        )
        above.axhline(THRESHOLD, color="#c1432e", lw=1)
        mean, spread = inputs.mean((1, 2, 3, 4)), inputs.std((1, 2, 3, 4))
        above.errorbar(np.arange(1, T + 1), mean, spread, fmt="o", color="black", ms=3, lw=1, capsize=2)
        above.set_title(name if name == "none" else TEXT[name].split(":")[0], fontsize=10)
        below.bar(np.arange(1, T + 1), spikes.mean((1, 2, 3, 4)), color="#2f6690")
        below.set_xlabel("step")
    axes[0, 0].set_ylabel("input of the neurons")
    axes[1, 0].set_ylabel("share that fires")
    figure.tight_layout()
    figure.savefig(file, dpi=80, metadata={"Software": None})


def main():
    """Runs every norm on the same images."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", metavar="FILE", help="draw it, too (needs matplotlib)")
    options = parser.parse_args()
    digits = load_digits().images[:IMAGES]
    images = (digits / 16.0).astype(np.float32).reshape(IMAGES, 1, 8, 8)
    results = {name: run(name, images) for name in TEXT}
    table(results)
    print("\n" + "\n".join(TEXT.values()))
    if options.picture:
        picture(results, options.picture)


if __name__ == "__main__":
    main()
