"""Trains a spiking network in snnTorch, brings it over by NIR, and evaluates it here: the digits of scikit-learn.

    python examples/nir_from_snntorch.py [--epochs 8] [--file digits.nir]

Every pixel is a constant current for T steps, and the class is the output neuron that fires most.  snnTorch's export
goes into a .nir file; `grilly_vk.nir.load` reads it, and both count the same spikes.  Needs snnTorch to train:
pip install snntorch nirtorch 'grilly-vk[nir]'
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

import grilly_vk
from grilly_vk import nir

STEPS, DT = 20, 1e-4  # the dt with which snnTorch writes its decay factors as time constants
MISSING = "this example trains in snnTorch, and {} is not installed: pip install snntorch nirtorch 'grilly-vk[nir]'"


def digits(seed=0):
    """(images (n, 64), labels) to train and to test."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images, order = (images / 16).astype(np.float32), np.random.default_rng(seed).permutation(len(labels))
    train, test = order[:1400], order[1400:]
    return (images[train], labels[train]), (images[test], labels[test])


def trained(torch, snn, images, labels, epochs):
    """The network, trained in snnTorch.

    Its neurons are reset in the step of the spike and to zero, which NIR can say; snnTorch's default, a subtraction a
    step later, it can't.
    """
    torch.manual_seed(0)

    def leaky(n):
        return snn.Leaky(
            0.9 * torch.ones(n), torch.ones(n), init_hidden=True, reset_mechanism="zero", reset_delay=False
        )

    net = torch.nn.Sequential(torch.nn.Linear(64, 100), leaky(100), torch.nn.Linear(100, 10), leaky(10))
    optimizer = torch.optim.Adam(net.parameters(), 2e-3)
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    for epoch in range(epochs):
        for rows in torch.randperm(len(x)).split(100):
            counts = run(torch, snn, net, x[rows])
            loss = torch.nn.functional.cross_entropy(counts, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}")
    return net


def run(torch, snn, net, x):
    """Spike counts (B, 10) in snnTorch."""
    for part in net:
        if isinstance(part, snn.Leaky):
            part.reset_mem()
    return torch.stack([net(x) for _ in range(STEPS)]).sum(0)


def main():
    """Runs the example."""
    parser = argparse.ArgumentParser(description="a network of snnTorch, brought over by NIR")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--file", type=Path, help="keep the .nir file here")
    options = parser.parse_args()
    try:
        import snntorch as snn
        import torch
        from snntorch.export_nir import export_to_nir
    except ImportError as missing:
        sys.exit(MISSING.format(missing.name))

    (images, labels), (test_images, test_labels) = digits()
    theirs = trained(torch, snn, images, labels, options.epochs)
    with torch.no_grad():
        counts = run(torch, snn, theirs, torch.from_numpy(test_images)).numpy()
        graph = export_to_nir(theirs, torch.from_numpy(test_images[:1]), ignore_dims=[0])

    with tempfile.TemporaryDirectory() as folder:
        path = options.file or Path(folder) / "digits.nir"
        nir.save(graph, path)
        ours = nir.load(path, dt=DT)
    print(ours)
    with grilly_vk.no_grad():
        x = np.broadcast_to(test_images, (STEPS, *test_images.shape))
        spikes = ours(np.ascontiguousarray(x)).numpy()

    print(f"snnTorch:  {np.mean(counts.argmax(1) == test_labels):.1%} of {len(test_labels)} digits")
    print(f"grilly-vk: {np.mean(spikes.sum(0).argmax(1) == test_labels):.1%}, on {grilly_vk.device().name}")
    print(f"the same spike count in {np.mean(counts == spikes.sum(0)):.2%} of all output neurons and images")


if __name__ == "__main__":
    main()
