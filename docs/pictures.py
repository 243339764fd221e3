#!/usr/bin/env python3
"""Draws the documentation's pictures from real runs of the engine, into this folder and its tutorial.

    .venv/bin/python docs/pictures.py [NAME...]     NAME: one of the functions below, or an example's file; none: all
                                                    functions

Run it with the environment that tools/setup makes.  An example leaves its picture or, without one, what it prints in
docs/outputs.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import gallery
import matplotlib as mpl
import numpy as np
import programs
from PIL import Image
from sklearn.datasets import load_digits

mpl.use("Agg")
import matplotlib.pyplot as plt

import grilly_vk
import grilly_vk.functional as F
import grilly_vk.nn as nn
from grilly_vk import SNNCompute, encode, optim, plot
from grilly_vk.data import DataLoader
from grilly_vk.monitor import PotentialMonitor, SpikeMonitor, firing_rate_report

HERE = Path(__file__).parent
BLUE, RED, GREY = "#2f6690", "#c1432e", "#8a8f98"


def save(figure, name):
    """Writes the picture, small and the same each time."""
    figure.savefig(HERE / name, dpi=90, metadata={"Software": None})
    plt.close(figure)


def neurons():
    """A step of current into a LIF and a GIF neuron: potential, spikes, adaptation."""
    dt, steps = 0.0005, 600
    time = 1000 * dt * np.arange(steps)
    current = np.where((time >= 25) & (time < 250), 1.8, 0.0).astype(np.float32)[:, None]
    lif = nn.LIFNeuron(n_neurons=1, dt=dt)
    gif = nn.GIFNeuron(n_neurons=1, dt=dt, adaptation_strength=0.15)
    adaptation = np.empty(steps, np.float32)
    runs = []
    for layer in (lif, gif):
        spikes, potential = layer.run(current, record_membrane=True)
        runs.append((spikes[:, 0], potential[:, 0]))
    gif.reset()
    for t in range(steps):  # the adaptation current is state: read after each step
        gif(current[t])
        adaptation[t] = gif.adaptation[0]

    figure, axes = plt.subplots(3, 1, figsize=(8, 4.8), sharex=True, layout="constrained", height_ratios=(1, 1, 0.6))
    for axis, (spikes, potential), name, colour in zip(axes, runs, ("LIFNeuron", "GIFNeuron"), (BLUE, RED)):
        axis.plot(time, potential, color=colour, lw=1)
        axis.vlines(time[spikes > 0], 1.0, 1.35, color=colour, lw=1)
        axis.axhline(1.0, color=GREY, lw=0.8, ls="--")
        axis.set(ylabel="potential", ylim=(-0.25, 1.45))
        axis.set_title(f"{name}: {int(spikes.sum())} spikes", loc="left", fontsize=10)
    axes[2].plot(time, current[:, 0], color=GREY, label="input current")
    axes[2].plot(time, adaptation, color=RED, label="adaptation current of GIFNeuron")
    axes[2].set(xlabel="time (ms)", ylabel="current", ylim=(-0.15, 3.2))
    axes[2].legend(frameon=False, fontsize=8, loc="upper left", ncols=2)
    save(figure, "neurons.png")


def stdp_window():
    """The change of a weight by one pair of spikes, against the formula."""
    steps, middle = 121, 60
    lags = np.arange(-60, 61)
    change = np.empty(len(lags))
    for k, lag in enumerate(lags):
        layer = nn.STDPLayer(1, 1)
        layer.weight = np.full((1, 1), 0.5, np.float32)
        pre, post = np.zeros((steps, 1, 1), np.float32), np.zeros((steps, 1, 1), np.float32)
        pre[middle - lag // 2], post[middle - lag // 2 + lag] = 1, 1
        layer.update_weights(pre, post)
        change[k] = layer.weight[0, 0] - 0.5
    fine = np.linspace(0, 60, 200)
    figure, axis = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
    for sign, label in ((1, "formula"), (-1, None)):
        axis.plot(sign * fine, sign * 0.01 * np.exp(-fine / 20), color=GREY, lw=3, alpha=0.6, label=label)
    axis.plot(lags, change, ".", color=BLUE, ms=5, label="measured")
    axis.axhline(0, color="black", lw=0.6)
    axis.axvline(0, color="black", lw=0.6)
    axis.set(xlabel="time of postsynaptic minus presynaptic spike (ms)", ylabel="change of the weight")
    axis.legend(frameon=False, fontsize=9)
    save(figure, "stdp_window.png")


def encodings():
    """One embedding through SNNCompute in each encoding, neurons sorted by the embedding's value."""
    embedding = np.random.default_rng(1).standard_normal(96).astype(np.float32)
    order = np.argsort(embedding)
    figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), sharey=True, layout="constrained")
    for axis, encoding in zip(axes, ("current", "poisson", "latency")):
        result = SNNCompute(n_neurons=96, timesteps=60, encoding=encoding).process(embedding)
        step, neuron = np.nonzero(result["spike_train"][:, order])
        axis.scatter(step, neuron, s=4, color=BLUE, lw=0)
        axis.set(xlabel="step", xlim=(-1, 60))
        share = f"rate {result['firing_rate']:.3f}, dead {result['dead_fraction']:.0%}"
        axis.set_title(f'encoding="{encoding}"\n{share}', fontsize=9.5)
    axes[0].set_ylabel("neuron, by value of the embedding")
    save(figure, "encodings.png")


def monitoring():
    """What docs/monitoring.md records, drawn."""
    grilly_vk.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(16, 64), nn.LIFNode(tau=4.0, v_threshold=0.2), nn.Linear(64, 10), nn.LIFNode(v_threshold=0.1)
    )
    F.set_step_mode(net, "m")
    x = grilly_vk.rand(50, 8, 16)
    with SpikeMonitor(net) as spikes, PotentialMonitor(net, "1", samples=1) as potentials:
        net(x)
    figure, axes = plt.subplots(2, 2, figsize=(9, 6), layout="constrained")
    plot.raster(spikes["1"], axes[0, 0], color=BLUE)
    plot.potentials(potentials["1"], axes[0, 1], threshold=0.2, spikes=spikes["1"][:, :1], neurons=[6, 10, 21])
    firing_rate_report(net, x).plot(axes[1, 0])
    plot.weight_map(net[0].weight, axes[1, 1])
    save(figure, "monitoring.png")


def families():
    """Who fits where: the table of docs/families.md, which the tests check."""
    text = (HERE / "families.md").read_text(encoding="utf-8")
    table = text[text.index("| goes into |") :].split("\n\n")[0].splitlines()
    rows = [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in table[2:]]
    names = {
        "node": ("node", "nn.LIFNode()", "state in the node", BLUE),
        "core": ("recurrent core", "nn.LIF(n)", "state in your hands", RED),
        "trace neuron": ("trace neuron", "traced.LIFNeuron(...)", "a fixed shape, and traces", "#4f8a4c"),
        "flat layer": ("flat layer", "nn.LIFNeuron(n)", "numpy in and out", "#8a5a9e"),
    }
    columns = [cell.strip() for cell in table[0].strip("|").split("|")][1:]
    figure, axis = plt.subplots(figsize=(9, 4.4), layout="constrained")
    for column, family in enumerate(columns):
        title, example, state, colour = names[family]
        axis.axvspan(column - 0.44, column + 0.44, ymax=0.8, color=colour, alpha=0.07, lw=0)
        axis.text(column, -1.05, title, ha="center", fontsize=12, color=colour, weight="bold")
        axis.text(column, -0.72, example, ha="center", va="center", fontsize=8.5, family="monospace")
        axis.text(column, -0.42, state, ha="center", va="center", fontsize=8.5, color="#444444")
        for row, cells in enumerate(rows):
            fits, at = cells[1 + column], (column, row + 0.25)
            if fits == "no":
                axis.plot(*at, marker="_", ms=9, color=GREY)
            else:
                axis.plot(*at, marker="o", ms=12, mec=colour, mfc=colour if fits == "yes" else "white", mew=2)
            if fits not in ("yes", "no"):
                axis.text(column, row + 0.6, fits, fontsize=8.5, color=colour, ha="center", va="center")
    for row, cells in enumerate(rows):
        axis.text(-0.5, row + 0.25, cells[0], ha="right", va="center", fontsize=10)
        axis.axhline(row - 0.25, color=GREY, lw=0.4, alpha=0.5)
    axis.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.2, -1.4))
    axis.set_axis_off()
    save(figure, "families.png")


def nir_time():
    """What steps make of a neuron of NIR, and of a cycle: docs/nir.md."""
    import nir

    tau, dt, steps = 2.5e-3, 5e-4, 24
    one = np.ones(1, np.float32)
    neuron = nir.LIF(tau=tau * one, r=one, v_leak=0 * one, v_threshold=0.62 * one)
    graph = nir.NIRGraph.from_list(nir.Input(np.array([1])), neuron, nir.Output(np.array([1])))
    current = np.where((np.arange(steps) >= 2) & (np.arange(steps) < 18), 1.0, 0.0).astype(np.float32)
    fine = 100  # steps of a hundredth show what is continuous

    def run(dt, x, integrator):
        net = grilly_vk.nir.from_nir(graph, dt=dt, integrator=integrator)
        cell = net.lif
        cell.store_v_seq = True
        spikes = net(x.reshape(-1, 1, 1)).numpy().ravel()
        return cell.v_seq.numpy().ravel(), np.flatnonzero(spikes)

    figure, (top, low) = plt.subplots(2, 1, figsize=(9, 5.4), layout="constrained", height_ratios=(2.2, 1))
    ms = 1000 * dt
    v, _ = run(dt / fine, np.repeat(current, fine), "exact")
    top.plot(np.arange(1, len(v) + 1) / fine * ms, v, color=GREY, lw=1.2, label="NIR: continuous in time")
    for integrator, colour, marker in (("euler", BLUE, "o"), ("exact", RED, "s")):
        v, spikes = run(dt, current, integrator)
        time = np.arange(1, steps + 1) * ms
        top.plot(time, v, color=colour, marker=marker, ms=4, lw=0.6, ls=":", label=f'integrator="{integrator}"')
        top.vlines(time[spikes], 0.66, 0.74, color=colour, lw=2.5)
    top.axhline(0.62, color=GREY, lw=0.8, ls="--")
    top.set_title(
        "compared with the threshold at the end of each step, and reset in that step", loc="left", fontsize=10
    )
    top.axvspan(2 * ms, 3 * ms, color=BLUE, alpha=0.12)
    top.annotate("one step: dt", (2.02 * ms, -0.09), fontsize=9, color=BLUE)
    top.set(xticks=np.arange(steps + 1) * ms, xlim=(0, steps * ms), ylim=(-0.12, 0.93), ylabel="potential", xlabel="ms")
    top.tick_params(axis="x", labelsize=7)
    top.legend(loc="upper left", ncols=3, fontsize=9)

    ring = nir.NIRGraph(
        {
            "in": nir.Input(np.array([1])), "a": nir.Threshold(0.5 * one), "b": nir.Threshold(0.5 * one),
            "w": nir.Scale(one), "out": nir.Output(np.array([1])),
        },
        [("in", "a"), ("a", "b"), ("b", "w"), ("w", "a"), ("a", "out")], type_check=False,
    )  # fmt: skip
    kick = np.zeros((8, 1, 1), np.float32)
    kick[1] = 1
    fired = grilly_vk.nir.from_nir(ring, dt=dt)(kick).numpy().ravel()
    for row, name in ((2, "input"), (1, "a"), (0, "b")):
        at = np.flatnonzero(kick.ravel() if name == "input" else fired)
        low.scatter(at, np.full(len(at), row), color=BLUE if name != "input" else GREY, s=60, zorder=3)
    arrow = {"arrowstyle": "->", "color": RED, "shrinkA": 5, "shrinkB": 5}
    low.annotate("", (1, 1), (1, 2), arrowprops=arrow)
    for t in np.flatnonzero(fired):
        low.annotate("", (t, 0), (t, 1), arrowprops=arrow)  # forward: in the same step
        if t + 1 < len(fired):
            low.annotate("", (t + 1, 1), (t, 0), arrowprops=arrow)  # around: one step
    low.set_title("a, b in a ring: forward edges act in the same step, a cycle takes one", loc="left", fontsize=10)
    low.set(yticks=(0, 1, 2), yticklabels=("b", "a", "input"), xlabel="step", xlim=(-0.5, 7.5), ylim=(-0.5, 2.5))
    save(figure, "nir_time.png")


def front():
    """The first page's: a digit as spikes, through a network that has learned to read digits."""
    images, labels = load_digits(return_X_y=True)
    images, labels = (images / 16).astype(np.float32), labels.astype(np.int32)
    grilly_vk.manual_seed(0)
    steps, shown = 40, 1400
    net = nn.Sequential(nn.Linear(64, 100), nn.LIFNode(tau=4.0), nn.Linear(100, 10), nn.LIFNode(tau=4.0))
    F.set_step_mode(net, "m")
    optimizer = optim.Adam(net.parameters(), lr=5e-3)

    @grilly_vk.compile
    def step(x, y):
        F.reset_net(net)
        optimizer.zero_grad()
        loss = F.cross_entropy(6 * net(3 * encode.poisson(0.6 * x, 12)).mean(0), y)
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(10):
        for x, y in DataLoader(images[:shown], labels[:shown], batch_size=70, shuffle=True, seed=0):
            step(x, y)
    pixels = encode.poisson(0.6 * images[shown : shown + 1], steps)
    F.reset_net(net)
    with SpikeMonitor(net) as spikes, grilly_vk.no_grad():
        counts = net(3 * pixels).sum(0).numpy()[0]
    figure, axes = plt.subplots(1, 5, figsize=(11, 2.9), layout="constrained", width_ratios=(0.8, 1, 1, 1, 0.7))
    axes[0].imshow(images[shown].reshape(8, 8), cmap="gray_r", interpolation="nearest")
    axes[0].set_title("a digit")
    trains = (pixels.numpy(), spikes["1"], spikes["3"])
    titles = ("64 pixels as spikes", "100 hidden neurons", "10 output neurons")
    for axis, train, title, colour in zip(axes[1:4], trains, titles, (GREY, BLUE, RED)):
        time, neuron = np.nonzero(train[:, 0])
        axis.scatter(time, neuron, s=500 / train.shape[2] ** 1.1, color=colour, lw=0, marker="s")
        axis.set(title=title, xlabel="step", xlim=(-1, steps))
    axes[4].barh(range(10), counts, color=[RED if c == counts.max() else GREY for c in counts])
    axes[4].set(title=f"read as {counts.argmax()}", xlabel="spikes", yticks=range(10))
    for axis in axes:
        axis.title.set_fontsize(10)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_axis_off()
    axes[1].set_yticks([])
    axes[2].set_yticks([])
    axes[3].set_yticks(range(10))
    save(figure, "front.png")


def tutorial():
    """Runs each page of docs/tutorial, in whose folder it leaves its picture."""
    os.chdir(programs.TUTORIAL)
    for page in programs.PAGES:
        print(f"{page.name}:")
        exec(programs.source(page), {"__name__": "__main__"})
        plt.close("all")


def example(file):
    """Runs an example, for the gallery."""
    found = gallery.read(Path(file).resolve())
    more = ["--picture", HERE / f"{found.name}.png"] if "--picture" in found.command else []
    done = subprocess.run([sys.executable, found.file, *more], check=True, capture_output=True, text=True)
    if more:
        Image.open(more[1]).convert("RGB").quantize(64).save(more[1], optimize=True)  # a third of the size
    else:
        gallery.OUTPUTS.mkdir(exist_ok=True)
        text = re.sub(r"(,| in) [\d.]+ s\b", "", done.stdout)  # times would be this machine's
        (gallery.OUTPUTS / f"{found.name}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    drawn = (front, neurons, encodings, stdp_window, monitoring, families, nir_time, tutorial)
    functions = {f.__name__: f for f in drawn}
    for name in sys.argv[1:] or functions:
        functions.get(name, lambda name=name: example(name))()
