"""What synapses do to spikes: responses to regular trains against the closed form, and to a neuron's own train.

python examples/synapses.py                        # a table
python examples/synapses.py --picture FILE.png     # and a picture
"""

import argparse
import math

import numpy as np

import grilly.nn as nn

RATES = (1, 2, 5, 10, 20, 50, 100)  # Hz; one step is a millisecond
KINDS = {"facilitating": dict(tau_d=130.0, tau_f=530.0, U=0.15), "depressing": dict(tau_d=800.0, tau_f=5.0, U=0.5)}


def measured(rate, constants):
    """u * r at the last spikes of a regular train that is long enough to settle."""
    gap = 1000 // rate
    train = np.zeros((gap * max(8, 5000 // gap), 1), np.float32)
    train[::gap] = 1
    return nn.STPSynapse(**constants, step_mode="m")(train).numpy()[::gap][-1, 0]


def closed_form(rate, tau_d, tau_f, U):
    """The fixed point of u and r from spike to spike."""
    gap = 1000 / rate
    f, d = math.exp(-gap / tau_f), math.exp(-gap / tau_d)
    u = (U + U * (1 - U) * (1 - f)) / (1 - (1 - U) * f)
    return u * (1 - d) / (1 - (1 - u) * d)


def own_train(steps=1200):
    """Spikes of a LIF neuron whose input current swells twice, the second time more."""
    time = np.arange(steps)
    current = 1.6 * np.exp(-(((time - 300) / 110) ** 2)) + 3.2 * np.exp(-(((time - 800) / 110) ** 2))
    neuron = nn.LIFNeuron(n_neurons=1, dt=0.001, tau_mem=20.0)
    return current, neuron.run(current.astype(np.float32)[:, None])


def draw(path):
    """The train, and what each synapse makes of it."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    current, spikes = own_train()
    synapses = {
        "SynapseFilter(tau_syn=20)": (nn.SynapseFilter(20.0),),
        "DualTimescaleSynapse(5, 100)": (nn.DualTimescaleSynapse(5.0, 100.0),),
        "STPSynapse, facilitating": (nn.STPSynapse(**KINDS["facilitating"]), nn.SynapseFilter(20.0)),
        "STPSynapse, depressing": (nn.STPSynapse(**KINDS["depressing"]), nn.SynapseFilter(20.0)),
    }
    figure, axes = plt.subplots(5, 1, figsize=(8, 6.4), sharex=True, layout="constrained")
    axes[0].plot(current, color="#8a8f98", lw=1)
    axes[0].vlines(np.flatnonzero(spikes), 3.4, 4.4, color="black", lw=0.7)
    axes[0].set_title("input current and spikes of a LIF neuron", loc="left", fontsize=10)
    for axis, (name, parts) in zip(axes[1:], synapses.items()):
        x = spikes
        for part in parts:
            x = nn.MultiStepContainer(part)(x)
        title = name if len(parts) == 1 else f"{name}, then SynapseFilter(20)"
        axis.plot(np.asarray(x)[:, 0], color="#2f6690", lw=1)
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_ylim(bottom=0)
    axes[-1].set_xlabel("step (ms)")
    figure.savefig(path, dpi=90, metadata={"Software": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--picture", metavar="FILE", help="draw into this file, with matplotlib")
    options = parser.parse_args()
    print("rate Hz" + "".join(f"{kind:>16} closed form" for kind in KINDS))
    for rate in RATES:
        cells = [f"{measured(rate, c):16.5f} {closed_form(rate, **c):11.5f}" for c in KINDS.values()]
        print(f"{rate:7d}" + "".join(cells))
    if options.picture:
        draw(options.picture)


if __name__ == "__main__":
    main()
